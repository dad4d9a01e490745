"""Where a refund's money comes from, and what waits for it (D12, D17): nothing crosses currencies.

Suspension for funds follows from it, and is lifted by itself once all is covered.
"""

from dataclasses import dataclass

import pytest

from tests.integration.world import Json, Party, World, problem

# ── Currencies ──────────────────────────────────────────────────────────────────────────────────


def test_each_currency_pays_for_itself_alone_and_to_the_unit(world: World) -> None:
    """D12: 5800 yen are no 58, and 1.001 dinar no 1; a full wallet of yuan pays neither."""
    scene = world.scene(funds=100_000)
    amounts = {"JPY": 5800, "KWD": 1001}
    orders = {
        currency: world.order(scene.merchant.id, scene.buyer.id, amount, currency)
        for currency, amount in amounts.items()
    }
    refunds = {
        currency: world.accepted(scene.buyer, order_id) for currency, order_id in orders.items()
    }
    for currency, refund_id in refunds.items():
        waiting = world.becomes(scene.buyer, refund_id, "awaiting_funds")
        assert (waiting["currency"], waiting["waits_for"]) == (currency, "funds")
        world.credit(scene.merchant.id, amounts[currency] - 1, currency)
    world.all_debits_done()
    for refund_id in refunds.values():
        assert world.refund(scene.buyer, refund_id)["status"] == "awaiting_funds"
    assert world.balance(scene.merchant) == 100_000

    for currency, amount in amounts.items():
        world.credit(scene.merchant.id, 11, currency)
        settled = world.settled(scene.buyer, refunds[currency])
        assert (settled["amount"], settled["currency"]) == (amount, currency)
        assert settled["sources"] == {"available": amount}
        assert world.balance(scene.merchant, currency) == 10
        assert world.balance(scene.buyer, currency) == amount
        lines = world.booked(scene.merchant, postings=3, currency=currency)
        changes = [line["available_change"] for line in lines]
        assert sorted(changes) == [-amount, 11, amount - 1]
        [line] = world.booked(scene.buyer, postings=1, currency=currency)
        assert (line["available_change"], line["available"]) == (amount, amount)
    assert world.balance(scene.merchant) == 100_000
    assert world.balance(scene.buyer) == 0
    assert [line["cause"] for line in world.booked(scene.merchant, postings=1)] == ["credit"]
    assert world.statement(scene.buyer) == []


# ── The waterfall ───────────────────────────────────────────────────────────────────────────────


def test_wallet_deposit_and_guarantee_fund_pay_in_this_order_and_are_repaid_in_the_other(
    world: World,
) -> None:
    """The worked example of docs/ledger.md, as its parties see it."""
    scene = world.scene(amount=12_400, funds=0)
    merchant, buyer = scene.merchant, scene.buyer
    world.limit(merchant.id, deposit=3000, guarantee=4000)
    assert world.credit(merchant.id, 3000, target="deposit")["allocation"] == parts(deposit=3000)
    assert world.credit(merchant.id, 5000)["allocation"] == parts(available=5000)
    assert seen(world, merchant) == (5000, 3000, 0, 4000)

    first = world.settled(buyer, world.accepted(buyer, scene.order_id, 9900))
    assert first["sources"] == {"available": 5000, "deposit": 3000, "receivable": 1900}
    assert seen(world, merchant) == (0, 0, 1900, 2100)
    assert world.balance(buyer) == 9900
    second = world.accepted(buyer, scene.order_id, 2500)
    world.becomes(buyer, second, "awaiting_funds")
    assert seen(world, merchant) == (0, 0, 1900, 2100)

    credited = world.credit(merchant.id, 10_000)
    assert credited["allocation"] == parts(receivable=1900, deposit=3000, available=5100)
    assert world.settled(buyer, second)["sources"] == {"available": 2500}
    assert seen(world, merchant) == (2600, 3000, 0, 4000)
    assert world.balance(buyer) == 12_400

    changes = ("available_change", "deposit_change", "owed_change", "available", "deposit", "owed")
    lines = world.booked(merchant, postings=5)
    assert sorted(tuple(line[name] for name in changes[:3]) for line in lines) == sorted(
        [(0, 3000, 0), (5000, 0, 0), (-5000, -3000, 1900), (5100, 3000, -1900), (-2500, 0, 0)]
    )
    assert [lines[0][name] for name in changes[3:]] == [2600, 3000, 0]


