"""Each HTTP function called as API Gateway calls it: what it answers, and what is stored then."""

import json
from datetime import timedelta
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import pytest

from refunds import table
from refunds.members import Membership
from refunds.standing import Cause
from refunds.stores.members import MemberStore
from refunds.stores.merchants import MerchantStore
from refunds.stores.policies import PolicyStore
from tests.stores import wire
from tests.unit import api, examples
from tests.unit.api import Answer, Claims, Context
from tests.unit.cloud import (
    BOTH,
    BUYER,
    OPERATOR,
    OTHER_BUYER,
    OTHER_SELLER,
    PLATFORM,
    POWERLESS,
    SELLER,
    STRANGER,
    Cloud,
    certify_merchants,
    correct_ledger,
    manage_members,
    manage_wallet,
    operate_merchants,
    process_debits,
    read_statement,
    reconcile_ledger,
    record_orders,
    request_refund,
    serve_docs,
    submit_policy,
)

APPLICATION = examples.APPLICATION.model_dump(mode="json")
SHOP = examples.SHOP.model_dump(mode="json")
TERMS = examples.TERMS.model_dump(mode="json")
CREDIT = {"amount": 100_000, "currency": "CNY", "source": "top_up", "target": "wallet"}
NOON = examples.NOON
"""Long past: some functions read the clock themselves, and none finds these times too late."""


# ── Steps that many tests begin with ────────────────────────────────────────────────────────────


def decide(cloud: Cloud, decision: str, merchant_id: str = examples.MERCHANT) -> Answer:
    body = {"decision": decision, "reason": "核查"}
    path = f"/certifications/{merchant_id}/decision"
    return cloud.call(certify_merchants, "POST", path, OPERATOR, body=body)


def certify(cloud: Cloud) -> None:
    assert cloud.call(certify_merchants, "PUT", "/shop", SELLER, body=SHOP).status == 200
    submitted = cloud.call(certify_merchants, "POST", "/certification", SELLER, body=APPLICATION)
    assert submitted.status == 201
    assert decide(cloud, "certified").status == 200


def draft(cloud: Cloud, **changed: Any) -> str:
    answer = cloud.call(submit_policy, "PUT", "/refund-policy/draft", SELLER, body=TERMS | changed)
    assert answer.status == 200
    digest: str = answer.body["digest"]
    return digest


def confirm(cloud: Cloud, digest: str) -> Answer:
    body = {"digest": digest}
    return cloud.call(submit_policy, "POST", "/refund-policy/confirm", SELLER, body=body)


def put_order(cloud: Cloud, order_id: str = examples.ORDER, **changed: Any) -> Answer:
    body = {
        "merchant_id": examples.MERCHANT,
        "buyer_id": examples.BUYER,
        "amount": 1000,
        "currency": "CNY",
        "placed_at": (NOON - timedelta(days=2)).isoformat(),
        "completed_at": (NOON - timedelta(days=1)).isoformat(),
    }
    body = {name: value for name, value in (body | changed).items() if value is not None}
    return cloud.call(record_orders, "PUT", f"/orders/{order_id}", PLATFORM, body=body)


def open_for_refunds(cloud: Cloud) -> None:
    """Certified, confirmed long ago, and an order of 1000 that is covered and completed."""
    certify(cloud)
    draft(cloud)
    cloud.store(PolicyStore).confirm(examples.confirmed_policy())
    answer = put_order(cloud)
    assert answer.status == 201
    assert answer.body["coverage"]["uncovered"] is None


def ask(cloud: Cloud, key: str | None = "k1", claims: Claims = BUYER, **changed: Any) -> Answer:
    body = {"order_id": examples.ORDER, "goods_condition": "intact"} | changed
    at = changed.pop("at", NOON)
    body.pop("at", None)
    return cloud.call(request_refund, "POST", "/refunds", claims, body=body, key=key, at=at)


def credit(cloud: Cloud, key: str | None = "c1", **changed: Any) -> Answer:
    path = f"/merchants/{examples.MERCHANT}/wallet/credits"
    return cloud.call(manage_wallet, "POST", path, PLATFORM, body=CREDIT | changed, key=key)


def refundable(cloud: Cloud) -> int:
    answer = cloud.call(record_orders, "GET", f"/orders/{examples.ORDER}", BUYER)
    left: int = answer.body["refundable"]
    return left


def test_a_refund_comes_all_the_way_from_certification_to_the_buyer_s_balance(
    cloud: Cloud,
) -> None:
    open_for_refunds(cloud)
    assert credit(cloud).status == 201
    accepted = ask(cloud, amount=333, reason="不要了", evidence=["s3://photos/1.jpg"])
    assert accepted.status == 202
    assert accepted.body["status"] == "pending"
    assert accepted.headers["location"] == f"/refunds/{accepted.body['refund_id']}"
    assert refundable(cloud) == 667

    assert cloud.deliver(*cloud.messages()) == set()

    settled = cloud.call(request_refund, "GET", accepted.headers["location"], BUYER)
    assert settled.body["status"] == "succeeded"
    assert settled.body["sources"] == {"available": 333}
    assert settled.body["reason"] == "不要了"
    assert [each["status"] for each in settled.body["timeline"]] == ["pending", "succeeded"]
    seller = cloud.call(manage_wallet, "GET", "/wallet", SELLER).body
    assert seller["wallets"][0]["available"] == 100_000 - 333
    buyer = cloud.call(manage_wallet, "GET", "/wallet", BUYER).body
    assert buyer["wallets"] == [wallet_of("CNY", available=333)]


