"""What each store reads, writes and refuses to write, on every engine."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from boto3.dynamodb.types import TypeDeserializer

from refunds import debits, funding, orders, table, wallets
from refunds.certification import DecisionRequest, Verdict
from refunds.debits import Debit
from refunds.errors import (
    IdempotencyKeyReused,
    MerchantNotCertified,
    OrderConflict,
    PolicyAlreadyConfirmed,
    PolicyDraftChanged,
    ShopIncomplete,
)
from refunds.funding import Funds, Plan
from refunds.intake import Superseded
from refunds.members import Membership, Party, Role
from refunds.orders import Order
from refunds.paging import Page
from refunds.policies import Draft
from refunds.refunds import Refund, RefundStatus
from refunds.settlement import Frozen, Rejected, Settled, Short
from refunds.shops import ShopSettings
from refunds.standing import Cause, Status
from refunds.stores import lists, sweeps
from refunds.sweeps import Due
from refunds.wallets import Allocation, CreditTarget, Wallet
from tests.stores import tables
from tests.stores.engines import Stores
from tests.stores.market import accept, certify, everything, fund, read
from tests.unit import examples
from tests.unit.examples import BUYER, DAY, MERCHANT, MICROSECOND, NOON, ORDER, SECOND, TERMS

MINUTE = timedelta(minutes=1)
SELLER, CUSTOMER = Party(Role.MERCHANT, MERCHANT), Party(Role.BUYER, BUYER)
DRAFT = Draft(**dict(TERMS), digest=TERMS.digest(), updated_at=NOON)


def decision(verdict: Verdict, reason: str = "核查") -> DecisionRequest:
    return DecisionRequest(decision=verdict, reason=reason)


def put_shop(stores: Stores) -> None:
    stores.merchants.put_shop(MERCHANT, examples.SHOP, complete=True)


def wallet(stores: Stores, currency: str = "CNY") -> Wallet:
    return wallets.wallet_of(currency, stores.wallets.read_funds(MERCHANT, currency))


def drawn(*group: Debit) -> Plan:
    """All of it from the one wallet shard there is."""
    return funding.from_one_shard(group, 0)


def raw(stores: Stores, key: table.Key) -> dict[str, object]:
    item = tables.item(stores.client, stores.table, key)
    assert item
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


# ── Members ─────────────────────────────────────────────────────────────────────────────────────


def test_a_membership_is_read_as_written_and_gone_once_deleted(stores: Stores) -> None:
    membership = Membership(merchant_id="m", buyer_id="b", operator=True)
    assert stores.members.membership("wang") is None
    stores.members.put_membership("wang", membership)
    assert stores.members.membership("wang") == membership
    stores.members.put_membership("wang", Membership())
    assert stores.members.membership("wang") == Membership()
    assert stores.members.delete_membership("wang") is True
    assert stores.members.delete_membership("wang") is False
    assert stores.members.membership("wang") is None


# ── Merchants ───────────────────────────────────────────────────────────────────────────────────


def test_shop_settings_are_replaced_as_a_whole(stores: Stores) -> None:
    assert stores.merchants.shop(MERCHANT) == ShopSettings()
    put_shop(stores)
    assert stores.merchants.shop(MERCHANT) == examples.SHOP
    fewer = ShopSettings(name="小店")
    stores.merchants.put_shop(MERCHANT, fewer, complete=False)
    assert stores.merchants.shop(MERCHANT) == fewer


def test_shop_settings_and_certification_do_not_touch_each_other(stores: Stores) -> None:
    certify(stores)
    put_shop(stores)
    certification = stores.merchants.certification(MERCHANT)
    assert certification
    assert certification.status is Status.CERTIFIED
    stores.policies.check_standing(MERCHANT)


def test_a_submission_is_taken_first_and_after_a_refusal(stores: Stores) -> None:
    store = stores.merchants
    assert store.certification(MERCHANT) is None
    assert store.submit(MERCHANT, examples.APPLICATION, now=NOON)
    assert not store.submit(MERCHANT, examples.APPLICATION, now=NOON + SECOND)
    assert store.decide(MERCHANT, decision(Verdict.REFUSED, "照片不清"), operator="op", now=NOON)
    refused = store.certification(MERCHANT)
    assert refused
    assert (refused.status, refused.reason) == (Status.REFUSED, "照片不清")
    assert store.submit(MERCHANT, examples.APPLICATION, now=NOON + DAY)
    again = store.certification(MERCHANT)
    assert again
    assert (again.status, again.submitted_at) == (Status.SUBMITTED, NOON + DAY)
    assert (again.decision, again.reason, again.decided_at) == (None, None, None)
    # The refused submission is kept, with its decision.
    kept = raw(stores, table.certification(MERCHANT, "2024-03-01T12:00:00.000000Z"))
    assert (kept["decision"], kept["decided_by"]) == ("refused", "op")


def test_nothing_is_decided_twice_nor_without_a_submission(stores: Stores) -> None:
    store = stores.merchants
    certified = decision(Verdict.CERTIFIED)
    assert not store.decide(MERCHANT, certified, operator="op", now=NOON)
    certify(stores)
    before = everything(stores)
    refused = decision(Verdict.REFUSED)
    assert not store.decide(MERCHANT, refused, operator="other", now=NOON)
    assert everything(stores) == before


def test_a_suspension_begins_once_and_is_lifted_once(stores: Stores) -> None:
    store = stores.merchants
    assert not store.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=NOON)
    certify(stores)
    assert not store.lift(MERCHANT, Cause.OPERATOR, by="op", now=NOON)
    assert store.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=NOON)
    assert not store.suspend(MERCHANT, Cause.OPERATOR, "y", by="op", now=NOON + SECOND)
    suspended = store.certification(MERCHANT)
    assert suspended
    assert (suspended.status, suspended.suspended_since) == (Status.SUSPENDED, NOON)
    assert suspended.suspension_causes == (Cause.OPERATOR,)
    assert stores.policies.suspended(MERCHANT)
    assert store.lift(MERCHANT, Cause.OPERATOR, by="op", now=NOON + DAY)
    assert not store.lift(MERCHANT, Cause.OPERATOR, by="op", now=NOON + 2 * DAY)
    lifted = store.certification(MERCHANT)
    assert lifted
    assert (lifted.status, lifted.suspension_causes, lifted.suspended_since) == (
        Status.CERTIFIED,
        (),
        None,
    )
    assert not stores.policies.suspended(MERCHANT)


def test_the_suspension_that_decides_is_the_last_that_began_by_then(stores: Stores) -> None:
    certify(stores)
    for began in (NOON, NOON + 10 * DAY):
        stores.merchants.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=began)
        stores.merchants.lift(MERCHANT, Cause.OPERATOR, by="op", now=began + DAY)
    stores.merchants.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=NOON + 20 * DAY)

    def in_force(at: datetime, merchant_id: str = MERCHANT) -> bool:
        suspension = stores.refunds.last_suspension(merchant_id, at)
        return suspension is not None and suspension.in_force_at(at)

    assert stores.refunds.last_suspension(MERCHANT, NOON - MICROSECOND) is None
    for began in (NOON, NOON + 10 * DAY):
        assert not in_force(began - MICROSECOND)
        assert in_force(began)
        assert in_force(began + DAY - MICROSECOND)
        assert not in_force(began + DAY)
    assert in_force(NOON + 1000 * DAY)
    assert not in_force(NOON + 1000 * DAY, MERCHANT + "0")


def test_certifications_are_listed_by_the_state_they_are_in(stores: Stores) -> None:
    store = stores.merchants
    for number in range(4):
        store.submit(f"m{number}", examples.APPLICATION, now=NOON + number * SECOND)
    store.decide("m1", decision(Verdict.CERTIFIED), operator="op", now=NOON)
    store.decide("m2", decision(Verdict.REFUSED), operator="op", now=NOON)

    def listed(status: Status) -> list[str]:
        page = store.certifications(status, after=None, limit=10)
        assert page.after is None
        return [each.merchant_id for each in page.items]

    assert listed(Status.SUBMITTED) == ["m3", "m0"]
    assert listed(Status.CERTIFIED) == ["m1"]
    assert listed(Status.REFUSED) == ["m2"]
    assert listed(Status.SUSPENDED) == []


# ── Policies ────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_replaced_until_a_policy_is_confirmed(stores: Stores) -> None:
    store = stores.policies
    assert (store.draft(MERCHANT), store.confirmed_policy(MERCHANT)) == (None, None)
    store.put_draft(MERCHANT, DRAFT)
    later = DRAFT.model_copy(update={"updated_at": NOON + DAY})
    store.put_draft(MERCHANT, later)
    assert store.draft(MERCHANT) == later
    certify(stores)
    put_shop(stores)
    policy = examples.confirmed_policy()
    store.confirm(policy)
    assert store.confirmed_policy(MERCHANT) == policy
    with pytest.raises(PolicyAlreadyConfirmed):
        store.put_draft(MERCHANT, DRAFT)
    assert store.draft(MERCHANT) == later


def suspend(stores: Stores) -> None:
    certify(stores)
    stores.merchants.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=NOON)


def switch_off(stores: Stores) -> None:
    certify(stores)
    put_shop(stores)
    stores.policies.put_draft(MERCHANT, DRAFT.model_copy(update={"instant_refund": False}))


def redraft(stores: Stores) -> None:
    certify(stores)
    put_shop(stores)
    stores.policies.put_draft(MERCHANT, DRAFT.model_copy(update={"digest": "0" * 64}))


@pytest.mark.parametrize(
    ("prepare", "refusal", "facts"),
    [
        (put_shop, MerchantNotCertified, {"status": "none"}),
        (suspend, MerchantNotCertified, {"status": "suspended"}),
        (certify, ShopIncomplete, {"missing": [*ShopSettings.model_fields]}),
        (switch_off, PolicyDraftChanged, {"draft_digest": TERMS.digest()}),
        (redraft, PolicyDraftChanged, {"draft_digest": "0" * 64}),
    ],
)
def test_the_database_itself_confirms_nothing_that_the_rules_refuse(
    stores: Stores,
    prepare: Callable[[Stores], None],
    refusal: type[Exception],
    facts: dict[str, str],
) -> None:
    stores.policies.put_draft(MERCHANT, DRAFT)
    prepare(stores)
    with pytest.raises(refusal) as told:
        stores.policies.confirm(examples.confirmed_policy())
    assert vars(told.value)["facts"] == facts
    assert stores.policies.confirmed_policy(MERCHANT) is None


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_put_once_and_completed_once(stores: Stores) -> None:
    store, order = stores.refunds, examples.order(completed_at=None)
    assert not store.complete_order(order, NOON)
    assert store.put_order(order)
    assert not store.put_order(examples.order(amount=5))
    assert store.order(ORDER) == order
    assert store.complete_order(order, NOON)
    assert not store.complete_order(order, NOON + SECOND)
    completed = store.order(ORDER)
    assert completed
    assert completed.completed_at == NOON


def test_a_completion_that_came_second_is_right_only_if_it_says_the_same(stores: Stores) -> None:
    """The order as one caller read it, before another completed it."""

    class Stale:
        """The store as it was at first reading."""

        def __init__(self) -> None:
            self.first = True

        def order(self, order_id: str) -> Order | None:
            found = stores.refunds.order(order_id)
            if found and self.first:
                self.first = False
                return found.model_copy(update={"completed_at": None})
            return found

        put_order = staticmethod(stores.refunds.put_order)
        complete_order = staticmethod(stores.refunds.complete_order)
        confirmed_policy = staticmethod(stores.refunds.confirmed_policy)
        last_suspension = staticmethod(stores.refunds.last_suspension)

    given = examples.order_record()
    orders.record(ORDER, given, store=stores.refunds, now=NOON)
    assert orders.record(ORDER, given, store=Stale(), now=NOON)[1] is False
    other = examples.order_record(completed_at=NOON)
    with pytest.raises(OrderConflict):
        orders.record(ORDER, other, store=Stale(), now=NOON)


# ── Refunds ─────────────────────────────────────────────────────────────────────────────────────


def test_a_refund_is_read_as_it_was_accepted_and_its_amount_is_reserved(stores: Stores) -> None:
    store = stores.refunds
    store.put_order(examples.order())
    refund = examples.refund(evidence=("s3://photos/1.jpg",))
    assert store.refund(refund.refund_id) is None
    store.accept(refund)
    assert store.refund(refund.refund_id) == refund
    order = store.order(ORDER)
    assert order
    assert order.refundable == 900


@pytest.mark.parametrize("changed", [{}, {"refund_id": "rf_2", "amount": 901}, {"amount": 1}])
def test_an_acceptance_that_cannot_be_leaves_everything_as_it_was(
    stores: Stores, changed: dict[str, object]
) -> None:
    stores.refunds.put_order(examples.order())
    stores.refunds.accept(examples.refund())
    before = everything(stores)
    with pytest.raises(Superseded):
        stores.refunds.accept(examples.refund(**changed))
    assert everything(stores) == before


def test_a_refund_of_an_order_that_is_not_there_is_not_accepted(stores: Stores) -> None:
    with pytest.raises(Superseded):
        stores.refunds.accept(examples.refund())
    assert everything(stores) == []


def test_a_refused_refund_is_kept_once_and_reserves_and_awaits_nothing(stores: Stores) -> None:
    store = stores.refunds
    store.put_order(examples.order())
    refused = examples.refund(status=RefundStatus.REFUSED, due_at=None)
    store.refuse(refused)
    assert store.refund("rf_1") == refused
    with pytest.raises(Superseded):
        store.refuse(refused)
    order = store.order(ORDER)
    assert order
    assert order.refundable == 1000
    assert stores.sweeps.due(NOON + 365 * DAY) == []
    assert not store.cancel(refused, now=NOON)
    assert stores.debits.debits(["rf_1"]) == ([], {"rf_1"})


@pytest.mark.parametrize("half", [table.refund("rf_1"), table.refund_details("rf_1")])
def test_a_refund_of_which_one_item_is_not_there_yet_is_not_there(
    stores: Stores, half: table.Key
) -> None:
    accept(stores)
    stores.client.delete_item(TableName=stores.table, Key=half)
    assert stores.refunds.refund("rf_1") is None
    assert stores.refunds.refunds(CUSTOMER, None, after=None, limit=9).items == []


def test_a_canceled_refund_is_no_longer_due_nor_open(stores: Stores) -> None:
    accept(stores)
    assert stores.refunds.cancel(examples.refund(order_id="order-1"), now=NOON + SECOND)
    before = everything(stores)
    assert not stores.refunds.cancel(examples.refund(order_id="order-1"), now=NOON + DAY)
    assert everything(stores) == before
    canceled = stores.refunds.refund("rf_1")
    assert canceled
    assert (canceled.status, canceled.canceled_at) == (RefundStatus.CANCELED, NOON + SECOND)
    assert canceled.due_at is None
    assert stores.sweeps.due(NOON + 365 * DAY) == []


# ── Debits ──────────────────────────────────────────────────────────────────────────────────────


def test_a_debit_moves_each_amount_once_from_the_seller_to_its_buyer(stores: Stores) -> None:
    group = [
        accept(stores, 1),
        accept(stores, 2, amount=200),
        accept(stores, 3, amount=300, buyer_id="buyer-2"),
    ]
    fund(stores, 1000)
    assert stores.debits.debit(drawn(*group), now=NOON + SECOND) == Settled()
    assert wallet(stores).available == 400
    assert stores.wallets.buyer_wallets(BUYER)[0].available == 300
    assert stores.wallets.buyer_wallets("buyer-2")[0].available == 300
    settled = stores.refunds.refund("rf_2")
    assert settled
    assert (settled.status, settled.succeeded_at) == (RefundStatus.SUCCEEDED, NOON + SECOND)
    assert (settled.sources, settled.due_at) == ({"available": 200}, None)
    before = everything(stores)
    ids = frozenset(each.refund_id for each in group)
    assert stores.debits.debit(drawn(*group), now=NOON + DAY) == Rejected(ids, frozenset())
    assert everything(stores) == before


def test_a_closed_refund_in_a_group_is_named_and_nothing_moves(stores: Stores) -> None:
    group = [accept(stores, 1), accept(stores, 2)]
    fund(stores, 1000)
    stores.refunds.cancel(examples.refund(refund_id="rf_2", order_id="order-2"), now=NOON)
    before = everything(stores)
    closed = Rejected(closed=frozenset({"rf_2"}), altered=frozenset())
    assert stores.debits.debit(drawn(*group), now=NOON) == closed
    assert everything(stores) == before


@pytest.mark.parametrize(
    "changed",
    [{"amount": 101}, {"buyer_id": "thief"}],
)
def test_a_refund_that_is_not_what_was_read_is_named_and_nothing_moves(
    stores: Stores, changed: dict[str, object]
) -> None:
    right = accept(stores, 1)
    accept(stores, 2)
    fund(stores, 1000)
    before = everything(stores)
    altered = Rejected(closed=frozenset(), altered=frozenset({"rf_2"}))
    wrong = examples.debit("rf_2", **changed)
    assert stores.debits.debit(drawn(right, wrong), now=NOON) == altered
    assert everything(stores) == before


def test_a_refund_that_does_not_exist_is_never_credited(stores: Stores) -> None:
    fund(stores, 1000)
    before = everything(stores)
    gone = Rejected(closed=frozenset(), altered=frozenset({"rf_9"}))
    assert stores.debits.debit(drawn(examples.debit("rf_9")), now=NOON) == gone
    assert everything(stores) == before
    assert stores.debits.debits(["rf_9"]) == ([], set())


def test_a_short_wallet_and_one_that_is_not_there_are_short_whatever_else_there_is(
    stores: Stores,
) -> None:
    debit = accept(stores)
    assert stores.debits.debit(drawn(debit), now=NOON) == Short()
    fund(stores, 99)
    assert stores.debits.debit(drawn(debit), now=NOON) == Short()
    fund(stores, 10_000, "cr_2", currency="JPY")
    fund(stores, 10_000, "cr_3", target=CreditTarget.DEPOSIT)
    assert stores.debits.debit(drawn(debit), now=NOON) == Short()
    for at_one_instant in (True, False):
        found = stores.debits.funds(MERCHANT, "CNY", at_one_instant=at_one_instant)
        assert found == Funds(shards=(99,), deposit=10_000)
    fund(stores, 1, "cr_4")
    assert stores.debits.debit(drawn(debit), now=NOON) == Settled()


def test_a_frozen_wallet_is_told_from_a_short_one(stores: Stores) -> None:
    debit = accept(stores)
    fund(stores, 50)
    stores.debits.mark(MERCHANT, "CNY", "frozen", on=True)
    assert stores.debits.debit(drawn(debit), now=NOON) == Frozen()
    fund(stores, 950, "cr_2")
    assert stores.debits.debit(drawn(debit), now=NOON) == Frozen()
    assert wallet(stores).frozen is True


def test_the_largest_group_fits_one_transaction(stores: Stores) -> None:
    most = debits.MAX_REFUNDS
    group = [accept(stores, number, amount=1, buyer_id=f"b{number}") for number in range(most)]
    fund(stores, most)
    assert stores.debits.debit(drawn(*group), now=NOON) == Settled()
    assert wallet(stores).available == 0


def test_a_refund_that_waits_says_for_what_and_when_it_is_tried_again(stores: Stores) -> None:
    debit = accept(stores)
    assert stores.debits.wait(debit, "funds", now=NOON)
    waiting = stores.refunds.refund("rf_1")
    assert waiting
    assert (waiting.status, waiting.waits_for) == (RefundStatus.AWAITING_FUNDS, "funds")
    assert (waiting.awaiting_funds_at, waiting.due_at) == (NOON, NOON + MINUTE)
    assert stores.debits.wait(read(stores, "rf_1"), "unfreeze", now=NOON + DAY)
    again = stores.refunds.refund("rf_1")
    assert again
    assert (again.waits_for, again.awaiting_funds_at) == ("unfreeze", NOON)
    assert again.due_at == NOON + DAY + 2 * MINUTE
    assert read(stores, "rf_1").waiting


def test_a_closed_refund_does_not_wait(stores: Stores) -> None:
    debit = accept(stores)
    fund(stores, 100)
    stores.debits.debit(drawn(debit), now=NOON)
    before = everything(stores)
    assert stores.debits.wait(debit, "funds", now=NOON)
    assert everything(stores) == before


def test_many_refunds_are_read_in_as_many_calls_as_it_takes(stores: Stores) -> None:
    for number in range(105):
        stores.debits.put(
            table.refund(f"rf_{number}"),
            examples.refund(refund_id=f"rf_{number}").model_dump(mode="json"),
        )
    found, existing = stores.debits.debits([f"rf_{number}" for number in range(110)])
    assert len(found) == len(existing) == 105


def test_a_refund_in_a_state_that_there_is_not_is_unread_and_not_taken_for_closed(
    stores: Stores,
) -> None:
    for number, status in enumerate(["sent", "PENDING", ""]):
        record = examples.refund(refund_id=f"rf_{number}").model_dump(mode="json")
        stores.debits.put(table.refund(f"rf_{number}"), {**record, "status": status})
    assert stores.debits.debits(["rf_0", "rf_1", "rf_2"]) == ([], set())


def test_a_refund_put_into_such_a_state_after_it_was_read_is_given_back(stores: Stores) -> None:
    debit = accept(stores)
    fund(stores, 100)
    stores.debits.update(
        table.refund(debit.refund_id), "SET #status = :sent", None, {"sent": "sent"}
    )
    reply = stores.debits.debit(drawn(debit), now=NOON)
    assert reply == Rejected(closed=frozenset(), altered=frozenset({debit.refund_id}))
    assert wallet(stores) == Wallet(currency="CNY", available=100)


# ── Wallets ─────────────────────────────────────────────────────────────────────────────────────


def test_a_credit_is_written_once_and_its_key_tells_other_content(stores: Stores) -> None:
    made = fund(stores, 100)
    assert made.allocation == Allocation(available=100)
    before = everything(stores)
    assert fund(stores, 100) == made
    with pytest.raises(IdempotencyKeyReused):
        fund(stores, 900)
    assert everything(stores) == before
    assert wallet(stores) == Wallet(currency="CNY", available=100)


def test_each_currency_and_the_deposit_are_balances_of_their_own(stores: Stores) -> None:
    store = stores.wallets
    assert wallets.show(SELLER, store=store).wallets == []
    fund(stores, 5, "cr_1", currency="JPY")
    fund(stores, 7, "cr_2", target=CreditTarget.DEPOSIT)
    assert wallets.show(SELLER, store=store).wallets == [
        Wallet(currency="CNY", available=0, deposit=7),
        Wallet(currency="JPY", available=5),
    ]
    other = Party(Role.MERCHANT, MERCHANT + "0")
    assert wallets.show(other, store=store).wallets == []
    assert wallets.show(CUSTOMER, store=store).wallets == []


def test_waiting_refunds_are_the_oldest_first_and_only_those_of_this_currency(
    stores: Stores,
) -> None:
    for number in (3, 1, 2):
        debit = accept(stores, number, requested_at=NOON + number * SECOND)
        stores.debits.wait(debit, "funds", now=NOON)
    yen = accept(stores, 4, currency="JPY")
    stores.debits.wait(yen, "funds", now=NOON)
    accept(stores, 5)
    assert stores.wallets.waiting_ids(MERCHANT, "CNY", limit=9) == ["rf_1", "rf_2", "rf_3"]
    assert stores.wallets.waiting_ids(MERCHANT, "CNY", limit=2) == ["rf_1", "rf_2"]
    fund(stores, 100)
    stores.debits.debit(drawn(read(stores, "rf_1")), now=NOON)
    stores.refunds.cancel(examples.refund(refund_id="rf_2", order_id="order-2"), now=NOON)
    assert stores.wallets.waiting_ids(MERCHANT, "CNY", limit=9) == ["rf_3"]


# ── Sweeps ──────────────────────────────────────────────────────────────────────────────────────


def test_a_refund_is_due_from_its_time_on_until_it_is_closed(stores: Stores) -> None:
    debit = accept(stores)
    due_at = NOON + MINUTE
    assert stores.sweeps.due(due_at - MICROSECOND) == []
    assert stores.sweeps.due(due_at) == [Due(debit, due_at)]
    fund(stores, 100)
    stores.debits.debit(drawn(debit), now=NOON)
    assert stores.sweeps.due(due_at + DAY) == []


def test_of_two_sweepers_that_saw_the_same_one_moves_it_on(stores: Stores) -> None:
    accept(stores)
    [seen] = stores.sweeps.due(NOON + MINUTE)
    until = NOON + 3 * MINUTE
    assert stores.sweeps.postpone(seen, tries=1, until=until)
    assert not stores.sweeps.postpone(seen, tries=9, until=NOON + 9 * DAY)
    assert stores.sweeps.due(until - MICROSECOND) == []
    [again] = stores.sweeps.due(until)
    assert (again.due_at, again.debit.tries) == (until, 1)


def test_a_closed_refund_is_not_moved_on(stores: Stores) -> None:
    accept(stores)
    [seen] = stores.sweeps.due(NOON + MINUTE)
    stores.refunds.cancel(examples.refund(order_id="order-1"), now=NOON)
    before = everything(stores)
    assert not stores.sweeps.postpone(seen, tries=1, until=NOON + DAY)
    assert everything(stores) == before


def test_what_is_due_is_found_whichever_bucket_it_is_in(stores: Stores) -> None:
    for number in range(60):
        accept(stores, number, due_at=NOON + number * SECOND)
    found = stores.sweeps.due(NOON + 29 * SECOND)
    assert {each.debit.refund_id for each in found} == {f"rf_{number}" for number in range(30)}
    buckets = {table.due_bucket(f"rf_{number}") for number in range(60)}
    assert len(buckets) > 1


def test_a_refund_that_several_due_buckets_name_is_due_once(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is late: it was pending as the first was read, and waits as the second is."""
    accept(stores)
    pending = table.due_bucket("rf_1")
    monkeypatch.setattr(table, "due_buckets", lambda _: (pending,))
    [due] = stores.sweeps.due(NOON + DAY)
    assert due.debit.refund_id == "rf_1"


