"""A confirmed refund policy never changes, whatever is called later; buyers see it as a badge."""

import pytest

from refunds import table
from tests.integration.world import APPLICATION, SHOP, TERMS, World, problem, unique

OTHER = {"instant_refund": False, "statement": {"reasons": "None.", "handling": "Never."}}


def test_a_confirmed_policy_stays_as_it_is_whatever_is_called_later(world: World) -> None:
    merchant = world.merchant()
    key = table.policy(merchant.id)
    row, shown = world.row(key), world.ok(merchant, "GET", "/refund-policy")
    colleague = world.person(merchant_id=merchant.id)
    decision = f"/certifications/{merchant.id}/decision"
    confirmed = (409, "policy_already_confirmed")

    for caller in (merchant, colleague):
        for terms in (OTHER, TERMS):
            draft = world.call(caller, "PUT", "/refund-policy/draft", terms)
            assert problem(draft) == confirmed
        for digest in ("0" * 64, shown["digest"][::-1]):
            confirm = world.call(caller, "POST", "/refund-policy/confirm", {"digest": digest})
            assert problem(confirm) == confirmed
        again = world.ok(caller, "POST", "/refund-policy/confirm", {"digest": shown["digest"]})
        assert again == shown
    world.ok(merchant, "PUT", "/shop", {})
    world.ok(merchant, "PUT", "/shop", SHOP | {"name": "Another name"})
    world.call(merchant, "POST", "/certification", APPLICATION)
    for verdict in ("suspended", "certified", "refused"):
        body = {"decision": verdict, "reason": "checked"}
        world.call(world.operator, "POST", decision, body)
        draft = world.call(merchant, "PUT", "/refund-policy/draft", OTHER)
        assert problem(draft) == confirmed
    world.credit(merchant.id, 5)
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        for path in ("/refund-policy", f"/merchants/{merchant.id}/refund-policy"):
            assert problem(world.call(merchant, method, path, OTHER)) == (404, "route_not_found")
    world.ok(world.platform, "DELETE", f"/members/{colleague.subject}", status=204)
    world.ok(world.platform, "PUT", f"/members/{colleague.subject}", {"merchant_id": merchant.id})

    assert world.row(key) == row
    assert world.ok(merchant, "GET", "/refund-policy") == shown
    assert shown["statement"] == TERMS["statement"]


def test_only_the_draft_that_was_reviewed_is_confirmed(world: World) -> None:
    merchant = world.certified_merchant()
    reviewed = world.ok(merchant, "PUT", "/refund-policy/draft", TERMS)
    world.ok(merchant, "PUT", "/refund-policy/draft", OTHER)
    confirmation = {"digest": reviewed["digest"]}
    refused = world.call(merchant, "POST", "/refund-policy/confirm", confirmation)
    assert problem(refused) == (409, "policy_draft_changed")
    off = world.ok(merchant, "GET", "/refund-policy")["digest"]
    refused = world.call(merchant, "POST", "/refund-policy/confirm", {"digest": off})
    assert problem(refused) == (422, "instant_refund_off")
    assert world.row(table.policy(merchant.id)) == {}


@pytest.mark.parametrize(
    ("lacks", "code"), [("certification", "merchant_not_certified"), ("shop", "shop_incomplete")]
)
def test_a_policy_needs_a_certified_merchant_and_a_whole_shop(
    world: World, lacks: str, code: str
) -> None:
    merchant = world.newcomer()
    world.ok(merchant, "PUT", "/shop", {"name": "Tea"} if lacks == "shop" else SHOP)
    world.ok(merchant, "POST", "/certification", APPLICATION, status=201)
    if lacks != "certification":
        world.decide(merchant.id, "certified")
    digest = world.ok(merchant, "PUT", "/refund-policy/draft", TERMS)["digest"]
    refused = world.call(merchant, "POST", "/refund-policy/confirm", {"digest": digest})
    assert problem(refused) == (403, code)
    assert world.row(table.policy(merchant.id)) == {}


def test_a_suspension_ends_the_coverage_of_later_orders_and_of_no_earlier(world: World) -> None:
    scene = world.scene()
    merchant_id, buyer = scene.merchant.id, scene.buyer
    world.decide(merchant_id, "suspended", "complaints")
    later = world.order(merchant_id, buyer.id)
    world.decide(merchant_id, "certified")
    latest = world.order(merchant_id, buyer.id)

    refused = world.ask(buyer, later, 10)

    assert problem(refused) == (422, "merchant_suspended")
    assert refused.json()["facts"]["suspended_since"]
    for covered in (scene.order_id, latest):
        world.settled(buyer, world.accepted(buyer, covered, 10))


def test_an_order_placed_before_the_confirmation_is_not_covered(world: World) -> None:
    scene = world.scene()
    confirmed_at = world.ok(scene.merchant, "GET", "/refund-policy")["confirmed_at"]
    for placed_at in ("2026-01-01T00:00:00Z", confirmed_at):
        order_id = world.order(scene.merchant.id, scene.buyer.id, placed_at=placed_at)
        refused = world.ask(scene.buyer, order_id, 10)
        assert problem(refused) == (422, "policy_not_confirmed")
        assert refused.json()["facts"]["policy_confirmed_at"] == confirmed_at


def test_anyone_sees_the_badge_without_a_token(world: World) -> None:
    merchant = world.merchant()
    policy = world.ok(merchant, "GET", "/refund-policy")
    path = f"/merchants/{merchant.id}/refund-policy"
    badge = world.ok(None, "GET", path)
    assert badge["instant_refund"] is True
    assert badge["enabled_since"] == policy["confirmed_at"]
    assert badge["statement"] == TERMS["statement"]
    assert badge["digest"] == policy["digest"]
    world.decide(merchant.id, "suspended", "complaints")
    assert world.ok(None, "GET", path)["instant_refund"] is False


def test_the_badge_tells_nothing_of_a_draft_or_of_who_exists(world: World) -> None:
    merchant, nobody = world.certified_merchant(), unique("m")
    world.ok(merchant, "PUT", "/refund-policy/draft", TERMS)
    badges = [
        world.ok(None, "GET", f"/merchants/{merchant_id}/refund-policy")
        for merchant_id in (merchant.id, nobody)
    ]
    for badge in badges:
        badge.pop("merchant_id")
    assert badges[0] == badges[1]
    assert badges[0]["instant_refund"] is False
