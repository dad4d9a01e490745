"""What an operator decides, sets and repairs, seen to be done by the API."""

import json
import re

from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import Visit
from tests.browser.visitor import Held
from tests.integration.world import APPLICATION, Party, Scene, World, unique


def test_a_refusal_of_a_certification_needs_its_reason(
    visit: Visit, world: World, applicant: Party
) -> None:
    operator = visit(world.operator, language="zh")
    words = operator.words
    row = operator.page.get_by_role("row").filter(has_text=applicant.id)
    row.get_by_role("button", name=words.operator.decide).click()
    dialog = operator.page.get_by_role("dialog")
    dialog.get_by_label(words.operator.decisions.refused, exact=True).check()
    dialog.get_by_role("button", name=words.confirm, exact=True).click()
    reason = dialog.get_by_label(words.operator.reason, exact=True)
    expect(reason).to_be_focused()
    assert violations(operator.page) == []
    assert world.ok(applicant, "GET", "/certification")["status"] == "submitted"
    reason.fill("执照过期")
    dialog.get_by_role("button", name=words.confirm, exact=True).click()
    expect(row).to_have_count(0)
    assert world.ok(applicant, "GET", "/certification")["reason"] == "执照过期"


def test_limits_and_freezing_and_what_waits(visit: Visit, world: World, scene: Scene) -> None:
    operator = visit(world.operator)
    words, page = operator.words, operator.page
    operator.follow(words.nav.merchants)
    operator.fill({words.operator.merchantId: scene.merchant.id})
    operator.press(words.operator.lookUp)
    operator.fill({words.wallet.depositRequired: "50", words.operator.guaranteeLimit: "200.5"})
    operator.press(words.operator.setLimits)
    saved = page.get_by_role("status").filter(has_text=words.saved)
    expect(saved).to_be_attached()
    [wallet] = world.overview(scene.merchant.id)["wallets"]
    assert (wallet["deposit_required"], wallet["guarantee_left"]) == (5_000, 20_050)
    parts = ("available", "deposit", "deposit_required", "owed", "guarantee_left")
    operator.shows(page.locator(".figures"), *(wallet[part] for part in parts))

    operator.press(words.operator.freeze)
    dialog = page.get_by_role("dialog", name=words.operator.freezeSure.format("CNY"))
    expect(dialog).to_contain_text(words.operator.freezeText)
    assert violations(page) == []
    dialog.get_by_role("button", name=words.operator.freeze).click()
    expect(page.get_by_role("button", name=words.operator.unfreeze)).to_be_visible()
    refund_id = world.accepted(scene.buyer, scene.order_id)
    world.becomes(scene.buyer, refund_id, "awaiting_funds")
    page.reload()
    waiting = page.get_by_role("row").filter(has_text=refund_id)
    expect(waiting).to_contain_text(words.refunds.waits.unfreeze)
    operator.shows(waiting, 1000)
    operator.press(words.operator.unfreeze)
    expect(page.get_by_role("button", name=words.operator.freeze, exact=True)).to_be_visible()
    world.settled(scene.buyer, refund_id)


