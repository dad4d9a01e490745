"""May this refund be? One pure function, asked by the preview and by the request alike."""

from datetime import datetime
from typing import NoReturn

from refunds.errors import (
    AmountExceedsRefundable,
    GoodsNotIntact,
    MerchantSuspended,
    PolicyNotConfirmed,
    RefundWindowClosed,
    TransactionNotCompleted,
)
from refunds.orders import Order, Uncovered
from refunds.refunds import GoodsCondition
from refunds.times import format_instant

REFUSALS = (
    PolicyNotConfirmed,
    MerchantSuspended,
    TransactionNotCompleted,
    RefundWindowClosed,
    GoodsNotIntact,
    AmountExceedsRefundable,
)
"""In the order they are checked."""


def decide(
    order: Order, amount: int | None, condition: GoodsCondition, *, arrived_at: datetime
) -> int:
    """The amount to refund, in minor units; none given means all that is left.

    The rules are checked in this order, and the window in whole seconds: it is open while
    `arrived_at` ≤ completion + 604,800 s (R7).

    Raises:
        PolicyNotConfirmed, MerchantSuspended: the order was not covered when it was placed.
        TransactionNotCompleted: nothing to refund yet.
        RefundWindowClosed: too late.
        GoodsNotIntact: the goods are damaged, used or incomplete (R11).
        AmountExceedsRefundable: more than is left, or nothing is left.
    """
    if order.coverage.uncovered:
        _refuse_uncovered(order, order.coverage.uncovered)
    closes_at = order.refund_window_closes_at
    if closes_at is None:
        raise TransactionNotCompleted(placed_at=format_instant(order.placed_at))
    if arrived_at.replace(microsecond=0) > closes_at.replace(microsecond=0):
        raise RefundWindowClosed(
            window_closes_at=format_instant(closes_at), arrived_at=format_instant(arrived_at)
        )
    if condition is not GoodsCondition.INTACT:
        raise GoodsNotIntact(goods_condition=condition)
    wanted = order.refundable if amount is None else amount
    if not 0 < wanted <= order.refundable:
        raise AmountExceedsRefundable(
            refundable=order.refundable, requested=amount, currency=order.currency
        )
    return wanted


def _refuse_uncovered(order: Order, uncovered: Uncovered) -> NoReturn:
    placed_at = format_instant(order.placed_at)
    if uncovered is Uncovered.MERCHANT_SUSPENDED:
        raise MerchantSuspended(
            placed_at=placed_at, suspended_since=_text(order.coverage.suspended_since)
        )
    raise PolicyNotConfirmed(
        placed_at=placed_at, policy_confirmed_at=_text(order.coverage.policy_confirmed_at)
    )


def _text(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant else None
