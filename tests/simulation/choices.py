"""Where chance comes in: one list of numbers decides a schedule, and zero is always the tamest.

So a schedule is replayed by its list, and a failing one is made small by taking numbers out of it
and setting others to zero, for as long as it fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

SMALL = 8
"""Below it every length is tried: a request is six numbers."""
TRIES = 400
"""Schedules that are played to make a failing one small."""


@dataclass
class Choices:
    """Made up from a seed, or given; what is not given is zero."""

    seed: int | None = None
    given: Sequence[int] = ()
    made: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def below(self, number: int) -> int:
        """Any of 0 … number - 1."""
        return self._next(lambda: self.random.randrange(number), number)

    def one_of[Each](self, some: Sequence[Each]) -> Each:
        return some[self.below(len(some))]

    def weighted(self, weights: Sequence[int]) -> int:
        """Any place, as often as its weight says."""
        return self._next(
            lambda: self.random.choices(range(len(weights)), weights)[0], len(weights)
        )

    def _next(self, draw: Callable[[], int], number: int) -> int:
        place = len(self.made)
        if self.seed is not None:
            chosen = draw()
        else:
            chosen = self.given[place] % number if place < len(self.given) else 0
        self.made.append(chosen)
        return chosen


def smaller(failing: Sequence[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """The shortest and tamest list found that fails still."""
    found, left = [*failing], TRIES

    def taken(candidate: list[int]) -> bool:
        nonlocal found, left
        if left <= 0 or candidate == found:
            return False
        left -= 1
        if not fails(candidate):
            return False
        found = candidate
        return True

    size = len(found)
    while size:
        place = 0
        while place < len(found):
            end = place + size
            gone = found[:place] + found[end:]
            tame = found[:place] + [0] * len(found[place:end]) + found[end:]
            if not taken(gone):
                taken(tame)
                place += size
        size = size // 2 if size > SMALL else size - 1
    while found and not found[-1]:
        found.pop()
    return found
