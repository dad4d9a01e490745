"""`make faults`: each call alone, with each fault, wherever it may meet it.

ONLY=… runs those whose id contains it, FROM=… goes on where an earlier run has stopped. Each of
several test processes takes its share, on a stack of its own.
"""

import os
import sys
from collections.abc import Callable
from itertools import dropwhile

import pytest

from tests.faults import cases
from tests.faults.faulting import Case
from tests.faults.running import Runs

SHARES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@pytest.mark.parametrize("share", range(SHARES))
def test_the_ledger_is_that_of_a_run_without_faults(
    runs: Runs, share: int, capsys: pytest.CaptureFixture[str]
) -> None:
    begin, only = _names("FROM"), _names("ONLY")
    planned = cases.at_length(runs.faultless.calls)
    chosen = [*filter(only, dropwhile(lambda case: not begin(case), planned))]
    assert chosen, "no case has such an id"
    failed = [
        case
        for number, case in [*enumerate(chosen, start=1)][share::SHARES]
        if not _holds(runs, case, f"{number}/{len(chosen)}", capsys)
    ]
    assert not failed, [*map(str, failed)]


def _names(variable: str) -> Callable[[Case], bool]:
    wanted = os.environ.get(variable, "")
    return lambda case: wanted in str(case)


def _holds(runs: Runs, case: Case, place: str, capsys: pytest.CaptureFixture[str]) -> bool:
    """Tells how it went at once, and forgets what the functions logged."""
    try:
        runs.check(case)
        verdict = "ok"
    except Exception as error:  # noqa: BLE001  # told, and the others are run
        verdict = f"FAILED: {type(error).__name__}: {error}"
    runs.forget(case)
    capsys.readouterr()
    with capsys.disabled():
        # What a test process writes to its standard output is xdist's.
        print(f"{place} {case} {verdict}", file=sys.stderr, flush=True)  # noqa: T201  # progress
    return verdict == "ok"
