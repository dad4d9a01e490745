"""What the product tells others, on its event bus: one event for every transition.

Each is emitted from the table's stream at least once, with an `event_id` that is always the same
for the same transition. `docs/events/` has the JSON Schema of each, made from these models.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from refunds.fields import Amount, Balance, Currency, Digest, Id, Instant, Model
from refunds.refunds import RefundStatus
from refunds.standing import Cause, Status

SOURCE = "instant-refunds"
type Item = Mapping[str, Any]


class Event(Model):
    """`version` changes only when a consumer of the old one would be wrong."""

    version: Literal[1] = 1
    event_id: str
    occurred_at: Instant


class RefundEvent(Event):
    refund_id: Id
    order_id: Id
    merchant_id: Id
    buyer_id: Id
    amount: Amount
    currency: Currency
    refundable: Balance
    """What was left to refund of the order when the event was made, in minor units."""


class RefundAccepted(RefundEvent):
    pass


class RefundRefused(RefundEvent):
    pass


class RefundAwaitingFunds(RefundEvent):
    waits_for: str


class RefundSucceeded(RefundEvent):
    sources: dict[str, Amount]
    """Where the money came from, in minor units."""


class RefundCanceled(RefundEvent):
    pass


class RefundReversed(RefundEvent):
    pass


class MerchantEvent(Event):
    merchant_id: Id


class CertificationSubmitted(MerchantEvent):
    pass


class MerchantCertified(MerchantEvent):
    pass


class CertificationRefused(MerchantEvent):
    pass


class MerchantSuspended(MerchantEvent):
    causes: tuple[Cause, ...]


class MerchantRestored(MerchantEvent):
    pass


class RefundPolicyConfirmed(MerchantEvent):
    digest: Digest


ALL: tuple[type[Event], ...] = (
    RefundAccepted,
    RefundRefused,
    RefundAwaitingFunds,
    RefundSucceeded,
    RefundCanceled,
    RefundReversed,
    CertificationSubmitted,
    MerchantCertified,
    CertificationRefused,
    MerchantSuspended,
    MerchantRestored,
    RefundPolicyConfirmed,
)

_REFUNDS: dict[str, tuple[type[RefundEvent], str]] = {
    RefundStatus.PENDING: (RefundAccepted, "requested_at"),
    RefundStatus.REFUSED: (RefundRefused, "requested_at"),
    RefundStatus.AWAITING_FUNDS: (RefundAwaitingFunds, "awaiting_funds_at"),
    RefundStatus.SUCCEEDED: (RefundSucceeded, "succeeded_at"),
    RefundStatus.CANCELED: (RefundCanceled, "canceled_at"),
    RefundStatus.REVERSED: (RefundReversed, "reversed_at"),
}
_STANDINGS: dict[tuple[str | None, str], type[MerchantEvent]] = {
    (None, Status.SUBMITTED): CertificationSubmitted,
    (Status.REFUSED, Status.SUBMITTED): CertificationSubmitted,
    (Status.SUBMITTED, Status.CERTIFIED): MerchantCertified,
    (Status.SUBMITTED, Status.REFUSED): CertificationRefused,
    (Status.CERTIFIED, Status.SUSPENDED): MerchantSuspended,
    (Status.SUSPENDED, Status.CERTIFIED): MerchantRestored,
}


def of_change(
    old: Item | None, new: Item | None, *, refundable: int, changed_at: str, change_id: str
) -> Iterator[Event]:
    """The events of one item's change. `refundable` is that of the order of a refund.

    A refund enters each state once, which is its event's id; a merchant may be suspended many
    times, so that its events are told apart by `change_id`, the stream's own.
    """
    if new is None:
        return
    before = old or {}
    if new["sk"] == "REFUND" and before.get("status") != new["status"]:
        yield _of_refund(new, refundable)
    elif new["sk"] == "MERCHANT" and before.get("certification") != new.get("certification"):
        kind = _STANDINGS[before.get("certification"), new["certification"]]
        yield kind.model_validate(
            {
                "event_id": f"{new['merchant_id']}.{kind.__name__}.{change_id}",
                "occurred_at": changed_at,
                "merchant_id": new["merchant_id"],
                **({"causes": new["suspension_causes"]} if kind is MerchantSuspended else {}),
            }
        )
    elif new["sk"] == "POLICY" and old is None:
        yield RefundPolicyConfirmed(
            event_id=f"{new['merchant_id']}.RefundPolicyConfirmed",
            occurred_at=new["confirmed_at"],
            merchant_id=new["merchant_id"],
            digest=new["digest"],
        )


def _of_refund(item: Item, refundable: int) -> RefundEvent:
    kind, stamp = _REFUNDS[item["status"]]
    values = {
        "event_id": f"{item['refund_id']}.{kind.__name__}",
        "occurred_at": item[stamp],
        "refundable": refundable,
        **{name: item[name] for name in RefundEvent.model_fields if name in item},
    }
    if kind is RefundSucceeded:
        values["sources"] = item["sources"]
    if kind is RefundAwaitingFunds:
        values["waits_for"] = item["waits_for"]
    return kind.model_validate(values)
