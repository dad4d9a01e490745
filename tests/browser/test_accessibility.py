"""Every screen of every role, full and empty, holds WCAG 2.2 AA: light, dark, wide, on a phone."""

import re

import pytest
from playwright.sync_api import expect

from local import console
from tests.browser.axe import PHONE, violations
from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import APPLICATION, TERMS, Scene, World

SCREENS = {
    "merchant": [
        *("", "shop", "certification", "orders", "wallet", "statement"),
        *("settlement", "settlement/review", "refunds", "refunds/:id"),
    ],
    "buyer": ["", "orders", "orders/:id", "refunds", "refunds/:id", "wallet", "statement"],
    "operator": [
        *("", "certifications", "merchants", "merchants/:id", "merchants/:id/waiting"),
        *("refunds", "refunds/:id", "corrections", "reversal", "reconciliation"),
        *("dead-letters", "dead-letters/:queue"),
    ],
}


def test_no_screen_of_the_console_is_left_out_here() -> None:
    source = (console.FOLDER / "src/screens/screens.ts").read_text(encoding="utf-8")
    [table] = re.findall(r"^export const SCREENS.*?^};", source, re.MULTILINE | re.DOTALL)
    roles = re.findall(r"^  (\w+): \{(.*?)^  \}", table, re.MULTILINE | re.DOTALL)
    assert {
        role: re.findall(r"^    \"?([\w/:-]*)\"?: \w+,$", screens, re.MULTILINE)
        for role, screens in roles
    } == SCREENS


def look_at_all(visitor: Visitor, role: str, **ids: str) -> list[str]:
    """`ids` says what stands in an address for its last part, by the part before it."""
    found = []
    for screen in SCREENS[role]:
        address = re.sub(r"([\w-]+)/:\w+", lambda part: f"{part[1]}/{ids[part[1]]}", screen)
        visitor.open(f"{role}/{address}".rstrip("/"))
        expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        found += violations(visitor.page)
    return found


@pytest.fixture(scope="module")
def market(world: World) -> Scene:
    """A merchant and a buyer with something on each of their screens."""
    scene = world.scene(amount=5000)
    world.limit(scene.merchant.id, deposit=50_000, guarantee=20_000)
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, 700))
    world.ask(scene.buyer, scene.order_id, goods_condition="damaged", evidence=["photo-1"])
    world.order(scene.merchant.id, scene.buyer.id, completed_at=None)
    world.freeze(scene.merchant.id)
    world.accepted(scene.buyer, scene.order_id, 300)
    world.booked(scene.merchant, postings=2)
    return scene


def test_a_merchant_s_screens(visit: Visit, world: World, market: Scene) -> None:
    [refund, *_] = world.refunds(market.merchant)
    seller = visit(market.merchant, language="zh")
    assert look_at_all(seller, "merchant", refunds=refund["refund_id"]) == []


def test_a_newcomer_s_screens(visit: Visit, world: World) -> None:
    newcomer = world.newcomer()
    seller = visit(newcomer)
    seller.refusals = {404}
    assert look_at_all(seller, "merchant", refunds="rf_none") == []
    world.ok(newcomer, "PUT", "/refund-policy/draft", TERMS)
    seller.open("merchant/settlement/review")
    expect(seller.page.get_by_text(seller.words.settlement.final)).to_be_visible()
    assert violations(seller.page) == []


def test_a_buyer_s_screens(visit: Visit, world: World, market: Scene) -> None:
    [waiting, *_] = world.refunds(market.buyer)
    ids = {"orders": market.order_id, "refunds": waiting["refund_id"]}
    assert look_at_all(visit(market.buyer, language="zh"), "buyer", **ids) == []


def test_an_operator_s_screens(visit: Visit, world: World, market: Scene) -> None:
    applicant = world.newcomer()
    world.ok(applicant, "POST", "/certification", APPLICATION, status=201)
    refund_id = world.refunds(market.merchant)[0]["refund_id"]
    ids = {"merchants": market.merchant.id, "refunds": refund_id, "dead-letters": "debits"}
    assert look_at_all(visit(world.operator), "operator", **ids) == []


def test_what_is_shown_to_who_is_not_signed_in_or_is_nobody(visit: Visit, world: World) -> None:
    stranger = visit()
    expect(stranger.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert violations(stranger.page) == []
    stranger.sign_in(world.person())
    expect(stranger.page.get_by_text(stranger.words.nobodyText)).to_be_visible()
    assert violations(stranger.page) == []


def test_the_menu_on_a_phone(visit: Visit, market: Scene) -> None:
    seller = visit(market.merchant, viewport=PHONE)
    seller.press(seller.words.openMenu)
    menu = seller.page.get_by_role("navigation", name=seller.words.menu)
    expect(menu).to_be_visible()
    assert violations(seller.page, PHONE) == []
    seller.page.mouse.click(PHONE["width"] - 20, PHONE["height"] // 2)
    expect(menu).to_be_hidden()
    seller.press(seller.words.openMenu)
    seller.follow(seller.words.nav.walletAndSettlement)
    expect(seller.page.locator(".figures")).to_be_visible()
    expect(menu).to_be_hidden()


def test_axe_would_tell(visit: Visit) -> None:
    stranger = visit()
    heading = stranger.page.get_by_role("heading", level=1)
    heading.evaluate("shown => { shown.style.color = 'lightgrey'; shown.style.width = '2000px' }")
    told = " ".join(violations(stranger.page))
    assert "color-contrast" in told
    assert "scrolls sideways" in told
