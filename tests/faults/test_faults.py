"""Every call of AWS meets every fault, and the ledger is the same in the end."""

from copy import deepcopy

import pytest

from tests.faults import branches, ledger
from tests.faults.cases import SHORT, UNREACHED, UNREACHED_MODULES, Planned
from tests.faults.faulting import Fault, Where
from tests.faults.running import Runs
from tests.simulation.mutants import error_path_raises


def test_a_run_without_a_fault_makes_the_calls_of_every_function(runs: Runs) -> None:
    assert not runs.faultless.fired
    assert {call.partition(" ")[0] for call in runs.faultless.calls} == runs.functions


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
