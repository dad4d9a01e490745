"""Which refunds of a batch go into one transaction, and when a waiting one is tried again."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import debits
from refunds.refunds import RefundStatus
from tests.unit.examples import NOON, debit

A, B = debit("rf_a", amount=100), debit("rf_b", amount=200)


# ── Groups ──────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_one_merchant_and_one_currency() -> None:
    given_debits = [
        A,
        debit("rf_x", merchant_id="merchant-2"),
        debit("rf_y", currency="JPY"),
        B,
    ]
    found = {frozenset(each.refund_id for each in group) for group in debits.groups(given_debits)}
    assert found == {frozenset(each) for each in ({"rf_a", "rf_b"}, {"rf_x"}, {"rf_y"})}


def test_a_refund_named_twice_is_in_its_group_once() -> None:
    assert [*debits.groups([A, A, B, A])] == [(A, B)]


def test_a_group_is_the_oldest_first() -> None:
    older = debit("rf_z", requested_at="2024-02-01T00:00:00.000000Z")
    [group] = debits.groups([A, older])
    assert group == (older, A)


def test_a_group_fits_one_transaction_with_every_source_and_a_buyer_each() -> None:
    """And with those that have waited too long, which join it when its plan is made anew."""
    many = [debit(f"rf_{number}", buyer_id=f"b{number}") for number in range(120)]
    sizes = [len(group) for group in debits.groups(many)]
    assert sum(sizes) == 120
    sources = debits.MAX_SHARDS + 2
    assert all(sources + 2 * (size + debits.MAX_OVERDUE) <= 100 for size in sizes)
    assert sizes == [36, 36, 36, 12]


def test_no_refunds_make_no_group() -> None:
    assert [*debits.groups([])] == []


# ── When it is tried again ──────────────────────────────────────────────────────────────────────


def test_the_next_try_is_a_minute_later_doubling_to_an_hour() -> None:
    minutes = [
        (debits.next_try_at(tries, NOON) - NOON) / timedelta(minutes=1) for tries in range(9)
    ]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@given(st.integers(0, 10**9))
def test_the_next_try_is_never_further_than_an_hour_however_many_there_were(tries: int) -> None:
    assert NOON < debits.next_try_at(tries, NOON) <= NOON + timedelta(hours=1)


# ── Messages ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("refund_id", ["rf_1", "a", "A-z_0" * 12])
def test_a_message_names_its_refund(refund_id: str) -> None:
    assert debits.refund_named(json.dumps({"refund_id": refund_id, "more": 1})) == refund_id


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "7",
        "null",
        "{}",
        '{"refund_id": 7}',
        '{"refund_id": null}',
        '{"refund_id": ""}',
        '{"refund_id": "a b"}',
        '{"refund_id": "rf#1"}',
        json.dumps({"refund_id": "a" * 65}),
        "[" * 100_000,
    ],
)
def test_what_is_no_message_of_ours_names_none(body: str) -> None:
    assert debits.refund_named(body) is None


def test_every_state_of_a_refund_is_open_or_closed() -> None:
    assert sorted([*debits.OPEN, *debits.CLOSED]) == sorted(RefundStatus)
