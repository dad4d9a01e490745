"""Money on every engine: the waterfall, shards, freezing, payouts, corrections, suspensions."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from refunds import corrections, funding, operations, table, upkeep, wallets
from refunds.corrections import Correction, CorrectionRequest, CorrectionStatus
from refunds.deadline import Ready
from refunds.debits import MAX_OVERDUE, MAX_SHARDS
from refunds.errors import (
    ApproverIsProposer,
    Busy,
    CorrectionNotFound,
    CorrectionNotOpen,
    IdempotencyKeyReused,
    InsufficientBalance,
    PayoutExceedsPayable,
    RefundNotFound,
    RefundNotReversible,
    WalletChanged,
    WalletFrozen,
)
from refunds.funding import Funds, Parts, Payment, Plan
from refunds.members import Party, Role
from refunds.operations import LimitsRequest, ShardsRequest
from refunds.refunds import RefundStatus
from refunds.settlement import Contended, Frozen, Overdue, Rejected, Settled, Short
from refunds.standing import Cause, Status
from refunds.stores import debits as stored_debits
from refunds.stores import funds as stored_funds
from refunds.stores import wallets as stored_wallets
from refunds.stores.debits import DebitStore
from refunds.stores.dynamo import CONFLICT_TRIES
from refunds.stores.funds import KNOWN_SECONDS
from refunds.stores.shards import GROW_AT_MOST_EVERY, QUIET_AFTER
from refunds.upkeep import LOOK_AGAIN, Upkeep
from refunds.wallets import Allocation, CreditTarget, Payout, PayoutRequest
from tests.stores import wire
from tests.stores.engines import Stores
from tests.stores.market import accept, certify, everything, fund, limits, read, settle
from tests.unit import examples
from tests.unit.examples import BUYER, DAY, MERCHANT, NOON, SECOND

MINUTE = timedelta(minutes=1)
HOT = wire.canceled("TransactionConflict")
SELLER, CUSTOMER = Party(Role.MERCHANT, MERCHANT), Party(Role.BUYER, BUYER)


def funds(stores: Stores, currency: str = "CNY") -> Funds:
    return stores.wallets.read_funds(MERCHANT, currency)


def reshard(stores: Stores, count: int) -> None:
    stores.debits.reshard(MERCHANT, "CNY", count, now=NOON)


def freeze(stores: Stores, *, frozen: bool = True, ready: Ready | None = None) -> None:
    stores.debits.mark(MERCHANT, "CNY", "frozen", on=frozen, ready=ready)


def tend(stores: Stores, now: datetime) -> Upkeep:
    return upkeep.tend(store=stores.upkeep, now=now, ready=lambda _: True)


def status_of(stores: Stores, refund_id: str = "rf_1") -> RefundStatus:
    refund = stores.refunds.refund(refund_id)
    assert refund
    return refund.status


# ── The waterfall ───────────────────────────────────────────────────────────────────────────────


def test_a_credit_repays_the_debt_then_fills_the_deposit_then_goes_to_its_target(
    stores: Stores,
) -> None:
    limits(stores, deposit=50, guarantee=300)
    accept(stores, amount=200)
    assert settle(stores, "rf_1").settled == {"rf_1"}
    assert funds(stores) == Funds(shards=(0,), deposit_required=50, owed=200, headroom=100)
    assert fund(stores, 120, "a").allocation == Allocation(receivable=120)
    assert fund(stores, 100, "b").allocation == Allocation(receivable=80, deposit=20)
    assert fund(stores, 100, "c").allocation == Allocation(deposit=30, available=70)
    to_deposit = fund(stores, 5, "d", target=CreditTarget.DEPOSIT)
    assert to_deposit.allocation == Allocation(deposit=5)
    assert funds(stores) == Funds(
        shards=(70,), deposit=55, deposit_required=50, owed=0, headroom=300
    )


def test_one_transaction_draws_on_wallet_deposit_and_guarantee_fund(stores: Stores) -> None:
    limits(stores, guarantee=1000)
    fund(stores, 60)
    fund(stores, 30, "dep", target=CreditTarget.DEPOSIT)
    group = [accept(stores, 1, amount=50), accept(stores, 2, amount=100)]
    with wire.faulty(stores.client, "TransactWriteItems") as line:
        assert settle(stores, "rf_1", "rf_2").settled == {"rf_1", "rf_2"}
    assert len(line.sent) == 2, "the try from one shard, and the plan"
    assert funds(stores) == Funds(shards=(0,), deposit=0, owed=60, headroom=940)
    assert stores.wallets.buyer_balance(BUYER, "CNY") == 150
    second = stores.refunds.refund("rf_2")
    assert second
    assert second.sources == {"available": 10, "deposit": 30, "receivable": 60}
    assert sum(second.sources.values()) == group[1].amount


def test_what_the_waterfall_does_not_cover_waits_and_is_paid_by_the_next_credit(
    stores: Stores,
) -> None:
    limits(stores, guarantee=10)
    fund(stores, 50)
    accept(stores, 1, amount=61)
    accept(stores, 2, amount=60, requested_at=NOON + SECOND)
    outcome = settle(stores, "rf_1", "rf_2")
    assert (outcome.settled, outcome.waiting) == (frozenset({"rf_2"}), frozenset({"rf_1"}))
    assert outcome.short
    fund(stores, 60, "more")
    assert funds(stores).available == 50
    assert settle(stores, "rf_1").waiting == {"rf_1"}
    fund(stores, 1, "last")
    assert settle(stores, "rf_1").settled == {"rf_1"}
    assert funds(stores) == Funds(shards=(0,), owed=10, headroom=0)


def plan_of(parts: Parts, *, shards: tuple[tuple[int, int], ...] = ()) -> Plan:
    amount = sum(parts.named().values())
    return Plan((Payment(examples.debit(amount=amount), parts),), shards, read=True)


@pytest.mark.parametrize(
    "plan",
    [
        plan_of(Parts(available=101), shards=((0, 101),)),
        plan_of(Parts(available=1), shards=((1, 1),)),
        plan_of(Parts(deposit=51)),
        plan_of(Parts(receivable=31)),
        plan_of(Parts(100, 50, 31), shards=((0, 100),)),
    ],
)
def test_a_plan_that_a_source_no_longer_covers_is_short_and_moves_nothing(
    stores: Stores, plan: Plan
) -> None:
    limits(stores, guarantee=30)
    fund(stores, 100)
    fund(stores, 50, "dep", target=CreditTarget.DEPOSIT)
    accept(stores, amount=plan.payments[0].debit.amount)
    before = everything(stores)
    assert stores.debits.debit(plan, now=NOON) == Short()
    assert everything(stores) == before


def test_a_frozen_merchant_s_deposit_and_guarantee_pay_nothing_either(stores: Stores) -> None:
    limits(stores, guarantee=100)
    accept(stores)
    freeze(stores)
    before = everything(stores)
    assert stores.debits.debit(plan_of(Parts(receivable=100)), now=NOON) == Frozen()
    assert everything(stores) == before


def test_currencies_are_never_mixed(stores: Stores) -> None:
    for currency, amount in (("JPY", 50), ("KWD", 345)):
        fund(stores, amount, currency, currency=currency)
    accept(stores, 1, amount=60, currency="JPY")
    accept(stores, 2, amount=345, currency="KWD")
    accept(stores, 3, amount=10)
    outcome = settle(stores, "rf_1", "rf_2", "rf_3")
    assert outcome.settled == {"rf_2"}
    assert outcome.waiting == {"rf_1", "rf_3"}
    assert [funds(stores, each).available for each in ("JPY", "KWD", "CNY")] == [50, 0, 0]


# ── Shards ──────────────────────────────────────────────────────────────────────────────────────


def test_a_refund_larger_than_any_shard_is_drawn_from_several_at_once(stores: Stores) -> None:
    fund(stores, 400)
    reshard(stores, 4)
    assert funds(stores).shards == (100, 100, 100, 100)
    accept(stores, amount=250)
    assert settle(stores, "rf_1").settled == {"rf_1"}
    assert funds(stores).shards == (0, 0, 50, 100)


def test_resharding_keeps_every_unit_and_the_mark_of_those_held_back(stores: Stores) -> None:
    fund(stores, 1003)
    stores.debits.hold(MERCHANT, "CNY", held=True)
    for count, spread in ((4, (251, 251, 251, 250)), (3, (335, 334, 334)), (1, (1003,))):
        reshard(stores, count)
        assert funds(stores) == Funds(shards=spread, held=True)
    reshard(stores, 99)
    assert len(funds(stores).shards) == MAX_SHARDS
    reshard(stores, 0)
    assert funds(stores).shards == (1003,)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_nothing_moves_between_the_shards_of_a_frozen_wallet(stores: Stores, count: int) -> None:
    fund(stores, 100)
    reshard(stores, 2)
    freeze(stores)
    before = everything(stores)
    with pytest.raises(WalletFrozen):
        reshard(stores, count)
    assert not stores.debits.grow(MERCHANT, "CNY", now=NOON + DAY)
    assert funds(stores) == Funds(shards=(50, 50), frozen=True)
    assert len(everything(stores)) == len(before)


def test_the_same_number_again_spreads_what_there_is_evenly(stores: Stores) -> None:
    reshard_empty(stores, 4)
    fund(stores, 90)
    assert sorted(funds(stores).shards) == [0, 0, 0, 90]
    reshard(stores, 4)
    assert sorted(funds(stores).shards) == [22, 22, 23, 23]


def reshard_empty(stores: Stores, count: int) -> None:
    stores.wallets.open_wallet(MERCHANT, "CNY")
    reshard(stores, count)
    assert funds(stores).shards == (0,) * count


def test_credits_go_where_the_least_is(stores: Stores) -> None:
    fund(stores, 100)
    reshard(stores, 2)
    accept(stores, amount=50)
    settle(stores, "rf_1")
    fund(stores, 30, "b")
    assert sorted(funds(stores).shards) == [30, 50]


@pytest.mark.parametrize("change", [7, -95])
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 5])
def test_whatever_moves_while_a_wallet_is_resharded_it_gets_there_and_is_exact(
    stores: Stores, count: int, at: int, change: int
) -> None:
    fund(stores, 100)
    reshard(stores, 3)
    accept(stores, amount=95)

    def another_comes_first(_: object) -> None:
        if change > 0:
            fund(Stores(stores.client, stores.table), change, "between")
        else:
            settle(Stores(stores.client, stores.table), "rf_1")

    with wire.faulty(
        stores.client, "TransactWriteItems", *[wire.fine] * at, another_comes_first
    ) as line:
        reshard(stores, count)
    if len(line.sent) <= at:
        another_comes_first(None)
    found = funds(stores)
    assert (len(found.shards), found.available) == (count, 100 + change)
    assert min(found.shards) >= 0


def test_no_transaction_of_a_reshard_or_a_freeze_is_about_more_than_two_shards(
    stores: Stores,
) -> None:
    fund(stores, 1000)
    with wire.faulty(stores.client, "TransactWriteItems") as line:
        for count in (16, 3, 8):
            reshard(stores, count)
        freeze(stores)
        freeze(stores, frozen=False)
    assert len(line.sent) > 16
    for sent in line.sent:
        keys = [
            each.get("Key", each.get("Item"))["pk"]["S"]
            for action in sent["TransactItems"]
            for each in action.values()
        ]
        assert sum(key.startswith("WALLET#") for key in keys) <= 2


def test_a_reshard_that_runs_out_of_time_is_done_in_part_and_goes_on_when_sent_again(
    stores: Stores,
) -> None:
    fund(stores, 100)
    with (
        wire.faulty(stores.client, "TransactWriteItems", wire.fine, *[HOT] * 9),
        pytest.raises(Busy),
    ):
        reshard(stores, 4)
    assert funds(stores).shards == (75, 25)
    reshard(stores, 4)
    assert funds(stores).shards == (25, 25, 25, 25)


def test_a_shard_that_is_hot_is_tried_again_while_there_is_time(stores: Stores) -> None:
    fund(stores, 100)
    wanted = ShardsRequest(currency="CNY", shards=2)
    with wire.faulty(stores.client, "TransactWriteItems", *[HOT] * 20):
        operated = operations.reshard(
            MERCHANT, wanted, store=stores.operations, now=NOON, ready=lambda _: True
        )
    assert (operated.shards, operated.available) == (2, 100)


def test_a_wallet_that_cannot_be_spread_evenly_has_as_many_shards_all_the_same(
    stores: Stores,
) -> None:
    reshard_empty(stores, 4)
    fund(stores, 90)
    with wire.faulty(stores.client, "TransactWriteItems", wire.fine, *[HOT] * 9):
        reshard(stores, 4)
    assert (len(funds(stores).shards), funds(stores).available) == (4, 90)


def test_a_wallet_that_grows_is_not_spread_evenly_amid_conflicts(stores: Stores) -> None:
    reshard_empty(stores, 2)
    fund(stores, 90)
    with wire.faulty(stores.client, "TransactWriteItems") as line:
        assert stores.debits.grow(MERCHANT, "CNY", now=NOON + DAY)
    assert (len(funds(stores).shards), len(line.sent)) == (4, 2)


def test_a_glance_beside_a_wallet_that_grows_finds_all_there_is(stores: Stores) -> None:
    reshard_empty(stores, 2)
    fund(stores, 1000)
    grows = wire.meanwhile(lambda: reshard(Stores(stores.client, stores.table), 4))
    with wire.faulty(stores.client, "BatchGetItem", grows):
        assert stores.debits.glance(MERCHANT, "CNY").shards == (250, 250, 250, 250)


def test_a_wallet_with_as_many_shards_as_wanted_is_no_failure_when_time_runs_out(
    stores: Stores,
) -> None:
    fund(stores, 100)
    answers = iter([True, True, True, True, False])
    stores.operations.reshard(MERCHANT, "CNY", 2, now=NOON, ready=lambda _: next(answers))
    assert next(answers, None) is None
    assert funds(stores).shards == (50, 50)


@dataclass
class Until:
    """Time for so many calls."""

    line: wire.Line
    calls: int

    def __call__(self, _: int) -> bool:
        return len(self.line.sent) < self.calls


def test_without_time_for_another_call_none_of_many_is_begun(stores: Stores) -> None:
    fund(stores, 100)
    client, debits = stores.client, stores.debits
    with wire.faulty(client, "Query") as line:
        found = debits.overdue(MERCHANT, "CNY", now=NOON, ready=Until(line, 3))
    assert (found, len(line.sent)) == (Contended(), 3)
    with wire.faulty(client, "TransactWriteItems") as line, pytest.raises(Busy):
        debits.reshard(MERCHANT, "CNY", 8, now=NOON, ready=Until(line, 3))
    assert (len(funds(stores).shards), len(line.sent)) == (4, 3)
    with wire.faulty(client, "TransactWriteItems") as line:
        debits.hold(MERCHANT, "CNY", held=True, ready=Until(line, 3))
    assert (funds(stores).held, len(line.sent)) == (None, 3)
    with wire.faulty(client, "UpdateItem") as line:
        assert not debits.grow(MERCHANT, "CNY", now=NOON + DAY, ready=Until(line, 1))
    assert len(funds(stores).shards) == 4
    with wire.faulty(client, "GetItem") as line:
        assert not debits.suspend_for_funds(MERCHANT, "CNY", now=NOON, ready=Until(line, 1))
    assert len(line.sent) == 1


def test_a_wallet_grows_at_most_every_few_seconds_and_no_further_than_its_limit(
    stores: Stores,
) -> None:
    fund(stores, 100)
    now = NOON
    assert stores.debits.grow(MERCHANT, "CNY", now=now)
    assert not stores.debits.grow(MERCHANT, "CNY", now=now + GROW_AT_MOST_EVERY - SECOND)
    sizes = []
    for _ in range(5):
        now += GROW_AT_MOST_EVERY
        stores.debits.grow(MERCHANT, "CNY", now=now)
        sizes.append(len(funds(stores).shards))
    assert sizes == [4, 8, 16, 16, 16]
    assert funds(stores).available == 100


def test_a_wallet_that_cannot_grow_now_is_written_once_a_minute_at_the_most(
    stores: Stores,
) -> None:
    fund(stores, 100)
    reshard(stores, MAX_SHARDS)
    written = []
    for seconds in (0, 1, 59, 61):
        with wire.faulty(stores.client, "UpdateItem") as line:
            assert not stores.debits.grow(MERCHANT, "CNY", now=NOON + seconds * SECOND)
        written.append(len(line.sent))
    assert written == [1, 0, 0, 1]


def test_a_wallet_that_is_quiet_gives_its_shards_back_half_by_half(stores: Stores) -> None:
    fund(stores, 101)
    assert stores.debits.grow(MERCHANT, "CNY", now=NOON)
    assert stores.debits.grow(MERCHANT, "CNY", now=NOON + 10 * SECOND)
    quiet_at = NOON + 10 * SECOND + QUIET_AFTER
    assert tend(stores, quiet_at - SECOND).shrunk == 0
    assert tend(stores, quiet_at).shrunk == 1
    assert sorted(funds(stores).shards) == [50, 51]
    assert tend(stores, quiet_at + SECOND).shrunk == 0
    assert tend(stores, quiet_at + QUIET_AFTER).shrunk == 1
    assert funds(stores).shards == (101,)
    assert tend(stores, quiet_at + 365 * DAY).shrunk == 0


def test_a_number_of_shards_that_cannot_be_read_is_the_last_one_known(stores: Stores) -> None:
    fund(stores, 100)
    reshard(stores, 2)
    seconds = 0.0
    store = replace(stores.debits, clock=lambda: seconds)
    for fault, known in ((wire.lost, 1), (wire.fine, 2), (wire.broken(), 2)):
        with wire.faulty(stores.client, "GetItem", fault):
            assert store.shards(MERCHANT, "CNY") == known
        seconds += (KNOWN_SECONDS + 1) * (known == 2)
    accept(stores)
    with wire.faulty(stores.client, "GetItem", wire.lost):
        assert settle(stores, "rf_1").settled == {"rf_1"}


def test_what_is_known_of_shards_is_forgotten_in_time_and_is_not_much(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    store = replace(stores.debits, clock=lambda: now)
    monkeypatch.setattr(stored_funds, "KNOWN_AT_MOST", 2)
    for merchant_id in ("m1", "m2", "m3"):
        store.shards(merchant_id, "CNY")
    assert [*store.known] == [("m2", "CNY"), ("m3", "CNY")]
    now = KNOWN_SECONDS - 1
    store.shards("m4", "CNY")
    now = KNOWN_SECONDS
    store.shards("m5", "CNY")
    assert [*store.known] == [("m4", "CNY"), ("m5", "CNY")]


def test_a_function_that_knows_of_shards_no_longer_there_still_pays(stores: Stores) -> None:
    fund(stores, 100)
    reshard(stores, 8)
    store = stores.debits
    assert store.shards(MERCHANT, "CNY") == 8
    reshard(stores, 1)
    for number in range(8):
        accept(stores, number, amount=10)
    assert settle(stores, *(f"rf_{number}" for number in range(8))).failed == frozenset()
    assert funds(stores).shards == (20,)


# ── Freezing and holding ────────────────────────────────────────────────────────────────────────


def test_freezing_stops_every_shard_at_once_and_unfreezing_resumes_them(stores: Stores) -> None:
    fund(stores, 400)
    reshard(stores, 4)
    for number in range(6):
        accept(stores, number, amount=10)
    everyone = [f"rf_{number}" for number in range(6)]
    operated = operations.freeze(MERCHANT, "CNY", frozen=True, store=stores.operations)
    assert (operated.frozen, operated.shards, operated.available) == (True, 4, 400)
    for refund_id in everyone:
        assert settle(stores, refund_id).waiting == {refund_id}
        refund = stores.refunds.refund(refund_id)
        assert refund
        assert refund.waits_for == "unfreeze"
    assert funds(stores).available == 400
    operated = operations.freeze(MERCHANT, "CNY", frozen=False, store=stores.operations)
    assert (operated.frozen, operated.waiting_refunds) == (False, 6)
    assert settle(stores, *everyone).settled == set(everyone)
    assert funds(stores).available == 340


def marks(stores: Stores, name: str = "frozen") -> list[bool]:
    """Of the wallet itself, and of each of its shards."""
    config = stores.wallets.get(table.merchant_currency(MERCHANT, "CNY"))
    assert config
    shards = [
        stores.wallets.get(table.wallet(MERCHANT, "CNY", shard))
        for shard in range(config["shards"])
    ]
    return [name in (each or {}) for each in (config, *shards)]


def test_each_shard_is_frozen_by_itself_however_hot_it_is(stores: Stores) -> None:
    fund(stores, 400)
    reshard(stores, 4)
    hot = [only(shard) for shard in range(4) for _ in range(9)]
    with wire.faulty(stores.client, "TransactWriteItems", *hot):
        freeze(stores, ready=lambda _: True)
    assert marks(stores) == [True] * 5


def only(shard: int) -> wire.Fault:
    """A conflict for whoever writes this shard."""

    def fault(request: Any) -> Any:
        mine = f"WALLET#{MERCHANT}#CNY#{shard}".encode() in request.body
        return HOT(request) if mine else None

    return fault


@pytest.mark.parametrize("frozen", [True, False])
def test_a_freeze_that_runs_out_of_time_says_so_and_ends_when_sent_again(
    stores: Stores, *, frozen: bool
) -> None:
    fund(stores, 400)
    reshard(stores, 4)
    if not frozen:
        freeze(stores)
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[only(2)] * 99),
        pytest.raises(Busy),
    ):
        operations.freeze(MERCHANT, "CNY", frozen=frozen, store=stores.operations)
    assert marks(stores) == [True, frozen, frozen, not frozen, frozen]
    assert funds(stores).frozen, "on its way, it is frozen to whoever asks"
    with pytest.raises(WalletFrozen):
        reshard(stores, 2)
    operated = operations.freeze(MERCHANT, "CNY", frozen=frozen, store=stores.operations)
    assert operated.frozen is frozen
    assert marks(stores) == [frozen] * 5


def test_freezing_and_unfreezing_may_be_repeated(stores: Stores) -> None:
    fund(stores, 100)
    reshard(stores, 2)
    for frozen in (False, True, True, False, False):
        operated = operations.freeze(MERCHANT, "CNY", frozen=frozen, store=stores.operations)
        assert operated.frozen is frozen
        assert marks(stores) == [frozen] * 3


STOPS = range(4)
"""Before each write of a freeze of two shards; an unfreezing has one more."""


@pytest.mark.parametrize("at", STOPS)
@pytest.mark.parametrize("frozen", [True, False])
def test_a_freeze_and_its_opposite_at_once_leave_all_shards_or_none_frozen(
    stores: Stores, at: int, *, frozen: bool
) -> None:
    """Whichever begins later stands, and the other is told."""
    fund(stores, 100)
    reshard(stores, 2)
    if not frozen:
        freeze(stores)

    def the_opposite(_: object) -> None:
        freeze(Stores(stores.client, stores.table), frozen=not frozen)

    with wire.faulty(stores.client, "TransactWriteItems", *[wire.fine] * at, the_opposite) as line:
        try:
            freeze(stores, frozen=frozen)
        except WalletChanged:
            stands = not frozen
        else:
            stands = frozen
    assert len(line.sent) > 1
    assert marks(stores) == [stands] * 3


@pytest.mark.parametrize("at", STOPS)
@pytest.mark.parametrize("frozen", [True, False])
def test_two_that_do_the_same_at_once_both_come_to_the_end(
    stores: Stores, at: int, *, frozen: bool
) -> None:
    fund(stores, 100)
    reshard(stores, 2)
    if not frozen:
        freeze(stores)

    def the_same(_: object) -> None:
        freeze(Stores(stores.client, stores.table), frozen=frozen)

    with wire.faulty(stores.client, "TransactWriteItems", *[wire.fine] * at, the_same):
        freeze(stores, frozen=frozen)
    assert marks(stores) == [frozen] * 3


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("count", [1, 4])
def test_a_freeze_in_the_middle_of_a_reshard_leaves_no_shard_of_it_unfrozen(
    stores: Stores, count: int, at: int
) -> None:
    fund(stores, 100)
    reshard(stores, 3)

    def another_freezes(_: object) -> None:
        freeze(Stores(stores.client, stores.table))

    with wire.faulty(
        stores.client, "TransactWriteItems", *[wire.fine] * at, another_freezes
    ) as line:
        try:
            reshard(stores, count)
        except WalletFrozen:
            assert set(marks(stores)) == {True}
        else:
            assert len(line.sent) <= at
    assert funds(stores).available == 100


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("count", [1, 4])
def test_a_reshard_in_the_middle_of_a_freeze_leaves_no_shard_of_it_unfrozen(
    stores: Stores, count: int, at: int
) -> None:
    fund(stores, 100)
    reshard(stores, 3)

    def another_reshards(_: object) -> None:
        with suppress(WalletFrozen):
            reshard(Stores(stores.client, stores.table), count)

    with wire.faulty(stores.client, "TransactWriteItems", *[wire.fine] * at, another_reshards):
        freeze(stores)
    assert set(marks(stores)) == {True}
    assert len(marks(stores)) == 1 + (3 if at else count)
    assert funds(stores).available == 100


@pytest.mark.parametrize("at", [1, 2])
def test_what_was_held_in_part_only_is_held_by_the_next_debit_that_is_short(
    stores: Stores, at: int
) -> None:
    """The function that held it ended on the way."""
    accept(stores, 1, amount=500, requested_at=NOON - DAY - SECOND)
    settle(stores, "rf_1", now=NOON - DAY)
    fund(stores, 100)
    reshard(stores, 2)
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[wire.fine] * at, wire.lost),
        pytest.raises(ReadTimeoutError),
    ):
        stores.debits.mark(MERCHANT, "CNY", "held", on=True)
    assert funds(stores).held is None
    settle(stores, "rf_1", now=NOON)
    assert marks(stores, "held") == [True] * 3
    stores.refunds.cancel(
        examples.refund(order_id="order-1", amount=500, requested_at=NOON), now=NOON
    )
    accept(stores, 2, amount=100)
    settle(stores, "rf_2")
    assert marks(stores, "held") == [False] * 3


def test_a_shard_that_is_gone_by_now_need_not_be_held(stores: Stores) -> None:
    fund(stores, 100)
    reshard(stores, 2)

    def there_are_fewer(_: object) -> None:
        reshard(Stores(stores.client, stores.table), 1)

    with wire.faulty(stores.client, "TransactWriteItems", wire.fine, wire.fine, there_are_fewer):
        stores.debits.mark(MERCHANT, "CNY", "held", on=True)
    assert marks(stores, "held") == [True] * 2
    assert funds(stores).available == 100


def test_a_frozen_wallet_is_credited_but_pays_nothing_out(stores: Stores) -> None:
    fund(stores, 100)
    freeze(stores)
    fund(stores, 50, "b")
    assert funds(stores).available == 150
    with pytest.raises(PayoutExceedsPayable):
        pay_out(stores, SELLER, 1)


def test_what_is_held_for_an_overdue_refund_is_paid_to_none_before_it(stores: Stores) -> None:
    accept(stores, 1, amount=500, requested_at=NOON - DAY - SECOND)
    assert settle(stores, "rf_1", now=NOON - DAY).waiting == {"rf_1"}
    fund(stores, 400)
    reshard(stores, 4)
    assert settle(stores, "rf_1", now=NOON).waiting == {"rf_1"}, "its own try, at latest an hour on"
    for number in (2, 3):
        accept(stores, number, amount=50)
        assert settle(stores, f"rf_{number}", now=NOON).waiting == {f"rf_{number}"}
    assert funds(stores) == Funds(shards=(100,) * 4, held=True)
    small = funding.from_one_shard([read(stores, "rf_2")], 0)
    assert stores.debits.debit(small, now=NOON) == Short()
    fund(stores, 150, "more")
    # Whichever is delivered, the overdue one is paid with it, and first.
    assert settle(stores, "rf_3", now=NOON).settled == {"rf_1", "rf_3"}
    assert funds(stores) == Funds(shards=(0,) * 4)


def test_with_more_overdue_refunds_than_a_plan_holds_no_newer_one_passes_the_others(
    stores: Stores,
) -> None:
    count = MAX_OVERDUE + 2
    for number in range(1, count + 1):
        accept(stores, number, amount=100, requested_at=NOON - DAY + number * SECOND)
        settle(stores, f"rf_{number}", now=NOON - DAY + MINUTE)
    fund(stores, 50)
    assert settle(stores, f"rf_{count}").waiting == {f"rf_{count}"}, "which holds the wallet"
    fund(stores, 100 * MAX_OVERDUE, "b")
    accept(stores, 99, amount=50)
    outcome = settle(stores, "rf_99")
    assert outcome.settled == {f"rf_{number}" for number in range(1, MAX_OVERDUE + 1)}
    assert outcome.waiting == {"rf_99"}
    assert funds(stores) == Funds(shards=(50,), held=True)
    fund(stores, 200, "more")
    assert settle(stores, "rf_99").settled == {"rf_6", "rf_7", "rf_99"}
    assert funds(stores) == Funds(shards=(0,))


def test_an_overdue_refund_that_nobody_can_read_is_in_no_other_s_way(stores: Stores) -> None:
    for number in (1, 2):
        accept(stores, number, requested_at=NOON - DAY - SECOND)
        settle(stores, f"rf_{number}", now=NOON - DAY)
    stores.client.update_item(
        TableName=stores.table,
        Key=table.refund("rf_1"),
        UpdateExpression="REMOVE amount",
    )
    found = stores.debits.overdue(MERCHANT, "CNY", now=NOON)
    assert found == Overdue((read(stores, "rf_2"),), more=False)


def test_overdue_refunds_just_paid_hide_none_behind_them(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index names them for a moment still."""
    accept(stores, 1, requested_at=NOON - 2 * DAY)
    settle(stores, "rf_1", now=NOON - 2 * DAY)
    late = stores.debits.waiting_keys(MERCHANT, "CNY", limit=1)
    accept(stores, 2, requested_at=NOON - DAY)
    settle(stores, "rf_2", now=NOON - DAY)
    fund(stores, 100)
    monkeypatch.setattr(stored_debits, "MAX_OVERDUE", 1)
    assert settle(stores, "rf_1").settled == {"rf_1"}
    [second] = stores.debits.waiting_keys(MERCHANT, "CNY", limit=9)
    monkeypatch.setattr(DebitStore, "waiting_keys", lambda *_, **__: [*late, second])
    found = stores.debits.overdue(MERCHANT, "CNY", now=NOON)
    assert found == Overdue((read(stores, "rf_2"),), more=False)
    monkeypatch.setattr(stored_debits, "OVERDUE_READ", 2)
    assert stores.debits.overdue(MERCHANT, "CNY", now=NOON) == replace(found, more=True)
    # With none left of those that are named, it is not known who comes next.
    monkeypatch.setattr(DebitStore, "waiting_keys", lambda *_, **__: late * 2)
    assert stores.debits.overdue(MERCHANT, "CNY", now=NOON) == Contended()


