"""Refunds of one merchant settled in a second: batches and shards against one transaction each.

On one MiniStack in one run: bare, and behind `bench/locks.py`, where the items of a transaction are
locked for 16 ms and what overlaps is answered TransactionConflict. Workers settle through the
product's own rules and stores; what they give back goes to the end of the line, as in a queue.
Each setting is tried once; the best one by one and the best in batches are then measured again and
again, in turn, and compared by their medians. What each process was busy for says where it stops:
each is one of Python's, which has one core at the most.
"""

import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psutil
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
WORKERS = (1, 2, 4, 8, 16)
SAMPLES = 5
"""Of each of the two that are compared."""
PROCESSES = {"engine": "ministack", "proxy": "bench.locks"}
"""The module that each process runs."""
BUSY = (*PROCESSES, "workers")
"""Whose work is measured; the workers are threads of this process."""
FULL = 0.9
"""Of a core, or of all: what is busier has next to nothing left to give."""
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


@dataclass(frozen=True)
class Sample:
    rate: float
    """Refunds settled in a second."""
    busy: dict[str, float]
    """By process, the share of one core that it was at work."""


@dataclass(frozen=True)
class Measured:
    tried: dict[Setting, Sample]
    single: tuple[Setting, list[Sample]]
    """The best one by one, measured again and again."""
    batched: tuple[Setting, list[Sample]]

    @property
    def speedup(self) -> float:
        return rate(self.batched[1]) / rate(self.single[1])


SETTINGS = [
    *(Setting(1, 1, workers) for workers in WORKERS),
    *(
        Setting(batch, shards, workers)
        for batch in SUPPLY
        if batch > 1
        for shards in SHARDS
        for workers in WORKERS
    ),
]


def rate(samples: Sequence[Sample]) -> float:
    """The median."""
    return statistics.median(each.rate for each in samples)


def sample(endpoint: str, proxy: str, setting: Setting) -> Sample:
    """One run. The table is made and filled without the proxy."""
    direct = aws.dynamodb(endpoint, CLIENT)
    crowd = Crowd(direct, create_table(direct, f"Rate-{uuid4().hex}"))
    ids = deque(crowd.copies(SUPPLY[setting.batch]))
    crowd.fund(len(ids) * AMOUNT, shards=setting.shards)
    return _settle(Crowd(aws.dynamodb(proxy, CLIENT), crowd.table), ids, setting)


def _settle(crowd: Crowd, ids: deque[str], setting: Setting) -> Sample:
    worked_before = _worked()
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
    worked = _worked()
    if not ids:
        raise AssertionError(f"{SUPPLY[setting.batch]} refunds are too few for {setting}")
    busy = {name: (worked[name] - before) / took for name, before in worked_before.items()}
    return Sample(settled / took, busy)


def _worked() -> dict[str, float]:
    """Seconds of a core that each process has had so far; `workers` is this one."""
    found = {"workers": _seconds(psutil.Process())}
    for child in psutil.Process().children(recursive=True):
        for name, module in PROCESSES.items():
            if module in child.cmdline():
                found[name] = found.get(name, 0.0) + _seconds(child)
    return found


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


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


def run() -> dict[str, Measured]:
    """By whether items are locked. Nothing when MiniStack can't be had."""
    found: dict[str, Measured] = {}
    for _, endpoint in engines.each(engines.MINISTACK):
        with locked(endpoint) as proxy:
            found["locked"] = _measured("items are locked", endpoint, proxy)
        found["bare"] = _measured("nothing is locked", endpoint, endpoint)
    return found


