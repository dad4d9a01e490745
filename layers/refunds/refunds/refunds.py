"""Refunds: their states, what a request says, and what its parties see.

begins pending | refused;  pending → succeeded | awaiting_funds | canceled
awaiting_funds → succeeded | canceled;  succeeded → reversed
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from refunds import debits
from refunds.digests import derived_id, digest
from refunds.fields import Amount, Currency, Id, Instant, Model, Reference, Text


class GoodsCondition(StrEnum):
    INTACT = "intact"
    DAMAGED = "damaged"
    USED = "used"
    INCOMPLETE = "incomplete"


class RefundStatus(StrEnum):
    PENDING = "pending"
    AWAITING_FUNDS = "awaiting_funds"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    REFUSED = "refused"
    REVERSED = "reversed"


OPEN = frozenset(map(RefundStatus, debits.OPEN))
"""The states that a refund can still leave."""


class RefundInquiry(Model):
    """What decides a refund; `amount` omitted or null asks for all that is left."""

    order_id: Id
    amount: Amount | None = None
    goods_condition: GoodsCondition


class RefundRequest(RefundInquiry):
    reason: Text | None = None
    evidence: Annotated[tuple[Reference, ...], Field(max_length=10)] = ()

    def digest(self) -> str:
        """SHA-256 of the parsed request: equal content is equal, whatever its bytes were."""
        return digest(self.model_dump(mode="json"))


class RefundPreview(Model):
    """What `POST /refunds` would accept now; a refusal is the same problem as its own."""

    order_id: Id
    amount: Amount
    currency: Currency
    refundable_after: int
    window_closes_at: Instant | None


class TimelineEntry(Model):
    status: RefundStatus
    at: Instant


class Refund(Model):
    """A refund as recorded. Each state is entered at most once, so its stamps are its timeline."""

    refund_id: Id
    order_id: Id
    merchant_id: Id
    buyer_id: Id
    amount: Amount
    currency: Currency
    status: RefundStatus
    goods_condition: GoodsCondition
    reason: Text | None = None
    evidence: tuple[Reference, ...] = ()
    request_digest: str
    requested_at: Instant
    awaiting_funds_at: Instant | None = None
    succeeded_at: Instant | None = None
    canceled_at: Instant | None = None
    reversed_at: Instant | None = None
    sources: dict[str, Amount] | None = None
    """Where the money came from, account by account, in minor units."""
    waits_for: str | None = None
    due_at: Instant | None = None
    """When the sweeper looks at it next, while it is open."""


class RefundView(Model):
    """A refund as its buyer and its merchant see it."""

    refund_id: Id
    order_id: Id
    merchant_id: Id
    buyer_id: Id
    amount: Amount
    currency: Currency
    status: RefundStatus
    goods_condition: GoodsCondition
    reason: Text | None
    evidence: tuple[Reference, ...]
    sources: dict[str, Amount] | None
    waits_for: str | None
    next_try_at: Instant | None
    timeline: list[TimelineEntry]


class RefundPage(Model):
    items: list[RefundView]
    next_cursor: str | None


def refund_id(buyer_id: str, idempotency_key: str) -> str:
    """The refund's id is derived from caller and key, so the refund itself is the key's record."""
    return derived_id("rf", caller=buyer_id, operation="refund", key=idempotency_key)


def reversal_id(refund_id: str) -> str:
    """The posting that takes a succeeded refund back: one for each refund, however long its id."""
    return derived_id("rv", caller="", operation="reversal", key=refund_id)


def view(refund: Refund) -> RefundView:
    waiting = refund.status is RefundStatus.AWAITING_FUNDS
    shared = refund.model_dump(include=RefundView.model_fields.keys() - {"waits_for"})
    return RefundView(
        **shared,
        waits_for=refund.waits_for if waiting else None,
        next_try_at=refund.due_at if waiting else None,
        timeline=timeline(refund),
    )


def timeline(refund: Refund) -> list[TimelineEntry]:
    began = RefundStatus.REFUSED
    if refund.status is not RefundStatus.REFUSED:
        began = RefundStatus.PENDING
    stamps = [
        (began, refund.requested_at),
        (RefundStatus.AWAITING_FUNDS, refund.awaiting_funds_at),
        (RefundStatus.SUCCEEDED, refund.succeeded_at),
        (RefundStatus.CANCELED, refund.canceled_at),
        (RefundStatus.REVERSED, refund.reversed_at),
    ]
    return [TimelineEntry(status=status, at=at) for status, at in stamps if at]