def test_a_held_wallet_is_released_when_the_overdue_refund_was_canceled(stores: Stores) -> None:
    accept(stores, 1, amount=500, requested_at=NOON - 2 * DAY)
    settle(stores, "rf_1", now=NOON - 2 * DAY)
    fund(stores, 100)
    settle(stores, "rf_1")
    accept(stores, 2, amount=50)
    assert settle(stores, "rf_2").waiting == {"rf_2"}
    stores.refunds.cancel(examples.refund(order_id="order-1", amount=500), now=NOON)
    assert settle(stores, "rf_2").settled == {"rf_2"}
    assert not funds(stores).held


# ── Payouts ─────────────────────────────────────────────────────────────────────────────────────


def pay_out(
    stores: Stores, party: Party, amount: int, key: str = "po", currency: str = "CNY"
) -> Payout:
    return wallets.pay_out(
        party,
        PayoutRequest(amount=amount, currency=currency),
        client_id="platform",
        idempotency_key=key,
        store=stores.wallets,
        now=NOON,
    )


def test_a_merchant_is_paid_out_what_deposit_debt_and_waiting_refunds_leave(
    stores: Stores,
) -> None:
    fund(stores, 1000)
    reshard(stores, 3)
    accept(stores, 1, amount=900)
    accept(stores, 2, amount=300)
    assert settle(stores, "rf_2", "rf_1").settled == {"rf_1"}
    fund(stores, 900, "b")
    limits(stores, deposit=150)
    with pytest.raises(PayoutExceedsPayable) as refused:
        pay_out(stores, SELLER, 551)
    assert refused.value.facts == {"payable": 550, "currency": "CNY"}
    made = pay_out(stores, SELLER, 550)
    assert funds(stores).available == 450
    before = everything(stores)
    assert pay_out(stores, SELLER, 550) == made
    with pytest.raises(IdempotencyKeyReused):
        pay_out(stores, SELLER, 549)
    with pytest.raises(IdempotencyKeyReused):
        pay_out(stores, CUSTOMER, 550)
    with pytest.raises(PayoutExceedsPayable):
        pay_out(stores, SELLER, 1, "other")
    assert everything(stores) == before


