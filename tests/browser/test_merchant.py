"""A merchant's other screens: a second application, the statement, and the numbers of each list."""

import csv
import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import APPLICATION, SHOP, TERMS, Scene, World

ZONE = "Asia/Shanghai"


def test_a_refused_certification_is_changed_and_submitted_again(visit: Visit, world: World) -> None:
    merchant = world.newcomer()
    world.ok(merchant, "POST", "/certification", APPLICATION, status=201)
    world.decide(merchant.id, "refused", "The licence is out of date.")
    seller = visit(merchant)
    words, page = seller.words.certification, seller.page
    seller.follow(seller.words.nav.certification)
    expect(page.get_by_text("The licence is out of date.")).to_be_visible()
    expect(page.get_by_label(words.company_name)).to_have_value(APPLICATION["company_name"])
    assert violations(page) == []
    seller.fill({words.unified_social_credit_code: "91110000600037341X"})
    seller.refusals = {400}
    seller.press(words.resubmit)
    code = page.get_by_label(words.unified_social_credit_code)
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(code).to_be_focused()
    expect(code).to_have_accessible_description(
        re.compile(re.escape(seller.words.fault.format)),
    )
    assert violations(page) == []
    seller.fill(
        {
            words.unified_social_credit_code: APPLICATION["unified_social_credit_code"],
            words.reference: "licence-2026-002",
        }
    )
    seller.press(words.resubmit)
    expect(page.get_by_text(words.waiting)).to_be_visible()
    submitted = world.ok(merchant, "GET", "/certification")
    assert submitted["status"] == "submitted"
    assert submitted["application"]["documents"][0]["reference"] == "licence-2026-002"


def test_a_suspended_merchant_reads_why_and_since_when(visit: Visit, world: World) -> None:
    merchant = world.certified_merchant()
    suspended = world.decide(merchant.id, "suspended", "Too many complaints.")
    seller = visit(merchant, language="zh")
    words = seller.words.certification
    seller.follow(seller.words.nav.certification)
    expect(seller.page.get_by_text(words.causes.operator)).to_be_visible()
    times = seller.page.locator("time").all()
    shown = {time.get_attribute("datetime") for time in times}
    assert suspended["suspended_since"] in shown
    assert violations(seller.page) == []


def statement(seller: Visitor, rows: int) -> None:
    table = seller.page.get_by_role("group", name=seller.words.nav.statement)
    expect(table.locator("tbody tr")).to_have_count(rows)


def test_the_statement_of_some_days_is_shown_and_downloaded(visit: Visit, world: World) -> None:
    merchant = world.merchant()
    for amount in (700, 300):
        world.credit(merchant.id, amount)
    lines = world.booked(merchant, postings=2)
    seller = visit(merchant, timezone_id=ZONE)
    words, page = seller.words.statement, seller.page
    seller.open("merchant/statement")
    statement(seller, 2)
    with page.expect_download() as began:
        seller.press(words.csv)
    text = began.value.path().read_text(encoding="utf-8-sig")
    assert began.value.suggested_filename == f"statement-{merchant.id}-CNY.csv"
    told = [row[words.change] for row in csv.DictReader(text.splitlines())]
    assert sorted(told) == sorted(f"{line['available_change'] / 100:.2f}" for line in lines)

    today = datetime.now(UTC).astimezone().date()
    earlier = (today - timedelta(days=9)).isoformat(), (today - timedelta(days=7)).isoformat()
    seller.fill({words.to: earlier[0], getattr(words, "from"): earlier[1]})
    expect(page.get_by_text(words.rangeWrong)).to_be_visible()
    expect(page.get_by_role("button", name=words.show)).to_be_disabled()
    seller.fill({words.to: earlier[1], getattr(words, "from"): earlier[0]})
    seller.press(words.show)
    expect(page.get_by_text(words.empty)).to_be_visible()
    seller.fill({words.to: (today + timedelta(days=2)).isoformat()})
    seller.press(words.show)
    statement(seller, 2)


def test_the_wallet_over_time_has_axes_and_can_be_read_as_a_table(
    visit: Visit, world: World
) -> None:
    merchant = world.merchant()
    for amount in (700, 300):
        world.credit(merchant.id, amount)
    lines = world.booked(merchant, postings=2)
    seller = visit(merchant)
    words, page = seller.words.wallet, seller.page
    seller.open("merchant/wallet")
    figure = page.get_by_role("figure")
    expect(figure.locator(".amounts span")).to_have_text([seller.money(1000), seller.money(0)])
    expect(figure.locator(".times span")).to_have_text([re.compile(r"\d+/\d+")] * 3)
    picture = figure.get_by_role("img")
    fill = "each => getComputedStyle(each).fill"
    assert [figure.locator(each).evaluate(fill) for each in (".axis", ".line")] == ["none"] * 2
    for end in (lines[-1], lines[0]):
        expect(picture).to_have_accessible_name(
            re.compile(re.escape(seller.money(end["available"])))
        )
    page.get_by_text(words.asTable).click()
    table = page.get_by_role("group", name=words.overTime)
    seller.shows(table, *(line["available"] for line in lines))
    assert violations(page) == []