# ── Who may call ────────────────────────────────────────────────────────────────────────────────

INQUIRY = {"order_id": examples.ORDER, "goods_condition": "intact"}
ORDER = examples.order_record().model_dump(mode="json")
DECISION = {"decision": "certified"}
PAYOUT = {"amount": 1, "currency": "CNY"}
LIMITS = {"currency": "CNY", "deposit_required": 0, "guarantee_limit": 0}
CORRECTION = {
    "currency": "CNY",
    "legs": [
        {"account": "merchant:m:available", "amount": 1},
        {"account": "platform:guarantee", "amount": -1},
    ],
    "reason": "核对",
}
CALLS: list[tuple[ModuleType, str, str, dict[str, Any] | None, str]] = [
    (manage_members, "PUT", "/members/wang", {"merchant_id": "m"}, "service"),
    (manage_members, "DELETE", "/members/wang", None, "service"),
    (record_orders, "PUT", "/orders/o1", ORDER, "service"),
    (manage_wallet, "POST", "/merchants/m/wallet/credits", CREDIT, "service"),
    (certify_merchants, "GET", "/shop", None, "merchant"),
    (certify_merchants, "PUT", "/shop", {}, "merchant"),
    (certify_merchants, "GET", "/certification", None, "merchant"),
    (certify_merchants, "POST", "/certification", APPLICATION, "merchant"),
    (submit_policy, "GET", "/refund-policy", None, "merchant"),
    (submit_policy, "PUT", "/refund-policy/draft", TERMS, "merchant"),
    (submit_policy, "POST", "/refund-policy/confirm", {"digest": "0" * 64}, "merchant"),
    (certify_merchants, "GET", "/certifications", None, "operator"),
    (certify_merchants, "POST", "/certifications/m/decision", DECISION, "operator"),
    (request_refund, "POST", "/refunds/preview", INQUIRY, "buyer"),
    (request_refund, "POST", "/refunds", INQUIRY, "buyer"),
    (request_refund, "POST", "/refunds/rf_1/cancel", None, "buyer"),
    (request_refund, "GET", "/refunds/rf_1", None, "party"),
    (request_refund, "GET", "/refunds", None, "party"),
    (record_orders, "GET", "/orders", None, "party"),
    (record_orders, "GET", "/orders/o1", None, "party"),
    (manage_wallet, "GET", "/wallet", None, "party"),
    (manage_wallet, "POST", "/merchants/m/wallet/payouts", PAYOUT, "service"),
    (manage_wallet, "POST", "/buyers/b/payouts", PAYOUT, "service"),
    (read_statement, "GET", "/wallet/statement?currency=CNY", None, "party"),
    (read_statement, "GET", "/wallet/statement.csv?currency=CNY", None, "party"),
    (read_statement, "GET", "/wallet/statement/months?currency=CNY", None, "party"),
    (operate_merchants, "GET", "/merchants/m", None, "operator"),
    (operate_merchants, "PUT", "/merchants/m/limits", LIMITS, "operator"),
    (operate_merchants, "POST", "/merchants/m/freeze", {"currency": "CNY"}, "operator"),
    (operate_merchants, "POST", "/merchants/m/unfreeze", {"currency": "CNY"}, "operator"),
    (operate_merchants, "PUT", "/merchants/m/shards", {"currency": "CNY", "shards": 2}, "operator"),
    (operate_merchants, "GET", "/merchants/m/waiting-refunds?currency=CNY", None, "operator"),
    (correct_ledger, "POST", "/corrections", CORRECTION, "operator"),
    (correct_ledger, "GET", "/corrections", None, "operator"),
    (correct_ledger, "POST", "/corrections/co_1/approve", None, "operator"),
    (correct_ledger, "POST", "/corrections/co_1/reject", None, "operator"),
    (correct_ledger, "POST", "/refunds/rf_1/reversal", {"reason": "x"}, "operator"),
    (reconcile_ledger, "GET", "/reconciliation", None, "operator"),
    (reconcile_ledger, "POST", "/reconciliation", None, "operator"),
]
NOT_ALLOWED: dict[str, list[tuple[Claims, str]]] = {
    "service": [(each, "scope_required") for each in (SELLER, OPERATOR, POWERLESS)],
    "merchant": [(each, "membership_required") for each in (BUYER, OPERATOR, PLATFORM)],
    "operator": [(each, "membership_required") for each in (SELLER, BUYER, PLATFORM)],
    "buyer": [(each, "membership_required") for each in (SELLER, OPERATOR, PLATFORM)],
    "party": [
        (OPERATOR, "membership_required"),
        (PLATFORM, "membership_required"),
        (BOTH, "role_required"),
    ],
}
NO_TOKENS = [None, {}, SELLER | {"token_use": "id"}, SELLER | {"client_id": "another"}]


