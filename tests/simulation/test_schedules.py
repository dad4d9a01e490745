"""Thousands of schedules of workers, callers and faults: whatever happens, no invariant breaks."""

import subprocess
import sys
from collections import Counter

import pytest

from local.paths import ROOT
from tests.simulation import play
from tests.simulation.choices import Choices, smaller
from tests.simulation.line import IN_PART, Fault
from tests.simulation.sandboxes import simulated
from tests.simulation.schedule import Schedule
from tests.simulation.trace import Trace

SCHEDULES, CHUNK = 2_000, 250
WHOLE = [fault for fault in Fault if fault is not Fault.IN_PART]
"""What may become of a transaction, which is done as a whole or not at all."""
LEAST = 3
"""Debits' transactions that meet a fault in each chunk, or nothing is shown of this fault."""


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_no_schedule_breaks_an_invariant_and_debits_meet_each_fault(first: int) -> None:
    met: Counter[Fault | str] = Counter()

    def played(trace: Trace) -> None:
        met.update(trace.met_by_debits())
        met.update(trace.done_in_part())

    failure = play.first_failure(range(first, first + CHUNK), played=played)
    assert failure is None, f"{failure}"
    assert not [fault for fault in WHOLE if met[fault] < LEAST], met
    assert not [batch for batch in IN_PART if not met[batch]], met


def traced(choices: Choices) -> str:
    with simulated():
        schedule = Schedule(choices)
        schedule.play()
    return f"{schedule.trace}"


def test_a_seed_plays_the_same_again_in_any_process() -> None:
    script = (
        "import tests.conftest\n"
        "from tests.simulation.choices import Choices\n"
        "from tests.simulation.test_schedules import traced\n"
        "print(traced(Choices(7)))"
    )
    path = f"{ROOT}:{ROOT / 'layers/refunds'}"
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": path, "PYTHONHASHSEED": hash_seed},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    ]
    assert told[0].splitlines() == told[1].splitlines()
    assert "process_debits" in told[0]


def test_what_was_chosen_plays_the_same_again() -> None:
    chosen = Choices(3)
    first = traced(chosen)
    assert traced(Choices(given=chosen.made)) == first


def test_a_failing_list_is_made_as_short_and_as_tame_as_it_gets() -> None:
    def fails(given: list[int]) -> bool:
        return 7 in given and given.count(3) >= 2

    assert sorted(smaller([*range(10), 3, 5, 7, 1], fails)) == [3, 3, 7]
