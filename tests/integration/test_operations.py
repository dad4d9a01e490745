"""What operators and the platform do to a merchant's money while refunds run.

Freezing, shards, payouts, corrections, reversals: each moves exactly what it says, once.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from tests.integration.world import (
    FUNDS,
    Json,
    Party,
    Person,
    Scene,
    World,
    at_once,
    problem,
    unique,
    until,
)

CROWD = 12
REFUNDS = 40
AT_A_TIME = 4


@pytest.fixture(scope="module", autouse=True)
def _crowd_is_expected(world: World) -> None:
    """One environment for each caller of a crowd, as AWS would have by then."""
    world.warm_up("manage_wallet", "correct_ledger", copies=CROWD)


# ── Freezing ────────────────────────────────────────────────────────────────────────────────────


def test_a_freeze_stops_all_debits_at_once_and_unfreezing_resumes_them(
    world: World, scene: Scene
) -> None:
    merchant, buyer = scene.merchant, scene.buyer
    assert world.freeze(merchant.id)["frozen"] is True
    assert world.wallet(merchant)["frozen"] is True
    waiting = [world.accepted(buyer, scene.order_id, amount) for amount in (100, 200)]
    for refund_id in waiting:
        assert world.becomes(buyer, refund_id, "awaiting_funds")["waits_for"] == "unfreeze"
    world.credit(merchant.id, 5)  # money still comes in, and wakes what waits for money
    world.all_debits_done()
    refused = world.pay_out(f"/merchants/{merchant.id}/wallet", 1)
    assert problem(refused) == (422, "payout_exceeds_payable")
    assert refused.json()["facts"]["payable"] == 0
    for refund_id in waiting:
        refund = world.refund(buyer, refund_id)
        assert (refund["status"], refund["waits_for"]) == ("awaiting_funds", "unfreeze")
    assert world.balance(merchant) == FUNDS + 5
    # Freezing is not a suspension: orders stay covered.
    assert world.overview(merchant.id)["suspension_causes"] == []

    assert world.freeze(merchant.id, frozen=False)["frozen"] is False
    for refund_id in waiting:
        settled = world.settled(buyer, refund_id)
        assert (settled["waits_for"], settled["next_try_at"]) == (None, None)
    assert world.balance(merchant) == FUNDS + 5 - 300
    assert world.balance(buyer) == 300
    assert world.pay_out(f"/merchants/{merchant.id}/wallet", 1).status_code == 201


def test_a_wallet_that_is_empty_and_frozen_waits_for_both(world: World) -> None:
    scene = world.scene(funds=0)
    world.freeze(scene.merchant.id)
    world.limit(scene.merchant.id, guarantee=1000)
    refund_id = world.accepted(scene.buyer, scene.order_id)
    assert world.becomes(scene.buyer, refund_id, "awaiting_funds")["waits_for"] == "unfreeze"
    world.limit(scene.merchant.id)
    world.freeze(scene.merchant.id, frozen=False)
    world.suspended(scene.merchant.id, "funds")
    assert world.refund(scene.buyer, refund_id)["waits_for"] == "funds"
    world.credit(scene.merchant.id, 1000)
    world.settled(scene.buyer, refund_id)


# ── Shards ──────────────────────────────────────────────────────────────────────────────────────


def test_a_wallet_is_spread_and_gathered_while_refunds_run(world: World) -> None:
    """Nobody but the operator sees shards; the last refunds need more than one holds."""
    scene = world.scene(amount=10_000, funds=5001)

    def reshard(count: int) -> Json:
        path = f"/merchants/{scene.merchant.id}/shards"
        put = partial(world.call, world.operator, "PUT", path, {"currency": "CNY", "shards": count})
        answer = until(put, lambda answer: answer.status_code != 409)
        assert answer.status_code == 200, answer.text
        wallet: Json = answer.json()
        return wallet

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        ask = partial(world.accepted, scene.buyer, scene.order_id)
        asked = pool.map(ask, range(1, REFUNDS + 1))
        for count in (4, 16, 2, 5):
            assert reshard(count)["shards"] == count
        refund_ids = list(asked)
    for refund_id in refund_ids:
        world.settled(scene.buyer, refund_id)
    paid = REFUNDS * (REFUNDS + 1) // 2
    assert world.balance(scene.buyer) == paid
    assert world.balance(scene.merchant) == 5001 - paid

    large = world.accepted(scene.buyer, scene.order_id, 4000)
    assert world.settled(scene.buyer, large)["sources"] == {"available": 4000}
    left = 5001 - paid - 4000
    gathered = reshard(1)
    assert (gathered["shards"], gathered["available"]) == (1, left)
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, left))
    assert world.balance(scene.merchant) == 0
    for wrong in (0, 17, True, "2", 1.0):
        body = {"currency": "CNY", "shards": wrong}
        refused = world.call(world.operator, "PUT", f"/merchants/{scene.merchant.id}/shards", body)
        assert problem(refused) == (400, "invalid_request")


# ── Payouts ─────────────────────────────────────────────────────────────────────────────────────


def test_a_merchant_is_paid_only_what_nothing_else_needs(world: World) -> None:
    scene = world.scene(amount=5000, funds=1000)
    to, merchant = f"/merchants/{scene.merchant.id}/wallet", scene.merchant
    world.credit(merchant.id, 200, target="deposit")
    world.limit(merchant.id, deposit=500)
    assert payable(world, to) == 700  # less what is missing of the deposit
    assert world.pay_out(to, 100).json()["amount"] == 100
    assert payable(world, to) == 600
    assert world.pay_out(to, 1, "JPY").json()["facts"] == {"payable": 0, "currency": "JPY"}

    refund_id = world.accepted(scene.buyer, scene.order_id, 1200)  # 900 + 200 are less
    world.becomes(scene.buyer, refund_id, "awaiting_funds")
    assert payable(world, to) == 0
    world.ok(scene.buyer, "POST", f"/refunds/{refund_id}/cancel")
    assert payable(world, to) == 600
    assert world.pay_out(to, 600).status_code == 201
    assert payable(world, to) == 0
    wallet = world.wallet(merchant)
    assert (wallet["available"], wallet["deposit"]) == (300, 200)


def test_a_merchant_that_owes_is_paid_nothing_of_it(world: World, seconder: Person) -> None:
    scene = world.scene(funds=0)
    world.limit(scene.merchant.id, guarantee=1000)
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, 400))
    # Money beside a debt: only a correction can bring it about.
    correction = proposed(world, guarantee=-1000, available=(scene.merchant, 1000))
    approved(world, seconder, correction)
    assert world.wallet(scene.merchant)["owed"] == 400
    assert payable(world, f"/merchants/{scene.merchant.id}/wallet") == 600


@pytest.fixture(scope="module")
def paid(world: World) -> Scene:
    """A merchant with 100,000 and a buyer with 1000."""
    scene = world.scene()
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id))
    return scene


def test_a_buyer_is_paid_the_balance_and_no_more(world: World) -> None:
    scene = world.scene()
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, 250))
    to = f"/buyers/{scene.buyer.id}"
    assert payable(world, to) == 250
    made = world.pay_out(to, 250).json()
    assert (made["role"], made["party_id"], made["amount"]) == ("buyer", scene.buyer.id, 250)
    assert world.balance(scene.buyer) == 0
    assert payable(world, to) == 0
    assert payable(world, f"/buyers/{unique('b')}") == 0


def test_a_payout_s_key_names_it_for_ever(world: World, paid: Scene) -> None:
    """The same answer again; other content, another party, another operation, no key."""
    to, key = f"/merchants/{paid.merchant.id}/wallet", unique("payout")
    before = world.balance(paid.merchant)
    made = world.pay_out(to, 30, key=key)
    assert made.status_code == 201
    again = world.pay_out(to, 30, key=key)
    assert (again.status_code, again.json()) == (201, made.json())
    for path, amount, currency in [
        (to, 31, "CNY"),
        (to, 30, "JPY"),
        (f"/buyers/{paid.buyer.id}", 30, "CNY"),
        (f"/merchants/{unique('m')}/wallet", 30, "CNY"),
    ]:
        refused = world.pay_out(path, amount, currency, key=key)
        assert problem(refused) == (422, "idempotency_key_reused")
    body = {"amount": 30, "currency": "CNY"}
    for bad in (None, "", "k" * 129, "clé".encode()):
        refused = world.call(world.platform, "POST", f"{to}/payouts", body, key=bad)
        assert problem(refused) == (400, "idempotency_key_required")
    refused = world.call(
        world.machine("refunds/wallet.credit"), "POST", f"{to}/payouts", body, key=unique("key")
    )
    assert problem(refused) == (403, "scope_required")
    assert world.balance(paid.merchant) == before - 30


def test_a_refused_payout_binds_no_key(world: World) -> None:
    merchant, key = world.newcomer(), unique("payout")
    to = f"/merchants/{merchant.id}/wallet"
    assert problem(world.pay_out(to, 50, key=key)) == (422, "payout_exceeds_payable")
    world.credit(merchant.id, 50)
    assert world.pay_out(to, 50, key=key).status_code == 201
    assert world.pay_out(to, 50, key=key).status_code == 201  # a replay, though nothing is left
    assert world.balance(merchant) == 0


@pytest.mark.parametrize("role", ["merchant", "buyer"])
def test_parallel_payouts_never_overdraw(world: World, role: str) -> None:
    if role == "merchant":
        party = world.newcomer()
        world.credit(party.id, 1000)
        to = f"/merchants/{party.id}/wallet"
    else:
        scene = world.scene()
        world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id))
        party, to = scene.buyer, f"/buyers/{scene.buyer.id}"
    key = unique("payout")
    same = at_once([partial(world.pay_out, to, 100, key=key) for _ in range(5)])
    assert [answer.status_code for answer in same] == [201] * 5
    assert len({answer.json()["payout_id"] for answer in same}) == 1

    answers = at_once([partial(world.pay_out, to, 100) for _ in range(CROWD)])

    assert Counter(map(outcome, answers)) == {201: 9, "payout_exceeds_payable": CROWD - 9}
    assert world.balance(party) == 0


# ── Corrections ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def seconder(world: World) -> Person:
    return world.person(operator=True)


@pytest.fixture(scope="module")
def debtor(world: World) -> Scene:
    """A merchant that owes 500 to the guarantee fund, up to its limit."""
    scene = world.scene(funds=0)
    world.limit(scene.merchant.id, guarantee=500)
    world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, 500))
    return scene


def test_a_correction_takes_two_operators_and_moves_once(
    world: World, debtor: Scene, seconder: Person
) -> None:
    """A debt is written off; the same, then, is not there to be written off again."""
    correction = proposed(world, guarantee=-500, receivable=(debtor.merchant, 500))
    path = f"/corrections/{correction['correction_id']}"
    assert (correction["status"], correction["decided_by"]) == ("proposed", None)
    assert correction["proposed_by"] == world.operator.subject
    assert world.wallet(debtor.merchant)["owed"] == 500
    alone = world.call(world.operator, "POST", f"{path}/approve")
    assert problem(alone) == (403, "approver_is_proposer")
    for caller in (debtor.merchant, debtor.buyer, world.platform):
        refused = world.call(caller, "POST", f"{path}/approve")
        assert problem(refused) == (403, "membership_required")

    approve = partial(world.call, seconder, "POST", f"{path}/approve")
    answers = at_once([approve] * CROWD)

    assert Counter(map(outcome, answers)) == {200: CROWD}
    decided = answers[0].json()
    assert all(answer.json() == decided for answer in answers)
    assert (decided["status"], decided["decided_by"]) == ("approved", seconder.subject)
    wallet = world.wallet(debtor.merchant)
    assert (wallet["owed"], wallet["guarantee_left"], wallet["available"]) == (0, 500, 0)
    late = world.call(world.operator, "POST", f"{path}/reject")
    assert problem(late) == (409, "correction_not_open")
    assert decided in listed(world, "approved")
    assert correction["correction_id"] not in ids(listed(world, "proposed"))
    line = world.booked(debtor.merchant, postings=2)[0]
    assert (line["cause"], line["owed_change"], line["owed"]) == ("correction", -500, 0)
    assert line["posting_id"] == correction["correction_id"]


def test_a_correction_may_move_between_any_accounts_of_one_currency(
    world: World, paid: Scene, seconder: Person
) -> None:
    other = world.newcomer()
    before = world.balance(paid.merchant), world.balance(paid.buyer)
    legs = [
        leg(f"merchant:{paid.merchant.id}:available", -70),
        leg(f"buyer:{paid.buyer.id}:available", 30),
        leg(f"merchant:{other.id}:available", 10),
        leg(f"merchant:{other.id}:deposit", 20),
        leg("external:settlement", 3),
        leg("external:payout", 7),
    ]
    correction = world.ok(
        world.operator, "POST", "/corrections", body_of(legs), key=unique("key"), status=201
    )
    approved(world, seconder, correction)
    after = world.balance(paid.merchant), world.balance(paid.buyer)
    assert after == (before[0] - 70, before[1] + 30)
    wallet = world.wallet(other)
    assert (wallet["available"], wallet["deposit"]) == (10, 20)


def test_a_correction_that_would_overdraw_moves_nothing_and_stays_open(
    world: World, debtor: Scene, seconder: Person
) -> None:
    merchant, buyer = debtor.merchant, debtor.buyer
    for account, amount in [
        (f"merchant:{merchant.id}:available", -1),
        (f"merchant:{merchant.id}:deposit", -1),
        (f"merchant:{merchant.id}:receivable", -501),  # beyond the limit
        (f"merchant:{merchant.id}:receivable", 501),  # more than is owed, whatever is
        (f"buyer:{buyer.id}:available", -501),
        (f"buyer:{unique('b')}:available", -1),
        (f"merchant:{unique('m')}:available", -1),
    ]:
        legs = [leg(account, amount), leg("platform:guarantee", -amount)]
        correction = world.ok(
            world.operator, "POST", "/corrections", body_of(legs), key=unique("key"), status=201
        )
        path = f"/corrections/{correction['correction_id']}"
        refused = world.call(seconder, "POST", f"{path}/approve")
        assert problem(refused) == (422, "insufficient_balance"), account
        assert correction["correction_id"] in ids(listed(world, "proposed"))
        rejected = world.ok(world.operator, "POST", f"{path}/reject")  # the proposer may
        assert (rejected["status"], rejected["decided_by"]) == ("rejected", world.operator.subject)
        again = world.call(seconder, "POST", f"{path}/approve")
        assert problem(again) == (409, "correction_not_open")
        assert again.json()["facts"] == {"status": "rejected"}
        assert rejected in listed(world, "rejected")
    assert world.balance(buyer) == 500


@pytest.mark.parametrize(
    "legs",
    [
        [("external:settlement", -1), ("platform:guarantee", 2)],
        [("external:settlement", -1), ("platform:guarantee", 1), ("external:payout", 0)],
        [("external:settlement", -1), ("external:settlement", 1)],
        [("external:settlement", 0), ("platform:guarantee", 0)],
        [("external:settlement", 1)],
        [("external:settlement", -1), ("external:nowhere", 1)],
        [("external:settlement", -1), ("buyer:b-1:deposit", 1)],
        [("external:settlement", -1), ("merchant:a b:available", 1)],
        [("external:settlement", -(10**12) - 1), ("platform:guarantee", 10**12 + 1)],
        [("external:settlement", -1.0), ("platform:guarantee", 1.0)],
        [("external:settlement", "-1"), ("platform:guarantee", "1")],
        [],
    ],
    ids=str,
)
def test_a_correction_that_is_none_is_refused(world: World, legs: list[tuple[str, object]]) -> None:
    body = body_of([{"account": account, "amount": amount} for account, amount in legs])
    refused = world.call(world.operator, "POST", "/corrections", body, key=unique("key"))
    assert problem(refused) == (400, "invalid_request")


def test_a_proposal_s_key_names_it_for_ever(world: World, seconder: Person) -> None:
    body = body_of([leg("external:settlement", -1), leg("platform:guarantee", 1)])
    key = unique("key")
    propose = partial(world.call, world.operator, "POST", "/corrections", key=key)
    first = propose(body)
    assert first.status_code == 201
    assert propose(body).json() == first.json()
    assert problem(propose({**body, "reason": "another"})) == (422, "idempotency_key_reused")
    missing = world.call(world.operator, "POST", "/corrections", body)
    assert problem(missing) == (400, "idempotency_key_required")
    # The key belongs to the operator: another's is another correction.
    other = world.call(seconder, "POST", "/corrections", body, key=key).json()
    assert other["correction_id"] != first.json()["correction_id"]
    for correction in (first.json(), other):
        world.ok(world.operator, "POST", f"/corrections/{correction['correction_id']}/reject")
    replayed = propose(body)
    assert (replayed.status_code, replayed.json()["status"]) == (201, "rejected")
    unknown = world.call(seconder, "POST", f"/corrections/{unique('co')}/approve")
    assert problem(unknown) == (404, "correction_not_found")


# ── Reversals ───────────────────────────────────────────────────────────────────────────────────


def test_a_reversal_takes_the_money_back_and_repays_the_debt_first(world: World) -> None:
    scene = world.scene(funds=300)
    merchant, buyer = scene.merchant, scene.buyer
    world.limit(merchant.id, deposit=50, guarantee=1000)
    refund_id = world.accepted(buyer, scene.order_id, 700)
    succeeded = world.settled(buyer, refund_id)
    assert succeeded["sources"] == {"available": 300, "receivable": 400}
    unknown = world.call(world.operator, "POST", f"/refunds/{unique('rf')}/reversal", REASON)
    assert problem(unknown) == (404, "refund_not_found")

    answers = at_once([partial(reverse, world, refund_id)] * 5)

    assert Counter(map(outcome, answers)) == {201: 5}
    made = answers[0].json()
    assert all(answer.json() == made for answer in answers)
    assert (made["amount"], made["currency"]) == (700, "CNY")
    assert made["reversed_by"] == world.operator.subject
    assert world.balance(buyer) == 0
    wallet = world.wallet(merchant)
    assert (wallet["owed"], wallet["deposit"], wallet["available"]) == (0, 50, 250)
    for party in (buyer, merchant):
        refund = world.refund(party, refund_id)
        assert refund["status"] == "reversed"
        assert [each["status"] for each in refund["timeline"]] == [
            "pending",
            "succeeded",
            "reversed",
        ]
        assert refund["timeline"][-1]["at"] == made["reversed_at"]
    assert world.refundable(buyer, scene.order_id) == 300  # it is not refundable again
    assert reverse(world, refund_id).json() == made
    other = {"reason": "another"}
    twice = world.call(world.operator, "POST", f"/refunds/{refund_id}/reversal", other)
    assert problem(twice) == (409, "refund_not_reversible")
    assert twice.json()["facts"] == {"status": "reversed"}
    line = world.booked(buyer, postings=2)[0]
    assert (line["cause"], line["available_change"], line["available"]) == ("reversal", -700, 0)


def test_a_buyer_who_was_paid_out_cannot_be_reversed(world: World, scene: Scene) -> None:
    refund_id = world.accepted(scene.buyer, scene.order_id, 400)
    world.settled(scene.buyer, refund_id)
    world.pay_out(f"/buyers/{scene.buyer.id}", 1)
    refused = reverse(world, refund_id)
    assert problem(refused) == (422, "insufficient_balance")
    assert world.balance(scene.buyer) == 399
    assert world.balance(scene.merchant) == FUNDS - 400
    assert world.refund(scene.buyer, refund_id)["status"] == "succeeded"


@pytest.mark.parametrize("status", ["awaiting_funds", "canceled", "refused"])
def test_only_what_succeeded_is_reversed(world: World, poor: Scene, status: str) -> None:
    if status == "refused":
        answer = world.ask(poor.buyer, poor.order_id, 1, goods_condition="used")
        refund_id = answer.json()["facts"]["refund_id"]
    else:
        refund_id = world.accepted(poor.buyer, poor.order_id, 1)
        world.becomes(poor.buyer, refund_id, "awaiting_funds")
    if status == "canceled":
        world.ok(poor.buyer, "POST", f"/refunds/{refund_id}/cancel")
    refused = reverse(world, refund_id)
    assert problem(refused) == (409, "refund_not_reversible")
    assert refused.json()["facts"] == {"status": status}


@pytest.fixture(scope="module")
def poor(world: World) -> Scene:
    return world.scene(funds=0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/merchants/m-1", None),
        ("PUT", "/merchants/m-1/limits", {"currency": "CNY", "deposit_required": 0}),
        ("POST", "/merchants/m-1/freeze", {"currency": "CNY"}),
        ("POST", "/refunds/rf_1/reversal", {"reason": "a dispute"}),
        ("GET", "/corrections", None),
        ("GET", "/reconciliation", None),
    ],
)
def test_a_party_is_no_operator(
    world: World, poor: Scene, method: str, path: str, body: Json | None
) -> None:
    if "limits" in path:
        body = {**(body or {}), "guarantee_limit": 0}
    for caller in (poor.merchant, poor.buyer, world.platform):
        refused = world.call(caller, method, path, body)
        assert problem(refused) == (403, "membership_required")


REASON = {"reason": "decided for the merchant, case 5"}


def reverse(world: World, refund_id: str) -> httpx.Response:
    return world.call(world.operator, "POST", f"/refunds/{refund_id}/reversal", REASON)


def payable(world: World, to: str) -> int:
    """What may be paid out, as the refusal of far too much says."""
    refused = world.pay_out(to, 10**12)
    assert problem(refused) == (422, "payout_exceeds_payable")
    left: int = refused.json()["facts"]["payable"]
    return left


def proposed(world: World, *, guarantee: int, **other: tuple[Party, int]) -> Json:
    """A correction between the guarantee fund and one account of a merchant."""
    [(part, (merchant, amount))] = other.items()
    legs = [leg(f"merchant:{merchant.id}:{part}", amount), leg("platform:guarantee", guarantee)]
    return world.ok(
        world.operator, "POST", "/corrections", body_of(legs), key=unique("key"), status=201
    )


def approved(world: World, operator: Person, correction: Json) -> Json:
    return world.ok(operator, "POST", f"/corrections/{correction['correction_id']}/approve")


def listed(world: World, status: str) -> list[Json]:
    page = world.ok(world.operator, "GET", f"/corrections?status={status}&limit=100")
    items: list[Json] = page["items"]
    return items


def ids(corrections: list[Json]) -> set[str]:
    return {each["correction_id"] for each in corrections}


def leg(account: str, amount: int) -> Json:
    return {"account": account, "amount": amount}


def body_of(legs: list[Json]) -> Json:
    return {"currency": "CNY", "legs": legs, "reason": "written off, case 123"}


def outcome(answer: httpx.Response) -> int | str:
    return answer.status_code if answer.is_success else problem(answer)[1]
