"""May this refund be? Each refusal at its boundary, and the order of the checks."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import eligibility
from refunds.errors import (
    AmountExceedsRefundable,
    GoodsNotIntact,
    MerchantSuspended,
    PolicyNotConfirmed,
    RefundsError,
    RefundWindowClosed,
    TransactionNotCompleted,
)
from refunds.orders import Coverage, Order, Suspension, Uncovered, coverage
from refunds.refunds import GoodsCondition
from tests.unit import examples
from tests.unit.examples import COVERED, DAY, MICROSECOND, NOON, SECOND

WINDOW = timedelta(seconds=604_800)
NOT_CONFIRMED = Coverage(uncovered=Uncovered.POLICY_NOT_CONFIRMED)
SUSPENDED = Coverage(uncovered=Uncovered.MERCHANT_SUSPENDED, suspended_since=NOON - 3 * DAY)


def decide(
    order: Order,
    amount: int | None = None,
    condition: GoodsCondition = GoodsCondition.INTACT,
    arrived_at: datetime = NOON,
) -> int:
    return eligibility.decide(order, amount, condition, arrived_at=arrived_at)


def completed(at: datetime) -> Order:
    return examples.order(placed_at=at - DAY, completed_at=at)


# ── The window ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("late", [timedelta(), -SECOND, 999_999 * MICROSECOND])
def test_the_window_is_open_through_its_last_whole_second(late: timedelta) -> None:
    assert decide(completed(NOON), arrived_at=NOON + WINDOW + late) == 1000


def test_the_window_is_closed_in_the_first_second_after_it() -> None:
    with pytest.raises(RefundWindowClosed) as refused:
        decide(completed(NOON), arrived_at=NOON + WINDOW + SECOND)
    assert refused.value.facts == {
        "window_closes_at": "2024-03-08T12:00:00.000000Z",
        "arrived_at": "2024-03-08T12:00:01.000000Z",
    }


def test_a_completion_within_a_second_leaves_that_whole_second_of_the_last_day() -> None:
    order = completed(NOON + 900_000 * MICROSECOND)
    assert decide(order, arrived_at=NOON + WINDOW + 999_999 * MICROSECOND) == 1000
    with pytest.raises(RefundWindowClosed):
        decide(order, arrived_at=NOON + WINDOW + SECOND)


def test_seven_days_over_a_leap_day_are_seven_times_24_hours() -> None:
    order = completed(datetime(2028, 2, 23, 8, tzinfo=UTC))
    assert decide(order, arrived_at=datetime(2028, 3, 1, 8, tzinfo=UTC)) == 1000
    with pytest.raises(RefundWindowClosed):
        decide(order, arrived_at=datetime(2028, 3, 1, 8, 0, 1, tzinfo=UTC))


def test_the_window_is_the_same_whatever_offset_the_completion_was_written_in() -> None:
    there = timezone(timedelta(hours=8))
    order = completed(NOON.astimezone(there))
    assert decide(order, arrived_at=NOON + WINDOW) == 1000
    with pytest.raises(RefundWindowClosed):
        decide(order, arrived_at=NOON + WINDOW + SECOND)


# ── Each other refusal, and what it says ────────────────────────────────────────────────────────


def test_an_uncovered_order_is_refused_with_the_times_that_decided_it() -> None:
    not_yet = Coverage(uncovered=Uncovered.POLICY_NOT_CONFIRMED, policy_confirmed_at=NOON - 2 * DAY)
    with pytest.raises(PolicyNotConfirmed) as refused:
        decide(examples.order(coverage=not_yet))
    assert refused.value.facts == {
        "placed_at": "2024-02-28T12:00:00.000000Z",
        "policy_confirmed_at": "2024-02-28T12:00:00.000000Z",
    }
    with pytest.raises(PolicyNotConfirmed) as never:
        decide(examples.order(coverage=NOT_CONFIRMED))
    assert never.value.facts["policy_confirmed_at"] is None


def test_an_order_placed_under_a_suspension_is_refused_with_its_beginning() -> None:
    with pytest.raises(MerchantSuspended) as refused:
        decide(examples.order(coverage=SUSPENDED))
    assert refused.value.facts == {
        "placed_at": "2024-02-28T12:00:00.000000Z",
        "suspended_since": "2024-02-27T12:00:00.000000Z",
    }


def test_an_order_that_is_not_completed_is_refused() -> None:
    with pytest.raises(TransactionNotCompleted) as refused:
        decide(examples.order(completed_at=None))
    assert refused.value.facts == {"placed_at": "2024-02-28T12:00:00.000000Z"}


@pytest.mark.parametrize("condition", sorted(set(GoodsCondition) - {GoodsCondition.INTACT}))
def test_goods_that_are_not_intact_are_refused(condition: GoodsCondition) -> None:
    with pytest.raises(GoodsNotIntact) as refused:
        decide(examples.order(), condition=condition)
    assert refused.value.facts == {"goods_condition": condition}


def test_one_unit_more_than_is_left_is_refused_and_exactly_what_is_left_is_not() -> None:
    order = examples.order(refundable=667)
    assert decide(order, 667) == 667
    with pytest.raises(AmountExceedsRefundable) as refused:
        decide(order, 668)
    assert refused.value.facts == {"refundable": 667, "requested": 668, "currency": "CNY"}


def test_without_an_amount_all_that_is_left_is_refunded() -> None:
    assert decide(examples.order(refundable=667)) == 667


def test_the_least_unit_there_is_can_be_refunded() -> None:
    assert decide(examples.order(), 1) == 1


def test_nothing_is_refunded_when_nothing_is_left() -> None:
    with pytest.raises(AmountExceedsRefundable):
        decide(examples.order(refundable=0))


def test_the_first_rule_that_refuses_is_the_one_that_is_told() -> None:
    """From an order that breaks every rule, each mended in turn shows the next."""
    late = {"arrived_at": NOON + 100 * DAY}
    broken = examples.order(coverage=NOT_CONFIRMED, completed_at=None, refundable=0)
    told = [
        _refusal(broken, GoodsCondition.USED, **late),
        _refusal(broken.model_copy(update={"coverage": SUSPENDED}), GoodsCondition.USED, **late),
    ]
    covered = broken.model_copy(update={"coverage": COVERED})
    told.append(_refusal(covered, GoodsCondition.USED, **late))
    finished = covered.model_copy(update={"completed_at": NOON})
    told.append(_refusal(finished, GoodsCondition.USED, **late))
    told.append(_refusal(finished, GoodsCondition.USED, arrived_at=NOON))
    told.append(_refusal(finished, GoodsCondition.INTACT, arrived_at=NOON))
    assert tuple(told) == eligibility.REFUSALS


def _refusal(order: Order, condition: GoodsCondition, *, arrived_at: datetime) -> type[Exception]:
    with pytest.raises(RefundsError) as refused:
        decide(order, 1, condition, arrived_at)
    return refused.type


# ── What covers an order, decided as it is recorded ─────────────────────────────────────────────


def test_a_policy_confirmed_in_the_very_instant_of_the_order_does_not_cover_it() -> None:
    policy = examples.confirmed_policy(confirmed_at=NOON)
    found = coverage(NOON, policy, None)
    assert found.uncovered is Uncovered.POLICY_NOT_CONFIRMED
    assert found.policy_confirmed_at == NOON
    assert found.policy_digest is None


def test_a_policy_confirmed_strictly_before_the_order_covers_it() -> None:
    policy = examples.confirmed_policy(confirmed_at=NOON - MICROSECOND)
    assert coverage(NOON, policy, None) == Coverage(
        policy_digest=policy.digest, policy_confirmed_at=NOON - MICROSECOND
    )


def test_no_policy_and_a_switched_off_policy_cover_nothing() -> None:
    assert coverage(NOON, None, None).uncovered is Uncovered.POLICY_NOT_CONFIRMED
    off = examples.confirmed_policy(instant_refund=False)
    assert coverage(NOON, off, None).uncovered is Uncovered.POLICY_NOT_CONFIRMED


@pytest.mark.parametrize(
    ("placed_at", "suspended"),
    [
        (NOON - MICROSECOND, False),
        (NOON, True),
        (NOON + DAY - MICROSECOND, True),
        (NOON + DAY, False),
    ],
)
def test_a_suspension_holds_from_its_beginning_until_just_before_its_end(
    *, placed_at: datetime, suspended: bool
) -> None:
    suspension = Suspension(began_at=NOON, ended_at=NOON + DAY)
    found = coverage(placed_at, examples.confirmed_policy(), suspension)
    assert (found.uncovered is Uncovered.MERCHANT_SUSPENDED) is suspended
    assert found.suspended_since == (NOON if suspended else None)


def test_a_suspension_without_an_end_is_in_force_ever_after() -> None:
    assert Suspension(began_at=NOON).in_force_at(NOON + 3650 * DAY)


# ── Whatever the order and the request ──────────────────────────────────────────────────────────

instants = st.datetimes(
    # Naive: Hypothesis adds the zone.
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(
    refundable=st.integers(0, 10**12),
    amount=st.none() | st.integers(1, 10**12),
    condition=st.sampled_from(GoodsCondition),
    covered=st.sampled_from([COVERED, NOT_CONFIRMED, SUSPENDED]),
    completed_at=st.none() | instants,
    arrived_at=instants,
)
def test_what_is_accepted_breaks_no_rule_and_what_is_refused_breaks_one(
    *,
    refundable: int,
    amount: int | None,
    condition: GoodsCondition,
    covered: Coverage,
    completed_at: datetime | None,
    arrived_at: datetime,
) -> None:
    order = examples.order(
        amount=10**12, refundable=refundable, coverage=covered, completed_at=completed_at
    )
    asked = refundable if amount is None else amount
    in_time = completed_at is not None and int(arrived_at.timestamp()) <= int(
        (completed_at + WINDOW).timestamp()
    )
    allowed = (
        covered is COVERED
        and in_time
        and condition is GoodsCondition.INTACT
        and 0 < asked <= refundable
    )
    try:
        accepted = decide(order, amount, condition, arrived_at)
    except eligibility.REFUSALS:
        assert not allowed
    else:
        assert allowed
        assert accepted == asked


@given(completed_at=instants, late=st.timedeltas(timedelta(), timedelta(days=14)))
def test_a_refund_refused_as_late_stays_refused_ever_after(
    completed_at: datetime, late: timedelta
) -> None:
    order = completed(completed_at)
    try:
        decide(order, arrived_at=completed_at + late)
    except RefundWindowClosed:
        with pytest.raises(RefundWindowClosed):
            decide(order, arrived_at=completed_at + late + SECOND)


@given(
    placed_at=instants,
    confirmed_at=st.none() | instants,
    began_at=st.none() | instants,
    lasted=st.none() | st.timedeltas(timedelta(), timedelta(days=900)),
)
def test_an_order_is_covered_exactly_when_confirmed_before_and_not_suspended(
    placed_at: datetime,
    confirmed_at: datetime | None,
    began_at: datetime | None,
    lasted: timedelta | None,
) -> None:
    policy = examples.confirmed_policy(confirmed_at=confirmed_at) if confirmed_at else None
    ended_at = began_at + lasted if began_at and lasted is not None else None
    suspension = Suspension(began_at=began_at, ended_at=ended_at) if began_at else None
    found = coverage(placed_at, policy, suspension)
    under = began_at is not None and began_at <= placed_at
    if ended_at is not None and placed_at >= ended_at:
        under = False
    covered = confirmed_at is not None and confirmed_at < placed_at and not under
    assert (found.uncovered is None) is covered
    assert (found.policy_digest is not None) is covered
