"""Every call of AWS meets every fault, and the ledger is the same in the end."""

import pytest

from tests.faults import branches
from tests.faults.branches import Branch
from tests.faults.cases import SHORT, UNREACHED, Planned
from tests.faults.running import Runs


def test_a_run_without_a_fault_makes_the_calls_of_every_function(runs: Runs) -> None:
    assert not runs.faultless.fired
    assert {call.partition(" ")[0] for call in runs.faultless.calls} == runs.functions


@pytest.mark.parametrize("planned", SHORT, ids=str)
def test_the_ledger_is_that_of_a_run_without_faults(runs: Runs, planned: Planned) -> None:
    runs.check(planned.case(runs.faultless.calls))


def test_every_branch_that_catches_an_error_of_aws_has_been_executed(runs: Runs) -> None:
    """But those of which `UNREACHED` says why; and none of these."""
    for planned in SHORT:
        runs.run(planned.case(runs.faultless.calls))
    known = branches.of_the_product()
    missed = {name(each) for each in known if not runs.branches.executed(each)}
    assert missed == UNREACHED.keys()


def name(branch: Branch) -> tuple[str, str]:
    return branch.place, branch.caught