@dataclass(frozen=True)
class Market:
    """One order of 1000 in each of several currencies, all of one merchant."""

    merchant: Party
    buyer: Party
    orders: dict[str, str]


@pytest.fixture(scope="module")
def market(world: World) -> Market:
    merchant, buyer = world.merchant(), world.buyer()
    orders = {each: world.order(merchant.id, buyer.id, 1000, each) for each in MIXES}
    return Market(merchant, buyer, orders)


MIXES: dict[str, tuple[tuple[int, int, int], Json | None]] = {
    "EUR": ((100, 0, 900), {"available": 100, "receivable": 900}),
    "USD": ((0, 1000, 900), {"deposit": 1000}),
    "GBP": ((0, 1, 999), {"deposit": 1, "receivable": 999}),
    "CHF": ((0, 0, 1000), {"receivable": 1000}),
    "SEK": ((999, 500, 0), {"available": 999, "deposit": 1}),
    "NOK": ((1000, 1000, 1000), {"available": 1000}),
    "DKK": ((400, 300, 299), None),
    "PLN": ((0, 0, 999), None),
}
"""What wallet, deposit and guarantee fund have, and what pays 1000; each in a currency of its own,
so that they share a merchant and no wallet."""


@pytest.mark.parametrize("currency", MIXES)
def test_a_refund_is_paid_whole_from_what_there_is_or_not_at_all(
    world: World, market: Market, currency: str
) -> None:
    (wallet, deposit, guarantee), sources = MIXES[currency]
    merchant, buyer = market.merchant, market.buyer
    world.limit(merchant.id, guarantee=guarantee, currency=currency)
    if deposit:
        world.credit(merchant.id, deposit, currency, target="deposit")
    if wallet:
        world.credit(merchant.id, wallet, currency)
    refund_id = world.accepted(buyer, market.orders[currency])

    refund = world.becomes(buyer, refund_id, "succeeded" if sources else "awaiting_funds")

    assert refund["sources"] == sources
    assert world.balance(buyer, currency) == (1000 if sources else 0)
    drawn = sources or {}
    assert seen(world, merchant, currency) == (
        wallet - drawn.get("available", 0),
        deposit - drawn.get("deposit", 0),
        (owed := drawn.get("receivable", 0)),
        guarantee - owed,
    )


def test_limits_below_the_debt_take_nothing_back_and_advance_nothing_more(world: World) -> None:
    scene = world.scene(amount=1000, funds=0)
    world.limit(scene.merchant.id, guarantee=800)
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, 600))
    lowered = world.limit(scene.merchant.id, guarantee=500)
    assert (lowered["owed"], lowered["guarantee_left"]) == (600, 0)
    assert seen(world, scene.merchant) == (0, 0, 600, 0)
    waiting = world.accepted(scene.buyer, scene.order_id, 1)
    world.becomes(scene.buyer, waiting, "awaiting_funds")

    # A hundred of the debt repaid leave nothing to advance; one more does.
    assert world.credit(scene.merchant.id, 100)["allocation"] == parts(receivable=100)
    world.all_debits_done()
    assert world.refund(scene.buyer, waiting)["status"] == "awaiting_funds"
    world.credit(scene.merchant.id, 1)
    assert world.settled(scene.buyer, waiting)["sources"] == {"receivable": 1}
    assert seen(world, scene.merchant) == (0, 0, 500, 0)


# ── Waiting ─────────────────────────────────────────────────────────────────────────────────────


def test_what_waits_says_so_is_nobody_s_money_yet_and_is_paid_the_oldest_first(
    world: World,
) -> None:
    """D17, with nothing in wallet, deposit and guarantee fund; no sweep is needed."""
    scene = world.scene(funds=0)
    waiting = []
    for amount in (300, 200, 100):
        refund_id = world.accepted(scene.buyer, scene.order_id, amount)
        refund = world.becomes(scene.buyer, refund_id, "awaiting_funds")
        assert refund["waits_for"] == "funds"
        assert refund["next_try_at"] > refund["timeline"][-1]["at"]
        waiting.append(refund_id)
    assert world.balance(scene.buyer) == 0
    listed = world.ok(
        world.operator, "GET", f"/merchants/{scene.merchant.id}/waiting-refunds?currency=CNY"
    )
    assert [each["refund_id"] for each in listed["items"]] == waiting
    assert listed["next_cursor"] is None
    assert world.overview(scene.merchant.id)["wallets"][0]["waiting_refunds"] == 3

    oldest, middle, newest = waiting
    # 300 would pay the two newer ones; 100 fit only the newest.
    for money, paid, left in [(300, oldest, 2), (100, newest, 1), (200, middle, 0)]:
        world.credit(scene.merchant.id, money)
        world.settled(scene.buyer, paid)
        world.all_debits_done()
        assert world.overview(scene.merchant.id)["wallets"][0]["waiting_refunds"] == left
        assert world.balance(scene.merchant) == 0
    assert world.balance(scene.buyer) == 600


