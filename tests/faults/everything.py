"""`make faults`: each call alone, with each fault, wherever it may meet it. Takes hours.

Cases are numbered by their ids; FROM=... goes on where an earlier run has stopped, ONLY=... replays
those whose id contains it.
"""

import os
from itertools import dropwhile

from tests.faults import cases
from tests.faults.running import Runs
from tests.faults.story import Stuck


def test_the_ledger_is_that_of_a_run_without_faults(runs: Runs) -> None:
    only, begin = os.environ.get("ONLY", ""), os.environ.get("FROM", "")
    planned = cases.at_length(runs.faultless.calls)
    chosen = [
        case
        for case in dropwhile(lambda case: begin not in str(case), planned)
        if only in str(case)
    ]
    assert chosen, "no case has such an id"
    failed = []
    for number, case in enumerate(chosen, start=1):
        try:
            runs.check(case)
        except (AssertionError, Stuck) as error:
            failed.append(f"{case}: {error}")
        verdict = "FAILED" if failed and failed[-1].startswith(f"{case}:") else "ok"
        print(f"{number}/{len(chosen)} {case} {verdict}", flush=True)  # noqa: T201  # progress
    assert not failed, "\n".join(failed)
