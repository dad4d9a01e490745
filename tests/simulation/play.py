"""Schedules by number: played, replayed, and made small when they fail."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.simulation.choices import Choices, smaller
from tests.simulation.monitor import Violation
from tests.simulation.sandboxes import CLOCK, simulated
from tests.simulation.schedule import Schedule
from tests.simulation.trace import Trace


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


def failure_of(choices: Choices) -> tuple[str, Trace]:
    """What is wrong, or nothing when all is well; and the trace."""
    trace = Trace()
    try:
        Schedule(choices, trace=trace).play()
    except Violation as error:
        return str(error), trace
    except Exception as error:  # noqa: BLE001  # of the simulation itself: told with its seed as well
        trace.told(CLOCK.now, "simulation", "".join(traceback.format_exception(error)))
        return f"{type(error).__name__}: {error}", trace
    return "", trace


def first_failure(
    seeds: range, *, small: bool = True, played: Callable[[Trace], None] = lambda _: None
) -> Failure | None:
    """The first seed that fails, as small as it gets; `played` sees all that do not."""
    with simulated():
        for seed in seeds:
            choices = Choices(seed)
            found, trace = failure_of(choices)
            if not found:
                played(trace)
                continue
            failing = [*choices.made]
            if small:
                failing = smaller(failing, partial(_fails_alike, found))
                found, trace = failure_of(Choices(given=failing))
            return Failure(seed, failing, found, str(trace))
    return None


def _fails_alike(found: str, given: list[int]) -> bool:
    """By the same invariant: what is made small must not become another failure."""
    other, _ = failure_of(Choices(given=given))
    return bool(other) and other.partition(":")[0] == found.partition(":")[0]
