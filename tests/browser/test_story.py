"""From an empty shop to a buyer's refund, by clicks alone, in each language."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import Party, World

REASONS = "交易完成后七天内, 无需任何理由。\nNo reason is needed for seven days."
HANDLING = "商品完好无损即自动退款至钱包。 Intact goods are refunded automatically."
CREDITED, PAID, REFUNDED = 100_000, 29_900, 9_900


def set_up_the_shop(seller: Visitor) -> None:
    words = seller.words
    current = seller.page.get_by_role("listitem").filter(has_text=words.steps.shop[0])
    current.get_by_role("link").click()
    expect(seller.page.get_by_text(words.shop.missing)).to_be_visible()
    shop = words.shop
    seller.fill(
        {
            shop.name: "青山茶舍",
            shop.logo_url: "https://shop.example/logo.png",
            shop.category: "tea",
            shop.customer_service_phone: "+8657187654321",
            shop.recipient: "售后",
            shop.phone: "+8657187654321",
            shop.province: "浙江省",
            shop.city: "杭州市",
            shop.street: "龙井路 1 号",
        }
    )
    seller.press(words.save)
    expect(seller.page.get_by_text(shop.complete)).to_be_visible()


def apply_for_certification(seller: Visitor) -> None:
    words = seller.words
    seller.follow(words.nav.certification)
    asked = words.certification
    seller.fill(
        {
            asked.company_name: "杭州青山茶业有限公司",
            asked.unified_social_credit_code: "91110000600037341L",
            asked.legal_representative: "林青",
            asked.contactName: "林青",
            asked.contactPhone: "+8613800000000",
            asked.contactEmail: "lin@shop.example",
            asked.reference: "licence-2025-001",
        }
    )
    seller.press(asked.submit)
    expect(seller.page.get_by_text(asked.waiting)).to_be_visible()


def certify(operator: Visitor, merchant_id: str) -> None:
    words = operator.words
    waiting = operator.page.get_by_role("row").filter(has_text=merchant_id)
    waiting.get_by_role("button", name=words.operator.decide).click()
    dialog = operator.page.get_by_role("dialog")
    dialog.get_by_label(words.operator.decisions.certified, exact=True).check()
    dialog.get_by_role("button", name=words.confirm, exact=True).click()
    expect(waiting).to_have_count(0)


def confirm_the_policy(seller: Visitor, world: World, merchant: Party) -> None:
    words = seller.words
    terms, page = words.settlement, seller.page
    expect(page.get_by_text(words.nav.tradeGroup, exact=True)).to_be_visible()
    seller.follow(words.nav.walletAndSettlement, words.nav.settlement)
    page.get_by_role("switch", name=terms.switch).check()
    seller.fill({terms.reasons: REASONS, terms.handling: HANDLING})
    seller.press(terms.review)

    expect(page.get_by_text(terms.final)).to_be_visible()
    reviewed = page.locator(".verbatim")
    assert reviewed.all_text_contents() == [REASONS, HANDLING]
    draft = world.ok(merchant, "GET", "/refund-policy")
    expect(page.locator(".digest")).to_have_text(draft["digest"])
    expect(page.get_by_text(terms.digestHolds)).to_be_visible()
    confirm = page.get_by_role("button", name=terms.confirm, exact=True)
    expect(confirm).to_be_disabled()
    page.get_by_label(terms.assent).check()
    confirm.click()

    expect(page.get_by_text(terms.confirmedLead)).to_be_visible()
    assert reviewed.all_text_contents() == [REASONS, HANDLING]
    expect(page.get_by_role("switch")).to_have_count(0)
    confirmed = world.ok(merchant, "GET", "/refund-policy")
    assert (confirmed["status"], confirmed["digest"]) == ("confirmed", draft["digest"])
    assert confirmed["statement"] == {"reasons": REASONS, "handling": HANDLING}
    assert page.locator("time").get_attribute("datetime") == confirmed["confirmed_at"]


def ask_for_a_refund(buyer: Visitor, order_id: str) -> str:
    """Returns the refund's id, once it is seen to have succeeded."""
    words, page = buyer.words, buyer.page
    order = page.get_by_role("row").filter(has_text=order_id)
    buyer.shows(order, PAID, PAID)
    order.get_by_role("link", name=words.orders.refund).click()
    buyer.fill({words.request.amount: f"{REFUNDED / 100}"})
    preview = page.get_by_role("region", name=words.request.preview)
    expect(preview).to_contain_text(words.request.willRefund.format(buyer.money(REFUNDED)))
    expect(preview).to_contain_text(words.request.leaves.format(buyer.money(PAID - REFUNDED)))
    buyer.press(words.request.submit)
    timeline = page.get_by_role("list", name=words.refunds.timeline)
    expect(timeline).to_contain_text(words.refunds.explained.succeeded)
    expect(page.get_by_text(words.refunds.following)).to_have_count(0)
    return re.sub(r".*/", "", page.url)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_newcomer_s_shop_refunds_a_buyer_within_seconds(
    visit: Visit, world: World, language: str
) -> None:
    merchant, buying = world.newcomer(), world.buyer()
    seller = visit(merchant, language=language)
    set_up_the_shop(seller)
    apply_for_certification(seller)
    certify(visit(world.operator, language=language), merchant.id)
    confirm_the_policy(seller, world, merchant)

    world.credit(merchant.id, CREDITED)
    order_id = world.order(merchant.id, buying.id, PAID)
    buyer = visit(buying, language=language)
    refund_id = ask_for_a_refund(buyer, order_id)
    refund = world.refund(buying, refund_id)
    assert (refund["status"], refund["amount"]) == ("succeeded", REFUNDED)
    buyer.shows(buyer.page.locator(".facts"), refund["amount"], refund["sources"]["available"])
    times = buyer.page.locator(".timeline time")
    shown = [time.get_attribute("datetime") for time in times.all()]
    assert shown == [each["at"] for each in refund["timeline"]]

    words = seller.words
    seller.follow(words.nav.wallet)
    wallet = world.wallet(merchant)
    parts = ("available", "deposit", "deposit_required", "owed", "guarantee_left")
    seller.shows(seller.page.locator(".figures"), *(wallet[part] for part in parts))
    assert wallet["available"] == CREDITED - REFUNDED

    lines = world.booked(merchant, postings=2)
    seller.follow(words.nav.statement)
    rows = seller.page.get_by_role("group", name=words.nav.statement).locator("tbody tr")
    expect(rows).to_have_count(2)
    for row, line in zip(rows.all(), lines, strict=True):
        changes = ("available_change", "deposit_change", "owed_change")
        told = [seller.money(line[change], signed=True) for change in changes]
        told.insert(1, seller.money(line["available"]))
        expect(row.locator(".amount")).to_have_text(told)
    expect(rows.first).to_contain_text(getattr(words.statement.causes, lines[0]["cause"]))
    assert lines[0]["available_change"] == -REFUNDED

    buyer.follow(words.nav.wallet)
    buyer.shows(buyer.page.locator(".figures"), world.wallet(buying)["available"])


def test_the_way_to_the_settlement_settings_is_the_one_that_shop_owners_know(
    visit: Visit, world: World
) -> None:
    seller = visit(world.newcomer(), language="zh")
    menu = seller.page.get_by_role("navigation", name="主菜单")
    trade = menu.locator(".group").filter(has_text="成交管理")
    trade.get_by_role("link", name="钱包和结算", exact=True).click()
    seller.page.get_by_role("link", name="结算设置", exact=True).click()
    expect(seller.page.get_by_role("switch", name="支持极速退款")).to_be_visible()
