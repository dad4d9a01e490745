"""From accepted to succeeded, over HTTP on the whole stack of `make run`: idle, and half loaded.

The capacity is what many buyers at once get settled in a second; half of it is then sent evenly.
The wait is what the debit's function reports once its transaction is done, since API Gateway's time
of the request.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import median, quantiles
from typing import Any

from bench import report
from bench.shop import Shop, opened, patiently

IDLE = 60
"""Refunds asked for one after the other."""
AT_ONCE = 8
"""Buyers who ask while the capacity is measured."""
WARM_UP = 4 * AT_ONCE
CAPACITY = 240
LOADED = 240


@dataclass(frozen=True)
class Waits:
    """Milliseconds from accepted to succeeded."""

    median: float
    p99: float
    count: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Waits":
        return cls(
            median(seconds) * 1000,
            quantiles(seconds, n=100, method="inclusive")[98] * 1000,
            len(seconds),
        )


@dataclass(frozen=True)
class Found:
    idle: Waits
    half_load: Waits
    capacity: float
    """Refunds per second."""
    offered: float
    """Refunds per second while half loaded."""
    sent_again: int
    """Requests that the local AWS left without an answer."""


def measure(shop: Shop) -> Found:
    unanswered: list[str] = []

    def request(order_id: str) -> str:
        return patiently(partial(shop.request, order_id), partial(unanswered.append, order_id))

    with report.progress() as bar:

        def tracked(things: Sequence[str], doing: str) -> Iterator[str]:
            return iter(bar.track(things, description=doing))

        orders = iter(_many(shop.order, range(IDLE + WARM_UP + CAPACITY + LOADED)))
        take = partial(_take, orders)
        began = datetime.now(UTC)
        for order_id in tracked(take(IDLE), "idle: one after the other"):
            shop.settled([request(order_id)])
        idle = shop.reported(IDLE, since=began)
        # As many functions as will be at work start first: a start is no part of a capacity.
        began = datetime.now(UTC)
        shop.settled(_many(request, tracked(take(WARM_UP), "functions start")))
        asked = _many(request, tracked(take(CAPACITY), "capacity: as many as it takes"))
        capacity = rate(end for _, end in shop.settled(asked))
        shop.reported(WARM_UP + CAPACITY, since=began)
        began = datetime.now(UTC)
        evenly = _evenly(tracked(take(LOADED), "half of it"), per_second=capacity / 2)
        half = shop.settled(_many(request, evenly))
        loaded = shop.reported(LOADED, since=began)
    return Found(
        Waits.of(idle),
        Waits.of(loaded),
        capacity,
        rate(start for start, _ in half),
        len(unanswered),
    )


def rate(moments: Iterable[datetime]) -> float:
    """How many a second, without the first and the last tenth: starting up and stragglers."""
    times = sorted(moments)
    tenth = len(times) // 10
    middle = times[tenth : len(times) - tenth]
    return (len(middle) - 1) / _seconds(middle[0], middle[-1])


def _many[Given](call: Callable[[Given], str], things: Iterable[Given]) -> list[str]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [future.result() for future in [pool.submit(call, each) for each in things]]


def _take(orders: Iterator[str], count: int) -> list[str]:
    return [next(orders) for _ in range(count)]


def _evenly(things: Iterator[str], *, per_second: float) -> Iterator[str]:
    """Each at its time, whether or not the one before has been answered."""
    began = time.monotonic()
    for number, each in enumerate(things):
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        yield each


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def keys(found: Found) -> dict[str, Any]:
    """For programs."""
    loads = {"idle": found.idle, "half_load": found.half_load}
    return {
        "accepted_to_succeeded_ms": {
            name: {"median": round(waits.median), "p99": round(waits.p99)}
            for name, waits in loads.items()
        },
        "capacity_refunds_per_second": round(found.capacity, 1),
        "offered_refunds_per_second": round(found.offered, 1),
    }


def main() -> dict[str, Any]:
    with opened() as shop:
        found = measure(shop)
    rows = [
        [name, waits.count, f"{waits.median:.0f}", f"{waits.p99:.0f}"]
        for name, waits in (("idle", found.idle), ("half of its capacity", found.half_load))
    ]
    table_of_waits = report.table(["load", "refunds", "median, ms", "p99, ms"], rows)
    capacity = f"Capacity: {found.capacity:.1f} refunds a second."
    offered = f"Half of it: {found.offered:.1f} a second were asked for."
    again = f"Requests that the local AWS left unanswered, sent again: {found.sent_again}."
    report.publish("latency", [*table_of_waits, "", capacity, offered, again], keys(found))
    return keys(found)


if __name__ == "__main__":
    main()