def test_what_waits_for_a_merchant_s_money_is_found_without_its_id(
    visit: Visit, world: World
) -> None:
    scene = world.scene(funds=0)
    refund_id = world.accepted(scene.buyer, scene.order_id)
    world.becomes(scene.buyer, refund_id, "awaiting_funds")
    operator = visit(world.person(operator=True))
    words, page = operator.words, operator.page
    merchant, waiting = scene.merchant.id, f"{words.operator.waiting} {scene.merchant.id}"
    operator.follow(words.nav.merchants)
    expect(page.get_by_role("region", name=words.operator.lately)).to_have_count(0)
    page.get_by_label(words.operator.status).select_option("suspended")
    row = page.get_by_role("row").filter(has_text=merchant)
    expect(row).to_contain_text(APPLICATION["company_name"])
    row.get_by_role("link", name=waiting).click()
    refund = page.get_by_role("row").filter(has_text=refund_id)
    expect(refund).to_contain_text(words.refunds.waits.funds)
    operator.shows(refund, 1000)

    operator.follow(words.nav.merchants)
    lately = page.get_by_role("region", name=words.operator.lately)
    expect(lately.get_by_role("link")).to_have_text([merchant, re.compile(words.operator.waiting)])
    assert violations(page) == []
    lately.get_by_role("link", name=merchant, exact=True).click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"{words.role.merchant} {merchant}")
    expect(page.get_by_role("row").filter(has_text=refund_id)).to_be_visible()

    operator.press(words.signOut)
    expect(page.get_by_role("button", name=words.signIn, exact=True)).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_certification_to_decide_leads_to_its_merchant(
    visit: Visit, world: World, applicant: Party
) -> None:
    operator = visit(world.operator)
    row = operator.page.get_by_role("row").filter(has_text=applicant.id)
    row.get_by_role("link", name=applicant.id, exact=True).click()
    heading = operator.page.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"{operator.words.role.merchant} {applicant.id}")


def test_dead_letters_are_seen_and_asked_about_before_they_are_sent_again(
    visit: Visit, world: World, scene: Scene
) -> None:
    letters = world.queue_url("DebitDeadLetterQueue")
    world.sqs.purge_queue(QueueUrl=letters)
    missing = unique("rf")
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id)
        [body] = world.messages_for(refund_id)
    for text in (body, json.dumps({"refund_id": missing})):
        world.sqs.send_message(QueueUrl=letters, MessageBody=text)
    operator = visit(world.operator)
    words, page = operator.words.letters, operator.page
    operator.follow(operator.words.nav.deadLetters)
    page.get_by_role("link", name=words.queues.debits).click()
    good = page.get_by_role("row").filter(has_text=refund_id)
    expect(good).to_contain_text(operator.words.yes)
    expect(good).to_contain_text(operator.words.refunds.states.pending)
    bad = page.get_by_role("row").filter(has_text=missing)
    expect(bad).to_contain_text(words.whyNot.refund_not_found)
    assert violations(page) == []
    would = page.get_by_role("region", name=words.would)
    facts = [words.queues.debits, re.compile(r"2$"), words.targets.debits]
    expect(would.locator("dd")).to_have_text(facts)

    operator.press(words.redrive)
    dialog = page.get_by_role("dialog", name=words.sure)
    for fact in (words.queues.debits, words.targets.debits, "100", words.shown.format(2, 1)):
        expect(dialog).to_contain_text(fact)
    expect(dialog.get_by_role("listitem")).to_have_text([f"refund:{refund_id}"])
    assert violations(page) == []
    dialog.get_by_role("button", name=operator.words.cancel).click()
    expect(dialog).to_have_count(0)
    assert len(world.ok(world.operator, "GET", "/dead-letters/debits")["items"]) == 2

    held = Held(page, "**/redrive")
    operator.press(words.redrive)
    dialog.get_by_role("button", name=words.redrive).click()
    expect(dialog.get_by_role("status")).to_have_text(words.underWay)
    redrive = held.only()
    redrive.continue_()
    expect(page.get_by_text(words.moved.format(1, 1, 1))).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(good).to_have_count(0)
    expect(bad).to_be_visible()
    world.settled(scene.buyer, refund_id)
    world.sqs.purge_queue(QueueUrl=letters)