@pytest.mark.parametrize(
    ("function", "method", "path", "body", "kind"), CALLS, ids=lambda each: str(each)[:40]
)
def test_a_call_is_for_those_it_is_for_and_nothing_is_written_for_others(
    *,
    cloud: Cloud,
    function: ModuleType,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    kind: str,
) -> None:
    before = cloud.items()
    refusals = [(claims, "access_token_required") for claims in NO_TOKENS]
    refusals += [*NOT_ALLOWED[kind]]
    if kind != "service":
        refusals.append((STRANGER, "membership_required"))
    for claims, code in refusals:
        bare, _, given = path.partition("?")
        query = dict(parse_qsl(given)) or None
        answer = cloud.call(function, method, bare, claims, body=body, key="k", query=query)
        assert (answer.code, claims) == (code, claims)
    assert cloud.items() == before


def test_a_person_who_is_both_says_as_which_and_is_answered_as_that(cloud: Cloud) -> None:
    for role in ("merchant", "buyer"):
        answer = cloud.call(manage_wallet, "GET", "/wallet", BOTH, query={"as": role})
        assert answer.body == {"role": role, "wallets": []}
    other = cloud.call(manage_wallet, "GET", "/wallet", BUYER, query={"as": "merchant"})
    assert other.code == "membership_required"
    nobody = cloud.call(manage_wallet, "GET", "/wallet", BOTH, query={"as": "operator"})
    assert nobody.code == "invalid_request"


# ── Members ─────────────────────────────────────────────────────────────────────────────────────


def test_a_membership_holds_from_its_writing_until_it_is_revoked(cloud: Cloud) -> None:
    wang = api.person("wang")
    body = {"merchant_id": "merchant-9"}
    put = cloud.call(manage_members, "PUT", "/members/wang", PLATFORM, body=body)
    assert put.body == {"merchant_id": "merchant-9", "buyer_id": None, "operator": False}
    assert cloud.call(certify_merchants, "GET", "/shop", wang).status == 200
    assert cloud.call(manage_members, "DELETE", "/members/wang", PLATFORM).status == 204
    gone = cloud.call(certify_merchants, "GET", "/shop", wang)
    assert gone.code == "membership_required"
    again = cloud.call(manage_members, "DELETE", "/members/wang", PLATFORM)
    assert again.code == "member_not_found"


def test_a_membership_is_replaced_as_a_whole(cloud: Cloud) -> None:
    cloud.call(manage_members, "PUT", "/members/seller", PLATFORM, body={"operator": True})
    assert cloud.store(MemberStore).membership("seller") == Membership(operator=True)


# ── Shop and certification ──────────────────────────────────────────────────────────────────────


def test_a_shop_names_what_is_missing_until_it_is_complete(cloud: Cloud) -> None:
    empty = cloud.call(certify_merchants, "GET", "/shop", SELLER).body
    assert (empty["complete"], len(empty["missing"])) == (False, 5)
    part = {"name": "示例小店", "category": "服饰"}
    partly = cloud.call(certify_merchants, "PUT", "/shop", SELLER, body=part).body
    assert partly["missing"] == ["logo_url", "customer_service_phone", "return_address"]
    cloud.call(certify_merchants, "PUT", "/shop", SELLER, body=SHOP)
    full = cloud.call(certify_merchants, "GET", "/shop", SELLER).body
    assert (full["complete"], full["missing"], full["name"]) == (True, [], "示例小店")


def test_a_shop_cannot_be_called_complete_from_outside(cloud: Cloud) -> None:
    answer = cloud.call(certify_merchants, "PUT", "/shop", SELLER, body={"complete": True})
    assert answer.code == "invalid_request"


def test_a_certification_is_submitted_refused_submitted_again_and_certified(cloud: Cloud) -> None:
    none = cloud.call(certify_merchants, "GET", "/certification", SELLER)
    assert none.code == "certification_not_found"
    first = cloud.call(certify_merchants, "POST", "/certification", SELLER, body=APPLICATION)
    assert (first.status, first.body["status"]) == (201, "submitted")
    twice = cloud.call(certify_merchants, "POST", "/certification", SELLER, body=APPLICATION)
    assert (twice.code, twice.body["facts"]) == (
        "certification_state_conflict",
        {"status": "submitted"},
    )
    refused = decide(cloud, "refused")
    assert (refused.body["status"], refused.body["reason"]) == ("refused", "核查")
    again = cloud.call(certify_merchants, "POST", "/certification", SELLER, body=APPLICATION)
    assert (again.body["status"], again.body["decision"]) == ("submitted", None)
    assert decide(cloud, "certified").body["status"] == "certified"
    assert decide(cloud, "certified").code == "certification_state_conflict"
    assert decide(cloud, "suspended").body["suspension_causes"] == ["operator"]
    assert decide(cloud, "certified").body["suspension_causes"] == []