def test_a_merchant_with_more_waiting_refunds_than_are_summed_up_is_paid_nothing(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        accept(stores, number, amount=1)
        settle(stores, f"rf_{number}")
    fund(stores, 100)
    monkeypatch.setattr(stored_wallets, "MAX_WAITING_READ", 3)
    assert stores.wallets.waiting_amount(MERCHANT, "CNY") == 3
    monkeypatch.setattr(stored_wallets, "MAX_WAITING_READ", 2)
    assert stores.wallets.waiting_amount(MERCHANT, "CNY") is None
    with pytest.raises(PayoutExceedsPayable):
        pay_out(stores, SELLER, 1)


def test_a_buyer_is_paid_out_no_more_than_its_balance_of_that_currency(stores: Stores) -> None:
    fund(stores, 100)
    accept(stores)
    settle(stores, "rf_1")
    assert pay_out(stores, CUSTOMER, 60).role is Role.BUYER
    for currency, amount in (("CNY", 41), ("JPY", 1)):
        with pytest.raises(PayoutExceedsPayable):
            pay_out(stores, CUSTOMER, amount, "b", currency)
    pay_out(stores, CUSTOMER, 40, "c")
    assert stores.wallets.buyer_balance(BUYER, "CNY") == 0


def test_a_payout_decided_on_a_balance_that_is_gone_is_decided_again(stores: Stores) -> None:
    fund(stores, 100)
    accept(stores, amount=70)

    def a_debit_comes_first(_: object) -> None:
        settle(Stores(stores.client, stores.table), "rf_1")

    with (
        wire.faulty(stores.client, "TransactWriteItems", a_debit_comes_first),
        pytest.raises(PayoutExceedsPayable) as refused,
    ):
        pay_out(stores, SELLER, 50)
    assert refused.value.facts["payable"] == 30


def test_a_buyer_s_payout_that_another_leaves_too_little_for_is_decided_again(
    stores: Stores,
) -> None:
    fund(stores, 100)
    accept(stores)
    settle(stores, "rf_1")

    def another_comes_first(_: object) -> None:
        pay_out(Stores(stores.client, stores.table), CUSTOMER, 60, "another")

    with (
        wire.faulty(stores.client, "TransactWriteItems", another_comes_first),
        pytest.raises(PayoutExceedsPayable) as refused,
    ):
        pay_out(stores, CUSTOMER, 50)
    assert refused.value.facts["payable"] == 40


@pytest.mark.parametrize(
    ("party", "read"), [(SELLER, ["TransactGetItems"]), (CUSTOMER, ["GetItem", "GetItem"])]
)
def test_a_payout_that_its_own_first_call_leaves_nothing_for_is_answered_as_that_one(
    stores: Stores, party: Party, read: list[str]
) -> None:
    """The first call is written after the second has looked its key up."""
    fund(stores, 200)
    accept(stores)
    settle(stores, "rf_1")
    made = []

    def the_first_call_is_written(_: object) -> None:
        made.append(pay_out(Stores(stores.client, stores.table), party, 100))

    lookups = [wire.fine] * (len(read) - 1)
    with wire.faulty(stores.client, read[0], *lookups, the_first_call_is_written):
        made.append(pay_out(stores, party, 100))
    assert made[0] == made[1]
    with pytest.raises(PayoutExceedsPayable):
        pay_out(stores, party, 100, "another")


# ── Corrections ─────────────────────────────────────────────────────────────────────────────────

M_AVAILABLE, M_DEPOSIT, M_DEBT = (
    f"merchant:{MERCHANT}:{part}" for part in ("available", "deposit", "receivable")
)
B_AVAILABLE = f"buyer:{BUYER}:available"


def propose(stores: Stores, *legs: tuple[str, int], correction_id: str = "co_1") -> Correction:
    request = CorrectionRequest.model_validate(
        {
            "currency": "CNY",
            "legs": [{"account": account, "amount": amount} for account, amount in legs],
            "reason": "核对",
        }
    )
    return corrections.propose(
        correction_id, request, operator="one", store=stores.corrections, now=NOON
    )


def decide(stores: Stores, *, approve: bool = True, operator: str = "two") -> Correction:
    return corrections.decide(
        "co_1", approve=approve, operator=operator, store=stores.corrections, now=NOON + DAY
    )


def test_a_correction_moves_money_once_another_operator_has_approved_it(stores: Stores) -> None:
    limits(stores, guarantee=500)
    fund(stores, 300)
    reshard(stores, 2)
    proposed = propose(
        stores, (M_AVAILABLE, -200), (M_DEPOSIT, 150), (M_DEBT, -70), (B_AVAILABLE, 120)
    )
    assert proposed.status is CorrectionStatus.PROPOSED
    assert funds(stores).available == 300
    with pytest.raises(ApproverIsProposer):
        decide(stores, operator="one")
    approved = decide(stores)
    assert (approved.status, approved.proposed_by, approved.decided_by) == (
        CorrectionStatus.APPROVED,
        "one",
        "two",
    )
    after = funds(stores)
    assert (after.available, after.deposit, after.owed, after.headroom) == (100, 150, 70, 430)
    assert stores.wallets.buyer_balance(BUYER, "CNY") == 120
    before = everything(stores)
    for operator, again in (("three", True), ("two", False), ("one", True)):
        with pytest.raises(CorrectionNotOpen):
            decide(stores, approve=again, operator=operator)
    assert decide(stores) == approved, "whose first answer may have been lost"
    assert everything(stores) == before
    assert stores.corrections.correction("co_1") == approved


def test_a_rejected_correction_moves_nothing_ever(stores: Stores) -> None:
    propose(stores, (M_AVAILABLE, 10), ("platform:guarantee", -10))
    assert decide(stores, approve=False, operator="one").status is CorrectionStatus.REJECTED
    with pytest.raises(CorrectionNotOpen):
        decide(stores)
    assert funds(stores).available == 0
    with pytest.raises(CorrectionNotFound):
        corrections.decide("co_9", approve=True, operator="two", store=stores.corrections, now=NOON)


def test_a_correction_is_proposed_once_for_its_key(stores: Stores) -> None:
    legs = (M_AVAILABLE, 10), ("external:settlement", -10)
    first = propose(stores, *legs)
    assert propose(stores, *legs) == first
    with pytest.raises(IdempotencyKeyReused):
        propose(stores, (M_AVAILABLE, 11), ("external:settlement", -11))


@pytest.mark.parametrize(
    "legs",
    [
        [(M_AVAILABLE, -101), ("external:payout", 101)],
        [(M_DEPOSIT, -1), ("external:payout", 1)],
        [(M_DEBT, -51), (M_AVAILABLE, 51)],
        [(M_DEBT, 1), ("external:settlement", -1)],
        [(B_AVAILABLE, -1), (M_AVAILABLE, 1)],
    ],
)
def test_no_correction_takes_an_account_where_it_may_not_go(
    stores: Stores, legs: list[tuple[str, int]]
) -> None:
    limits(stores, guarantee=50)
    fund(stores, 100)
    propose(stores, *legs)
    before = everything(stores)
    with pytest.raises(InsufficientBalance):
        decide(stores)
    assert everything(stores) == before


def test_a_frozen_wallet_can_be_corrected(stores: Stores) -> None:
    fund(stores, 100)
    freeze(stores)
    propose(stores, (M_AVAILABLE, -100), ("external:settlement", 100))
    decide(stores)
    assert funds(stores) == Funds(shards=(0,), frozen=True)


def test_a_correction_planned_on_balances_that_changed_is_planned_again(stores: Stores) -> None:
    fund(stores, 100)
    fund(stores, 5, "d", target=CreditTarget.DEPOSIT)
    propose(stores, (M_AVAILABLE, -100), (M_DEPOSIT, 100))

    def another_comes_first(_: object) -> None:
        fund(Stores(stores.client, stores.table), 3, "x", target=CreditTarget.DEPOSIT)

    with wire.faulty(stores.client, "TransactWriteItems", another_comes_first):
        decide(stores)
    assert funds(stores) == Funds(shards=(0,), deposit=108)


@pytest.mark.parametrize("owed", [0, 30])
def test_no_correction_advances_beyond_a_limit_that_is_lowered_meanwhile(
    stores: Stores, owed: int
) -> None:
    limits(stores, guarantee=100)
    if owed:
        accept(stores, amount=owed)
        assert settle(stores, "rf_1").settled
    propose(stores, (M_DEBT, -60), (M_AVAILABLE, 60))

    def an_operator_lowers_it(_: object) -> None:
        limits(Stores(stores.client, stores.table), guarantee=50)

    with (
        wire.faulty(stores.client, "TransactWriteItems", an_operator_lowers_it),
        pytest.raises(InsufficientBalance),
    ):
        decide(stores)
    assert funds(stores) == Funds(shards=(0,), owed=owed, headroom=50 - owed)
    limits(stores, guarantee=60 + owed)
    decide(stores)
    assert funds(stores) == Funds(shards=(60,), owed=60 + owed, headroom=0)


@pytest.mark.parametrize(
    ("approve", "call"),
    [(True, "TransactGetItems"), (True, "TransactWriteItems"), (False, "UpdateItem")],
)
def test_a_correction_that_another_approves_meanwhile_is_told_to_be_decided(
    stores: Stores, call: str, *, approve: bool
) -> None:
    """Not that the account holds too little, though it does, by the other's approval."""
    fund(stores, 100)
    propose(stores, (M_AVAILABLE, -100), ("external:settlement", 100))

    def another_comes_first(_: object) -> None:
        decide(Stores(stores.client, stores.table), operator="three")

    with (
        wire.faulty(stores.client, call, another_comes_first),
        pytest.raises(CorrectionNotOpen) as refused,
    ):
        decide(stores, approve=approve)
    assert refused.value.facts == {"status": CorrectionStatus.APPROVED}
    assert funds(stores).available == 0


def test_corrections_are_listed_by_status_the_newest_first(stores: Stores) -> None:
    for number in (1, 2, 3):
        request = CorrectionRequest.model_validate(
            {
                "currency": "CNY",
                "legs": [
                    {"account": M_AVAILABLE, "amount": number},
                    {"account": "external:settlement", "amount": -number},
                ],
                "reason": "x",
            }
        )
        corrections.propose(
            f"co_{number}",
            request,
            operator="one",
            store=stores.corrections,
            now=NOON + number * SECOND,
        )
    corrections.decide("co_2", approve=True, operator="two", store=stores.corrections, now=NOON)

    def listed(status: CorrectionStatus) -> list[str]:
        page = stores.corrections.corrections(status, after=None, limit=9)
        return [each.correction_id for each in page.items]

    assert listed(CorrectionStatus.PROPOSED) == ["co_3", "co_1"]
    assert listed(CorrectionStatus.APPROVED) == ["co_2"]
    assert listed(CorrectionStatus.REJECTED) == []


# ── Reversals ───────────────────────────────────────────────────────────────────────────────────


def reverse(
    stores: Stores, refund_id: str = "rf_1", *, reason: str = "纠纷", operator: str = "op"
) -> corrections.Reversal:
    return corrections.reverse(
        refund_id, reason, operator=operator, store=stores.corrections, now=NOON + DAY
    )


def test_a_reversal_takes_the_refund_back_once_and_repays_the_debt_first(stores: Stores) -> None:
    limits(stores, guarantee=60)
    fund(stores, 40)
    accept(stores)
    settle(stores, "rf_1")
    assert funds(stores) == Funds(shards=(0,), owed=60, headroom=0)
    reversal = reverse(stores)
    assert reversal.amount == 100
    assert funds(stores) == Funds(shards=(40,), owed=0, headroom=60)
    assert stores.wallets.buyer_balance(BUYER, "CNY") == 0
    assert status_of(stores) is RefundStatus.REVERSED
    order = stores.refunds.order("order-1")
    assert order
    assert order.refundable == 900, "what was refunded once is not refunded again"
    before = everything(stores)
    for changed in ({"operator": "other"}, {"reason": "x"}):
        with pytest.raises(RefundNotReversible) as refused:
            reverse(stores, **changed)
        assert refused.value.facts == {"status": "reversed"}
    assert reverse(stores) == reversal, "whose first answer may have been lost"
    assert settle(stores, "rf_1") == settle(stores)
    assert everything(stores) == before


def test_a_reversal_repays_the_debt_that_there_is_by_now(stores: Stores) -> None:
    limits(stores, guarantee=60)
    fund(stores, 40)
    accept(stores)
    settle(stores, "rf_1")

    def a_credit_comes_first(_: object) -> None:
        fund(Stores(stores.client, stores.table), 50, "b")

    with wire.faulty(stores.client, "TransactWriteItems", a_credit_comes_first):
        reverse(stores)
    assert funds(stores) == Funds(shards=(90,), owed=0, headroom=60)


def test_what_the_buyer_no_longer_has_is_not_reversed(stores: Stores) -> None:
    fund(stores, 100)
    accept(stores)
    settle(stores, "rf_1")
    pay_out(stores, CUSTOMER, 1)
    before = everything(stores)
    with pytest.raises(InsufficientBalance):
        reverse(stores)
    assert everything(stores) == before


def test_only_a_succeeded_refund_is_reversed(stores: Stores) -> None:
    accept(stores)
    with pytest.raises(RefundNotReversible):
        reverse(stores)
    with pytest.raises(RefundNotFound):
        reverse(stores, "rf_9")
    refund = stores.refunds.refund("rf_1")
    assert refund
    assert refund.status is RefundStatus.PENDING


def test_a_refund_reversed_by_two_at_once_is_reversed_once(stores: Stores) -> None:
    fund(stores, 100)
    accept(stores)
    settle(stores, "rf_1")

    def another_comes_first(_: object) -> None:
        reverse(Stores(stores.client, stores.table), operator="other")

    with (
        wire.faulty(stores.client, "TransactWriteItems", another_comes_first),
        pytest.raises(RefundNotReversible),
    ):
        reverse(stores)
    assert funds(stores).available == 100


def test_a_reversal_that_only_the_buyer_s_balance_refuses_is_told_to_be_done(
    stores: Stores,
) -> None:
    """Of several conditions that fail, the service need not name the first."""
    fund(stores, 100)
    accept(stores)
    settle(stores, "rf_1")
    refused = wire.canceled("None", "None", "ConditionalCheckFailed")

    def another_comes_first(request: object) -> AWSResponse | None:
        reverse(Stores(stores.client, stores.table), operator="other")
        return refused(request)

    with (
        wire.faulty(stores.client, "TransactWriteItems", another_comes_first),
        pytest.raises(RefundNotReversible) as told,
    ):
        reverse(stores)
    assert told.value.facts == {"status": "reversed"}


# ── Suspensions ─────────────────────────────────────────────────────────────────────────────────


def causes(stores: Stores) -> tuple[Cause, ...]:
    found = stores.merchants.certification(MERCHANT)
    assert found
    assert (found.status is Status.SUSPENDED) is bool(found.suspension_causes)
    return found.suspension_causes


@pytest.mark.parametrize("first", [Cause.OPERATOR, Cause.FUNDS])
def test_each_cause_of_a_suspension_is_lifted_by_what_set_it_and_the_last_ends_it(
    stores: Stores, first: Cause
) -> None:
    other = Cause.FUNDS if first is Cause.OPERATOR else Cause.OPERATOR
    store = stores.merchants
    certify(stores)
    assert store.suspend(MERCHANT, first, "x", by="a", now=NOON)
    assert store.suspend(MERCHANT, other, "y", by="b", now=NOON + DAY)
    assert not store.suspend(MERCHANT, other, "y", by="b", now=NOON + DAY)
    assert set(causes(stores)) == {first, other}
    assert store.lift(MERCHANT, first, by="a", now=NOON + 2 * DAY)
    assert not store.lift(MERCHANT, first, by="a", now=NOON + 2 * DAY)
    assert causes(stores) == (other,)
    assert store.lift(MERCHANT, other, by="b", now=NOON + 3 * DAY)
    assert causes(stores) == ()
    # One interval, from the first cause to the last lifting.
    for at, in_force in ((NOON, True), (NOON + 3 * DAY - SECOND, True), (NOON + 3 * DAY, False)):
        suspension = stores.refunds.last_suspension(MERCHANT, at)
        assert suspension
        assert suspension.began_at == NOON
        assert suspension.in_force_at(at) is in_force


def test_a_merchant_suspended_for_funds_is_restored_once_nothing_waits_or_is_owed(
    stores: Stores,
) -> None:
    certify(stores)
    limits(stores, guarantee=50)
    accept(stores, 1, amount=50)
    accept(stores, 2, amount=60)
    outcome = settle(stores, "rf_1", "rf_2")
    assert outcome.short
    assert stores.debits.suspend_for_funds(MERCHANT, "CNY", now=NOON)
    assert causes(stores) == (Cause.FUNDS,)

    def restored(minutes: int) -> int:
        return tend(stores, NOON + minutes * MINUTE).restored

    assert restored(0) == 0
    fund(stores, 50, "a")
    assert restored(1) == 0, "a refund waits still"
    fund(stores, 60, "b")
    assert settle(stores, "rf_2").settled == {"rf_2"}
    assert tend(stores, NOON + MINUTE).restored == 0, "looked at just now"
    assert restored(2) == 1
    assert causes(stores) == ()
    assert restored(60 * 24) == 0


def test_restoring_leaves_an_operator_s_suspension_alone(stores: Stores) -> None:
    certify(stores)
    stores.merchants.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=NOON)
    assert stores.debits.suspend_for_funds(MERCHANT, "CNY", now=NOON)
    assert tend(stores, NOON).restored == 1
    assert causes(stores) == (Cause.OPERATOR,)


