"""Refunds of one merchant settled in a second: batches and shards against one transaction each.

On one MiniStack in one run: bare, and behind `bench/locks.py`, where the items of a transaction are
locked for 16 ms and what overlaps is answered TransactionConflict. Workers settle through the
product's own rules and stores; what they give back goes to the end of the line, as in a queue.
"""

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from botocore.config import Config

from bench import engines, report
from bench.crowd import AMOUNT, Crowd
from local import aws, engine, processes
from local.paths import ROOT, STATE
from local.table import create_table
from refunds.deadline import Deadline

LOCKED_MS = 16
SECONDS = 4.0
SUPPLY = {1: 2_000, 10: 6_000, 36: 12_000}
"""Refunds put down for a run, by batch: more than are settled in its time."""
SHARDS = (1, 4, 16)
WORKERS = (1, 2, 4, 8, 16, 32)
BARE_WORKERS = (1, 2, 4)
AT_LEAST = 8
"""How many times as many batched and sharded as one by one, where items are locked."""
NAMES = {"": "locked", "out": "bare"}
CLIENT = Config(
    connect_timeout=2,
    read_timeout=60,
    retries={"total_max_attempts": 1},
    max_pool_connections=max(WORKERS),
)


@dataclass(frozen=True)
class Setting:
    batch: int
    shards: int
    workers: int


type Rates = dict[Setting, float]


def one_by_one(workers: Sequence[int]) -> list[Setting]:
    return [Setting(1, 1, each) for each in workers]


def batched_and_sharded(workers: Sequence[int]) -> list[Setting]:
    return [
        Setting(batch, shards, each)
        for batch in SUPPLY
        if batch > 1
        for shards in SHARDS
        for each in workers
    ]


def settled_per_second(endpoint: str, proxy: str, setting: Setting) -> float:
    """Refunds per second. The table is made and filled without the proxy."""
    direct = aws.dynamodb(endpoint, CLIENT)
    crowd = Crowd(direct, create_table(direct, f"Rate-{uuid4().hex}"))
    ids = deque(crowd.copies(SUPPLY[setting.batch]))
    crowd.fund(len(ids) * AMOUNT, shards=setting.shards)
    return _settle(Crowd(aws.dynamodb(proxy, CLIENT), crowd.table), ids, setting)


def _settle(crowd: Crowd, ids: deque[str], setting: Setting) -> float:
    began = time.monotonic()
    ends_at = began + SECONDS

    def work(_: int) -> int:
        settled, store = 0, crowd.debits
        deadline = Deadline(lambda: 30_000)
        while ids and time.monotonic() < ends_at:
            batch = _take(ids, setting.batch)
            outcome = crowd.settle(batch, store=store, ready=deadline.ready)
            settled += len(outcome.settled)
            ids.extend(outcome.failed)
        return settled

    with ThreadPoolExecutor(setting.workers) as pool:
        settled = sum(pool.map(work, range(setting.workers)))
    took = time.monotonic() - began
    if not ids:
        raise AssertionError(f"{SUPPLY[setting.batch]} refunds are too few for {setting}")
    return settled / took


def _take(ids: deque[str], count: int) -> list[str]:
    taken: list[str] = []
    try:
        while len(taken) < count:
            taken.append(ids.popleft())
    except IndexError:
        pass
    return taken


@contextmanager
def locked(endpoint: str) -> Iterator[str]:
    """The same engine, where transactions are in each other's way."""
    port = aws.any_free_port()
    proxy = f"http://{aws.HOST}:{port}"
    with processes.served(
        [sys.executable, "-m", "bench.locks", endpoint, str(port), str(LOCKED_MS)],
        lambda: engine.answers(proxy),
        env=processes.environment({"PYTHONPATH": str(ROOT)}),
        log=STATE / "bench-locks.log",
        seconds=aws.START_SECONDS,
        doing="The proxy that locks items",
        next_step="mend what the lines above name.",
    ):
        yield proxy


def run() -> dict[str, Rates]:
    """By whether items are locked, and setting. Nothing when MiniStack can't be had."""
    found: dict[str, Rates] = {}
    for _, endpoint in engines.each(engines.MINISTACK):
        with locked(endpoint) as proxy:
            wide = [*one_by_one(WORKERS), *batched_and_sharded(WORKERS)]
            found["locked"] = _rates("items are locked", endpoint, proxy, wide)
        few = [*one_by_one(BARE_WORKERS), *batched_and_sharded(BARE_WORKERS)]
        found["bare"] = _rates("nothing is locked", endpoint, endpoint, few)
    return found


def _rates(name: str, endpoint: str, proxy: str, settings: Sequence[Setting]) -> Rates:
    with report.progress() as bar:
        every = bar.track(settings, description=f"refunds are settled, {name}")
        return {setting: settled_per_second(endpoint, proxy, setting) for setting in every}


def speedup(rates: Rates) -> float:
    """The best batched and sharded against the best one by one."""
    single = max(rate for setting, rate in rates.items() if setting.batch == 1)
    return max(rate for setting, rate in rates.items() if setting.batch > 1) / single


def rows(rates: Rates) -> Iterator[list[object]]:
    """Workers across, batch and shards down."""
    for batch, shards in dict.fromkeys((each.batch, each.shards) for each in rates):
        per_workers = [
            f"{rate:.0f}"
            for setting, rate in rates.items()
            if (setting.batch, setting.shards) == (batch, shards)
        ]
        yield [f"{batch} a transaction, {shards} shards", *per_workers]


def keys(found: dict[str, Rates]) -> dict[str, Any]:
    """For programs."""
    return {f"speedup_with{out}_lock": round(speedup(found[how]), 1) for out, how in NAMES.items()}


def main() -> dict[str, Any]:
    """Raises SystemExit: MiniStack can't be had, or batches and shards do not pay."""
    found = run()
    if not found:
        sys.exit(1)
    said: list[str] = []
    for how, title in (("locked", f"Each item locked for {LOCKED_MS} ms"), ("bare", "No locks")):
        rates = found[how]
        workers = sorted({setting.workers for setting in rates})
        heads = [title, *(f"{each} workers" for each in workers)]
        said += [*report.table(heads, rows(rates)), "", f"At best {speedup(rates):.1f} times.", ""]
    said.append(f"{SECONDS:.0f} s each. {engines.versions([engines.MINISTACK])}.")
    report.publish("throughput", said, keys(found) | {"rates": _listed(found)})
    if speedup(found["locked"]) < AT_LEAST:
        sys.exit(f"Batched and sharded is less than {AT_LEAST} times as fast.")
    return keys(found)


def _listed(found: dict[str, Rates]) -> dict[str, Any]:
    return {
        how: [vars(setting) | {"per_second": rate} for setting, rate in rates.items()]
        for how, rates in found.items()
    }


if __name__ == "__main__":
    main()