def test_a_decision_needs_a_submission_and_a_refusal_its_reason(cloud: Cloud) -> None:
    assert decide(cloud, "certified").code == "certification_not_found"
    body = {"decision": "refused"}
    path = f"/certifications/{examples.MERCHANT}/decision"
    answer = cloud.call(certify_merchants, "POST", path, OPERATOR, body=body)
    assert answer.code == "reason_required"


def test_an_operator_sees_the_submitted_ones_until_they_are_decided(cloud: Cloud) -> None:
    for claims in (SELLER, OTHER_SELLER):
        cloud.call(certify_merchants, "POST", "/certification", claims, body=APPLICATION)
    decide(cloud, "certified")

    def listed(**query: str) -> list[str]:
        answer = cloud.call(certify_merchants, "GET", "/certifications", OPERATOR, query=query)
        assert answer.body["next_cursor"] is None
        return [each["merchant_id"] for each in answer.body["items"]]

    assert listed() == listed(status="submitted") == ["merchant-2"]
    assert listed(status="certified") == [examples.MERCHANT]
    assert listed(status="suspended") == []


# ── The policy ──────────────────────────────────────────────────────────────────────────────────


def policy(cloud: Cloud) -> Any:
    return cloud.call(submit_policy, "GET", "/refund-policy", SELLER).body


def badge(cloud: Cloud) -> Any:
    path = f"/merchants/{examples.MERCHANT}/refund-policy"
    return cloud.call(submit_policy, "GET", path).body


def test_a_policy_is_drafted_reviewed_and_confirmed_once(cloud: Cloud) -> None:
    assert policy(cloud)["status"] == "none"
    certify(cloud)
    assert draft(cloud, instant_refund=False) != examples.TERMS.digest()
    digest = draft(cloud)
    assert digest == examples.TERMS.digest()
    reviewed = policy(cloud)
    assert (reviewed["status"], reviewed["digest"]) == ("draft", digest)
    assert reviewed["statement"] == TERMS["statement"]
    assert badge(cloud)["instant_refund"] is False

    confirmed = confirm(cloud, digest)
    assert (confirmed.status, confirmed.body["status"]) == (201, "confirmed")
    again = confirm(cloud, digest)
    assert (again.status, again.body) == (200, confirmed.body)
    assert policy(cloud) == confirmed.body
    assert badge(cloud)["enabled_since"] == confirmed.body["confirmed_at"]


def test_a_confirmed_policy_takes_no_draft_and_no_other_digest(cloud: Cloud) -> None:
    certify(cloud)
    digest = draft(cloud)
    confirm(cloud, digest)
    stored = cloud.item(table.policy(examples.MERCHANT))
    edited = cloud.call(submit_policy, "PUT", "/refund-policy/draft", SELLER, body=TERMS)
    for answer in (edited, confirm(cloud, "0" * 64)):
        assert (answer.status, answer.code) == (409, "policy_already_confirmed")
        assert answer.body["facts"] == {"confirmed_digest": digest}
    assert cloud.item(table.policy(examples.MERCHANT)) == stored


def test_each_refusal_of_a_confirmation_writes_nothing(cloud: Cloud) -> None:
    assert confirm(cloud, draft(cloud)).code == "merchant_not_certified"
    cloud.call(certify_merchants, "POST", "/certification", SELLER, body=APPLICATION)
    assert confirm(cloud, draft(cloud)).code == "merchant_not_certified"
    decide(cloud, "certified")
    assert confirm(cloud, draft(cloud)).code == "shop_incomplete"
    cloud.call(certify_merchants, "PUT", "/shop", SELLER, body=SHOP)
    reviewed = draft(cloud)
    changed = draft(cloud, statement=TERMS["statement"] | {"reasons": "别的"})
    stale = confirm(cloud, reviewed)
    assert (stale.code, stale.body["facts"]) == ("policy_draft_changed", {"draft_digest": changed})
    assert confirm(cloud, draft(cloud, instant_refund=False)).code == "instant_refund_off"
    decide(cloud, "suspended")
    assert confirm(cloud, draft(cloud)).code == "merchant_not_certified"
    assert cloud.item(table.policy(examples.MERCHANT)) is None


def test_nothing_is_confirmed_without_a_draft(cloud: Cloud) -> None:
    certify(cloud)
    answer = confirm(cloud, "0" * 64)
    assert (answer.code, answer.body["facts"]) == ("policy_draft_changed", {"draft_digest": None})


def test_a_suspension_takes_the_badge_away_and_its_end_gives_it_back(cloud: Cloud) -> None:
    certify(cloud)
    confirm(cloud, draft(cloud))
    decide(cloud, "suspended")
    assert badge(cloud) == {
        "merchant_id": examples.MERCHANT,
        "instant_refund": False,
        "enabled_since": None,
        "statement": None,
        "digest": None,
    }
    decide(cloud, "certified")
    assert badge(cloud)["instant_refund"] is True


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_recorded_once_and_completed_once(cloud: Cloud) -> None:
    first = put_order(cloud, completed_at=None)
    assert (first.status, first.body["completed_at"], first.body["window_closes_at"]) == (
        201,
        None,
        None,
    )
    assert put_order(cloud, completed_at=None).status == 200
    completed = put_order(cloud)
    assert (completed.status, completed.body["completed_at"] is None) == (200, False)
    assert put_order(cloud).body == completed.body
    assert put_order(cloud, completed_at=None).body == completed.body
    assert put_order(cloud, completed_at=NOON.isoformat()).code == "order_conflict"


