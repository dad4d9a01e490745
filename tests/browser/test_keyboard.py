"""The main steps by the keyboard alone; where the focus is can be seen, and it is never lost."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import Party, Person, Scene, World

MOST_STEPS = 60
# At the end of a page the focus leaves it, for the browser's own buttons, and comes back.
FOCUS = """() => {
  const { activeElement: at, body } = document;
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  return {
    name: at.ariaLabel ?? at.labels?.[0]?.innerText ?? at.innerText,
    seen: at === body || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2),
    outside: at !== body && !at.closest("dialog"),
  };
}"""


def reach(page: Page, name: str) -> None:
    """Press Tab until what is called so has the focus; every stop on the way is to be seen."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        assert focus["seen"], focus
        if focus["name"].strip().startswith(name):
            return
    pytest.fail(f"Tab does not reach {name}")


def arrive(visit: Visit, person: Person) -> Visitor:
    """Sign in by keys as well; the sign-in page itself puts the focus into its first field."""
    visitor = visit()
    page, keys = visitor.page, visitor.page.keyboard
    expect(page.get_by_role("button", name=visitor.words.signIn)).to_be_visible()
    reach(page, visitor.words.signIn)
    keys.press("Enter")
    expect(page.locator("[name=username]")).to_be_focused()
    keys.type(person.username)
    keys.press("Tab")
    keys.type(person.password)
    keys.press("Enter")
    page.wait_for_url(lambda url: url.startswith(visitor.console) and "code=" not in url)
    return visitor


def test_the_first_stop_skips_the_menu(visit: Visit, scene: Scene) -> None:
    seller = arrive(visit, scene.merchant)
    expect(seller.page.get_by_role("heading", level=1)).to_be_visible()
    seller.page.reload()
    expect(seller.page.get_by_role("heading", level=1)).to_be_visible()
    seller.page.keyboard.press("Tab")
    skip = seller.page.get_by_role("link", name=seller.words.skip)
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    seller.page.keyboard.press("Enter")
    expect(seller.page.get_by_role("main")).to_be_focused()


def test_a_policy_is_confirmed_by_keys(visit: Visit, world: World) -> None:
    merchant = world.certified_merchant()
    seller = arrive(visit, merchant)
    words, page = seller.words, seller.page
    terms, keys = words.settlement, page.keyboard
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    reach(page, words.nav.walletAndSettlement)
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    reach(page, words.nav.settlement)
    keys.press("Enter")
    expect(page.get_by_role("switch")).to_be_visible()
    reach(page, terms.switch)
    keys.press("Space")
    reach(page, terms.reasons)
    keys.type("Whatever.")
    reach(page, terms.handling)
    keys.type("At once.")
    reach(page, terms.review)
    keys.press("Enter")
    expect(page.get_by_role("heading", name=terms.reviewTitle)).to_be_focused()
    reach(page, terms.assent)
    keys.press("Space")
    reach(page, terms.confirm)
    keys.press("Enter")
    expect(page.get_by_text(terms.confirmedLead)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert world.ok(merchant, "GET", "/refund-policy")["status"] == "confirmed"


def test_a_refund_is_asked_for_and_canceled_by_keys(visit: Visit, world: World) -> None:
    scene = world.scene(funds=0)
    buyer = arrive(visit, scene.buyer)
    words, page = buyer.words, buyer.page
    keys = page.keyboard
    expect(page.get_by_role("link", name=words.orders.refund)).to_be_visible()
    reach(page, words.orders.refund)
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    reach(page, words.refunds.conditions.intact)
    reach(page, words.request.amount)
    keys.type("3")
    reach(page, words.request.submit)
    keys.press("Enter")
    expect(page.get_by_role("list", name=words.refunds.timeline)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()

    cancel = page.get_by_role("button", name=words.refunds.cancel)
    reach(page, words.refunds.cancel)
    keys.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_have_count(0)
    expect(cancel).to_be_focused()
    keys.press("Enter")
    expect(dialog).to_be_visible()
    for key in 4 * ["Tab"] + 4 * ["Shift+Tab"]:
        keys.press(key)
        assert not page.evaluate(FOCUS)["outside"]
    reach(page, words.refunds.cancel)
    keys.press("Enter")
    timeline = page.get_by_role("list", name=words.refunds.timeline)
    expect(timeline).to_contain_text(words.refunds.explained.canceled)
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_a_certification_is_decided_by_keys(visit: Visit, world: World, applicant: Party) -> None:
    operator = arrive(visit, world.operator)
    words, page = operator.words, operator.page
    expect(page.get_by_text(applicant.id).first).to_be_visible()
    row = page.get_by_role("row").filter(has_text=applicant.id)
    reach(page, f"{words.operator.decide} {applicant.id}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_label(words.operator.decisions.certified, exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label(words.operator.decisions.refused, exact=True)).to_be_checked()
    reach(page, words.operator.reason)
    page.keyboard.type("The licence is out of date.")
    reach(page, words.confirm)
    page.keyboard.press("Enter")
    expect(row).to_have_count(0)
    decided = world.ok(applicant, "GET", "/certification")
    assert (decided["status"], decided["reason"]) == ("refused", "The licence is out of date.")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
