"""A merchant's standing: the state of its certification, and what suspends it.

A suspension stops the coverage of orders placed from then on, and new policies; it never takes away
the refund of an order already covered. It is in force while any cause is, and each cause is lifted
only by what set it.
"""

from enum import StrEnum
from typing import Protocol

from refunds.funding import Funds


class Status(StrEnum):
    SUBMITTED = "submitted"
    CERTIFIED = "certified"
    REFUSED = "refused"
    SUSPENDED = "suspended"


class Cause(StrEnum):
    OPERATOR = "operator"
    FUNDS = "funds"
    """A refund had to wait: wallet, deposit and guarantee fund together did not cover it."""


class Coverage(Protocol):
    """What tells whether a merchant is good for its refunds again."""

    def currencies(self, merchant_id: str) -> list[str]: ...
    def glance(self, merchant_id: str, currency: str) -> Funds: ...
    def waiting_ids(self, merchant_id: str, currency: str, *, limit: int) -> list[str]: ...


def covered(merchant_id: str, *, store: Coverage) -> bool:
    """Nothing is owed and nothing waits, in any currency."""
    return all(
        store.glance(merchant_id, currency).owed == 0
        and not store.waiting_ids(merchant_id, currency, limit=1)
        for currency in store.currencies(merchant_id)
    )
