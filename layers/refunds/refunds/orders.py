"""Orders, and the promise bound to each: whether it is covered is decided once, as recorded."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from refunds.errors import OrderConflict, OrderNotFound, OrderTimesImpossible
from refunds.fields import Amount, Balance, Currency, Digest, Id, Instant, Model
from refunds.members import Party, Role
from refunds.policies import ConfirmedPolicy
from refunds.times import format_instant

REFUND_WINDOW = timedelta(seconds=604_800)
"""7 days after the transaction completes (R7)."""
SOURCE = "marketplace.orders"
"""Of the events that tell of orders; the template's rule matches no other."""
CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far the platform's clock may be ahead of ours."""


class Uncovered(StrEnum):
    """Why an order has no instant refund; each is also the `code` of the refusal."""

    POLICY_NOT_CONFIRMED = "policy_not_confirmed"
    MERCHANT_SUSPENDED = "merchant_suspended"


class Suspension(Model):
    """A time, closed at its beginning and open at its end, in which orders are not covered."""

    began_at: Instant
    ended_at: Instant | None = None

    def in_force_at(self, instant: datetime) -> bool:
        return self.began_at <= instant and (self.ended_at is None or instant < self.ended_at)


class Coverage(Model):
    """The policy that covers an order, or why none does."""

    policy_digest: Digest | None = None
    policy_confirmed_at: Instant | None = None
    uncovered: Uncovered | None = None
    suspended_since: Instant | None = None


class OrderRecord(Model):
    """What the platform says of an order; each field is written once."""

    merchant_id: Id
    buyer_id: Id
    amount: Amount
    currency: Currency
    placed_at: Instant
    completed_at: Instant | None = None


class OrderCompleted(OrderRecord):
    """The event's detail: the same record, with its id and always a completion."""

    order_id: Id
    completed_at: Instant

    def record(self) -> OrderRecord:
        return OrderRecord(**self.model_dump(exclude={"order_id"}))


class Order(OrderRecord):
    order_id: Id
    refundable: Balance
    """What is left to refund, in minor units."""
    coverage: Coverage

    @property
    def refund_window_closes_at(self) -> datetime | None:
        """The last second in which a refund may be asked for."""
        return self.completed_at and self.completed_at + REFUND_WINDOW


class OrderView(Order):
    """An order as its merchant and its buyer see it."""

    window_closes_at: Instant | None


class OrderPage(Model):
    items: list[OrderView]
    next_cursor: str | None


class OrderStore(Protocol):
    def order(self, order_id: str) -> Order | None: ...
    def put_order(self, order: Order) -> bool: ...
    def complete_order(self, order: Order, completed_at: datetime) -> bool: ...
    def confirmed_policy(self, merchant_id: str) -> ConfirmedPolicy | None: ...
    def last_suspension(self, merchant_id: str, at: datetime) -> Suspension | None: ...


def coverage(
    placed_at: datetime, policy: ConfirmedPolicy | None, suspension: Suspension | None
) -> Coverage:
    """Covered: the policy was confirmed strictly before, and no suspension was in force."""
    confirmed_at = policy.confirmed_at if policy else None
    if policy is None or not policy.instant_refund or policy.confirmed_at >= placed_at:
        return Coverage(uncovered=Uncovered.POLICY_NOT_CONFIRMED, policy_confirmed_at=confirmed_at)
    if suspension and suspension.in_force_at(placed_at):
        return Coverage(
            uncovered=Uncovered.MERCHANT_SUSPENDED,
            policy_confirmed_at=confirmed_at,
            suspended_since=suspension.began_at,
        )
    return Coverage(policy_digest=policy.digest, policy_confirmed_at=confirmed_at)


def record(
    order_id: str, given: OrderRecord, *, store: OrderStore, now: datetime
) -> tuple[OrderView, bool]:
    """Record an order, or complete a recorded one. Returns it, and whether it is new.

    Raises:
        OrderTimesImpossible: not placed_at ≤ completed_at ≤ now + 60 s.
        OrderConflict: a field is recorded with other content.
    """
    _check_times(given, now)
    standing = store.order(order_id)
    if standing is None:
        policy = store.confirmed_policy(given.merchant_id)
        suspension = store.last_suspension(given.merchant_id, given.placed_at)
        order = Order(
            **dict(given),
            order_id=order_id,
            refundable=given.amount,
            coverage=coverage(given.placed_at, policy, suspension),
        )
        if store.put_order(order):
            return view(order), True
        standing = _found(store.order(order_id))
    return view(_merge(standing, given, store=store)), False


def view(order: Order) -> OrderView:
    return OrderView(**dict(order), window_closes_at=order.refund_window_closes_at)


def show(order_id: str, party: Party, *, store: OrderStore) -> OrderView:
    """Raises OrderNotFound, also when the order is another's."""
    return view(owned(store.order(order_id), party))


def owned(order: Order | None, party: Party) -> Order:
    """The order, if it is this party's. Raises OrderNotFound."""
    order = _found(order)
    owner = order.merchant_id if party.role is Role.MERCHANT else order.buyer_id
    if owner != party.id:
        raise OrderNotFound
    return order


def _check_times(given: OrderRecord, now: datetime) -> None:
    latest = now + CLOCK_TOLERANCE
    completed_at = given.completed_at or given.placed_at
    if not given.placed_at <= completed_at <= latest:
        raise OrderTimesImpossible(
            placed_at=format_instant(given.placed_at),
            completed_at=format_instant(completed_at),
            latest=format_instant(latest),
        )


def _merge(standing: Order, given: OrderRecord, *, store: OrderStore) -> Order:
    """Each field is written once: what is given must match, or complete the order."""
    written = OrderRecord.model_fields.keys() - {"completed_at"}
    differing = sorted(name for name in written if getattr(given, name) != getattr(standing, name))
    if differing:
        raise OrderConflict(fields=differing)
    if given.completed_at is None or given.completed_at == standing.completed_at:
        return standing
    if not store.complete_order(standing, given.completed_at):
        # Another completion came first: right if it said the same.
        standing = _found(store.order(standing.order_id))
        if standing.completed_at != given.completed_at:
            raise OrderConflict(fields=["completed_at"])
        return standing
    return standing.model_copy(update={"completed_at": given.completed_at})


def _found(order: Order | None) -> Order:
    if order is None:
        raise OrderNotFound
    return order
