"""The waterfall: where a refund's money comes from, where a credit goes, what may be paid out."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import funding
from refunds.debits import Debit
from refunds.funding import Funds, Move, Parts, Plan
from refunds.times import format_instant
from tests.unit.examples import MICROSECOND, NOON, SECOND, debit

amounts = st.integers(0, 2000)
sources = st.builds(
    Funds,
    shards=st.lists(amounts, min_size=1, max_size=16).map(tuple),
    deposit=amounts,
    deposit_required=amounts,
    owed=amounts,
    headroom=st.integers(-500, 2000),
    frozen=st.booleans(),
    held=st.booleans(),
)
drawn_debits = st.builds(
    lambda number, amount, age, waiting: debit(
        f"rf_{number}",
        amount=amount,
        requested_at=format_instant(NOON - age),
        waiting=waiting,
    ),
    st.integers(0, 10**6),
    st.integers(1, 1500),
    st.timedeltas(timedelta(), timedelta(hours=48)),
    st.booleans(),
)
groups = st.lists(drawn_debits, max_size=40, unique_by=lambda each: each.refund_id)


def asked(refund_id: str, amount: int, ago: timedelta, *, waiting: bool = True) -> Debit:
    at = format_instant(NOON - ago)
    return debit(refund_id, amount=amount, requested_at=at, waiting=waiting)


def paid(plan: Plan) -> list[str]:
    return [each.debit.refund_id for each in plan.payments]


def waiting(plan: Plan) -> list[str]:
    return [each.refund_id for each in plan.waiting]


# ── Plans ───────────────────────────────────────────────────────────────────────────────────────


@given(group=groups, funds=sources)
def test_a_plan_draws_no_more_than_a_source_holds_and_each_refund_gets_its_amount(
    *, group: list[Debit], funds: Funds
) -> None:
    plan = funding.plan(group, funds, now=NOON)
    assert plan.read
    for payment in plan.payments:
        parts = payment.parts
        assert min(parts.available, parts.deposit, parts.receivable) >= 0
        assert sum(parts.named().values()) == payment.debit.amount
        assert 0 not in parts.named().values()
    assert plan.total.available <= funds.available
    assert plan.total.deposit <= funds.deposit
    assert plan.total.receivable <= max(0, funds.headroom)
    assert sum(amount for _, amount in plan.shards) == plan.total.available
    assert len({shard for shard, _ in plan.shards}) == len(plan.shards)
    assert all(0 < amount <= funds.shards[shard] for shard, amount in plan.shards)


@given(group=groups, funds=sources)
def test_each_refund_of_a_group_is_either_paid_or_waits(
    *, group: list[Debit], funds: Funds
) -> None:
    plan = funding.plan(group, funds, now=NOON)
    everyone = [*paid(plan), *waiting(plan)]
    assert sorted(everyone) == sorted(each.refund_id for each in group)


@given(group=groups, funds=sources)
def test_the_wallet_is_emptied_before_the_deposit_and_that_before_the_guarantee_fund(
    *, group: list[Debit], funds: Funds
) -> None:
    total = funding.plan(group, funds, now=NOON).total
    if total.deposit:
        assert total.available == funds.available
    if total.receivable:
        assert total.deposit == funds.deposit


@given(group=groups, funds=sources)
def test_none_waits_that_would_have_fitted_unless_an_overdue_one_is_before_it(
    *, group: list[Debit], funds: Funds
) -> None:
    plan = funding.plan(group, funds, now=NOON)
    in_order = sorted(group, key=lambda each: (each.requested_at, each.refund_id))
    left, overdue = funds.total, False
    for each in in_order:
        if each.refund_id in paid(plan):
            assert not overdue
            left -= each.amount
        else:
            assert overdue or each.amount > left
            since = format_instant(NOON - funding.HELD_AFTER)
            overdue = overdue or (each.waiting and each.requested_at < since)
    assert plan.overdue is overdue
    assert left >= 0


def test_the_oldest_is_paid_first_and_one_that_does_not_fit_is_skipped() -> None:
    oldest, large, small = (
        asked("rf_3", 100, 3 * SECOND),
        asked("rf_2", 500, 2 * SECOND),
        asked("rf_1", 150, SECOND),
    )
    plan = funding.plan([small, large, oldest], Funds(shards=(250,)), now=NOON)
    assert (paid(plan), waiting(plan), plan.overdue) == (["rf_3", "rf_1"], ["rf_2"], False)


@pytest.mark.parametrize(
    ("age", "was_waiting", "passed_over"),
    [
        (funding.HELD_AFTER, True, True),
        (funding.HELD_AFTER + MICROSECOND, True, False),
        (funding.HELD_AFTER + MICROSECOND, False, True),
    ],
)
def test_one_that_has_waited_too_long_is_passed_over_by_none(
    *, age: timedelta, was_waiting: bool, passed_over: bool
) -> None:
    old, new = asked("rf_old", 500, age, waiting=was_waiting), asked("rf_new", 100, SECOND)
    plan = funding.plan([new, old], Funds(shards=(400,)), now=NOON)
    assert paid(plan) == (["rf_new"] if passed_over else [])
    assert plan.overdue is not passed_over
    assert paid(funding.plan([new, old], Funds(shards=(500,)), now=NOON)) == ["rf_old"]


def test_the_usual_plan_draws_all_from_one_shard_without_a_read() -> None:
    plan = funding.from_one_shard([debit("rf_1"), debit("rf_2", amount=50)], 3)
    assert paid(plan) == ["rf_1", "rf_2"]
    assert (plan.shards, plan.total, plan.read) == (((3, 150),), Parts(available=150), False)


def test_parts_add_up_each_by_itself() -> None:
    assert Parts(1, 2, 3) + Parts(10, 20, 30) == Parts(11, 22, 33)


def test_a_guarantee_limit_set_below_the_debt_takes_nothing_from_the_wallet() -> None:
    funds = Funds(shards=(100,), owed=500, headroom=-400)
    assert paid(funding.plan([debit("rf_1", amount=100)], funds, now=NOON)) == ["rf_1"]
    assert paid(funding.plan([debit("rf_1", amount=101)], funds, now=NOON)) == []


# ── Credits ─────────────────────────────────────────────────────────────────────────────────────


@given(amount=st.integers(1, 5000), funds=sources, to_deposit=st.booleans())
def test_a_credit_is_split_without_loss_the_debt_first_then_the_deposit_s_level(
    *, amount: int, funds: Funds, to_deposit: bool
) -> None:
    parts = funding.split_credit(amount, funds, to_deposit=to_deposit)
    assert parts.available + parts.deposit + parts.receivable == amount
    assert min(parts.available, parts.deposit, parts.receivable) >= 0
    assert parts.receivable == min(amount, funds.owed)
    if to_deposit:
        assert parts.available == 0
        return
    assert parts.deposit <= max(0, funds.deposit_required - funds.deposit)
    if parts.available:
        assert funds.deposit + parts.deposit >= funds.deposit_required
        assert parts.receivable == funds.owed


def test_a_credit_s_way_in_an_example() -> None:
    funds = Funds(shards=(7,), deposit=30, deposit_required=100, owed=50)
    assert funding.split_credit(40, funds, to_deposit=False) == Parts(receivable=40)
    assert funding.split_credit(90, funds, to_deposit=False) == Parts(0, 40, 50)
    assert funding.split_credit(200, funds, to_deposit=False) == Parts(80, 70, 50)
    assert funding.split_credit(200, funds, to_deposit=True) == Parts(0, 150, 50)


# ── Payouts ─────────────────────────────────────────────────────────────────────────────────────


@given(funds=sources, waits=amounts)
def test_what_is_payable_leaves_enough_for_debt_deposit_and_what_waits(
    *, funds: Funds, waits: int
) -> None:
    payable = funding.payable(funds, waits)
    assert 0 <= payable <= funds.available
    if payable:
        missing = max(0, funds.deposit_required - funds.deposit)
        assert funds.available - payable == funds.owed + missing + waits


def test_a_frozen_wallet_pays_nobody_out() -> None:
    assert funding.payable(Funds(shards=(100,)), 0) == 100
    assert funding.payable(Funds(shards=(100,), frozen=True), 0) == 0


# ── Shards ──────────────────────────────────────────────────────────────────────────────────────


@given(available=st.integers(0, 10**12), shards=st.integers(1, 16))
def test_an_even_spread_is_whole_and_differs_by_one_at_the_most(
    *, available: int, shards: int
) -> None:
    spread = funding.even(available, shards)
    assert (len(spread), sum(spread)) == (shards, available)
    assert max(spread) - min(spread) <= 1


@given(funds=sources, part=st.floats(0, 1))
def test_an_amount_is_drawn_from_the_richest_shards_and_from_no_more_than_it_takes(
    *, funds: Funds, part: float
) -> None:
    amount = int(funds.available * part)
    drawn = funding.draw_shards(funds, amount)
    assert sum(taken for _, taken in drawn) == amount
    assert all(0 < taken <= funds.shards[shard] for shard, taken in drawn)
    untouched = set(range(len(funds.shards))) - {shard for shard, _ in drawn}
    poorest = min((funds.shards[shard] for shard, _ in drawn), default=0)
    assert all(funds.shards[shard] <= poorest for shard in untouched) or not drawn


def moved(shards: tuple[int, ...], move: Move) -> tuple[int, ...]:
    after = [*shards, 0]
    after[move.source] -= move.amount
    after[move.target] += move.amount
    assert not any(after[move.count :])
    return tuple(after[: move.count])


@given(shards=st.lists(amounts, min_size=1, max_size=16).map(tuple), count=st.integers(1, 16))
def test_moves_come_to_as_many_shards_as_are_wanted_and_each_holds_the_same(
    *, shards: tuple[int, ...], count: int
) -> None:
    total = sum(shards)
    for _ in range(50):
        move = funding.next_move(shards, count)
        if move is None:
            break
        shards = moved(shards, move)
        assert sum(shards) == total
        assert min(shards) >= 0
    assert len(shards) == count
    assert max(shards) - min(shards) <= 1


@pytest.mark.parametrize(
    ("shards", "count", "move"),
    [
        ((5, 1, 9), 2, Move(source=2, target=1, amount=9, count=2)),
        ((2, 10), 3, Move(source=1, target=2, amount=4, count=3)),
        ((3, 3, 3), 4, Move(source=1, target=3, amount=1, count=4)),
        ((9, 1, 2), 3, Move(source=0, target=1, amount=3, count=3)),
        ((5, 5, 2), 3, Move(source=0, target=2, amount=1, count=3)),
        ((5, 3, 4), 3, Move(source=0, target=1, amount=1, count=3)),
        ((3, 4), 2, None),
    ],
)
def test_a_shard_too_many_leaves_all_to_the_poorest_a_new_one_takes_its_share_from_the_richest(
    shards: tuple[int, ...], count: int, move: Move | None
) -> None:
    assert funding.next_move(shards, count) == move