@pytest.mark.parametrize(
    "changed",
    [
        {"merchant_id": "merchant-2"},
        {"buyer_id": "buyer-2"},
        {"amount": 1001},
        {"currency": "JPY"},
        {"placed_at": (NOON - timedelta(days=3)).isoformat()},
    ],
)
def test_an_order_s_recorded_field_is_never_written_again(
    cloud: Cloud, changed: dict[str, Any]
) -> None:
    put_order(cloud)
    stored = cloud.item(table.order(examples.ORDER))
    assert put_order(cloud, **changed).code == "order_conflict"
    assert cloud.item(table.order(examples.ORDER)) == stored


@pytest.mark.parametrize(
    "changed",
    [
        {"completed_at": (NOON - timedelta(days=2, microseconds=1)).isoformat()},
        {"completed_at": "9999-01-01T00:00:00Z"},
        {"placed_at": "9999-01-01T00:00:00Z", "completed_at": None},
    ],
)
def test_an_order_s_times_must_be_possible(cloud: Cloud, changed: dict[str, Any]) -> None:
    assert put_order(cloud, **changed).code == "order_times_impossible"
    assert cloud.item(table.order(examples.ORDER)) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": 0},
        {"amount": 10**12 + 1},
        {"currency": "CNX"},
        {"currency": "cny"},
        {"placed_at": "2026-03-01T12:00:00"},
        {"placed_at": 1_772_366_400},
        {"placed_at": "0001-01-01T00:00:00+14:00"},
        {"merchant_id": "a b"},
        {"refundable": 1},
    ],
)
def test_an_order_with_a_malformed_field_is_refused(cloud: Cloud, changed: dict[str, Any]) -> None:
    assert put_order(cloud, **changed).code == "invalid_request"


def test_an_order_placed_before_the_confirmation_is_not_covered(cloud: Cloud) -> None:
    certify(cloud)
    confirm(cloud, draft(cloud))
    before = put_order(cloud, placed_at="2024-01-01T00:00:00Z")
    assert before.body["coverage"]["uncovered"] == "policy_not_confirmed"
    assert ask(cloud).code == "policy_not_confirmed"


def test_an_order_placed_under_a_suspension_is_not_covered_and_one_before_it_stays_so(
    cloud: Cloud,
) -> None:
    open_for_refunds(cloud)
    began_at = NOON - timedelta(days=1, hours=12)
    cloud.store(MerchantStore).suspend(
        examples.MERCHANT, Cause.OPERATOR, "核查", by="operator", now=began_at
    )
    assert ask(cloud, amount=1).status == 202
    put_order(cloud, "order-2", placed_at=began_at.isoformat())
    refused = ask(cloud, "k2", order_id="order-2")
    assert refused.code == "merchant_suspended"
    assert refused.body["facts"]["suspended_since"] == "2024-02-29T00:00:00.000000Z"


