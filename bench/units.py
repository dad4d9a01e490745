"""What one refund consumes of DynamoDB: asked for, debited in batches, told in the statements.

By `ConsumedCapacity` of MiniStack, and for the debit also from what the items weigh before and
after it: a transactional write costs two units for each begun KB of the larger. It fails when
the two differ.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from bench import engines, report
from bench.crowd import AMOUNT, MERCHANT, Crowd, Items
from bench.meter import Consumed, ItemKey, Meter, size_of
from local import aws
from local.table import create_table
from refunds import changes
from refunds.events import Event
from refunds.stores.changes import ChangeStore, change_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCHES = (1, 10, 40)
BARRED, MOST, HOTTEST = 10, 4.3, 0.25
"""In a batch of so many a refund takes at most these write units, and of one wallet item these."""
CLIENT = Config(connect_timeout=2, read_timeout=60, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Units:
    """Of one refund, in a batch of so many."""

    asked: Consumed
    debited: Consumed
    told: Consumed
    weighed: float
    """Write units of the debit's transactions, from what their items weigh."""
    hottest: float
    """Write units of the wallet item that takes most."""


def measure(client: "DynamoDBClient", batch: int) -> Units:
    crowd = Crowd(client, create_table(client, f"Units-{batch}"))
    crowd.fund(batch * AMOUNT)
    meter = Meter(client)
    now = datetime.now(UTC)
    orders = [crowd.order(number, now) for number in range(batch)]
    with meter.measured() as asked:
        ids = [crowd.ask(order, now) for order in orders]
    before = crowd.items()
    with meter.measured() as debited:
        settled = crowd.settle(ids, store=crowd.debits, ready=lambda _: True).settled
        if settled != set(ids):
            raise AssertionError("nothing stood in the way")
    after = crowd.items()
    with meter.measured() as told:
        _fan_out(crowd, before, after)
    weights = dict(_weights(debited, before, after))
    wallets = [units for (pk, _), units in weights.items() if pk.startswith(f"WALLET#{MERCHANT}#")]
    return Units(
        asked / batch,
        debited / batch,
        told / batch,
        sum(weights.values()) / batch,
        max(wallets) / batch,
    )


def _fan_out(crowd: Crowd, before: Items, after: Items) -> None:
    store = ChangeStore(crowd.client, crowd.table)
    done = changes.fan_out(
        _records(before, after), read=change_of, store=store, bus=_Nowhere(), now=datetime.now(UTC)
    )
    if done.poisoned:
        raise AssertionError(done.poisoned)


class _Nowhere:
    """An event costs nothing of the table."""

    def put(self, emitted: Sequence[Event]) -> None:
        pass


def _records(before: Items, after: Items) -> Iterator[dict[str, Any]]:
    """As the table's stream tells the debit."""
    changed = ((key, item) for key, item in after.items() if before.get(key) != item)
    for number, (key, item) in enumerate(changed):
        images = {"NewImage": item} | ({"OldImage": before[key]} if key in before else {})
        seen = datetime.now(UTC).timestamp()
        yield {
            "eventID": str(number),
            "dynamodb": {**images, "ApproximateCreationDateTime": seen},
        }


def _weights(sent: Consumed, before: Items, after: Items) -> Iterator[tuple[ItemKey, int]]:
    """Write units of each item, for as often as a transaction wrote it."""
    for key, times in sent.written.items():
        weight = max(size_of(before.get(key, {})), size_of(after[key]))
        yield key, times * 2 * math.ceil(weight / 1024)


def run() -> dict[int, Units]:
    """By size of batch; none when MiniStack can't be had."""
    return {
        batch: measure(aws.dynamodb(endpoint, CLIENT), batch)
        for _, endpoint in engines.each(engines.MINISTACK)
        for batch in BATCHES
    }


def rows(found: dict[int, Units]) -> Iterator[list[object]]:
    one = found[1].asked
    yield ["asked for, one by one", *_figures(one), "", "", _time(one)]
    for batch, units in found.items():
        yield [
            f"debited, {batch} a batch",
            *_figures(units.debited),
            f"{units.weighed:.2f}",
            f"{units.hottest:.2f}",
            _time(units.debited),
        ]
    for batch, units in found.items():
        yield [
            f"told in statements, {batch} a batch",
            *_figures(units.told),
            "",
            "",
            _time(units.told),
        ]


def _figures(consumed: Consumed) -> list[str]:
    return [f"{consumed.table_writes:.2f}", f"{consumed.index_writes:.2f}", f"{consumed.reads:.2f}"]


def _time(consumed: Consumed) -> str:
    return f"{consumed.milliseconds:.1f}"


def agree(found: dict[int, Units]) -> bool:
    """Whether the engine's word is what the items weigh."""
    return all(math.isclose(each.weighed, each.debited.table_writes) for each in found.values())


def modest(units: Units) -> bool:
    """Whether a refund takes no more than it may."""
    return units.debited.table_writes <= MOST and units.hottest <= HOTTEST


def main() -> dict[int, Units]:
    """Raises SystemExit: MiniStack can't be had."""
    found = run()
    if not found:
        sys.exit(1)
    heads = ["a refund", "table, WRU", "indexes, WRU", "reads, RRU", "by weight, WRU"]
    heads += ["hottest wallet item, WRU", "time here, ms"]
    said = [*report.table(heads, rows(found)), "", f"{engines.versions([engines.MINISTACK])}."]
    report.publish("units", said, keys(found))
    if not agree(found):
        report.miss("What the engine answers is not what the items weigh.")
    if not modest(found[BARRED]):
        report.miss(
            f"{BARRED} a batch: more than {MOST} WRU a refund, or {HOTTEST} of a wallet item."
        )
    return found


def keys(found: dict[int, Units]) -> dict[str, Any]:
    """For programs."""
    debited = {str(batch): units.debited for batch, units in found.items()}
    return {
        "wru_per_refund": {batch: each.table_writes for batch, each in debited.items()},
        "index_wru_per_refund": {batch: each.index_writes for batch, each in debited.items()},
        "hottest_item_wru_per_refund": {str(batch): u.hottest for batch, u in found.items()},
        "intake_wru_per_refund": found[1].asked.table_writes,
    }


if __name__ == "__main__":
    main()
    report.end()
