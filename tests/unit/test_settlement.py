"""Every row of the reply table, on a store that keeps real accounts."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import debits, funding, settlement
from refunds.deadline import LONGEST_CALL_MS, Ready
from refunds.debits import MAX_OVERDUE, Debit
from refunds.funding import Funds, Plan
from refunds.settlement import (
    Contended,
    Frozen,
    Outcome,
    Overdue,
    Rejected,
    Reply,
    Settled,
    Short,
    Unknown,
)
from refunds.times import format_instant
from tests.unit.examples import MICROSECOND, NOON, debit

type Account = tuple[str, str]
type Reading = Funds | Contended | Unknown


@dataclass
class Book:
    """Refunds and accounts, with the conditions of the real transaction.

    `weather` is what the network and other writers do to the next calls: nothing, a conflict, or
    an answer that is lost before or after the work was done.
    """

    recorded: dict[str, Debit]
    status: dict[str, str]
    sources: dict[Account, Funds]
    weather: Iterator[str] = field(default_factory=lambda: iter(()))
    glass: Iterator[Reading | None] = field(default_factory=lambda: iter(()))
    """What the next reads of all sources find; nothing there means what is."""
    glances: Iterator[Reading | None] = field(default_factory=lambda: iter(()))
    """The same of the next glances."""
    reads: list[str] = field(default_factory=list)
    sight: Iterator[Contended | Unknown] = field(default_factory=lambda: iter(()))
    """What becomes of the next looks for the overdue; none means that they are found."""
    buyers: dict[Account, int] = field(default_factory=dict)
    waits_for: dict[str, str] = field(default_factory=dict)
    debited: list[int] = field(default_factory=list)
    drawn: dict[str, dict[str, int]] = field(default_factory=dict)
    holds: list[bool] = field(default_factory=list)
    guess: int = 0
    """The shard that is tried first."""

    @classmethod
    def of(cls, *refunds: Debit, available: int = 0, **more: Any) -> "Book":
        return cls(
            recorded={each.refund_id: each for each in refunds},
            status=dict.fromkeys((each.refund_id for each in refunds), "pending"),
            sources={
                (each.merchant_id, each.currency): Funds(shards=(available,), **more)
                for each in refunds
            },
        )

    def change(self, account: Account, **changed: Any) -> None:
        self.sources[account] = replace(self.sources[account], **changed)

    @property
    def available(self) -> dict[Account, int]:
        return {account: funds.available for account, funds in self.sources.items()}

    def shard(self, merchant_id: str, currency: str, *, seed: str) -> int:
        assert self.recorded[seed].merchant_id == merchant_id
        assert self.recorded[seed].currency == currency
        return self.guess

    def funds(
        self,
        merchant_id: str,
        currency: str,
        *,
        at_one_instant: bool,
        ready: Ready,  # noqa: ARG002
    ) -> Reading:
        self.reads.append("read" if at_one_instant else "glance")
        found = next(self.glass if at_one_instant else self.glances, None)
        return found or self.sources.get((merchant_id, currency), Funds())

    def overdue(
        self,
        merchant_id: str,
        currency: str,
        *,
        now: datetime,
        ready: Ready,  # noqa: ARG002
    ) -> Overdue | Contended | Unknown:
        if missed := next(self.sight, None):
            return missed
        since = format_instant(now - funding.HELD_AFTER)
        found = [
            replace(each, waiting=True)
            for each in self.recorded.values()
            if (each.merchant_id, each.currency) == (merchant_id, currency)
            and self.status[each.refund_id] == "awaiting_funds"
            and each.requested_at < since
        ]
        found.sort(key=lambda each: (each.requested_at, each.refund_id))
        return Overdue(tuple(found[:MAX_OVERDUE]), more=len(found) > MAX_OVERDUE)

    def hold(
        self,
        merchant_id: str,
        currency: str,
        *,
        held: bool,
        ready: Ready,  # noqa: ARG002
    ) -> None:
        self.holds.append(held)
        self.change((merchant_id, currency), held=held)

    def debit(self, plan: Plan, *, now: datetime) -> Reply:
        assert now == NOON
        paid = [each.debit for each in plan.payments]
        assert len({(each.merchant_id, each.currency) for each in paid}) == 1
        match next(self.weather, "fair"):
            case "conflict":
                return Contended()
            case "lost before":
                return Unknown("ReadTimeoutError")
            case "lost after":
                self._transact(plan)
                return Unknown("ReadTimeoutError")
        return self._transact(plan)

    def wait(self, debit: Debit, waits_for: str, *, now: datetime) -> bool:
        assert now == NOON
        if next(self.weather, "fair") != "fair":
            return False
        if self._open(debit.refund_id):
            self.status[debit.refund_id] = "awaiting_funds"
            self.waits_for[debit.refund_id] = waits_for
        return True

    def _open(self, refund_id: str) -> bool:
        return self.status[refund_id] in {"pending", "awaiting_funds"}

    def _transact(self, plan: Plan) -> Reply:
        group = [each.debit for each in plan.payments]
        account = group[0].merchant_id, group[0].currency
        closed = frozenset(each.refund_id for each in group if not self._open(each.refund_id))
        altered = frozenset(
            each.refund_id
            for each in group
            if replace(self.recorded[each.refund_id], waiting=each.waiting) != each
        )
        if closed | altered:
            return Rejected(closed, altered - closed)
        total, has = plan.total, self.sources.get(account, Funds())
        shards = dict(enumerate(has.shards))
        if has.frozen:
            return Frozen()
        short = any(shards.get(shard, -1) < amount for shard, amount in plan.shards)
        if short or has.deposit < total.deposit or max(0, has.headroom) < total.receivable:
            return Short()
        if has.held and not plan.read:
            return Short()
        self._draw(account, plan)
        for payment in plan.payments:
            each = payment.debit
            self.status[each.refund_id] = "succeeded"
            self.drawn[each.refund_id] = payment.parts.named()
            buyer = each.buyer_id, each.currency
            self.buyers[buyer] = self.buyers.get(buyer, 0) + each.amount
        return Settled()

    def _draw(self, account: Account, plan: Plan) -> None:
        total, has = plan.total, self.sources[account]
        drawn = dict(plan.shards)
        assert sum(drawn.values()) == total.available
        self.sources[account] = replace(
            has,
            shards=tuple(amount - drawn.get(number, 0) for number, amount in enumerate(has.shards)),
            deposit=has.deposit - total.deposit,
            owed=has.owed + total.receivable,
            headroom=has.headroom - total.receivable,
        )
        self.debited.append(total.available + total.deposit + total.receivable)


def settle(book: Book, *group: Debit, tries: int = 10) -> Outcome:
    return settlement.settle(
        group, store=book, clock=lambda: NOON, ready=lambda attempt: attempt < tries
    )


def ids(*refund_ids: str) -> frozenset[str]:
    return frozenset(refund_ids)


A, B, C = debit("rf_a", amount=100), debit("rf_b", amount=200), debit("rf_c", amount=300)
A_LATER = debit("rf_later", amount=100)
ACCOUNT = A.merchant_id, A.currency


def contended(trouble: str, times: int) -> dict[str, Any]:
    """What an outcome tells of a trouble that came as often."""
    if trouble == "conflict":
        return {"contended": times}
    return {"unknown": ids("ReadTimeoutError")}


# ── The reply table ─────────────────────────────────────────────────────────────────────────────


def test_a_paid_group_is_settled_together() -> None:
    book = Book.of(A, B, C, available=1000)
    assert settle(book, A, B, C) == Outcome(settled=ids("rf_a", "rf_b", "rf_c"))
    assert book.debited == [600]
    assert book.available[ACCOUNT] == 400
    assert book.buyers == {(A.buyer_id, "CNY"): 600}


@pytest.mark.parametrize("closed", ["succeeded", "canceled", "refused"])
def test_a_refund_that_is_closed_already_is_left_and_its_neighbours_are_settled(
    closed: str,
) -> None:
    book = Book.of(A, B, C, available=1000)
    book.status["rf_b"] = closed
    assert settle(book, A, B, C) == Outcome(settled=ids("rf_a", "rf_c"))
    assert book.debited == [400]
    assert book.status["rf_b"] == closed


def test_a_refund_that_is_not_what_was_read_fails_alone() -> None:
    book = Book.of(A, B, C, available=1000)
    book.recorded["rf_b"] = debit("rf_b", amount=900)
    assert settle(book, A, B, C) == Outcome(settled=ids("rf_a", "rf_c"), failed=ids("rf_b"))
    assert book.status["rf_b"] == "pending"


def test_a_short_wallet_pays_what_fits_and_the_rest_waits_for_funds() -> None:
    book = Book.of(A, B, C, available=450)
    assert settle(book, A, B, C) == Outcome(
        settled=ids("rf_a", "rf_b"), waiting=ids("rf_c"), short=True
    )
    assert book.waits_for == {"rf_c": "funds"}
    assert book.available[ACCOUNT] == 150


def test_a_refund_that_was_put_to_wait_after_it_was_read_is_planned_once() -> None:
    """Else it would be paid, and the wallet held for it all the same."""
    since = format_instant(NOON - timedelta(hours=23))
    old = debit("rf_a", amount=300, requested_at=since)
    book = Book.of(old, A_LATER, available=0)
    book.change(ACCOUNT, shards=(200, 200))
    book.status["rf_a"] = "awaiting_funds"
    assert settle(book, old, A_LATER) == Outcome(settled=ids("rf_a", "rf_later"))
    assert book.holds == []


def test_an_empty_wallet_lets_all_wait() -> None:
    book = Book.of(A, B)
    assert settle(book, A, B) == Outcome(waiting=ids("rf_a", "rf_b"), short=True)
    assert book.debited == []


def test_a_wallet_of_another_currency_pays_nothing() -> None:
    yen = debit("rf_y", currency="JPY")
    book = Book.of(A, available=1000)
    book.recorded["rf_y"], book.status["rf_y"] = yen, "pending"
    assert settle(book, yen) == Outcome(waiting=ids("rf_y"), short=True)
    assert book.available[ACCOUNT] == 1000


def test_a_frozen_wallet_lets_all_wait_for_its_release() -> None:
    book = Book.of(A, B, available=1000)
    book.change(ACCOUNT, frozen=True)
    assert settle(book, A, B) == Outcome(waiting=ids("rf_a", "rf_b"))
    assert set(book.waits_for.values()) == {"unfreeze"}


@pytest.mark.parametrize("trouble", ["conflict", "lost before"])
def test_what_contends_or_is_lost_is_sent_again(trouble: str) -> None:
    book = Book.of(A, B, available=1000)
    book.weather = iter([trouble] * 3)
    assert settle(book, A, B) == Outcome(settled=ids("rf_a", "rf_b"), **contended(trouble, 3))
    assert book.debited == [300]


def test_a_debit_whose_answer_was_lost_is_not_done_twice() -> None:
    book = Book.of(A, B, available=1000)
    book.weather = iter(["lost after"])
    assert settle(book, A, B) == Outcome(unknown=ids("ReadTimeoutError"))
    assert book.debited == [300]
    assert set(book.status.values()) == {"succeeded"}


@pytest.mark.parametrize("trouble", ["conflict", "lost before"])
def test_after_a_few_tries_the_messages_are_given_back(trouble: str) -> None:
    book = Book.of(A, B, available=1000)
    book.weather = iter([trouble] * settlement.TRIES)
    assert settle(book, A, B) == Outcome(
        failed=ids("rf_a", "rf_b"), **contended(trouble, settlement.TRIES)
    )
    assert book.debited == []


def test_without_time_for_a_try_the_messages_are_given_back_untouched() -> None:
    book = Book.of(A, available=1000)
    assert settle(book, A, tries=0) == Outcome(failed=ids("rf_a"))
    assert book.debited == []


def test_a_refund_that_could_not_be_put_to_wait_is_delivered_again() -> None:
    book = Book.of(A)
    book.weather = iter(["fair", "lost before"])
    assert settle(book, A) == Outcome(failed=ids("rf_a"), short=True)


def test_an_empty_group_has_no_outcome() -> None:
    assert settle(Book.of()) == Outcome()


# ── The funding waterfall ───────────────────────────────────────────────────────────────────────


def test_a_short_wallet_is_helped_out_by_the_deposit_and_then_the_guarantee_fund() -> None:
    book = Book.of(A, B, C, available=250, deposit=200, headroom=200)
    assert settle(book, A, B, C) == Outcome(settled=ids("rf_a", "rf_b", "rf_c"))
    assert book.debited == [600]
    assert book.drawn == {
        "rf_a": {"available": 100},
        "rf_b": {"available": 150, "deposit": 50},
        "rf_c": {"deposit": 150, "receivable": 150},
    }
    assert book.sources[ACCOUNT] == Funds(shards=(0,), deposit=0, owed=150, headroom=50)


def test_a_refund_larger_than_any_shard_is_drawn_from_several() -> None:
    book = Book.of(C)
    book.change(ACCOUNT, shards=(120, 50, 140))
    assert settle(book, C) == Outcome(settled=ids("rf_c"))
    assert book.sources[ACCOUNT].shards == (0, 10, 0)


def test_a_shard_that_is_not_there_any_more_is_no_reason_to_wait() -> None:
    book = Book.of(A, available=100)
    book.guess = 3
    assert settle(book, A) == Outcome(settled=ids("rf_a"))


def test_what_another_took_since_the_sources_were_read_is_noticed_and_planned_anew() -> None:
    book = Book.of(A, B, available=150)
    book.glass = iter([Funds(shards=(300,)), None])
    assert settle(book, A, B) == Outcome(settled=ids("rf_a"), waiting=ids("rf_b"), short=True)
    assert book.available[ACCOUNT] == 50


def test_a_duplicate_in_a_planned_group_is_taken_out_and_the_others_are_settled() -> None:
    book = Book.of(A, B, C, available=150, headroom=1000)
    book.status["rf_c"] = "succeeded"
    assert settle(book, A, B, C) == Outcome(settled=ids("rf_a", "rf_b"))
    assert book.sources[ACCOUNT].owed == 150


@pytest.mark.parametrize(
    ("unread", "told"),
    [(Contended(), {}), (Unknown("X"), {"unknown": ids("X")})],
)
def test_when_the_sources_cannot_be_read_they_are_read_again(
    unread: Reading, told: dict[str, Any]
) -> None:
    book = Book.of(A, B, available=150)
    book.glass = iter([unread, unread])
    assert settle(book, A, B) == Outcome(
        settled=ids("rf_a"), waiting=ids("rf_b"), short=True, **told
    )


def test_when_the_sources_can_never_be_read_the_messages_are_given_back() -> None:
    book = Book.of(A, available=50)
    book.glass = iter([Contended()] * settlement.TRIES)
    assert settle(book, A) == Outcome(failed=ids("rf_a")), "and no shards grow by it"


READ_NEVER = [Contended()] * settlement.TRIES


@pytest.mark.parametrize(
    "sources",
    [
        {"shards": (5, 900, 900)},
        {"shards": (0,), "deposit": 300},
        {"shards": (0,), "headroom": 300},
    ],
)
def test_a_busy_wallet_short_in_one_shard_only_pays_without_a_read_that_never_comes_through(
    sources: dict[str, Any],
) -> None:
    book = Book.of(A, B)
    book.change(ACCOUNT, **sources)
    book.glass = iter(READ_NEVER)
    assert settle(book, A, B) == Outcome(settled=ids("rf_a", "rf_b"))
    assert book.reads == ["glance"]


def test_a_glance_alone_makes_nobody_wait() -> None:
    book = Book.of(A, B)
    book.change(ACCOUNT, shards=(50, 250))
    book.glances = iter([Funds()])
    assert settle(book, A, B) == Outcome(settled=ids("rf_a", "rf_b"))
    assert book.reads == ["glance", "read"]


def test_a_glance_that_does_not_cover_the_overdue_as_well_makes_nobody_wait() -> None:
    book = waiting_book(A, available=600)
    book.change(ACCOUNT, shards=(50, 550))
    book.glances = iter([Funds(shards=(50, 100))])
    assert settle(book, A) == Outcome(settled=ids("rf_a", "rf_old"))
    assert book.reads == ["glance", "read"]
    assert book.holds == []


def test_what_a_glance_saw_is_a_condition_and_is_planned_anew() -> None:
    book = Book.of(A, B)
    book.change(ACCOUNT, shards=(50, 250))
    book.glances = iter([Funds(shards=(0, 300))])
    assert settle(book, A, B) == Outcome(settled=ids("rf_a", "rf_b"))
    assert book.reads == ["glance", "glance"]


def test_only_a_first_try_that_another_was_in_the_way_of_counts_for_growth() -> None:
    book = Book.of(A, B, deposit=300)
    book.weather = iter(["fair", "conflict", "conflict"])
    assert settle(book, A, B) == Outcome(settled=ids("rf_a", "rf_b"))
    book = Book.of(A, B, available=300)
    book.weather = iter(["conflict", "conflict"])
    assert settle(book, A, B).contended == 2


def test_without_time_to_write_that_it_waits_a_refund_is_delivered_again() -> None:
    book = Book.of(A, B)
    outcome = settlement.settle(
        [A, B], store=book, clock=lambda: NOON, ready=lambda _: not book.waits_for
    )
    assert outcome == Outcome(waiting=ids("rf_a"), failed=ids("rf_b"), short=True)


# ── Time ────────────────────────────────────────────────────────────────────────────────────────

FUNCTION_MS = 30_000


@dataclass
class Slow:
    """A store each call of which takes as long as it can, or less."""

    store: Book
    takes: Iterator[int]
    elapsed: int = 0
    called: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        self.elapsed += next(self.takes, 0)
        self.called.append(name)
        return getattr(self.store, name)

    def ready(self, _: int) -> bool:
        return FUNCTION_MS - self.elapsed > LONGEST_CALL_MS


@given(
    takes=st.lists(st.integers(0, LONGEST_CALL_MS), max_size=20),
    weather=st.lists(st.sampled_from(["fair", "conflict", "lost before"]), max_size=5),
    available=st.sampled_from([0, 150, 450, 1000]),
    waited=st.booleans(),
)
def test_no_call_is_begun_that_may_outlast_the_function_and_the_rest_is_given_back(
    *, takes: list[int], weather: list[str], available: int, waited: bool
) -> None:
    book = waiting_book(A, B, C, available=available) if waited else Book.of(A, B, C)
    book.weather = iter(weather)
    slow = Slow(book, iter(takes))
    outcome = settlement.settle([A, B, C], store=slow, clock=lambda: NOON, ready=slow.ready)
    assert slow.elapsed < FUNCTION_MS
    known = outcome.settled | outcome.waiting | outcome.failed
    assert ids("rf_a", "rf_b", "rf_c") <= known
    assert {each for each in outcome.settled if book.status[each] != "succeeded"} == set()
    assert {each for each in outcome.failed if book.status[each] == "succeeded"} == set()


CALLS = ["shard", "debit", "funds", "funds", "overdue", "hold", "wait"]


@pytest.mark.parametrize("begun", range(len(CALLS)))
def test_before_each_call_it_is_asked_whether_there_is_time_for_it(begun: int) -> None:
    book = waiting_book(A, available=50)
    slow = Slow(book, iter(()))
    outcome = settlement.settle(
        [A], store=slow, clock=lambda: NOON, ready=lambda _: len(slow.called) < begun
    )
    assert slow.called == CALLS[:begun]
    assert outcome.failed == ids("rf_a")
    assert settle(book, A).waiting == ids("rf_a")


# ── Those that have waited too long ─────────────────────────────────────────────────────────────


def aged(refund_id: str, age: timedelta, **changed: Any) -> Debit:
    return debit(refund_id, requested_at=format_instant(NOON - age), **changed)


OLD = aged("rf_old", timedelta(hours=24) + MICROSECOND, amount=500)


def waiting_book(*refunds: Debit, **funds: Any) -> Book:
    book = Book.of(OLD, *refunds, **funds)
    book.status["rf_old"] = "awaiting_funds"
    return book


def test_no_newer_one_is_paid_before_one_that_has_waited_for_a_day() -> None:
    book = waiting_book(A, available=450)
    book.change(ACCOUNT, shards=(50, 400))
    assert settle(book, A) == Outcome(waiting=ids("rf_a"), short=True)
    assert book.holds == [True]
    assert book.status["rf_old"] == "awaiting_funds"
    assert "rf_old" not in book.waits_for, "it keeps its own next try"
    # From now on no shard pays anyone without a look at what waits.
    book.guess = 1
    assert settle(book, A) == Outcome(waiting=ids("rf_a"), short=True)
    assert book.available[ACCOUNT] == 450


def test_the_first_money_that_covers_it_pays_the_one_that_has_waited_and_lifts_the_hold() -> None:
    book = waiting_book(A, available=600)
    book.change(ACCOUNT, held=True)
    assert settle(book, A) == Outcome(settled=ids("rf_a", "rf_old"))
    assert book.holds == [False]
    assert book.available[ACCOUNT] == 0
    assert not book.sources[ACCOUNT].held


def test_a_hold_whose_reason_is_gone_is_lifted_by_the_next_debit() -> None:
    book = waiting_book(A, available=100)
    book.change(ACCOUNT, held=True)
    book.status["rf_old"] = "canceled"
    assert settle(book, A) == Outcome(settled=ids("rf_a"))
    assert book.holds == [False]


def overdue_book(count: int, *refunds: Debit, available: int) -> Book:
    """With as many overdue refunds of 100 each, the first the oldest, and the wallet held."""
    old = [
        aged(f"rf_{number}", timedelta(hours=30) - number * MICROSECOND, amount=100)
        for number in range(count)
    ]
    book = Book.of(*old, *refunds, available=available, held=True)
    for each in old:
        book.status[each.refund_id] = "awaiting_funds"
    return book


def test_with_more_overdue_than_a_plan_holds_none_of_them_is_passed_over() -> None:
    newer = aged("rf_new", timedelta(), amount=50)
    book = overdue_book(MAX_OVERDUE + 2, newer, available=100 * MAX_OVERDUE + 50)
    outcome = settle(book, newer)
    assert outcome == Outcome(
        settled=frozenset(f"rf_{number}" for number in range(MAX_OVERDUE)),
        waiting=ids("rf_new"),
        short=True,
    )
    assert book.sources[ACCOUNT].held
    assert book.holds == [], "not released for a moment"
    assert book.available[ACCOUNT] == 50


def test_all_that_are_overdue_are_paid_before_the_newer_one_however_many_they_are() -> None:
    newer, count = aged("rf_new", timedelta(), amount=50), 3 * MAX_OVERDUE + 1
    book = overdue_book(count, newer, available=100 * count + 50)
    assert settle(book, newer).settled == {*(f"rf_{number}" for number in range(count)), "rf_new"}
    assert book.debited == [500, 500, 500, 150]
    assert book.holds == [False]


@pytest.mark.parametrize("unread", [Contended(), Unknown("X")])
def test_when_the_next_overdue_cannot_be_read_the_newer_one_is_given_back(
    unread: Reading,
) -> None:
    newer = aged("rf_new", timedelta(), amount=50)
    book = overdue_book(MAX_OVERDUE + 1, newer, available=1000)
    book.glances = iter([None, *[unread] * settlement.TRIES])
    outcome = settle(book, newer)
    assert (len(outcome.settled), outcome.failed) == (MAX_OVERDUE, ids("rf_new"))
    assert book.sources[ACCOUNT].held


def test_a_failed_look_for_the_overdue_releases_no_hold() -> None:
    """It is not the same as to find none."""
    book = waiting_book(A, available=450)
    book.change(ACCOUNT, held=True)
    book.sight = iter([Unknown("X"), Contended()])
    assert settle(book, A) == Outcome(waiting=ids("rf_a"), short=True, unknown=ids("X"))
    assert book.holds == []
    book.sight = iter([Unknown("X")] * settlement.TRIES)
    assert settle(book, A) == Outcome(failed=ids("rf_a"), unknown=ids("X"))
    assert book.sources[ACCOUNT].held
    assert book.available[ACCOUNT] == 450


# ── Whatever happens ────────────────────────────────────────────────────────────────────────────

STATUSES = ["pending", "awaiting_funds", "succeeded", "canceled", "refused"]
refunds_with_status = st.lists(
    st.tuples(
        st.integers(1, 500),
        st.sampled_from(["b1", "b2", "b3"]),
        st.sampled_from(["m1", "m2"]),
        st.sampled_from(["CNY", "JPY"]),
        st.sampled_from(STATUSES),
    ),
    max_size=30,
)
weathers = st.lists(st.sampled_from(["fair", "conflict", "lost before", "lost after"]), max_size=20)


@given(
    drawn=refunds_with_status,
    available=st.integers(0, 3000),
    weather=weathers,
    frozen=st.sets(st.tuples(st.sampled_from(["m1", "m2"]), st.sampled_from(["CNY", "JPY"]))),
    spread=st.integers(1, 4),
    deposit=st.integers(0, 1000),
    headroom=st.integers(-100, 1000),
)
def test_money_is_conserved_and_no_refund_has_two_outcomes(
    *,
    drawn: list[tuple[int, str, str, str, str]],
    available: int,
    weather: list[str],
    frozen: set[Account],
    spread: int,
    deposit: int,
    headroom: int,
) -> None:
    refunds = [
        debit(f"rf_{number}", amount=amount, buyer_id=buyer, merchant_id=m, currency=currency)
        for number, (amount, buyer, m, currency, _) in enumerate(drawn)
    ]
    book = Book.of(*refunds, deposit=deposit, headroom=headroom)
    for account in book.sources:
        shards = funding.even(available, spread)
        book.change(account, shards=shards, frozen=account in frozen)
    book.status = {refund.refund_id: row[-1] for refund, row in zip(refunds, drawn, strict=True)}
    before, book.weather = dict(book.status), iter(weather)

    outcomes = [settle(book, *group) for group in debits.groups([*refunds, *refunds])]

    for outcome in outcomes:
        parts = [outcome.settled, outcome.waiting, outcome.failed]
        assert sum(map(len, parts)) == len(frozenset(chain.from_iterable(parts)))
    moved = [
        each
        for each in refunds
        if book.status[each.refund_id] == "succeeded" and before[each.refund_id] != "succeeded"
    ]
    assert frozenset().union(*(each.settled for each in outcomes)) <= {
        each.refund_id for each in moved
    }
    for account, left in book.sources.items():
        spent = sum(each.amount for each in moved if (each.merchant_id, each.currency) == account)
        assert min(*left.shards, left.deposit, left.owed) >= 0
        assert left.headroom == headroom - left.owed
        assert left.owed == 0 or left.headroom >= 0
        assert left.available + left.deposit - left.owed + spent == available + deposit
    for each in moved:
        assert sum(book.drawn[each.refund_id].values()) == each.amount
    assert sum(book.buyers.values()) == sum(each.amount for each in moved)
    for refund_id, status in before.items():
        if status in {"succeeded", "canceled", "refused"}:
            assert book.status[refund_id] == status


@given(drawn=refunds_with_status, available=st.integers(0, 3000))
def test_delivering_everything_again_moves_no_more_money(
    *, drawn: list[tuple[int, str, str, str, str]], available: int
) -> None:
    refunds = [
        debit(f"rf_{number}", amount=amount, buyer_id=buyer)
        for number, (amount, buyer, *_) in enumerate(drawn)
    ]
    book = Book.of(*refunds, available=available)
    seen = []
    for _ in range(3):
        for group in debits.groups(refunds):
            settle(book, *group)
        seen.append(sum(book.debited))
    assert all(one == other for one, other in pairwise(seen))
