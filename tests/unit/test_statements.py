"""Entries: numbered one after another, each with the balances after it; and made again the same."""

from datetime import timedelta
from itertools import batched

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import ledger, statements
from refunds.errors import InvalidRange
from refunds.ledger import Cause, Leg, Part, Posting
from refunds.statements import Balances, Booking, Entry, Head, Owner
from refunds.times import format_instant
from tests.unit.examples import NOON, SECOND

SELLER, BUYER = Owner("merchant", "m", "CNY"), Owner("buyer", "b", "CNY")
parts = st.lists(st.integers(-500, 500), min_size=3, max_size=3)
movements = st.lists(parts, max_size=20)


def posting(number: int, moved: list[int]) -> Posting:
    legs = [Leg(ledger.merchant("m", part), each) for part, each in zip(Part, moved, strict=True)]
    rest = Leg(ledger.buyer("b"), -sum(moved))
    at = format_instant(NOON + number * SECOND)
    return Posting(f"co_{number}", Cause.CORRECTION, "CNY", at, (*legs, rest))


def of(moves: list[list[int]]) -> list[Posting]:
    return [posting(number, each) for number, each in enumerate(moves)]


@given(moves=movements, cut=st.integers(0, 20), owner=st.sampled_from([SELLER, BUYER]))
def test_entries_are_numbered_without_a_gap_and_each_balance_is_the_one_before_and_its_change(
    *, moves: list[list[int]], cut: int, owner: Owner
) -> None:
    postings = of(moves)
    first = statements.book(postings[:cut], owner, Head(), now=NOON)
    head = first[-1].head if first else Head()
    entries = [*first, *statements.book(postings[cut:], owner, head, now=NOON + SECOND)]
    assert [each.number for each in entries] == [*range(1, len(postings) + 1)]
    balances = Balances()
    for entry, made in zip(entries, postings, strict=True):
        assert (entry.posting_id, entry.change) == (
            made.posting_id,
            statements.change(made, owner),
        )
        balances += entry.change
        assert entry.balances == balances
    together = statements.book(postings, owner, Head(), now=NOON)
    assert [each.balances for each in together] == [each.balances for each in entries]


def test_a_writer_whose_clock_is_behind_books_no_earlier_than_the_last_entry() -> None:
    [first] = statements.book(of([[1, 0, 0]]), SELLER, Head(), now=NOON)
    [second] = statements.book(of([[2, 0, 0]]), SELLER, first.head, now=NOON - timedelta(days=1))
    assert second.booked_at == first.booked_at == format_instant(NOON)


@given(moves=movements, chunk=st.integers(1, 5))
def test_what_is_rebuilt_chunk_by_chunk_is_what_was_booked(
    *, moves: list[list[int]], chunk: int
) -> None:
    made = of(moves)
    entries = statements.book(made, SELLER, Head(), now=NOON)
    bookings = [Booking(each.number, each.booked_at, each.posting_id) for each in entries]
    postings = {each.posting_id: each for each in made}
    found: list[Entry] = []
    for some in batched(bookings, chunk, strict=False):
        head = found[-1].head if found else Head()
        found += statements.rebuilt(some, postings, SELLER, head)
    assert found == entries


def test_the_owners_of_a_posting_are_the_parties_whose_money_it_touched() -> None:
    legs = ledger.legs_of_refund("m", "b", 5, {"available": 3, "receivable": 2})
    refund = Posting("rf_1", Cause.REFUND, "JPY", format_instant(NOON), legs)
    assert [*statements.owners(refund)] == [
        Owner("buyer", "b", "JPY"),
        Owner("merchant", "m", "JPY"),
    ]
    outside = (Leg(ledger.SETTLEMENT, -1), Leg(ledger.GUARANTEE, 1))
    correction = Posting("co_1", Cause.CORRECTION, "CNY", format_instant(NOON), outside)
    assert [*statements.owners(correction)] == []


def test_a_party_sees_its_debt_as_what_it_owes() -> None:
    [entry] = statements.book(of([[10, 0, -30]]), SELLER, Head(), now=NOON)
    line = statements.line(entry)
    assert (line.available_change, line.owed_change, line.owed) == (10, 30, 30)
    [row] = statements.csv_rows([line])
    assert row["booked_at"] == "2024-03-01T12:00:00.000000Z"


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    statements.check_range(NOON, NOON)
    statements.check_range(None, NOON)
    statements.check_range(NOON, None)
    with pytest.raises(InvalidRange):
        statements.check_range(NOON + SECOND, NOON)
