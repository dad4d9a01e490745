"""What a million refunds cost on AWS: units as `bench/units.py` measures them, at list prices.

Nothing is free here, and nothing is discounted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench import report, units
from bench.units import Units
from local.table import resources

BATCH = 10
"""Refunds of one debit, and records of one batch of the stream, while it is busy."""
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
    "Lambda GB-second, arm64": Price(13.3334, 1e6, "https://aws.amazon.com/lambda/pricing/"),
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
        ("FanOutChangesFunction", many.told.milliseconds, 1 / BATCH),
    )
    consumed = (one.asked, many.debited, many.told)
    return {
        "DynamoDB write unit": sum(each.table_writes + each.index_writes for each in consumed),
        "DynamoDB read unit": sum(each.reads for each in consumed),
        "Lambda request": sum(invocations for _, _, invocations in steps),
        "Lambda GB-second, arm64": sum(_gigabytes(name) * ms / 1000 for name, ms, _ in steps),
        "HTTP API request": 1.0,
        # Sent one by one; received and deleted in batches.
        "SQS request": 1 + 2 / BATCH,
        "EventBridge event": float(EVENTS),
    }


def _gigabytes(function: str) -> float:
    megabytes: int = resources()[function]["Properties"]["MemorySize"]
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
    said = [
        *report.table(heads, [*rows, ["**in all**", "", "", f"**{total:.2f}**"]]),
        "",
        f"List prices of us-east-1, {LISTED}, on demand, without free tiers. Batches of {BATCH}.",
    ]
    cost = {"cost_per_million_refunds_usd": round(total, 2)}
    report.publish("cost", said, cost)
    return cost


if __name__ == "__main__":
    main(units.run())
