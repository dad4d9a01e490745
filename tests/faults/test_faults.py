"""Every call of AWS meets every fault, and the ledger is the same in the end."""

from collections.abc import Iterator
from copy import deepcopy

import pytest

from local.deploy import logical_id_of
from tests.contract import iam, template
from tests.faults import branches, ledger
from tests.faults.cases import SHORT, UNCALLED, UNREACHED, UNREACHED_MODULES, Planned
from tests.faults.faulting import Fault, Where
from tests.faults.running import Runs
from tests.simulation.mutants import error_path_raises

ACTIONS = {
    "sqs.SendMessageBatch": "sqs.SendMessage",
    "sqs.DeleteMessageBatch": "sqs.DeleteMessage",
    "sqs.ChangeMessageVisibilityBatch": "sqs.ChangeMessageVisibility",
    "lambda.Invoke": "lambda.InvokeFunction",
}
"""What IAM calls a call otherwise than the API does."""


def test_a_run_without_a_fault_makes_the_calls_of_every_function(runs: Runs) -> None:
    assert not runs.faultless.fired
    assert {call.partition(" ")[0] for call in runs.faultless.calls} == runs.functions


def test_what_the_template_lets_a_function_call_it_calls_and_nothing_else(runs: Runs) -> None:
    """So that all of it meets faults, but what is listed with a reason; and no role allows more."""
    allowed, made = {*_allowed()}, {*_made(runs)}
    assert allowed - made == UNCALLED.keys()
    assert not made - allowed


@pytest.mark.parametrize(
    ("kind", "name"),
    [("BALANCE#CNY", "available"), ("WALLET", "available"), ("DEPOSIT", "available")],
)
def test_a_balance_that_its_postings_do_not_tell_is_seen(runs: Runs, kind: str, name: str) -> None:
    rows = deepcopy(runs.faultless.rows)
    next(row for row in rows if row["sk"] == kind)[name] += 1
    with pytest.raises(AssertionError):
        ledger.of(rows, ())


def test_an_entry_that_is_missing_or_twice_in_a_statement_is_seen(runs: Runs) -> None:
    rows = runs.faultless.rows
    entry = next(row for row in rows if row["pk"].startswith("STATEMENT#") and "number" in row)
    for wrong in ([row for row in rows if row is not entry], [*rows, entry]):
        with pytest.raises(AssertionError):
            assert ledger.of(wrong, ())["statements"] == runs.faultless.ledger["statements"]


def test_what_was_not_told_over_the_bus_is_seen(runs: Runs) -> None:
    told = runs.faultless.ledger["told"]
    kinds = {each.partition(" ")[0] for each in told}
    assert kinds >= {"RefundAccepted", "RefundSucceeded", "RefundCanceled", "RefundReversed"}
    assert ledger.of(runs.faultless.rows, told[1:]) != runs.faultless.ledger


def test_what_no_call_of_aws_fails_with_is_not_made_good(runs: Runs) -> None:
    planned = Planned("every-transaction", Fault.RESET, Where.FIRST)
    with error_path_raises(), pytest.raises(TypeError):
        runs.run(planned.case(runs.faultless.calls))


def test_each_role_allows_what_its_function_asks_for(runs: Runs) -> None:
    """With faults and without: the local AWS asks no IAM."""
    faulty = (runs.run(planned.case(runs.faultless.calls)) for planned in SHORT)
    refused = {
        (function, call.action, *sorted({each.partition("#")[0] for each in call.leading_keys}))
        for function, call in runs.faultless.asked.union(*(run.asked for run in faulty))
        if iam.of_function(logical_id_of(function), call) is not iam.Decision.ALLOWED
    }
    assert not refused


@pytest.mark.parametrize("planned", SHORT, ids=str)
def test_the_ledger_is_that_of_a_run_without_faults(runs: Runs, planned: Planned) -> None:
    runs.check(planned.case(runs.faultless.calls))


def test_every_branch_that_catches_an_error_has_been_executed(runs: Runs) -> None:
    """But those that are listed with a reason; and none of these."""
    for planned in SHORT:
        runs.run(planned.case(runs.faultless.calls))
    known = branches.of_the_product()
    reached = {each for each in known if runs.branches.executed(each)}
    modules = {each.module for each in known} - {each.module for each in reached}
    assert modules >= UNREACHED_MODULES.keys()
    missed = [each for each in known if each not in reached]
    singly = {(each.place, each.caught) for each in missed if each.module not in UNREACHED_MODULES}
    assert singly == UNREACHED.keys()


def _allowed() -> Iterator[str]:
    """As a run names calls: the function, and the action."""
    for name, function in template.functions().items():
        for action in iam.actions_of_function(name):
            yield f"{template.folder_of(function)} {action.replace(':', '.')}"


def _made(runs: Runs) -> Iterator[str]:
    """As the template names actions, what every function called in a run without faults."""
    for call in runs.faultless.calls:
        function, _, action = call.partition(" ")
        if not action.startswith("dynamodb."):
            yield f"{function} {ACTIONS.get(action, action)}"
    for function, asked in runs.faultless.asked:
        yield f"{function} dynamodb.{asked.action}"
