"""What a million refunds cost on AWS: units as `bench/units.py` measures them, at list prices.

Nothing is free here, and nothing is discounted.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench import report, units
from bench.meter import Consumed
from bench.units import Units
from local.table import resources


def _function(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources()[name]["Properties"]
    return properties


BATCH: int = _function("ProcessDebitsFunction")["Events"]["Debits"]["Properties"]["BatchSize"]
"""Refunds of one debit, while it is busy."""
STREAM: dict[str, Any] = _function("FanOutChangesFunction")["Events"]["Changes"]["Properties"]
PARTITION, PARTITIONS = 1000, 4
"""Write units a second of one, which is one shard of the stream; how many a new table has."""
EVENTS = 2
"""On the bus for each refund: RefundAccepted, RefundSucceeded."""


@dataclass(frozen=True)
class Price:
    usd: float
    per: float
    source: str


LISTED = "2026-11"
"""When these prices, of us-east-1 on demand, were read."""
PRICES = {
    "DynamoDB write unit": Price(0.625, 1e6, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "DynamoDB read unit": Price(0.125, 1e6, "https://aws.amazon.com/dynamodb/pricing/on-demand/"),
    "Lambda request": Price(0.20, 1e6, "https://aws.amazon.com/lambda/pricing/"),
    "Lambda GB-second, x86_64": Price(16.6667, 1e6, "https://aws.amazon.com/lambda/pricing/"),
    "HTTP API request": Price(1.00, 1e6, "https://aws.amazon.com/api-gateway/pricing/"),
    "SQS request": Price(0.40, 1e6, "https://aws.amazon.com/sqs/pricing/"),
    "EventBridge event": Price(1.00, 1e6, "https://aws.amazon.com/eventbridge/pricing/"),
}


def quantities(found: dict[int, Units]) -> dict[str, float]:
    """Of one refund."""
    one, many = found[1], found[BATCH]
    steps = (
        ("RequestRefundFunction", one.asked.milliseconds, 1.0),
        ("ProcessDebitsFunction", many.debited.milliseconds, 1 / BATCH),
        ("FanOutChangesFunction", many.told.milliseconds, 1 / told_at_once(found)),
    )
    consumed = _consumed(found)
    return {
        "DynamoDB write unit": sum(each.table_writes + each.index_writes for each in consumed),
        "DynamoDB read unit": sum(each.reads for each in consumed),
        "Lambda request": sum(invocations for _, _, invocations in steps),
        "Lambda GB-second, x86_64": sum(_gigabytes(name) * ms / 1000 for name, ms, _ in steps),
        "HTTP API request": 1.0,
        # Sent one by one; received and deleted in batches.
        "SQS request": 1 + 2 / BATCH,
        "EventBridge event": float(EVENTS),
    }


def _consumed(found: dict[int, Units]) -> tuple[Consumed, Consumed, Consumed]:
    return found[1].asked, found[BATCH].debited, found[BATCH].told


def _table_writes(found: dict[int, Units]) -> float:
    return sum(each.table_writes for each in _consumed(found))


def told_at_once(found: dict[int, Units]) -> float:
    """Refunds whose changes are one batch of the stream, while it is busy.

    Each item that a refund changes is a record of the stream, and took two write units.
    """
    size: int = STREAM["BatchSize"]
    return size / (_table_writes(found) / 2)


def keeping_up(found: dict[int, Units]) -> str:
    """Whether the stream's function keeps up with a full partition."""
    took = found[BATCH].told.milliseconds
    brought = PARTITION / _table_writes(found)
    return (
        f"Told in {took:.0f} ms a refund. One batch at a time is {1000 / took:.0f} refunds a second"
        f" of one shard of the stream, {PARTITIONS * 1000 / took:.0f} of a new table's"
        f" {PARTITIONS}; a full partition brings {brought:.0f}. `ParallelizationFactor` keeps up"
        f" from {math.ceil(brought * took / 1000)} on; it is"
        f" {STREAM.get('ParallelizationFactor', 1)}."
    )


def _gigabytes(function: str) -> float:
    megabytes: int = _function(function)["MemorySize"]
    return megabytes / 1024


def lines(found: dict[int, Units]) -> Iterator[tuple[str, float, float, Price]]:
    """(what, quantity of one refund, USD of a million refunds, price)."""
    for what, quantity in quantities(found).items():
        price = PRICES[what]
        yield what, quantity, quantity * 1e6 * price.usd / price.per, price


def main(found: dict[int, Units]) -> dict[str, Any]:
    every = [*lines(found)]
    total = sum(usd for _, _, usd, _ in every)
    rows = [
        [f"[{what}]({price.source})", f"{price.usd:g}", f"{quantity:.3f}", f"{usd:.2f}"]
        for what, quantity, usd, price in every
    ]
    heads = ["what", "USD a million", "for each refund", "USD a million refunds"]
    batches = (
        f"Debits in batches of {BATCH}; a batch of the stream has the changes of"
        f" {told_at_once(found):.1f} refunds."
    )
    said = [
        *report.table(heads, [*rows, ["**in all**", "", "", f"**{total:.2f}**"]]),
        "",
        f"List prices of us-east-1, {LISTED}, on demand, without free tiers. {batches}",
        "",
        keeping_up(found),
    ]
    cost = {"cost_per_million_refunds_usd": round(total, 2)}
    report.publish("cost", said, cost)
    return cost


if __name__ == "__main__":
    main(units.run())
