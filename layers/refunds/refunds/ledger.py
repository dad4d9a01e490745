"""Double entry: every movement is one immutable posting, whose legs sum to zero.

A posting is written in the transaction that changes the balances, once, with its cause. The sum
over all accounts is therefore zero after every transaction. A leg's amount is in minor units of
the posting's one currency; a negative one leaves its account.

| account                       | balance                                   | may go below zero |
|-------------------------------|-------------------------------------------|-------------------|
| `merchant:<id>:available`     | kept, in the wallet's shards              | no                |
| `merchant:<id>:deposit`       | kept                                      | no                |
| `merchant:<id>:receivable`    | kept: what the merchant owes, negated     | down to its limit |
| `buyer:<id>:available`        | kept                                      | no                |
| `platform:guarantee`          | derived: what corrections booked there    | yes               |
| `external:settlement`         | derived: proceeds and top-ups, negated    | yes               |
| `external:payout`             | derived: what was paid out                | yes               |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SETTLEMENT = "external:settlement"
PAYOUT = "external:payout"
GUARANTEE = "platform:guarantee"


class Part(StrEnum):
    """A merchant's own accounts, in the order in which a debit draws on them."""

    AVAILABLE = "available"
    DEPOSIT = "deposit"
    RECEIVABLE = "receivable"


class Cause(StrEnum):
    CREDIT = "credit"
    REFUND = "refund"
    REVERSAL = "reversal"
    PAYOUT = "payout"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Leg:
    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement. `posting_id` names it for ever."""

    posting_id: str
    cause: Cause
    currency: str
    posted_at: str
    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        if sum(leg.amount for leg in self.legs) != 0:
            raise ValueError(f"the legs of {self.posting_id} do not sum to zero")


def merchant(merchant_id: str, part: Part) -> str:
    return f"merchant:{merchant_id}:{part}"


def buyer(buyer_id: str) -> str:
    return f"buyer:{buyer_id}:available"


def legs_of_refund(
    merchant_id: str, buyer_id: str, amount: int, sources: dict[str, int]
) -> tuple[Leg, ...]:
    """What a succeeded refund moved: from each source of its merchant to its buyer."""
    taken = (Leg(merchant(merchant_id, Part(part)), -taken) for part, taken in sources.items())
    return (*taken, Leg(buyer(buyer_id), amount))


def legs_of_item(item: Mapping[str, Any]) -> tuple[Leg, ...]:
    """What an item of the table moved: a posting of its own, or a refund with its sources.

    Raises one of `errors.UNREADABLE`: it was not written by the product.
    """
    legs: tuple[Leg, ...] = ()
    if item["sk"] == "POSTING":
        legs = tuple(Leg(leg["account"], leg["amount"]) for leg in item["legs"])
    elif item["sk"] == "REFUND" and "sources" in item:
        merchant_id, buyer_id = item["merchant_id"], item["buyer_id"]
        legs = legs_of_refund(merchant_id, buyer_id, item["amount"], item["sources"])
    if legs:
        texts = (item["currency"], posted_at_of(item), *(leg.account for leg in legs))
        if any(type(text) is not str for text in texts):
            raise TypeError
        if any(type(leg.amount) is not int for leg in legs):
            raise TypeError
    return legs


def posted_at_of(item: Mapping[str, Any]) -> str:
    """When a posting, or a refund that holds one, moved its money; empty when none has moved."""
    posted_at: str = item.get("posted_at") or item.get("succeeded_at") or ""
    return posted_at


def kind_of(account: str) -> str:
    """The account without its owner: `merchant:deposit`, `external:payout`."""
    first, *_, last = account.split(":")
    return f"{first}:{last}"