def one_place_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind of due refunds a run sees one."""
    monkeypatch.setattr(sweeps, "PER_BUCKET", dict.fromkeys(table.DueKind, 1))
    monkeypatch.setattr(table, "DUE_BUCKETS", 1)


def test_what_was_sent_again_takes_no_place_of_what_never_was(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_place_each(monkeypatch)
    for number in range(3):
        accept(stores, number)
        [seen] = stores.sweeps.due(NOON + MINUTE)
        assert stores.sweeps.postpone(seen, tries=1, until=NOON + 2 * MINUTE)
    lost = accept(stores, 3, due_at=NOON + 3 * MINUTE)
    found = stores.sweeps.due(NOON + 3 * MINUTE)
    assert [each.debit for each in found if each.never_resent] == [lost]
    assert [each.debit.tries for each in found if not each.never_resent] == [1]


def test_what_waits_for_money_takes_no_place_of_what_is_pending(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_place_each(monkeypatch)
    for number in range(3):
        stores.debits.wait(accept(stores, number), "funds", now=NOON - DAY)
    lost = accept(stores, 3)
    found = {each.debit.waiting: each for each in stores.sweeps.due(NOON + MINUTE)}
    assert found[False].debit == lost
    # It stays among the waiting when it is tried again, and is on no list once it is canceled.
    assert stores.sweeps.postpone(found[True], tries=1, until=NOON + MINUTE)
    assert len(stores.sweeps.due(NOON + MINUTE)) == 2
    for number in range(4):
        gone = examples.refund(refund_id=f"rf_{number}", order_id=f"order-{number}")
        stores.refunds.cancel(gone, now=NOON)
    assert stores.sweeps.due(NOON + DAY) == []


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────


def test_every_item_is_on_exactly_one_page_while_others_are_added(stores: Stores) -> None:
    """Also those recorded in the very same instant, and those that come while pages are read."""
    for number in range(25):
        accept(stores, number, requested_at=NOON + number // 10 * SECOND)
    seen: list[str] = []
    after: str | None = None
    added = 100
    while True:
        page: Page[Refund] = stores.refunds.refunds(CUSTOMER, None, after=after, limit=7)
        seen += [each.refund_id for each in page.items]
        if page.after is None:
            break
        after = page.after
        accept(stores, added, requested_at=NOON + DAY)
        added += 1
    assert sorted(seen) == sorted(f"rf_{number}" for number in range(25))
    stamps = [stores.refunds.refund(each) for each in seen]
    times = [each.requested_at for each in stamps if each]
    assert times == sorted(times, reverse=True)


def test_a_list_of_one_status_finds_the_few_among_many(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MAX_LIMIT", 9)
    for number in range(20):
        accept(stores, number, requested_at=NOON + number * SECOND)
    for number in (0, 10, 19):
        refund = examples.refund(refund_id=f"rf_{number}", order_id=f"order-{number}")
        stores.refunds.cancel(refund, now=NOON)

    def canceled(limit: int, after: str | None = None) -> Page[Refund]:
        return stores.refunds.refunds(SELLER, RefundStatus.CANCELED, after=after, limit=limit)

    assert [each.refund_id for each in canceled(9).items] == ["rf_19", "rf_10", "rf_0"]
    first = canceled(1)
    second = canceled(2, first.after)
    assert [each.refund_id for each in (*first.items, *second.items)] == [
        "rf_19",
        "rf_10",
        "rf_0",
    ]


def test_a_party_s_lists_hold_its_own_things_alone(stores: Stores) -> None:
    accept(stores, 1)
    accept(stores, 2, merchant_id="merchant-2", buyer_id="buyer-2")
    for party in (SELLER, CUSTOMER):
        refunds = stores.refunds.refunds(party, None, after=None, limit=9)
        assert [each.refund_id for each in refunds.items] == ["rf_1"]
        found = stores.refunds.orders(party, after=None, limit=9)
        assert [each.order_id for each in found.items] == ["order-2", "order-1"]
    nobody = Party(Role.BUYER, "buyer")
    assert stores.refunds.refunds(nobody, None, after=None, limit=9) == Page([], None)


def test_a_page_that_looked_far_enough_is_short_and_says_where_to_go_on(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MAX_LOOKED_AT", 9)
    monkeypatch.setattr(lists, "MAX_LIMIT", 9)
    for number in range(10):
        accept(stores, number, requested_at=NOON + number * SECOND)
    stores.refunds.cancel(examples.refund(refund_id="rf_0", order_id="order-0"), now=NOON)
    first = stores.refunds.refunds(SELLER, RefundStatus.CANCELED, after=None, limit=5)
    assert first.items == []
    assert first.after
    second = stores.refunds.refunds(SELLER, RefundStatus.CANCELED, after=first.after, limit=5)
    assert [each.refund_id for each in second.items] == ["rf_0"]
    assert second.after is None
