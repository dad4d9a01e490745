"""Refund request intake (R7, R8): recorded in one transaction with the order, or not at all."""

from datetime import datetime, timedelta
from typing import Protocol

from refunds import eligibility, orders, refunds
from refunds.errors import (
    Busy,
    GoodsNotIntact,
    IdempotencyKeyReused,
    RefundNotCancelable,
    RefundNotFound,
)
from refunds.members import Party, Role
from refunds.orders import Order
from refunds.refunds import Refund, RefundInquiry, RefundPreview, RefundRequest, RefundStatus

SWEEP_DELAY = timedelta(seconds=45)
"""How long a refund may stay pending before the sweeper first sends its message again."""
ATTEMPTS = 5
"""How often intake decides anew when another request changed the order meanwhile."""


class Superseded(Exception):
    """Another request changed what this one was decided on; nothing was written."""


class IntakeStore(Protocol):
    def order(self, order_id: str) -> Order | None: ...
    def refund(self, refund_id: str) -> Refund | None: ...
    def cancel(self, refund: Refund, *, now: datetime) -> bool: ...

    def accept(self, refund: Refund) -> None:
        """Raises Superseded: the id is taken, or less than the amount is refundable."""

    def refuse(self, refund: Refund) -> None:
        """Raises Superseded: the id is taken."""


def preview(
    buyer_id: str, inquiry: RefundInquiry, *, store: IntakeStore, arrived_at: datetime
) -> RefundPreview:
    """What `request` would answer now; nothing is written. Raises as `request` does."""
    order = orders.owned(store.order(inquiry.order_id), Party(Role.BUYER, buyer_id))
    amount = eligibility.decide(
        order, inquiry.amount, inquiry.goods_condition, arrived_at=arrived_at
    )
    return RefundPreview(
        order_id=order.order_id,
        amount=amount,
        currency=order.currency,
        refundable_after=order.refundable - amount,
        window_closes_at=order.refund_window_closes_at,
    )


def request(
    buyer_id: str,
    idempotency_key: str,
    wanted: RefundRequest,
    *,
    store: IntakeStore,
    arrived_at: datetime,
) -> tuple[Refund, bool]:
    """Accept a refund. Returns it, and whether it is new; the key is looked up before any rule.

    Raises:
        IdempotencyKeyReused: the key was used for other content.
        OrderNotFound: no such order, or another's.
        GoodsNotIntact: recorded as a refused refund under the key, its id among the facts.
        RefundsError: each other refusal of `eligibility.decide`; nothing is written.
        Busy: the order changed each time a decision was about to be written.
    """
    refund_id = refunds.refund_id(buyer_id, idempotency_key)
    for _ in range(ATTEMPTS):
        earlier = store.refund(refund_id)
        if earlier:
            return _replayed(earlier, wanted), False
        try:
            return _decide(refund_id, buyer_id, wanted, store=store, arrived_at=arrived_at), True
        except Superseded:
            continue
        except GoodsNotIntact:
            raise  # recorded under the key
        except eligibility.REFUSALS:
            # Since the key was looked up, its own first request may have been accepted.
            earlier = store.refund(refund_id)
            if earlier is None:
                raise
            return _replayed(earlier, wanted), False
    raise Busy


def cancel(refund_id: str, party: Party, *, store: IntakeStore, now: datetime) -> Refund:
    """Take an open refund back; what it reserved of the order is refundable again.

    Raises:
        RefundNotFound: no such refund, or another's.
        RefundNotCancelable: it succeeded or was refused.
    """
    refund = owned(store.refund(refund_id), party)
    store.cancel(refund, now=now)
    # Read back whatever happened: a repeated cancel, or one that lost a race, tells the outcome.
    refund = owned(store.refund(refund_id), party)
    if refund.status is not RefundStatus.CANCELED:
        raise RefundNotCancelable(status=refund.status)
    return refund


def existing(refund: Refund | None) -> Refund:
    """Raises RefundNotFound."""
    if refund is None:
        raise RefundNotFound
    return refund


def owned(refund: Refund | None, party: Party) -> Refund:
    """The refund, if it is this party's. Raises RefundNotFound."""
    found = existing(refund)
    owner = found.merchant_id if party.role is Role.MERCHANT else found.buyer_id
    if owner != party.id:
        raise RefundNotFound
    return found


def _decide(
    refund_id: str,
    buyer_id: str,
    wanted: RefundRequest,
    *,
    store: IntakeStore,
    arrived_at: datetime,
) -> Refund:
    order = orders.owned(store.order(wanted.order_id), Party(Role.BUYER, buyer_id))
    refund = Refund(
        **wanted.model_dump(exclude={"amount"}),
        amount=wanted.amount or order.amount,
        refund_id=refund_id,
        merchant_id=order.merchant_id,
        buyer_id=order.buyer_id,
        currency=order.currency,
        status=RefundStatus.PENDING,
        request_digest=wanted.digest(),
        requested_at=arrived_at,
        due_at=arrived_at + SWEEP_DELAY,
    )
    try:
        amount = eligibility.decide(
            order, wanted.amount, wanted.goods_condition, arrived_at=arrived_at
        )
    except GoodsNotIntact:
        refused = refund.model_copy(update={"status": RefundStatus.REFUSED, "due_at": None})
        store.refuse(refused)
        raise _refused(refused) from None
    accepted = refund.model_copy(update={"amount": amount})
    store.accept(accepted)
    return accepted


def _replayed(earlier: Refund, wanted: RefundRequest) -> Refund:
    if earlier.request_digest != wanted.digest():
        raise IdempotencyKeyReused
    if earlier.status is RefundStatus.REFUSED:
        raise _refused(earlier)
    return earlier


def _refused(refund: Refund) -> GoodsNotIntact:
    return GoodsNotIntact(goods_condition=refund.goods_condition, refund_id=refund.refund_id)
