"""A policy is confirmed once, whoever else is at it: in another tab, elsewhere, meanwhile."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import TERMS, Json, Party, World

REASONS: str = TERMS["statement"]["reasons"]


@pytest.fixture
def merchant(world: World) -> Party:
    """Certified, with a draft that is not confirmed yet."""
    merchant = world.certified_merchant()
    draft(world, merchant)
    return merchant


def draft(world: World, merchant: Party, **statement: str) -> Json:
    terms = TERMS | {"statement": TERMS["statement"] | statement}
    return world.ok(merchant, "PUT", "/refund-policy/draft", terms)


def review(visitor: Visitor) -> None:
    visitor.open("merchant/settlement")
    visitor.press(visitor.words.settlement.review)
    expect(visitor.page.get_by_text(visitor.words.settlement.final)).to_be_visible()


def assent(visitor: Visitor) -> None:
    visitor.page.get_by_label(visitor.words.settlement.assent).check()


def test_of_two_tabs_that_race_one_confirms_and_both_show_what_is_confirmed(
    visit: Visit, world: World, merchant: Party
) -> None:
    tabs = [first := visit(merchant), visit(merchant, beside=first)]
    for tab in tabs:
        tab.refusals = {409}
        review(tab)
        assent(tab)
    confirm = "document.querySelector('.form-end .primary').click()"
    for tab in tabs:
        tab.page.evaluate(confirm)
    for tab in tabs:
        expect(tab.page.get_by_text(tab.words.settlement.confirmedLead)).to_be_visible()
        expect(tab.page.locator(".verbatim").first).to_have_text(REASONS)
    assert world.ok(merchant, "GET", "/refund-policy")["status"] == "confirmed"


def test_a_policy_confirmed_elsewhere_is_shown_instead_of_the_one_reviewed(
    visit: Visit, world: World, merchant: Party
) -> None:
    seller = visit(merchant)
    seller.refusals = {409}
    review(seller)
    assent(seller)
    other = draft(world, merchant, reasons="Confirmed by a colleague.")
    world.ok(merchant, "POST", "/refund-policy/confirm", {"digest": other["digest"]}, status=201)
    seller.press(seller.words.settlement.confirm)
    expect(seller.page.get_by_text(seller.words.settlement.elsewhere)).to_be_visible()
    expect(seller.page.locator(".verbatim").first).to_have_text("Confirmed by a colleague.")
    expect(seller.page.locator(".digest")).to_have_text(other["digest"])
    assert violations(seller.page) == []


def test_a_draft_saved_after_a_colleague_confirmed_changes_nothing(
    visit: Visit, world: World, merchant: Party
) -> None:
    seller = visit(merchant)
    seller.refusals = {409}
    seller.open("merchant/settlement")
    seller.fill({seller.words.settlement.reasons: "Too late."})
    confirmed = draft(world, merchant)
    world.ok(
        merchant, "POST", "/refund-policy/confirm", {"digest": confirmed["digest"]}, status=201
    )
    seller.press(seller.words.settlement.saveDraft)
    expect(seller.page.get_by_text(seller.words.settlement.elsewhere)).to_be_visible()
    expect(seller.page.locator(".verbatim").first).to_have_text(REASONS)


def test_a_draft_changed_meanwhile_is_compared_and_reviewed_anew(
    visit: Visit, world: World, merchant: Party
) -> None:
    seller = visit(merchant, language="zh")
    seller.refusals = {409}
    words, page = seller.words.settlement, seller.page
    review(seller)
    assent(seller)
    changed = draft(world, merchant, reasons=REASONS.replace("seven", "five"))
    seller.press(words.confirm)
    expect(page.get_by_text(words.changed)).to_be_visible()
    expect(page.locator("del")).to_contain_text("seven")
    expect(page.locator("ins")).to_contain_text("five")
    assert violations(page) == []

    seller.press(words.reviewAgain)
    expect(page.locator(".digest")).to_have_text(changed["digest"])
    expect(page.get_by_label(words.assent)).not_to_be_checked()
    expect(page.get_by_role("button", name=words.confirm)).to_be_disabled()
    assert violations(page) == []
    assent(seller)
    seller.press(words.confirm)
    expect(page.get_by_text(words.confirmedLead)).to_be_visible()
    assert world.ok(merchant, "GET", "/refund-policy")["digest"] == changed["digest"]


def test_a_draft_changed_meanwhile_is_the_one_that_is_edited(
    visit: Visit, world: World, merchant: Party
) -> None:
    seller = visit(merchant)
    seller.refusals = {409}
    words, page = seller.words.settlement, seller.page
    review(seller)
    assent(seller)
    changed = draft(world, merchant, reasons="A colleague's.")
    seller.press(words.confirm)
    expect(page.get_by_text(words.changed)).to_be_visible()
    seller.press(words.edit)
    expect(page.get_by_label(words.reasons)).to_have_value(changed["statement"]["reasons"])
    seller.fill({words.handling: "At once."})
    seller.press(words.saveDraft)
    expect(page.locator(".form-end time")).to_be_visible()
    saved = world.ok(merchant, "GET", "/refund-policy")["statement"]
    assert saved == {"reasons": "A colleague's.", "handling": "At once."}


def test_a_review_is_still_there_after_a_reload(
    visit: Visit, world: World, merchant: Party
) -> None:
    seller = visit(merchant)
    review(seller)
    seller.page.reload()
    assent(seller)
    seller.press(seller.words.settlement.confirm)
    expect(seller.page.get_by_text(seller.words.settlement.confirmedLead)).to_be_visible()
    assert world.ok(merchant, "GET", "/refund-policy")["status"] == "confirmed"


def test_who_is_not_certified_or_has_no_complete_shop_is_told_what_lacks(
    visit: Visit, world: World
) -> None:
    newcomer = world.newcomer()
    draft(world, newcomer)
    seller = visit(newcomer)
    review(seller)
    lacking = seller.page.get_by_role("main").get_by_role("listitem").get_by_role("link")
    words = seller.words.settlement
    expect(lacking).to_have_text([words.needShop, words.needCertification])
    assent(seller)
    expect(seller.page.get_by_role("button", name=words.confirm)).to_be_disabled()
    assert violations(seller.page) == []
