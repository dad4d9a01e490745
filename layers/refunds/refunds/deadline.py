"""Time: nothing is begun that may outlast the function, and what contends is sent again, apart."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_CALL_MS = 9_500
"""What one database call with all its tries can take: `TRY_AGAIN_FOR`, then 9 s."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Whether there is time for another try, after a pause with full jitter."""

    remaining_ms: Callable[[], int]
    sleep: Callable[[float], None] = time.sleep

    def ready(self, attempt: int) -> bool:
        """Waits up to 50 ms, doubling, before each attempt after the first."""
        if attempt:
            self.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # spreads load only
        return self.left

    @property
    def left(self) -> bool:
        """Whether there is time for one more call."""
        return self.remaining_ms() > LONGEST_CALL_MS
