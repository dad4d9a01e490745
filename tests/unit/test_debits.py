"""The plan of a batch, and every row of the reply table, on a store that keeps real accounts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import debits
from refunds.debits import (
    Contended,
    Debit,
    Frozen,
    Outcome,
    Rejected,
    Reply,
    Settled,
    Short,
    Unknown,
)
from tests.unit.examples import NOON, debit

type Account = tuple[str, str]


@dataclass
class Book:
    """Refunds and accounts, with the conditions of the real transaction.

    `weather` is what the network and other writers do to the next calls: nothing, a conflict, or
    an answer that is lost before or after the work was done.
    """

    recorded: dict[str, Debit]
    status: dict[str, str]
    available: dict[Account, int]
    frozen: set[Account] = field(default_factory=set)
    weather: Iterator[str] = field(default_factory=lambda: iter(()))
    buyers: dict[Account, int] = field(default_factory=dict)
    waits_for: dict[str, str] = field(default_factory=dict)
    debited: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, *refunds: Debit, available: int = 0) -> "Book":
        return cls(
            recorded={each.refund_id: each for each in refunds},
            status=dict.fromkeys((each.refund_id for each in refunds), "pending"),
            available={(each.merchant_id, each.currency): available for each in refunds},
        )

    def debit(self, group: Sequence[Debit], *, now: datetime) -> Reply:
        assert now == NOON
        assert len({(each.merchant_id, each.currency) for each in group}) == 1
        match next(self.weather, "fair"):
            case "conflict":
                return Contended()
            case "lost before":
                return Unknown("ReadTimeoutError")
            case "lost after":
                self._transact(group)
                return Unknown("ReadTimeoutError")
        return self._transact(group)

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

    def _transact(self, group: Sequence[Debit]) -> Reply:
        account = group[0].merchant_id, group[0].currency
        closed = frozenset(each.refund_id for each in group if not self._open(each.refund_id))
        altered = frozenset(
            each.refund_id for each in group if self.recorded[each.refund_id] != each
        )
        if closed | altered:
            return Rejected(closed, altered - closed)
        if account in self.frozen:
            return Frozen()
        total = sum(each.amount for each in group)
        if self.available.get(account, 0) < total:
            return Short(self.available.get(account, 0))
        self.available[account] -= total
        self.debited.append(total)
        for each in group:
            self.status[each.refund_id] = "succeeded"
            buyer = each.buyer_id, each.currency
            self.buyers[buyer] = self.buyers.get(buyer, 0) + each.amount
        return Settled()


def settle(book: Book, *group: Debit, tries: int = 10) -> Outcome:
    return debits.settle(
        group, store=book, clock=lambda: NOON, ready=lambda attempt: attempt < tries
    )


def ids(*refund_ids: str) -> frozenset[str]:
    return frozenset(refund_ids)


A, B, C = debit("rf_a", amount=100), debit("rf_b", amount=200), debit("rf_c", amount=300)
ACCOUNT = A.merchant_id, A.currency
UNKNOWN = {"conflict": ids(), "lost before": ids("ReadTimeoutError")}


# ── Groups ──────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_one_merchant_and_one_currency() -> None:
    given_debits = [
        A,
        debit("rf_x", merchant_id="merchant-2"),
        debit("rf_y", currency="JPY"),
        B,
    ]
    found = {frozenset(each.refund_id for each in group) for group in debits.groups(given_debits)}
    assert found == {ids("rf_a", "rf_b"), ids("rf_x"), ids("rf_y")}


def test_a_refund_named_twice_is_in_its_group_once() -> None:
    assert [*debits.groups([A, A, B, A])] == [(A, B)]


def test_a_group_is_the_oldest_first() -> None:
    older = debit("rf_z", requested_at="2024-02-01T00:00:00.000000Z")
    [group] = debits.groups([A, older])
    assert group == (older, A)


def test_a_group_fits_one_transaction_with_the_wallet_and_a_buyer_each() -> None:
    many = [debit(f"rf_{number}", buyer_id=f"b{number}") for number in range(120)]
    sizes = [len(group) for group in debits.groups(many)]
    assert sum(sizes) == 120
    assert all(1 + 2 * size <= 100 for size in sizes)
    assert sizes == [49, 49, 22]


def test_no_refunds_make_no_group() -> None:
    assert [*debits.groups([])] == []


# ── What a short wallet pays ────────────────────────────────────────────────────────────────────


def test_one_that_does_not_fit_is_skipped_for_the_next_that_does() -> None:
    assert debits.fitting([C, A, B], 250) == (A,)
    assert debits.fitting([A, C, B], 300) == (A, B)
    assert debits.fitting([A], 99) == ()


@given(st.lists(st.integers(1, 1000), max_size=60), st.integers(0, 5000))
def test_what_fits_is_paid_by_what_is_there_and_no_older_one_was_skipped_needlessly(
    amounts: list[int], available: int
) -> None:
    group = [debit(f"rf_{number}", amount=amount) for number, amount in enumerate(amounts)]
    chosen = debits.fitting(group, available)
    assert sum(each.amount for each in chosen) <= available
    for number, each in enumerate(group):
        if each not in chosen:
            before = sum(older.amount for older in chosen if older in group[:number])
            assert before + each.amount > available


# ── When it is tried again ──────────────────────────────────────────────────────────────────────


def test_the_next_try_is_a_minute_later_doubling_to_an_hour() -> None:
    minutes = [
        (debits.next_try_at(tries, NOON) - NOON) / timedelta(minutes=1) for tries in range(9)
    ]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(st.integers(0, 10**9))
def test_the_next_try_is_never_further_than_an_hour_however_many_there_were(tries: int) -> None:
    assert NOON < debits.next_try_at(tries, NOON) <= NOON + timedelta(hours=1)


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
    assert settle(book, A, B, C) == Outcome(settled=ids("rf_a", "rf_b"), waiting=ids("rf_c"))
    assert book.waits_for == {"rf_c": "funds"}
    assert book.available[ACCOUNT] == 150


def test_an_empty_wallet_lets_all_wait() -> None:
    book = Book.of(A, B)
    assert settle(book, A, B) == Outcome(waiting=ids("rf_a", "rf_b"))
    assert book.debited == []


def test_a_wallet_of_another_currency_pays_nothing() -> None:
    yen = debit("rf_y", currency="JPY")
    book = Book.of(A, available=1000)
    book.recorded["rf_y"], book.status["rf_y"] = yen, "pending"
    assert settle(book, yen) == Outcome(waiting=ids("rf_y"))
    assert book.available[ACCOUNT] == 1000


def test_a_frozen_wallet_lets_all_wait_for_its_release() -> None:
    book = Book.of(A, B, available=1000)
    book.frozen.add(ACCOUNT)
    assert settle(book, A, B) == Outcome(waiting=ids("rf_a", "rf_b"))
    assert set(book.waits_for.values()) == {"unfreeze"}


@pytest.mark.parametrize("trouble", ["conflict", "lost before"])
def test_what_contends_or_is_lost_is_sent_again(trouble: str) -> None:
    book = Book.of(A, B, available=1000)
    book.weather = iter([trouble] * 3)
    assert settle(book, A, B) == Outcome(settled=ids("rf_a", "rf_b"), unknown=UNKNOWN[trouble])
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
    book.weather = iter([trouble] * debits.TRIES)
    assert settle(book, A, B) == Outcome(failed=ids("rf_a", "rf_b"), unknown=UNKNOWN[trouble])
    assert book.debited == []


def test_without_time_for_a_try_the_messages_are_given_back_untouched() -> None:
    book = Book.of(A, available=1000)
    assert settle(book, A, tries=0) == Outcome(failed=ids("rf_a"))
    assert book.debited == []


def test_a_refund_that_could_not_be_put_to_wait_is_delivered_again() -> None:
    book = Book.of(A)
    book.weather = iter(["fair", "lost before"])
    assert settle(book, A) == Outcome(failed=ids("rf_a"))


def test_an_empty_group_has_no_outcome() -> None:
    assert settle(Book.of()) == Outcome()


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
)
def test_money_is_conserved_and_no_refund_has_two_outcomes(
    *,
    drawn: list[tuple[int, str, str, str, str]],
    available: int,
    weather: list[str],
    frozen: set[Account],
) -> None:
    refunds = [
        debit(f"rf_{number}", amount=amount, buyer_id=buyer, merchant_id=m, currency=currency)
        for number, (amount, buyer, m, currency, _) in enumerate(drawn)
    ]
    book = Book.of(*refunds, available=available)
    book.status = {refund.refund_id: row[-1] for refund, row in zip(refunds, drawn, strict=True)}
    before, book.frozen, book.weather = dict(book.status), frozen, iter(weather)

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
    for account, left in book.available.items():
        spent = sum(each.amount for each in moved if (each.merchant_id, each.currency) == account)
        assert left >= 0
        assert left + spent == available
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
