"""What reconciliation finds: kinds of differences, each named with what is wrong."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from refunds.fields import Model
from refunds.statements import Balances, Owner


class Kind(StrEnum):
    POSTING_UNBALANCED = "posting_unbalanced"
    POSTING_UNBOOKED = "posting_unbooked"
    REFUND_WITHOUT_POSTING = "refund_without_posting"
    REFUND_WITH_EARLY_POSTING = "refund_with_early_posting"
    REFUND_SOURCES_DIFFER = "refund_sources_differ"
    REFUND_REVERSAL_DIFFERS = "refund_reversal_differs"
    REFUND_ORDER_DIFFERS = "refund_order_differs"
    REFUND_UNSCHEDULED = "refund_unscheduled"
    ORDER_OVERDRAWN = "order_overdrawn"
    BALANCE_NEGATIVE = "balance_negative"
    BALANCE_DIFFERS = "balance_differs"
    SHARD_UNCOUNTED = "shard_uncounted"
    SHARD_MISSING = "shard_missing"
    DEBT_LIMIT_DIFFERS = "debt_limit_differs"
    ENTRY_DIFFERS = "entry_differs"
    ENTRY_MISSING = "entry_missing"
    ENTRY_UNRECORDED = "entry_unrecorded"
    HEAD_DIFFERS = "head_differs"
    MONTHS_DIFFER = "months_differ"
    ITEM_MISSING = "item_missing"
    ITEM_UNREADABLE = "item_unreadable"


class Difference(Model):
    """What is wrong, and with what: nothing else is blamed."""

    kind: Kind
    subject: str
    expected: int
    found: int


class Gap(NamedTuple):
    """A posting that is not in an owner's statement."""

    owner: Owner
    posting_id: str

    @property
    def subject(self) -> str:
        return f"posting:{self.posting_id}:{self.owner.role}:{self.owner.id}"


def difference(kind: Kind, subject: str, expected: int, found: int) -> Difference:
    return Difference(kind=kind, subject=subject, expected=expected, found=found)


def first_unequal(
    kind: Kind, name: str, expected: Balances, found: Balances
) -> Iterator[Difference]:
    for part in ("available", "deposit", "receivable"):
        wanted, has = getattr(expected, part), getattr(found, part)
        if wanted != has:
            yield difference(kind, f"{name}:{part}", wanted, has)
            return
