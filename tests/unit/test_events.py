"""One event for every transition, the same each time it is told."""

from typing import Any

import pytest

from refunds import events
from refunds.events import Event
from tests.unit import examples
from tests.unit.examples import TERMS

AT = "2024-03-01T12:00:00.000000Z"
SEEN = "2024-03-02T00:00:00.000000Z"
CHANGE = "c4ca4238a0b923820dcc509a6f75849b"


def refund(status: str, **more: Any) -> dict[str, Any]:
    stamps: dict[str, dict[str, Any]] = {
        "pending": {},
        "refused": {},
        "awaiting_funds": {"awaiting_funds_at": AT, "waits_for": "funds"},
        "succeeded": {"succeeded_at": AT, "sources": {"available": 60, "deposit": 40}},
        "canceled": {"canceled_at": AT},
        "reversed": {"reversed_at": AT},
    }
    given = examples.refund().model_dump(mode="json", exclude_none=True)
    return {
        **given,
        "pk": "REFUND#rf_1",
        "sk": "REFUND",
        "status": status,
        **stamps[status],
        **more,
    }


def merchant(certification: str | None, **more: Any) -> dict[str, Any]:
    held = {"certification": certification} if certification else {}
    return {"pk": "MERCHANT#m", "sk": "MERCHANT", "merchant_id": "m", **held, **more}


def told(old: Any, new: Any) -> list[Event]:
    return [*events.of_change(old, new, refundable=700, changed_at=SEEN, change_id=CHANGE)]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, "pending", events.RefundAccepted),
        (None, "refused", events.RefundRefused),
        ("pending", "awaiting_funds", events.RefundAwaitingFunds),
        ("pending", "succeeded", events.RefundSucceeded),
        ("awaiting_funds", "succeeded", events.RefundSucceeded),
        ("pending", "canceled", events.RefundCanceled),
        ("awaiting_funds", "canceled", events.RefundCanceled),
        ("succeeded", "reversed", events.RefundReversed),
    ],
)
def test_each_transition_of_a_refund_is_told_with_its_amount_and_what_is_left(
    before: str | None, after: str, kind: type[events.RefundEvent]
) -> None:
    old, new = refund(before) if before else None, refund(after)
    [event] = told(old, new)
    assert type(event) is kind
    assert told(old, new) == [event]
    assert event.event_id == f"rf_1.{kind.__name__}"
    assert event.occurred_at == examples.NOON
    assert event.version == 1
    assert (event.amount, event.currency, event.refundable) == (100, "CNY", 700)
    assert (event.merchant_id, event.buyer_id) == (examples.MERCHANT, examples.BUYER)


def test_an_event_says_where_the_money_came_from_or_what_it_waits_for() -> None:
    [succeeded] = told(refund("pending"), refund("succeeded"))
    assert isinstance(succeeded, events.RefundSucceeded)
    assert succeeded.sources == {"available": 60, "deposit": 40}
    [waits] = told(refund("pending"), refund("awaiting_funds"))
    assert isinstance(waits, events.RefundAwaitingFunds)
    assert waits.waits_for == "funds"


@pytest.mark.parametrize("status", ["pending", "awaiting_funds", "succeeded"])
def test_what_changes_no_state_is_no_event(status: str) -> None:
    assert told(refund(status), refund(status, due_at=SEEN, tries=4)) == []


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, "submitted", events.CertificationSubmitted),
        ("refused", "submitted", events.CertificationSubmitted),
        ("submitted", "certified", events.MerchantCertified),
        ("submitted", "refused", events.CertificationRefused),
        ("certified", "suspended", events.MerchantSuspended),
        ("suspended", "certified", events.MerchantRestored),
    ],
)
def test_each_transition_of_a_merchant_is_told(
    before: str | None, after: str, kind: type[events.MerchantEvent]
) -> None:
    [event] = told(merchant(before), merchant(after, suspension_causes=["funds"]))
    assert type(event) is kind
    assert event.event_id == f"m.{kind.__name__}.{CHANGE}"
    assert event.merchant_id == "m"
    if isinstance(event, events.MerchantSuspended):
        assert event.causes == ("funds",)


def test_a_merchant_s_first_item_is_told_only_when_it_is_a_submission() -> None:
    assert [type(each) for each in told(None, merchant("submitted"))] == [
        events.CertificationSubmitted
    ]
    assert told(None, merchant(None, shop={})) == []
    suspended = merchant("suspended", suspension_causes=["funds"])
    assert told(suspended, suspended | {"suspension_causes": ["funds", "operator"]}) == []


def test_a_confirmed_policy_is_told_once() -> None:
    policy = {
        "pk": "POLICY#m",
        "sk": "POLICY",
        "merchant_id": "m",
        "digest": TERMS.digest(),
        "confirmed_at": AT,
    }
    [event] = told(None, policy)
    assert isinstance(event, events.RefundPolicyConfirmed)
    assert (event.event_id, event.digest) == ("m.RefundPolicyConfirmed", TERMS.digest())
    assert told(policy, policy) == []


@pytest.mark.parametrize("sk", ["ORDER", "WALLET", "POSTING", "DETAILS"])
def test_other_items_and_deletions_are_no_events(sk: str) -> None:
    assert told(None, {"pk": "x", "sk": sk}) == []
    assert told({"pk": "x", "sk": sk}, None) == []


def test_every_kind_of_event_is_listed_with_a_name_and_a_schema_of_its_own() -> None:
    kinds = {each.__name__ for each in events.ALL}
    assert len(kinds) == len(events.ALL) == 12
    assert all(each.model_json_schema()["additionalProperties"] is False for each in events.ALL)
