"""Schedules by number: played, replayed, and made small when they fail."""

from dataclasses import dataclass
from functools import partial

from tests.simulation.choices import Choices, smaller
from tests.simulation.monitor import Violation
from tests.simulation.sandboxes import simulated
from tests.simulation.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Failure:
    seed: int
    choices: list[int]
    found: str
    trace: str

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.found}\n\n{self.trace}\n\n"
            f"Again: make simulate SEED={self.seed}"
        )


def failure_of(choices: Choices) -> tuple[str, str]:
    """What is wrong, and the trace; nothing when all is well."""
    schedule = Schedule(choices)
    try:
        schedule.play()
    except Violation as error:
        return str(error), str(schedule.trace)
    return "", ""


def first_failure(seeds: range, *, small: bool = True) -> Failure | None:
    """The first seed that fails, as small as it gets."""
    with simulated():
        for seed in seeds:
            choices = Choices(seed)
            found, trace = failure_of(choices)
            if not found:
                continue
            failing = [*choices.made]
            if small:
                failing = smaller(failing, partial(_fails_alike, found))
                found, trace = failure_of(Choices(given=failing))
            return Failure(seed, failing, found, trace)
    return None


def _fails_alike(found: str, given: list[int]) -> bool:
    """By the same invariant: what is made small must not become another failure."""
    other, _ = failure_of(Choices(given=given))
    return bool(other) and other.partition(":")[0] == found.partition(":")[0]
