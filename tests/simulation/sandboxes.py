"""Lambda's sandboxes: instances of the functions, each with its own module and what it remembers.

Time, waiting, and the services are of the schedule that is played; all else is as it is shipped.
"""

import gc
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any, Self
from unittest.mock import patch

from local.paths import ROOT
from refunds import table
from refunds.deadline import Deadline
from refunds.observability import logger, metrics
from refunds.queue import DebitQueue
from refunds.stores.changes import EventBus
from refunds.stores.dynamo import Dynamo
from refunds.stores.funds import FundStore
from refunds.stores.letters import LetterQueue
from tests.simulation import line
from tests.unit.examples import NOON

INSTANCES = {
    "process_debits": 3,
    "request_refund": 3,
    "manage_wallet": 3,
    "operate_merchants": 2,
    "sweep_refunds": 1,
    "tend_wallets": 1,
    "fan_out_changes": 1,
}
FEWER_BUCKETS = 2
"""Instead of 32 and 8 keys of the lists: a list is read by as many calls, all of the same kind."""


@dataclass
class Clock:
    now: datetime = NOON

    def tick(self, by: timedelta) -> None:
        self.now += by


CLOCK = Clock()


class Simulated(datetime):
    """What the functions know as `datetime`."""

    @classmethod
    def now(cls, tz: Any = None) -> Self:
        return cls.fromtimestamp(CLOCK.now.timestamp(), tz)


@dataclass
class Sandbox:
    function: str
    number: int
    module: ModuleType
    busy: bool = False

    @property
    def name(self) -> str:
        return f"{self.function} {self.number}"

    def renew(self) -> None:
        """As after a crash: what it knew of the shards is forgotten."""
        self.busy = False
        store = self.module.store
        if isinstance(store, FundStore):
            store.known.clear()


@dataclass
class Sandboxes:
    every: list[Sandbox] = field(default_factory=list)

    def free(self, function: str) -> Sandbox | None:
        free = (each for each in self.every if each.function == function and not each.busy)
        return next(free, None)

    def renew(self) -> None:
        for each in self.every:
            each.renew()


@cache
def clients() -> dict[str, Any]:
    """Made once: their making takes longer than a schedule."""
    with patch("botocore.retries.quota.RetryQuota", line.Unlimited):
        return {service: line.client(service) for service in ("dynamodb", "sqs", "events")}


@cache
def sandboxes() -> Sandboxes:
    return Sandboxes(
        [
            Sandbox(function, number, _loaded(function, number))
            for function, count in INSTANCES.items()
            for number in range(1, count + 1)
        ]
    )


def _loaded(function: str, number: int) -> ModuleType:
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_{number}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in [*vars(module).items()]:
        made = _connected(value)
        if made is not None:
            setattr(module, name, made)
    for name, value in _REPLACED.items():
        if hasattr(module, name):
            setattr(module, name, value)
    return module


def _connected(value: Any) -> Any:
    match value:
        case FundStore():
            return replace(value, **_of_the_schedule(), known={})
        case Dynamo():
            return replace(value, **_of_the_schedule())
        case DebitQueue() | LetterQueue():
            return replace(value, client=clients()["sqs"])
        case EventBus():
            return replace(value, client=clients()["events"])
    return None


def _of_the_schedule() -> dict[str, Any]:
    return {"client": clients()["dynamodb"], "pause": _no_pause, "clock": _seconds}


def _seconds() -> float:
    return CLOCK.now.timestamp()


def _no_pause(_: float) -> None:
    """Waiting is another's turn."""


def _deadline(remaining_ms: Callable[[], int]) -> Deadline:
    return Deadline(remaining_ms, _no_pause)


_REPLACED: dict[str, Any] = {"datetime": Simulated, "Deadline": _deadline}


@contextmanager
def simulated() -> Iterator[None]:
    """Nothing waits, and nothing is printed, as long as the block runs."""
    level = logger.log_level
    with ExitStack() as stack:
        still = SimpleNamespace(sleep=_no_pause)
        stack.enter_context(patch("botocore.endpoint.time", still))
        stack.enter_context(patch.object(table, "DUE_BUCKETS", FEWER_BUCKETS))
        stack.enter_context(patch.object(table, "LIST_BUCKETS", FEWER_BUCKETS))
        stack.enter_context(patch.object(metrics, "flush_metrics", metrics.clear_metrics))
        logger.setLevel("CRITICAL")
        sandboxes()
        # What stays is not looked through again and again for what is to be freed.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()
            logger.setLevel(level)
