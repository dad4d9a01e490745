"""Without a network, or with a slow one, the console says so and loses nothing."""

import re

from playwright.sync_api import Route, expect

from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.browser.visitor import Held
from tests.integration.world import TERMS, Scene, World


def test_offline_a_draft_stays_and_is_saved_once_there_is_a_network(
    visit: Visit, world: World
) -> None:
    merchant = world.certified_merchant()
    seller = visit(merchant)
    seller.offline = True
    words, page = seller.words, seller.page
    seller.open("merchant/settlement")
    seller.fill({words.settlement.reasons: "Whatever.", words.settlement.handling: "At once."})
    seller.context.set_offline(True)
    expect(page.get_by_role("status").filter(has_text=words.offline)).to_be_visible()
    seller.press(words.settlement.saveDraft)
    expect(page.get_by_role("alert")).to_contain_text(words.unanswered)
    assert violations(page) == []
    assert world.ok(merchant, "GET", "/refund-policy")["status"] == "none"

    seller.context.set_offline(False)
    expect(page.get_by_role("status").filter(has_text=words.offline)).to_have_count(0)
    page.reload()
    expect(page.get_by_label(words.settlement.reasons)).to_have_value("Whatever.")
    seller.press(words.settlement.saveDraft)
    expect(page.locator(".form-end time")).to_be_visible()
    saved = world.ok(merchant, "GET", "/refund-policy")
    assert saved["statement"] == {"reasons": "Whatever.", "handling": "At once."}


def test_a_list_that_could_not_be_loaded_is_loaded_once_there_is_a_network(
    visit: Visit, scene: Scene
) -> None:
    buyer = visit(scene.buyer)
    buyer.offline = True
    words = buyer.words
    expect(buyer.page.get_by_role("row").filter(has_text=scene.order_id)).to_be_visible()
    buyer.context.set_offline(True)
    buyer.follow(words.nav.refunds)
    expect(buyer.page.get_by_role("alert")).to_contain_text(words.unanswered)
    assert violations(buyer.page) == []
    buyer.context.set_offline(False)
    expect(buyer.page.get_by_text(words.refunds.empty)).to_be_visible()


def test_while_an_answer_is_slow_the_screen_says_it_waits(visit: Visit, scene: Scene) -> None:
    buyer = visit(scene.buyer)
    words, page = buyer.words, buyer.page
    held = Held(page, re.compile(r"/wallet(\?|$)"))
    buyer.follow(words.nav.wallet)
    expect(page.get_by_role("status").filter(has_text=words.loading)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    route = held.only()
    route.continue_()
    expect(page.get_by_text(words.wallet.empty)).to_be_visible()
    expect(page.get_by_text(words.loading)).to_have_count(0)


def test_the_merchant_s_statement_is_waited_for_and_asked_for_again(
    visit: Visit, scene: Scene
) -> None:
    buyer = visit(scene.buyer)
    buyer.refusals = {403}
    words, page = buyer.words, buyer.page
    held = Held(page, "**/merchants/*/refund-policy")
    buyer.open(f"buyer/orders/{scene.order_id}")
    card = page.get_by_role("region", name=words.request.merchantPolicy)
    expect(card.get_by_role("status")).to_contain_text(words.loading)
    route = held.only()
    route.fulfill(status=403, json={"message": "Forbidden"})
    expect(card.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    page.unroute_all()
    card.get_by_role("button", name=words.retry).click()
    expect(card.locator(".verbatim")).to_have_text(list(TERMS["statement"].values()))


def test_while_a_request_is_slow_a_second_click_does_nothing(
    visit: Visit, world: World, scene: Scene
) -> None:
    buyer = visit(scene.buyer)
    words, page = buyer.words, buyer.page
    buyer.open(f"buyer/orders/{scene.order_id}")
    held = Held(page, "**/refunds")
    send = page.get_by_role("button", name=words.request.submit)
    send.click()
    expect(send).to_have_attribute("aria-busy", "true")
    send.click(force=True)
    route = held.only()
    route.continue_()
    expect(page.get_by_role("list", name=words.refunds.timeline)).to_be_visible()
    assert len(world.refunds(scene.buyer)) == 1


def test_a_server_that_fails_is_asked_again_without_a_word(visit: Visit, scene: Scene) -> None:
    asked: list[str] = []

    def fail_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, json={"message": "Service Unavailable"})
        else:
            route.continue_()

    buyer = visit(scene.buyer)
    buyer.refusals = {503}
    buyer.page.route(re.compile(r"/refunds\?"), fail_once)
    buyer.follow(buyer.words.nav.refunds)
    expect(buyer.page.get_by_text(buyer.words.refunds.empty)).to_be_visible()
    assert len(asked) == 2


def test_a_console_that_cannot_start_says_so_and_starts_once_it_can(visit: Visit) -> None:
    stranger = visit()
    stranger.refusals = {503}
    words = stranger.words
    stranger.page.route("**/config.json", lambda route: route.fulfill(status=503))
    stranger.page.reload()
    expect(stranger.page.get_by_role("heading", name=words.failedToStart)).to_be_visible()
    assert violations(stranger.page) == []
    stranger.page.unroute("**/config.json")
    stranger.press(words.retry)
    expect(stranger.page.get_by_role("button", name=words.signIn, exact=True)).to_be_visible()
