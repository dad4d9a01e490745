"""A buyer asks for a refund: once, knowing beforehand what is decided, and may cancel it."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Route, expect

from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import Scene, World

PAID = 29_900


def request(buyer: Visitor, order_id: str) -> None:
    buyer.open(f"buyer/orders/{order_id}")
    preview = buyer.page.get_by_role("region", name=buyer.words.request.preview)
    expect(preview).to_have_attribute("aria-busy", "false")


def test_a_double_click_makes_one_refund(visit: Visit, world: World, scene: Scene) -> None:
    buyer = visit(scene.buyer)
    request(buyer, scene.order_id)
    buyer.page.get_by_role("button", name=buyer.words.request.submit).dblclick()
    expect(buyer.page.get_by_role("list", name=buyer.words.refunds.timeline)).to_be_visible()
    [refund] = world.refunds(scene.buyer)
    expect(buyer.page).to_have_url(re.compile(re.escape(refund["refund_id"])))


def test_an_amount_has_the_minor_units_of_iso_4217_and_not_those_of_custom(
    visit: Visit, world: World, scene: Scene
) -> None:
    """A browser shows and reads forints whole; what moves are hundredths of them."""
    buyer = visit(scene.buyer)
    world.credit(scene.merchant.id, PAID, "HUF")
    request(buyer, world.order(scene.merchant.id, scene.buyer.id, PAID, "HUF"))
    expect(buyer.page.get_by_role("main")).to_contain_text(re.compile(r"HUF\s?299\.00"))
    buyer.fill({buyer.words.request.amount: "1.5"})
    buyer.press(buyer.words.request.submit)
    expect(buyer.page.get_by_role("list", name=buyer.words.refunds.timeline)).to_be_visible()
    [refund] = world.refunds(scene.buyer)
    assert (refund["amount"], refund["currency"]) == (150, "HUF")


def test_an_answer_that_is_lost_and_asked_for_again_makes_one_refund(
    visit: Visit, world: World, scene: Scene
) -> None:
    """The request arrives, its answer does not; the same key is sent again, after a reload too."""
    buyer = visit(scene.buyer)
    buyer.offline = True
    buyer.page.route("**/refunds", lose_the_answer)
    request(buyer, scene.order_id)
    buyer.fill({buyer.words.request.amount: "3"})
    buyer.press(buyer.words.request.submit)
    expect(buyer.page.get_by_role("alert")).to_contain_text(buyer.words.unanswered)
    buyer.page.unroute("**/refunds")
    buyer.page.reload()
    buyer.press(buyer.words.request.submit)
    expect(buyer.page.get_by_role("list", name=buyer.words.refunds.timeline)).to_be_visible()
    [refund] = world.refunds(scene.buyer)
    assert refund["amount"] == 300


def lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def test_a_refusal_names_rule_facts_and_what_would_change_it(
    visit: Visit, world: World, scene: Scene
) -> None:
    buyer = visit(scene.buyer)
    buyer.refusals = {422}
    words, page = buyer.words, buyer.page
    request(buyer, scene.order_id)
    page.get_by_label(words.refunds.conditions.damaged).check()
    buyer.fill({words.request.evidence: "photo-1"})
    preview = page.get_by_role("region", name=words.request.preview)
    expect(preview).to_contain_text(words.request.will)
    assert world.refunds(scene.buyer) == []
    buyer.press(words.request.submit)
    refusal = page.get_by_role("alert").last
    expect(refusal.get_by_role("term")).to_have_text(
        [words.refusal.rule, words.refusal.facts, words.refusal.change]
    )
    expect(refusal).to_contain_text(words.refunds.conditions.damaged)
    assert violations(page) == []

    [kept] = world.refunds(scene.buyer)
    assert (kept["status"], kept["evidence"]) == ("refused", ["photo-1"])
    page.get_by_role("link", name=kept["refund_id"]).click()
    timeline = page.get_by_role("list", name=words.refunds.timeline)
    expect(timeline).to_contain_text(words.refunds.explained.refused)


def test_more_than_is_left_is_refused_before_it_is_sent(visit: Visit, scene: Scene) -> None:
    buyer = visit(scene.buyer, language="zh")
    buyer.refusals = {422}
    words = buyer.words
    request(buyer, scene.order_id)
    buyer.fill({words.request.amount: "10.01"})
    preview = buyer.page.get_by_role("region", name=words.request.preview)
    expect(preview).to_contain_text(words.request.will)
    expect(preview).to_contain_text(f"{words.facts.refundable}: ¥10.00")
    buyer.fill({words.request.amount: "10.001"})
    expect(buyer.page.get_by_text(words.request.amountWrong)).to_be_visible()
    expect(buyer.page.get_by_role("button", name=words.request.submit)).to_be_disabled()
    assert violations(buyer.page) == []


def test_a_refund_that_waits_follows_by_itself_and_is_canceled(visit: Visit, world: World) -> None:
    scene = world.scene(funds=0)
    refund_id = world.accepted(scene.buyer, scene.order_id)
    world.becomes(scene.buyer, refund_id, "awaiting_funds")
    buyer = visit(scene.buyer)
    words, page = buyer.words.refunds, buyer.page
    buyer.open(f"buyer/refunds/{refund_id}")
    expect(page.get_by_text(f"{words.waitsFor}: {words.waits.funds}")).to_be_visible()
    buyer.press(words.cancel)
    dialog = page.get_by_role("dialog", name=words.cancelSure)
    expect(dialog).to_be_visible()
    assert violations(page) == []
    dialog.get_by_role("button", name=words.keep).click()
    expect(dialog).to_have_count(0)
    assert world.refund(scene.buyer, refund_id)["status"] == "awaiting_funds"
    buyer.press(words.cancel)
    dialog.get_by_role("button", name=words.cancel).click()
    timeline = page.get_by_role("list", name=words.timeline)
    expect(timeline).to_contain_text(words.explained.canceled)
    expect(page.get_by_role("button", name=words.cancel)).to_have_count(0)
    assert world.refund(scene.buyer, refund_id)["status"] == "canceled"


def test_what_waited_is_seen_to_be_paid_and_is_announced(visit: Visit, world: World) -> None:
    scene = world.scene(funds=0)
    refund_id = world.accepted(scene.buyer, scene.order_id)
    world.becomes(scene.buyer, refund_id, "awaiting_funds")
    buyer = visit(scene.buyer)
    words = buyer.words.refunds
    buyer.open(f"buyer/refunds/{refund_id}")
    expect(buyer.page.get_by_text(words.following)).to_be_visible()
    world.credit(scene.merchant.id, 1000)
    changed = words.changed.format(words.states.succeeded)
    expect(buyer.page.get_by_role("status").filter(has_text=changed)).to_be_attached()
    assert world.refund(scene.buyer, refund_id)["status"] == "succeeded"


def test_an_order_that_is_not_completed_says_so(visit: Visit, world: World, scene: Scene) -> None:
    order_id = world.order(scene.merchant.id, scene.buyer.id, completed_at=None)
    buyer = visit(scene.buyer)
    words = buyer.words
    order = buyer.page.get_by_role("row").filter(has_text=order_id)
    expect(order).to_contain_text(words.orders.notCompleted)
    expect(order.get_by_role("link", name=words.orders.refund)).to_have_count(0)


def test_a_merchant_without_a_statement_in_force_is_said_to_have_none(
    visit: Visit, world: World
) -> None:
    buying = world.buyer()
    order_id = world.order(world.newcomer().id, buying.id)
    buyer = visit(buying, language="zh")
    buyer.refusals = {422}
    words = buyer.words
    buyer.open(f"buyer/orders/{order_id}")
    refusal = buyer.page.get_by_role("alert")
    expect(refusal).to_contain_text(words.request.will)
    expect(refusal.get_by_role("term")).to_have_text(
        [words.refusal.rule, words.refusal.facts, words.refusal.change]
    )
    expect(buyer.page.get_by_role("button", name=words.request.submit)).to_have_count(0)
    card = buyer.page.get_by_role("region", name=words.request.merchantPolicy)
    expect(card).to_contain_text(words.request.noPolicy)
    assert violations(buyer.page) == []


def test_an_order_that_was_refunded_says_so_and_has_no_form(
    visit: Visit, world: World, scene: Scene
) -> None:
    refund_id = world.accepted(scene.buyer, scene.order_id)
    buyer = visit(scene.buyer)
    words, page = buyer.words, buyer.page
    order = page.get_by_role("row").filter(has_text=scene.order_id)
    expect(order).to_contain_text(words.orders.nothingLeft)
    order.get_by_role("link", name=words.view).click()
    form = page.get_by_role("region", name=words.request.title)
    expect(form).to_contain_text(words.orders.nothingLeft)
    expect(form.get_by_role("button")).to_have_count(0)
    assert violations(page) == []
    form.get_by_role("link", name=words.request.toRefunds).click()
    expect(page.get_by_role("link", name=refund_id)).to_be_visible()


def test_what_the_api_would_grant_may_be_asked_for_whatever_this_device_s_clock_says(
    visit: Visit, scene: Scene
) -> None:
    buyer = visit(scene.buyer)
    buyer.page.clock.install(time=datetime.now(UTC) + timedelta(days=30))
    buyer.open(f"buyer/orders/{scene.order_id}")
    expect(buyer.page.get_by_text(buyer.words.orders.closed)).to_be_visible()
    expect(buyer.page.get_by_role("button", name=buyer.words.request.submit)).to_be_enabled()