# ── Suspension for funds ────────────────────────────────────────────────────────────────────────


def test_a_merchant_beyond_its_limit_is_suspended_until_all_is_covered(world: World) -> None:
    scene = world.scene(amount=1000, funds=0)
    merchant = scene.merchant
    world.limit(merchant.id, guarantee=400)
    before = world.order(merchant.id, scene.buyer.id)
    advanced = world.accepted(scene.buyer, scene.order_id, 400)
    world.settled(scene.buyer, advanced)
    assert world.overview(merchant.id)["suspension_causes"] == []
    waiting = world.accepted(scene.buyer, scene.order_id, 600)

    suspended = world.suspended(merchant.id, "funds")

    assert suspended["certification"] == "suspended"
    assert suspended["suspended_since"]
    assert world.ok(merchant, "GET", "/certification")["suspension_causes"] == ["funds"]
    order_id = world.order(merchant.id, scene.buyer.id)
    refused = world.ask(scene.buyer, order_id)
    assert problem(refused) == (422, "merchant_suspended")
    assert refused.json()["facts"]["suspended_since"] == suspended["suspended_since"]
    lifted = world.call(
        world.operator,
        "POST",
        f"/certifications/{merchant.id}/decision",
        {"decision": "certified", "reason": "trusted"},
    )
    assert problem(lifted) == (409, "certification_state_conflict")
    covered = world.accepted(scene.buyer, before, 1)  # placed before: covered whatever came after

    world.credit(merchant.id, 400)
    world.tend(merchant.id)
    assert world.overview(merchant.id)["suspension_causes"] == ["funds"]  # one still waits
    world.credit(merchant.id, 601)
    world.settled(scene.buyer, waiting)
    world.settled(scene.buyer, covered)
    if owed := world.wallet(merchant)["owed"]:  # a waiting one may have been advanced meanwhile
        world.tend(merchant.id)
        assert world.overview(merchant.id)["suspension_causes"] == ["funds"]
        world.credit(merchant.id, owed)
    world.tend(merchant.id)
    restored = world.suspended(merchant.id)
    assert (restored["certification"], restored["suspended_since"]) == ("certified", None)
    assert problem(world.ask(scene.buyer, order_id)) == (422, "merchant_suspended")
    after = world.order(merchant.id, scene.buyer.id)
    world.accepted(scene.buyer, after, 1)


def test_a_suspension_s_causes_are_each_lifted_only_by_what_set_it(world: World) -> None:
    scene = world.scene(funds=0)
    merchant = scene.merchant
    world.decide(merchant.id, "suspended", "complaints")
    refund_id = world.accepted(scene.buyer, scene.order_id)  # placed before: still owed its refund
    world.suspended(merchant.id, "operator", "funds")
    world.credit(merchant.id, 1000)
    world.settled(scene.buyer, refund_id)
    world.tend(merchant.id)
    restored = world.suspended(merchant.id, "operator")
    assert restored["certification"] == "suspended"
    world.tend(merchant.id)
    assert world.overview(merchant.id)["suspension_causes"] == ["operator"]
    refused = world.ask(scene.buyer, world.order(merchant.id, scene.buyer.id))
    assert problem(refused) == (422, "merchant_suspended")
    assert world.decide(merchant.id, "certified")["status"] == "certified"
    world.accepted(scene.buyer, world.order(merchant.id, scene.buyer.id), 1)


def parts(**named: int) -> Json:
    return {"receivable": 0, "deposit": 0, "available": 0} | named


def seen(world: World, merchant: Party, currency: str = "CNY") -> tuple[int, ...]:
    """Wallet, deposit, debt, and what may still be advanced, as the merchant sees them."""
    wallet = world.wallet(merchant, currency)
    return tuple(wallet[each] for each in ("available", "deposit", "owed", "guarantee_left"))
