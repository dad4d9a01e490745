"""Time: nothing is begun that may outlast the function, and what contends is sent again, apart."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_CALL_MS = 9_500
"""What one database call with all its tries can take: `TRY_AGAIN_FOR`, then 9 s."""
MAX_DOUBLINGS = 4

type Ready = Callable[[int], bool]
"""Whether there is time for another try, the number of which it is told; it waits before it."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Whether there is time for another try, after a pause with full jitter."""

    remaining_ms: Callable[[], int]
    sleep: Callable[[float], None] = time.sleep

    def ready(self, attempt: int) -> bool:
        """Waits up to 100 ms, doubling up to 0.8 s, before each attempt after the first."""
        if attempt:
            longest = 0.05 * 2 ** min(attempt, MAX_DOUBLINGS)
            self.sleep(random.uniform(0, longest))  # noqa: S311  # spreads load only
        return self.left

    @property
    def left(self) -> bool:
        """Whether there is time for one more call."""
        return self.remaining_ms() > LONGEST_CALL_MS