def test_debt_in_any_currency_keeps_a_merchant_suspended(stores: Stores) -> None:
    certify(stores)
    limits(stores, guarantee=100, currency="JPY")
    accept(stores, amount=100, currency="JPY")
    settle(stores, "rf_1")
    fund(stores, 1000)
    stores.debits.suspend_for_funds(MERCHANT, "JPY", now=NOON)
    assert tend(stores, NOON).restored == 0
    fund(stores, 100, "b", currency="JPY")
    assert tend(stores, NOON + MINUTE).restored == 1


def test_a_merchant_that_is_not_certified_is_not_suspended_for_funds(stores: Stores) -> None:
    assert stores.debits.suspend_for_funds(MERCHANT, "CNY", now=NOON) is False
    assert stores.merchants.certification(MERCHANT) is None


def test_a_merchant_without_a_wallet_stays_suspended_as_long_as_a_refund_waits(
    stores: Stores,
) -> None:
    certify(stores)
    accept(stores, 1, amount=50)
    assert settle(stores, "rf_1").short
    assert stores.debits.suspend_for_funds(MERCHANT, "CNY", now=NOON)
    assert tend(stores, NOON).restored == 0
    fund(stores, 50)
    assert settle(stores, "rf_1").settled == {"rf_1"}
    assert tend(stores, NOON + MINUTE).restored == 1