def test_a_reconciliation_is_run_and_its_report_is_the_api_s(
    visit: Visit, world: World, scene: Scene
) -> None:
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id))
    operator = visit(world.operator, language="zh")
    words, page = operator.words.operator, operator.page
    operator.follow(operator.words.nav.reconciliation)
    operator.press(words.runNow)
    expect(page.get_by_role("button", name=words.runNow)).to_have_attribute("aria-busy", "false")
    expect(page.get_by_text(words.endedAt)).to_be_visible()
    report = world.ok(world.operator, "GET", "/reconciliation")
    facts = page.locator("main .facts").first
    expect(facts).to_contain_text(report["run_id"])
    expect(facts).to_contain_text(f"{report['looked_at']:,}")
    totals = page.get_by_role("group", name=words.totals)
    yuan = totals.locator(".amount").filter(has_text=re.compile(r"^-?¥"))
    amounts = [*report["totals"]["CNY"].values(), 0]
    expect(yuan).to_have_text([operator.money(each) for each in amounts])
    sums = totals.get_by_role("row").filter(has_text=words.sum)
    expect(sums).to_have_count(len(report["totals"]))
    assert violations(page) == []


def test_a_correction_is_proposed_by_one_and_approved_by_another(
    visit: Visit, world: World, scene: Scene
) -> None:
    reason = unique("credited twice")
    operator = visit(world.operator)
    words, page = operator.words.operator, operator.page
    operator.follow(operator.words.nav.corrections)
    legs = page.get_by_role("group", name=words.legs, exact=True).get_by_role("group")
    for leg, account, amount in (
        (legs.nth(0), f"merchant:{scene.merchant.id}:available", "-10.00"),
        (legs.nth(1), "external:settlement", "9.00"),
    ):
        leg.get_by_label(words.account).fill(account)
        leg.get_by_label(words.amount).fill(amount)
    propose = page.get_by_role("button", name=words.propose)
    expect(page.get_by_text(words.sumWrong)).to_be_visible()
    expect(propose).to_be_disabled()
    legs.nth(1).get_by_label(words.amount).fill("10.00")
    page.get_by_role("textbox", name=words.reason).fill(reason)
    propose.click()
    before = world.balance(scene.merchant)
    proposed = page.get_by_role("row").filter(has_text=reason)
    expect(proposed).to_contain_text(words.byAnother)
    assert world.balance(scene.merchant) == before

    approver = visit(world.person(operator=True))
    approver.open("operator/corrections")
    row = approver.page.get_by_role("row").filter(has_text=reason)
    row.get_by_role("button", name=words.approve).click()
    dialog = approver.page.get_by_role("dialog", name=words.approveSure)
    expect(dialog).to_contain_text(reason)
    assert violations(approver.page) == []
    dialog.get_by_role("button", name=words.approve).click()
    expect(row).to_have_count(0)
    assert world.balance(scene.merchant) == before - 1000


def test_a_refund_is_reversed_after_a_question(visit: Visit, world: World, scene: Scene) -> None:
    refund_id = world.accepted(scene.buyer, scene.order_id)
    world.settled(scene.buyer, refund_id)
    operator = visit(world.operator, language="zh")
    words, page = operator.words.operator, operator.page
    operator.follow(operator.words.nav.refundLookUp)
    operator.fill({words.refundId: refund_id})
    operator.press(words.lookUp)
    expect(page.get_by_role("list", name=operator.words.refunds.timeline)).to_be_visible()
    page.get_by_role("link", name=words.reverse, exact=True).click()
    expect(page.get_by_label(words.refundId)).to_have_value(refund_id)
    operator.fill({words.reason: "纠纷裁定商家胜诉"})
    operator.press(words.reverse)
    dialog = page.get_by_role("dialog", name=words.reverseSure)
    for fact in (refund_id, scene.merchant.id, scene.buyer.id, operator.money(1000)):
        expect(dialog).to_contain_text(fact)
    assert world.refund(scene.buyer, refund_id)["status"] == "succeeded"
    assert violations(page) == []
    dialog.get_by_role("button", name=words.reverse).click()
    expect(page.get_by_text(words.reversed)).to_be_visible()
    operator.shows(page.get_by_role("status"), 1000)
    assert world.refund(scene.buyer, refund_id)["status"] == "reversed"
