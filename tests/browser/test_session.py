"""A session renews itself, ends without losing what was typed, and leaves nothing behind."""

import json

from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import Scene, World

TAMPER = """change => {
  const tokens = { ...JSON.parse(sessionStorage.getItem("tokens")), ...change };
  sessionStorage.setItem("tokens", JSON.stringify(tokens));
}"""


EXPIRED = {"error": "invalid_grant"}


def tampered(visitor: Visitor, **change: object) -> None:
    """As if time had passed; the page reads its tokens as it loads."""
    visitor.page.evaluate(TAMPER, change)


def token(visitor: Visitor) -> str:
    kept: str = visitor.page.evaluate("sessionStorage.getItem('tokens')")
    access_token: str = json.loads(kept)["access_token"]
    return access_token


def test_a_token_that_is_old_is_renewed_without_a_word(visit: Visit, scene: Scene) -> None:
    seller = visit(scene.merchant)
    before = token(seller)
    tampered(seller, expires_at=0)
    seller.open("merchant/wallet")
    expect(seller.page.locator(".figures")).to_be_visible()
    assert token(seller) != before


def test_a_token_that_the_api_refuses_is_renewed_and_the_call_made_again(
    visit: Visit, scene: Scene
) -> None:
    seller = visit(scene.merchant)
    seller.refusals = {401}
    tampered(seller, access_token="worn-out")
    seller.open("merchant/wallet")
    expect(seller.page.locator(".figures")).to_be_visible()
    assert token(seller) != "worn-out"
    expect(seller.page.get_by_role("dialog")).to_have_count(0)


def test_a_session_that_is_over_keeps_what_was_typed_until_one_is_back(
    visit: Visit, world: World
) -> None:
    merchant = world.certified_merchant()
    seller = visit(merchant)
    seller.refusals = {400, 401}
    words, page = seller.words, seller.page
    seller.open("merchant/settlement")
    expect(page.get_by_role("switch")).to_be_visible()
    page.route("**/oauth2/token", lambda route: route.fulfill(status=400, json=EXPIRED))
    page.route(
        "**/refund-policy/draft", lambda route: route.fulfill(status=401, json={"message": "x"})
    )
    page.get_by_role("switch").check()
    typed = {words.settlement.reasons: "Whatever.", words.settlement.handling: "At once."}
    seller.fill(typed)
    seller.press(words.settlement.saveDraft)
    dialog = page.get_by_role("dialog", name=words.sessionOver)
    expect(dialog).to_contain_text(words.sessionOverText)
    assert violations(page) == []

    page.unroute_all()
    seller.sign_in(merchant)
    expect(page.get_by_role("switch")).to_be_checked()
    for label, text in typed.items():
        expect(page.get_by_label(label)).to_have_value(text)
    seller.press(words.settlement.saveDraft)
    expect(page.locator(".form-end time")).to_be_visible()
    assert world.ok(merchant, "GET", "/refund-policy")["statement"]["reasons"] == "Whatever."


def test_signing_out_leaves_nothing_for_the_next_person(visit: Visit, world: World) -> None:
    seller = visit(world.certified_merchant())
    seller.open("merchant/settlement")
    seller.fill({seller.words.settlement.reasons: "Whatever."})
    seller.press(seller.words.signOut)
    expect(seller.page.get_by_role("button", name=seller.words.signIn, exact=True)).to_be_visible()
    assert seller.page.evaluate("Object.keys(sessionStorage)") == []
    seller.open("merchant/wallet")
    expect(seller.page.get_by_role("button", name=seller.words.signIn, exact=True)).to_be_visible()


def test_who_acts_for_several_switches_between_them(visit: Visit, world: World) -> None:
    scene = world.scene()
    both = world.person(merchant_id=scene.merchant.id, buyer_id=scene.buyer.id, operator=True)
    person = visit(both)
    roles = person.page.get_by_label(person.words.role.label)
    for role, heading in (
        ("buyer", person.words.nav.orders),
        ("operator", person.words.nav.certifications),
        ("merchant", person.words.home),
    ):
        roles.select_option(role)
        expect(person.page.get_by_role("heading", level=1)).to_have_text(heading)


def test_a_page_of_another_role_is_no_page(visit: Visit, scene: Scene) -> None:
    buyer = visit(scene.buyer)
    for address in ("operator/dead-letters", "merchant/wallet", "buyer/no-such-page"):
        buyer.open(address)
        expect(buyer.page.get_by_text(buyer.words.notFound)).to_be_visible()
    assert violations(buyer.page) == []