def test_orders_are_listed_to_their_own_parties_newest_first_and_page_by_page(
    cloud: Cloud,
) -> None:
    for number in range(5):
        placed = f"2024-02-0{number + 1}T00:00:00Z"
        put_order(cloud, f"order-{number}", placed_at=placed, completed_at=None)
    put_order(cloud, "other", merchant_id="merchant-2", buyer_id="buyer-2")
    for claims in (SELLER, BUYER):
        seen: list[str] = []
        query: dict[str, str] = {"limit": "2"}
        while True:
            page = cloud.call(record_orders, "GET", "/orders", claims, query=query).body
            seen += [each["order_id"] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == [f"order-{number}" for number in (4, 3, 2, 1, 0)]


def test_a_cursor_is_no_good_to_another_caller_or_for_another_list(cloud: Cloud) -> None:
    for number in range(2):
        put_order(cloud, f"order-{number}")
    page = cloud.call(record_orders, "GET", "/orders", BUYER, query={"limit": "1"}).body
    cursor = {"cursor": page["next_cursor"]}
    assert cursor["cursor"]
    others = [
        cloud.call(record_orders, "GET", "/orders", OTHER_BUYER, query=cursor),
        cloud.call(record_orders, "GET", "/orders", SELLER, query=cursor),
        cloud.call(request_refund, "GET", "/refunds", BUYER, query=cursor),
        cloud.call(record_orders, "GET", "/orders", BUYER, query={"cursor": "x"}),
    ]
    assert [each.code for each in others] == ["invalid_cursor"] * 4


@pytest.mark.parametrize("claims", [OTHER_BUYER, OTHER_SELLER])
def test_another_s_order_is_as_if_it_were_not_there(cloud: Cloud, claims: Claims) -> None:
    put_order(cloud)
    other = cloud.call(record_orders, "GET", f"/orders/{examples.ORDER}", claims)
    unknown = cloud.call(record_orders, "GET", "/orders/unknown", claims)
    assert other.code == "order_not_found"
    assert (other.status, other.body) == (unknown.status, unknown.body)


def completed_event(**changed: Any) -> dict[str, Any]:
    detail = examples.order_record().model_dump(mode="json") | {"order_id": examples.ORDER}
    return {
        "detail-type": "OrderCompleted",
        "source": "marketplace.orders",
        "detail": detail | changed,
    }


def test_an_order_may_come_as_an_event_and_come_again(cloud: Cloud) -> None:
    for _ in range(2):
        assert record_orders.lambda_handler(completed_event(), Context()) == {}
    stored = cloud.call(record_orders, "GET", f"/orders/{examples.ORDER}", BUYER)
    assert stored.body["completed_at"] == "2024-02-29T12:00:00.000000Z"


@pytest.mark.parametrize(
    "changed", [{"amount": 999}, {"completed_at": None}, {"surprise": 1}, {"amount": "1000"}]
)
def test_an_event_that_cannot_be_right_is_thrown_back_to_its_queue(
    cloud: Cloud, changed: dict[str, Any]
) -> None:
    record_orders.lambda_handler(completed_event(), Context())
    stored = cloud.item(table.order(examples.ORDER))
    with pytest.raises(Exception, match=r"order|validation"):
        record_orders.lambda_handler(completed_event(**changed), Context())
    assert cloud.item(table.order(examples.ORDER)) == stored


# ── Refunds ─────────────────────────────────────────────────────────────────────────────────────


def preview(cloud: Cloud, **changed: Any) -> Answer:
    body = {"order_id": examples.ORDER, "goods_condition": "intact"} | changed
    return cloud.call(request_refund, "POST", "/refunds/preview", BUYER, body=body, at=NOON)


def test_a_preview_says_what_the_request_would_and_writes_nothing(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    before = cloud.items()
    assert preview(cloud, amount=400).body["refundable_after"] == 600
    assert preview(cloud).body["amount"] == 1000
    assert preview(cloud, goods_condition="used").code == "goods_not_intact"
    assert preview(cloud, amount=1001).code == "amount_exceeds_refundable"
    assert preview(cloud, order_id="unknown").code == "order_not_found"
    assert cloud.items() == before
    assert cloud.messages() == []


def test_part_refunds_sum_to_what_was_paid_and_no_more(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    assert ask(cloud, "k1", amount=333).body["amount"] == 333
    assert ask(cloud, "k2").body["amount"] == 667
    spent = ask(cloud, "k3")
    assert (spent.code, spent.body["facts"]["refundable"]) == ("amount_exceeds_refundable", 0)
    assert refundable(cloud) == 0
    assert len(cloud.enqueued()) == 2


@pytest.mark.parametrize("amount", [0, -1, -1000, 1001, True, "100", 30.4, 100.0])
def test_an_amount_that_cannot_be_refunded_changes_nothing(cloud: Cloud, amount: object) -> None:
    open_for_refunds(cloud)
    assert ask(cloud, amount=amount).status in {400, 422}
    assert refundable(cloud) == 1000
    assert cloud.messages() == []


def test_an_amount_of_null_is_all_that_is_left(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    assert ask(cloud, amount=None).body["amount"] == 1000


def test_the_same_key_is_the_same_refund_for_ever(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    first = ask(cloud, amount=100, reason="A")
    years_later = ask(cloud, amount=100, reason="A", at=NOON + timedelta(days=2000))
    assert (years_later.status, years_later.body) == (202, first.body)
    other = ask(cloud, amount=100, reason="B")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert refundable(cloud) == 900
    # While it is pending, a replay sends its message again: the first may have been lost.
    assert cloud.enqueued() == [first.body["refund_id"]] * 2


def test_a_key_compares_what_was_meant_and_not_how_it_was_written(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    first = ask(cloud, order_id=examples.ORDER, amount=100, reason="A不")
    written = (
        '{ "reason":"\\u0041\\u4e0d" ,"goods_condition": "intact","evidence": [],\n'
        f'"amount": 100, "order_id":"{examples.ORDER}"}}'
    )
    again = cloud.call(request_refund, "POST", "/refunds", BUYER, body=written, key="k1", at=NOON)
    assert again.body["refund_id"] == first.body["refund_id"]


def test_two_buyers_with_one_key_have_nothing_in_common(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    put_order(cloud, "order-2", buyer_id="buyer-2")
    mine = ask(cloud, amount=1)
    theirs = ask(cloud, claims=OTHER_BUYER, amount=1, order_id="order-2")
    assert mine.status == theirs.status == 202
    assert mine.body["refund_id"] != theirs.body["refund_id"]


def test_a_request_without_a_key_is_refused(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    for key in (None, "", "  "):
        assert ask(cloud, key).code == "idempotency_key_required"
    assert refundable(cloud) == 1000


def test_goods_that_are_not_intact_are_recorded_as_refused_under_the_key(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    said: dict[str, Any] = {
        "goods_condition": "damaged",
        "reason": "碎了",
        "evidence": ["s3://photos/1.jpg"],
    }
    refused = ask(cloud, **said)
    assert (refused.status, refused.code) == (422, "goods_not_intact")
    assert ask(cloud, **said).body == refused.body
    refund_id = refused.body["facts"]["refund_id"]
    kept = cloud.call(request_refund, "GET", f"/refunds/{refund_id}", SELLER).body
    assert (kept["status"], kept["reason"]) == ("refused", "碎了")
    assert kept["evidence"] == ["s3://photos/1.jpg"]
    as_operator = {"as": "operator"}
    path = f"/refunds/{refund_id}"
    assert cloud.call(request_refund, "GET", path, OPERATOR, query=as_operator).body == kept
    for nobody in (SELLER, BUYER, PLATFORM):
        refused = cloud.call(request_refund, "GET", path, nobody, query=as_operator)
        assert refused.code == "membership_required"
    assert cloud.call(request_refund, "GET", path, OPERATOR).code == "membership_required"
    assert [each["status"] for each in kept["timeline"]] == ["refused"]
    assert refundable(cloud) == 1000
    assert cloud.messages() == []
    assert ask(cloud).code == "idempotency_key_reused"
    assert cloud.call(request_refund, "POST", f"/refunds/{refund_id}/cancel", BUYER).code == (
        "refund_not_cancelable"
    )


def test_every_other_refusal_writes_nothing_and_binds_no_key(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    before = cloud.items()
    assert ask(cloud, order_id="unknown").code == "order_not_found"
    assert ask(cloud, at=NOON + timedelta(days=8)).code == "refund_window_closed"
    assert ask(cloud, amount=1001).code == "amount_exceeds_refundable"
    assert cloud.items() == before
    assert ask(cloud).status == 202


def test_an_order_that_is_not_completed_has_no_refund_yet(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    put_order(cloud, "order-2", completed_at=None)
    assert ask(cloud, order_id="order-2").code == "transaction_not_completed"


def test_a_canceled_refund_gives_its_amount_back_to_the_order_once(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    path = ask(cloud, amount=400).headers["location"]
    for _ in range(2):
        canceled = cloud.call(request_refund, "POST", f"{path}/cancel", BUYER)
        assert (canceled.status, canceled.body["status"]) == (200, "canceled")
        assert refundable(cloud) == 1000
    assert [each["status"] for each in canceled.body["timeline"]] == ["pending", "canceled"]
    assert cloud.deliver(*cloud.messages()) == set()
    assert cloud.call(request_refund, "GET", path, BUYER).body == canceled.body


def test_a_message_without_a_body_is_given_back_and_no_other_waits_for_it(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    credit(cloud)
    path = ask(cloud, amount=400).headers["location"]
    [body] = cloud.messages()
    records = [{"messageId": "none"}, {"messageId": "one", "body": body}]
    answer = process_debits.lambda_handler({"Records": records}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "none"}]}
    assert cloud.call(request_refund, "GET", path, BUYER).body["status"] == "succeeded"


def test_a_refund_that_succeeded_is_not_canceled(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    credit(cloud)
    path = ask(cloud).headers["location"]
    cloud.deliver(*cloud.messages())
    before = cloud.items()
    answer = cloud.call(request_refund, "POST", f"{path}/cancel", BUYER)
    assert (answer.code, answer.body["facts"]) == ("refund_not_cancelable", {"status": "succeeded"})
    assert cloud.items() == before


@pytest.mark.parametrize(
    ("method", "action", "claims"),
    [
        ("GET", "", OTHER_BUYER),
        ("GET", "", OTHER_SELLER),
        ("POST", "/cancel", OTHER_BUYER),
    ],
)
def test_another_s_refund_is_as_if_it_were_not_there(
    cloud: Cloud, method: str, action: str, claims: Claims
) -> None:
    open_for_refunds(cloud)
    path = ask(cloud).headers["location"]
    other = cloud.call(request_refund, method, path + action, claims)
    unknown = cloud.call(request_refund, method, "/refunds/rf_unknown" + action, claims)
    assert other.code == "refund_not_found"
    assert (other.status, other.body) == (unknown.status, unknown.body)


def test_another_buyer_s_order_cannot_be_refunded_nor_a_buyer_be_named(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    assert ask(cloud, claims=OTHER_BUYER).code == "order_not_found"
    assert ask(cloud, claims=OTHER_BUYER, buyer_id=examples.BUYER).code == "invalid_request"
    assert refundable(cloud) == 1000


def test_refunds_are_listed_by_status_to_their_own_parties(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    accepted = ask(cloud, "k1", amount=1).body["refund_id"]
    refused = ask(cloud, "k2", goods_condition="used").body["facts"]["refund_id"]

    def listed(claims: Claims, **query: str) -> set[str]:
        page = cloud.call(request_refund, "GET", "/refunds", claims, query=query).body
        assert page["next_cursor"] is None
        return {each["refund_id"] for each in page["items"]}

    for claims in (BUYER, SELLER):
        assert listed(claims) == {accepted, refused}
        assert listed(claims, status="refused") == {refused}
        assert listed(claims, status="succeeded") == set()
    assert listed(OTHER_BUYER) == listed(OTHER_SELLER) == set()


def test_a_refund_is_accepted_when_its_message_cannot_be_sent(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    cloud.sqs.delete_queue(QueueUrl=request_refund.queue.url)
    accepted = ask(cloud)
    assert (accepted.status, accepted.body["status"]) == (202, "pending")


# ── Wallets ─────────────────────────────────────────────────────────────────────────────────────


def wallet_of(currency: str, **balances: int) -> dict[str, Any]:
    nothing = {"available": 0, "deposit": 0, "deposit_required": 0, "owed": 0, "guarantee_left": 0}
    return {"currency": currency, "frozen": False, **nothing, **balances}


def test_a_credit_is_written_once_for_its_key(cloud: Cloud) -> None:
    first = credit(cloud)
    assert (first.status, credit(cloud).body) == (201, first.body)
    assert credit(cloud, amount=1).code == "idempotency_key_reused"
    assert credit(cloud, None).code == "idempotency_key_required"
    other = f"/merchants/{OTHER_SELLER['sub']}/wallet/credits"
    moved = cloud.call(manage_wallet, "POST", other, PLATFORM, body=CREDIT, key="c1")
    assert moved.code == "idempotency_key_reused"
    credit(cloud, "c2", target="deposit", amount=7)
    credit(cloud, "c3", currency="JPY", amount=5)
    assert cloud.call(manage_wallet, "GET", "/wallet", SELLER).body == {
        "role": "merchant",
        "wallets": [
            wallet_of("CNY", available=100_000, deposit=7),
            wallet_of("JPY", available=5),
        ],
    }


def test_a_credit_s_posting_sums_to_zero(cloud: Cloud) -> None:
    credit(cloud)
    [posting] = [each for each in cloud.items() if each["pk"]["S"].startswith("POSTING#")]
    amounts = [int(leg["M"]["amount"]["N"]) for leg in posting["legs"]["L"]]
    assert sorted(amounts) == [-100_000, 100_000]


def test_a_credit_wakes_what_waits_for_it_oldest_first(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    path = ask(cloud, amount=600).headers["location"]
    assert cloud.deliver(*cloud.messages()) == set()
    waiting = cloud.call(request_refund, "GET", path, BUYER).body
    assert (waiting["status"], waiting["waits_for"]) == ("awaiting_funds", "funds")
    assert waiting["next_try_at"]
    assert cloud.call(manage_wallet, "GET", "/wallet", BUYER).body["wallets"] == []
    credit(cloud)
    woken = cloud.messages()
    assert [json.loads(body)["refund_id"] for body in woken] == [waiting["refund_id"]]
    assert cloud.deliver(*woken) == set()
    settled = cloud.call(request_refund, "GET", path, BUYER).body
    assert (settled["status"], settled["waits_for"], settled["next_try_at"]) == (
        "succeeded",
        None,
        None,
    )
    assert [each["status"] for each in settled["timeline"]] == [
        "pending",
        "awaiting_funds",
        "succeeded",
    ]


def test_a_credit_stands_when_what_it_would_wake_cannot_be_found(cloud: Cloud) -> None:
    with wire.faulty(manage_wallet.store.client, "Query", wire.refused("ValidationException")):
        assert credit(cloud).status == 201
    assert credit(cloud).status == 201
    wallet = cloud.call(manage_wallet, "GET", "/wallet", SELLER).body["wallets"][0]
    assert wallet["available"] == 100_000


def test_a_credit_of_another_currency_wakes_nothing(cloud: Cloud) -> None:
    open_for_refunds(cloud)
    ask(cloud, amount=600)
    cloud.deliver(*cloud.messages())
    credit(cloud, currency="JPY")
    assert cloud.messages() == []


# ── The documents ───────────────────────────────────────────────────────────────────────────────


def test_the_document_and_its_page_are_served_to_anyone_and_the_page_loads_nothing(
    cloud: Cloud,
) -> None:
    document = cloud.call(serve_docs, "GET", "/openapi.json")
    assert document.body["openapi"].startswith("3.1")
    page = cloud.call(serve_docs, "GET", "/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert 'src="http' not in page.text
    assert cloud.call(serve_docs, "GET", "/anything").code == "route_not_found"


def test_each_caller_is_told_for_whom_they_may_act(cloud: Cloud) -> None:
    seller = cloud.call(manage_members, "GET", "/me", SELLER)
    assert seller.body == {
        "subject": "seller",
        "merchant_id": examples.MERCHANT,
        "buyer_id": None,
        "operator": False,
    }
    stranger = cloud.call(manage_members, "GET", "/me", STRANGER)
    assert stranger.status == 200
    assert (stranger.body["subject"], stranger.body["operator"]) == ("stranger", False)
    assert cloud.call(
        manage_members, "GET", "/me", api.person("seller") | {"token_use": "id"}
    ).code == ("access_token_required")
