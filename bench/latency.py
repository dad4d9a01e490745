"""From accepted to succeeded, over HTTP on the whole stack of `make run`: idle, and half loaded.

The capacity is what many buyers at once get settled in a second; half of it is then sent evenly.
Both times are the product's own: API Gateway's of the request, and that of the debit's transaction.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median, quantiles
from typing import Any

import httpx

from bench import report
from local import aws, deploy, story
from local.cast import Cast, assemble, warm_up
from local.deploy import Outputs
from local.paths import STATE
from local.telling import Api
from local.terminal import data, step
from refunds import table
from refunds.stores.dynamo import Dynamo

IDLE = 60
"""Refunds asked for one after the other."""
AT_ONCE = 8
"""Buyers who ask while the capacity is measured."""
CAPACITY = 240
LOADED = 240
PATIENCE = timedelta(seconds=60)
LOOK_SECONDS = 0.2
AMOUNT, PAID = 100, 1_000
FUNDS = 10_000_000


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
    """Refunds per second, from the first request to the last debit."""
    offered: float
    """Refunds per second while half loaded."""


@dataclass(frozen=True)
class Shop:
    """A merchant with a confirmed policy and a full wallet, and a buyer, on a running stack."""

    http: httpx.Client
    outputs: Outputs
    cast: Cast
    kept: Dynamo

    def order(self, _: int = 0) -> str:
        now = datetime.now(UTC).isoformat()
        order_id = f"o-{secrets.token_hex(8)}"
        parties = {"merchant_id": self.cast.merchant_id, "buyer_id": self.cast.buyer_id}
        paid = {"amount": PAID, "currency": "CNY", "placed_at": now, "completed_at": now}
        self._call(self.cast.platform.token, "PUT", f"/orders/{order_id}", parties | paid)
        return order_id

    def request(self, order_id: str) -> str:
        """The id of the refund, once it is accepted."""
        wanted = {"order_id": order_id, "amount": AMOUNT, "goods_condition": "intact"}
        answer = self._call(self.cast.buyer.token, "POST", "/refunds", wanted, key=order_id)
        refund_id: str = answer["refund_id"]
        return refund_id

    def settled(self, refund_ids: Sequence[str]) -> list[tuple[datetime, datetime]]:
        """(requested at, succeeded at) of each, when all have succeeded. Raises TimeoutError."""
        keys = [table.refund(each) for each in refund_ids]
        ends_at = datetime.now(UTC) + PATIENCE
        while datetime.now(UTC) < ends_at:
            found = self.kept.get_many(keys)
            if all(each["status"] == "succeeded" for each in found):
                return [(_at(each, "requested_at"), _at(each, "succeeded_at")) for each in found]
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"not all of {len(keys)} refunds have succeeded")

    def _call(
        self, token: str, method: str, path: str, body: dict[str, Any], *, key: str = ""
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        answer = self.http.request(method, self.outputs.api_url + path, headers=headers, json=body)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content


def _at(item: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(item[name])


@contextmanager
def opened() -> Iterator[Shop]:
    """The stack of `make run`, with a shop that is open for refunds."""
    with aws.start(aws.any_free_port(), log=STATE / "bench-stack.log") as started:
        endpoint = started.endpoint
        with step("sam build, sam deploy"):
            deploy.build()
            outputs = deploy.deploy(endpoint)
        with step("the functions start"):
            cast = assemble(endpoint, outputs)
            warm_up(endpoint, outputs, cast)
        with aws.http(endpoint) as http:
            with data.capture():
                _open_shop(Api(http, outputs.api_url), cast)
            yield Shop(http, outputs, cast, Dynamo(aws.dynamodb(endpoint), outputs.table_name))


def _open_shop(api: Api, cast: Cast) -> None:
    story.become_members(api, cast)
    story.become_certified(api, cast)
    story.confirm_policy(api, cast)
    path = f"/merchants/{cast.merchant_id}/wallet/credits"
    proceeds = {"amount": FUNDS, "currency": "CNY", "source": "settlement", "target": "wallet"}
    api.call(cast.platform, "POST", path, proceeds, key=secrets.token_hex(8), expect=201)


def measure(shop: Shop) -> Found:
    with report.progress() as bar:

        def tracked(things: Sequence[str], doing: str) -> Iterator[str]:
            return iter(bar.track(things, description=doing))

        orders = iter(_many(shop.order, range(IDLE + CAPACITY + LOADED)))
        take = partial(_take, orders)
        idle = [
            each
            for order_id in tracked(take(IDLE), "idle: one after the other")
            for each in shop.settled([shop.request(order_id)])
        ]
        asked = _many(shop.request, tracked(take(CAPACITY), "capacity: as many as it takes"))
        full = shop.settled(asked)
        capacity = CAPACITY / _seconds(min(full)[0], max(end for _, end in full))
        evenly = _evenly(tracked(take(LOADED), "half of it"), per_second=capacity / 2)
        half = shop.settled(_many(shop.request, evenly))
    starts = sorted(start for start, _ in half)
    return Found(
        Waits.of([_seconds(*each) for each in idle]),
        Waits.of([_seconds(*each) for each in half]),
        capacity,
        (LOADED - 1) / _seconds(starts[0], starts[-1]),
    )


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
    report.publish("latency", [*table_of_waits, "", capacity, offered], keys(found))
    return keys(found)


if __name__ == "__main__":
    main()