def _measured(name: str, endpoint: str, proxy: str) -> Measured:
    with report.progress() as bar:
        every = bar.track(SETTINGS, description=f"refunds are settled, {name}")
        tried = {setting: sample(endpoint, proxy, setting) for setting in every}
        pair = [
            max((each for each in tried if (each.batch == 1) is alone), key=lambda e: tried[e].rate)
            for alone in (True, False)
        ]
        again = bar.track(range(SAMPLES), description="the best two, in turn")
        runs = [[sample(endpoint, proxy, setting) for setting in pair] for _ in again]
    single, batched = (list(samples) for samples in zip(*runs, strict=True))
    return Measured(tried, (pair[0], single), (pair[1], batched))


def rows(tried: dict[Setting, Sample]) -> Iterator[list[object]]:
    """Workers across, batch and shards down."""
    for batch, shards in dict.fromkeys((each.batch, each.shards) for each in tried):
        per_workers = (tried[Setting(batch, shards, workers)].rate for workers in WORKERS)
        yield [_name(batch, shards), *(f"{each:.0f}" for each in per_workers)]


def compared(measured: Measured) -> Iterator[list[object]]:
    """The two that are compared, and what each process was busy for."""
    for setting, samples in (measured.single, measured.batched):
        rates = [each.rate for each in samples]
        shares = busy(samples).values()
        yield [
            f"{_name(setting.batch, setting.shards)}, {setting.workers} workers",
            f"{rate(samples):.0f} ({min(rates):.0f} to {max(rates):.0f})",
            f"{rate(samples) / setting.batch:.0f}",
            *(f"{each:.0%}" for each in (*shares, sum(shares))),
        ]


def busy(samples: Sequence[Sample]) -> dict[str, float]:
    """By process, the median share of one core."""
    return {name: statistics.median(each.busy.get(name, 0.0) for each in samples) for name in BUSY}


def stops(shares: Mapping[str, float], cores: int) -> str:
    """Where it stops, as far as the shares of a core tell."""
    full = [f"the one core of the {name}" for name, share in shares.items() if share >= FULL]
    if sum(shares.values()) >= FULL * cores:
        full.append(f"this machine's {cores} cores")
    return " and ".join(full) or "nothing that was busy: it waited"


def _name(batch: int, shards: int) -> str:
    return f"{batch} a transaction, {shards} shards"


def keys(found: dict[str, Measured]) -> dict[str, Any]:
    """For programs."""
    return {f"speedup_with{out}_lock": round(found[how].speedup, 1) for out, how in NAMES.items()}


def main() -> dict[str, Any]:
    """Raises SystemExit: MiniStack can't be had."""
    found = run()
    if not found:
        sys.exit(1)
    said: list[str] = []
    for how, title in (("locked", f"Each item locked for {LOCKED_MS} ms"), ("bare", "No locks")):
        measured = found[how]
        heads = [title, *(f"{each} workers" for each in WORKERS)]
        said += [*report.table(heads, rows(measured.tried)), ""]
        heads = [
            f"The best two, {SAMPLES} times in turn",
            "refunds a second, median (range)",
            "transactions a second",
            *(f"{name}, of a core" for name in (*BUSY, "all")),
        ]
        said += [*report.table(heads, compared(measured)), ""]
        said += [f"Batched and sharded: {measured.speedup:.1f} times as many.", ""]
        single, batched = (
            stops(busy(samples), os.cpu_count() or 1)
            for _, samples in (measured.single, measured.batched)
        )
        said += [f"One by one it stops at {single}; in batches at {batched}.", ""]
    said.append(f"{SECONDS:.0f} s each. {engines.versions([engines.MINISTACK])}.")
    report.publish("throughput", said, keys(found) | {"rates": _listed(found)})
    if found["locked"].speedup < AT_LEAST:
        report.miss(f"Batched and sharded is less than {AT_LEAST} times as fast.")
    return keys(found)


def _listed(found: dict[str, Measured]) -> dict[str, Any]:
    return {
        how: [
            vars(setting) | {"per_second": each.rate, "busy": each.busy}
            for setting, each in measured.tried.items()
        ]
        for how, measured in found.items()
    }


if __name__ == "__main__":
    main()
    report.end()
