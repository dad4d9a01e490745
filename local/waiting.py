"""Waiting for what comes by itself."""

import time
from collections.abc import Callable


def until[Seen](
    look: Callable[[], Seen],
    wanted: Callable[[Seen], object],
    *,
    missed: Callable[[Seen], Exception],
    within: float,
    every: float = 0.2,
) -> Seen:
    """What `look` sees once it is as wanted; it looks again after `every` seconds.

    Raises what `missed` makes of the last look: it was not, `within` so many seconds.
    """
    give_up_at = time.monotonic() + within
    while not wanted(seen := look()):
        if time.monotonic() > give_up_at:
            raise missed(seen)
        time.sleep(every)
    return seen