def test_the_months_are_the_api_s(visit: Visit, world: World, scene: Scene) -> None:
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, 400))
    world.booked(scene.merchant, postings=2)
    query = {"currency": "CNY"}
    [month] = world.ok(scene.merchant, "GET", "/wallet/statement/months", params=query)["items"]
    seller = visit(scene.merchant, language="zh")
    seller.open("merchant/statement")
    months = seller.page.get_by_role("group", name=seller.words.statement.months)
    seller.shows(months, month["credited"], month["debited"])
    expect(months.locator("tbody td").nth(1)).to_have_text(str(month["entries"]))


def test_orders_and_refunds_show_the_numbers_of_the_api(
    visit: Visit, world: World, scene: Scene
) -> None:
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, 400))
    world.ask(scene.buyer, scene.order_id, 100, goods_condition="used")
    orders = world.ok(scene.merchant, "GET", "/orders")["items"]
    seller = visit(scene.merchant)
    words, page = seller.words, seller.page
    seller.follow(words.nav.orders)
    seller.shows(
        page.get_by_role("table"),
        *(order[part] for order in orders for part in ("amount", "refundable")),
    )
    assert [order["refundable"] for order in orders] == [600]
    seller.follow(words.nav.refunds)
    refunds = world.refunds(scene.merchant)
    seller.shows(page.get_by_role("table"), *(each["amount"] for each in refunds))
    expect(page.get_by_text(words.refunds.byDayText.format(1, 14))).to_be_visible()
    page.get_by_label(words.refunds.filter).select_option("refused")
    seller.shows(page.get_by_role("table"), 100)


def test_the_language_is_switched_at_once_and_kept(visit: Visit, scene: Scene) -> None:
    seller = visit(scene.merchant, language="zh")
    expect(seller.page.get_by_role("heading", level=1)).to_have_text("首页")
    seller.press("English")
    expect(seller.page.get_by_role("heading", level=1)).to_have_text("Home")
    expect(seller.page.locator("html")).to_have_attribute("lang", "en")
    seller.page.reload()
    expect(seller.page.get_by_role("heading", level=1)).to_have_text("Home")


def test_home_follows_what_happens_elsewhere_and_leads_to_the_next_step(
    visit: Visit, world: World
) -> None:
    merchant = world.newcomer()
    seller = visit(merchant)
    words, page = seller.words, seller.page
    steps = page.locator(".four").get_by_role("listitem")
    expect(steps.nth(1)).to_contain_text(words.steps.todo)

    def look_again() -> None:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    world.ok(merchant, "PUT", "/shop", SHOP)
    world.ok(merchant, "POST", "/certification", APPLICATION, status=201)
    look_again()
    expect(steps.nth(1)).to_contain_text(words.certification.states.submitted)
    expect(page.get_by_text(SHOP["name"])).to_be_visible()
    assert violations(page) == []
    world.decide(merchant.id, "refused", "The licence is out of date.")
    look_again()
    expect(steps.nth(1)).to_contain_text(words.certification.states.refused)
    world.ok(merchant, "POST", "/certification", APPLICATION, status=201)
    world.decide(merchant.id, "certified", "Checked.")
    world.ok(merchant, "PUT", "/refund-policy/draft", TERMS)
    look_again()
    expect(steps.nth(1)).to_contain_text(words.steps.done)
    steps.nth(3).get_by_role("link").click()
    expect(page.get_by_text(words.settlement.final)).to_be_visible()


def test_what_was_saved_is_said_where_it_is_seen(visit: Visit, world: World) -> None:
    seller = visit(world.newcomer(), language="zh")
    words, page = seller.words, seller.page
    seller.open("merchant/shop")
    seller.fill({words.shop.name: "小店"})
    seller.press(words.save)
    said = page.get_by_role("status").filter(has_text=words.saved)
    expect(said).to_be_visible()
    expect(said).to_be_in_viewport()
    assert violations(page) == []


def test_a_list_of_refunds_follows_by_itself(visit: Visit, world: World, scene: Scene) -> None:
    world.freeze(scene.merchant.id)
    refund_id = world.accepted(scene.buyer, scene.order_id, 300)
    world.becomes(scene.buyer, refund_id, "awaiting_funds")
    seller = visit(scene.merchant)
    words = seller.words.refunds
    seller.follow(seller.words.nav.refunds)
    row = seller.page.get_by_role("row").filter(has_text=refund_id)
    expect(row).to_contain_text(words.states.awaiting_funds)
    world.ok(scene.buyer, "POST", f"/refunds/{refund_id}/cancel")
    expect(row).to_contain_text(words.states.canceled)