# ── Upkeep ──────────────────────────────────────────────────────────────────────────────────────

SHOPS = ("m-1", "m-2", "m-3", "m-4", "m-5")
LATER = NOON + QUIET_AFTER


def two_shards_each(stores: Stores) -> None:
    """Each merchant's wallet has grown, and has been quiet since."""
    for merchant_id in SHOPS:
        fund(stores, 10, merchant_id, merchant_id=merchant_id)
        assert stores.debits.grow(merchant_id, "CNY", now=NOON)


def shards_of(stores: Stores) -> list[int]:
    return [len(stores.wallets.read_funds(each, "CNY").shards) for each in SHOPS]


def test_one_wallet_that_cannot_be_tended_is_in_no_other_s_way(stores: Stores) -> None:
    two_shards_each(stores)
    with wire.faulty(stores.client, "TransactWriteItems", *[HOT] * CONFLICT_TRIES):
        done = tend(stores, LATER)
    assert done.shrunk == 4
    [hot] = done.skipped
    assert done.skipped == {hot: "Busy"}
    assert sorted(shards_of(stores)) == [1, 1, 1, 1, 2]
    assert tend(stores, LATER + SECOND) == Upkeep(), "not at once again"
    assert tend(stores, LATER + LOOK_AGAIN) == Upkeep(shrunk=1)
    assert shards_of(stores) == [1] * 5


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (wire.refused("AccessDeniedException"), "AccessDeniedException"),
        (wire.broken(), "InternalServerError"),
        (wire.lost, "ReadTimeoutError"),
    ],
)
def test_whatever_the_database_says_of_one_row_the_others_are_tended(
    stores: Stores, fault: wire.Fault, reason: str
) -> None:
    two_shards_each(stores)
    with wire.faulty(stores.client, "TransactWriteItems", fault):
        done = tend(stores, LATER)
    assert (done.shrunk, [*done.skipped.values()]) == (4, [reason])


def test_a_row_that_cannot_be_read_is_told_and_the_others_are_tended(stores: Stores) -> None:
    two_shards_each(stores)
    key = table.merchant_currency("m-3", "CNY")
    stores.wallets.update(key, "SET shards = :text", None, {"text": "two"})
    done = tend(stores, LATER)
    assert (done.shrunk, done.skipped) == (4, {"m-3 CNY": "TypeError"})


def test_one_merchant_that_cannot_be_looked_at_is_in_no_other_s_way(stores: Stores) -> None:
    for merchant_id in SHOPS:
        certify(stores, merchant_id=merchant_id)
        assert stores.debits.suspend_for_funds(merchant_id, "CNY", now=NOON)
    with wire.faulty(stores.client, "TransactWriteItems", *[HOT] * CONFLICT_TRIES):
        done = tend(stores, NOON)
    assert (done.restored, [*done.skipped.values()]) == (4, ["Busy"])
    assert tend(stores, NOON + LOOK_AGAIN) == Upkeep(restored=1)


def test_the_upkeep_goes_on_to_all_that_are_due_however_many(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_shards_each(stores)
    monkeypatch.setattr(upkeep, "PAGE", 2)
    assert tend(stores, LATER).shrunk == 5


def test_the_upkeep_ends_when_its_time_does_and_the_next_run_goes_on(stores: Stores) -> None:
    two_shards_each(stores)
    certify(stores)
    assert stores.debits.suspend_for_funds(MERCHANT, "CNY", now=NOON)
    with wire.faulty(stores.client, "UpdateItem") as line:
        done = upkeep.tend(store=stores.upkeep, now=LATER, ready=Until(line, 2))
    assert done == Upkeep(shrunk=2, restored=1), "of either kind in turn"
    assert tend(stores, LATER) == Upkeep(shrunk=3)


def test_a_frozen_wallet_gives_its_shards_back_once_it_is_not(stores: Stores) -> None:
    fund(stores, 10)
    assert stores.debits.grow(MERCHANT, "CNY", now=NOON)
    freeze(stores)
    assert tend(stores, LATER) == Upkeep()
    freeze(stores, frozen=False)
    assert tend(stores, LATER + QUIET_AFTER) == Upkeep(shrunk=1)


def test_only_a_wallet_that_exists_grows(stores: Stores) -> None:
    assert not stores.debits.grow(MERCHANT, "CNY", now=NOON)
    assert everything(stores) == []


# ── Limits, and what an operator sees ───────────────────────────────────────────────────────────


def limit(stores: Stores, guarantee: int, deposit: int = 0) -> operations.OperatedWallet:
    wanted = LimitsRequest(currency="CNY", deposit_required=deposit, guarantee_limit=guarantee)
    return operations.limit(MERCHANT, wanted, store=stores.operations)


def test_a_limit_below_the_debt_advances_nothing_and_keeps_the_rest_working(
    stores: Stores,
) -> None:
    assert limit(stores, 100, deposit=20).guarantee_left == 100
    accept(stores, 1)
    settle(stores, "rf_1")
    lowered = limit(stores, 30)
    assert (lowered.owed, lowered.guarantee_left, lowered.deposit_required) == (100, 0, 0)
    accept(stores, 2, amount=1)
    assert settle(stores, "rf_2").waiting == {"rf_2"}
    assert fund(stores, 10).allocation == Allocation(receivable=10)
    assert fund(stores, 100, "b").allocation == Allocation(receivable=90, available=10)
    assert settle(stores, "rf_2").settled == {"rf_2"}
    assert funds(stores) == Funds(shards=(9,), owed=0, headroom=30)


def test_what_an_operator_changes_on_a_hot_wallet_needs_no_read_at_one_instant(
    stores: Stores,
) -> None:
    fund(stores, 100)
    with wire.faulty(stores.client, "TransactGetItems") as line:
        assert limit(stores, 100).guarantee_limit == 100
        for frozen in (True, False):
            shown = operations.freeze(MERCHANT, "CNY", frozen=frozen, store=stores.operations)
            assert shown.frozen is frozen
    assert line.sent == []


def test_a_limit_set_on_a_debt_that_changed_is_refused(stores: Stores) -> None:
    limit(stores, 100)
    accept(stores)

    def a_debit_comes_first(_: object) -> None:
        settle(Stores(stores.client, stores.table), "rf_1")

    with (
        wire.faulty(stores.client, "TransactWriteItems", a_debit_comes_first),
        pytest.raises(WalletChanged),
    ):
        limit(stores, 500)
    assert funds(stores).headroom == 0


def test_an_operator_sees_a_merchant_with_all_its_wallets(stores: Stores) -> None:
    nobody = operations.show(MERCHANT, store=stores.operations)
    assert (nobody.certification, nobody.wallets) == (None, [])
    certify(stores)
    fund(stores, 70)
    fund(stores, 5, "y", currency="JPY")
    accept(stores, 1)
    accept(stores, 2, requested_at=NOON - SECOND)
    settle(stores, "rf_1")
    settle(stores, "rf_2")
    wanted = ShardsRequest(currency="CNY", shards=3)
    operated = operations.reshard(MERCHANT, wanted, store=stores.operations, now=NOON)
    assert (operated.shards, operated.available) == (3, 70)
    seen = operations.show(MERCHANT, store=stores.operations)
    assert seen.certification is Status.CERTIFIED
    assert [(each.currency, each.shards, each.waiting_refunds) for each in seen.wallets] == [
        ("CNY", 3, 2),
        ("JPY", 1, 0),
    ]
    waiting = stores.operations.waiting_refunds(MERCHANT, "CNY", limit=9)
    assert [each.refund_id for each in waiting] == ["rf_2", "rf_1"]


def test_a_refund_closed_between_two_plans_is_told_from_one_that_is_open(stores: Stores) -> None:
    fund(stores, 500)
    first, second = accept(stores, 1), accept(stores, 2)
    settle(stores, "rf_1")
    altered = replace(second, amount=7)
    plan = funding.from_one_shard([first, altered], 0)
    assert stores.debits.debit(plan, now=NOON) == Rejected(
        closed=frozenset({"rf_1"}), altered=frozenset({"rf_2"})
    )
    assert stores.debits.debit(funding.from_one_shard([second], 0), now=NOON) == Settled()
