"""Postings: legs that sum to zero, or no posting at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from refunds import ledger
from refunds.errors import UNREADABLE
from refunds.fields import Id
from refunds.ledger import Cause, Leg, Part, Posting
from refunds.refunds import reversal_id

AT = "2024-03-01T12:00:00.000000Z"


@given(st.lists(st.integers(-(10**12), 10**12), max_size=6))
def test_only_legs_that_sum_to_zero_are_a_posting(amounts: list[int]) -> None:
    legs = tuple(Leg(f"buyer:b{number}:available", each) for number, each in enumerate(amounts))
    balance = Leg(ledger.GUARANTEE, -sum(amounts))
    made = Posting("co_1", Cause.CORRECTION, "CNY", AT, (*legs, balance))
    assert sum(leg.amount for leg in made.legs) == 0
    if sum(amounts):
        with pytest.raises(ValueError, match="co_1 do not sum to zero"):
            Posting("co_1", Cause.CORRECTION, "CNY", AT, legs)


@given(st.dictionaries(st.sampled_from([*Part]), st.integers(1, 10**12), min_size=1))
def test_a_refund_s_posting_takes_each_part_from_its_merchant_and_gives_all_to_its_buyer(
    sources: dict[Part, int],
) -> None:
    amount = sum(sources.values())
    named = {part.value: taken for part, taken in sources.items()}
    *taken, given_leg = ledger.legs_of_refund("m", "b", amount, named)
    assert given_leg == Leg("buyer:b:available", amount)
    assert taken == [Leg(f"merchant:m:{part}", -value) for part, value in named.items()]
    made = Posting("rf_1", Cause.REFUND, "CNY", AT, (*taken, given_leg))
    assert made.legs[-1] == given_leg


def test_a_refund_whose_sources_are_not_its_amount_is_no_posting() -> None:
    legs = ledger.legs_of_refund("m", "b", 100, {"available": 99})
    with pytest.raises(ValueError, match="sum to zero"):
        Posting("rf_1", Cause.REFUND, "CNY", AT, legs)


def test_a_source_that_is_no_account_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a valid Part"):
        ledger.legs_of_refund("m", "b", 100, {"pocket": 100})


refund_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(one=refund_ids, other=refund_ids)
def test_each_refund_has_one_reversal_and_shares_it_with_no_other(one: str, other: str) -> None:
    assert (reversal_id(one) == reversal_id(other)) is (one == other)
    assert TypeAdapter(Id).validate_python(reversal_id(one)).startswith("rv_")


def test_the_longest_ids_that_differ_at_their_end_have_reversals_of_their_own() -> None:
    assert len({reversal_id("x" * 63 + last) for last in "abc"}) == 3


def test_an_item_of_the_table_tells_what_it_moved() -> None:
    legs = [{"account": "a", "amount": -5}, {"account": "b", "amount": 5}]
    own = {"sk": "POSTING", "currency": "CNY", "posted_at": AT, "legs": legs}
    assert ledger.legs_of_item(own) == (Leg("a", -5), Leg("b", 5))
    refund = {
        "sk": "REFUND",
        "merchant_id": "m",
        "buyer_id": "b",
        "amount": 7,
        "currency": "CNY",
        "succeeded_at": AT,
    }
    assert ledger.legs_of_item(refund | {"sources": {"deposit": 3, "receivable": 4}}) == (
        Leg("merchant:m:deposit", -3),
        Leg("merchant:m:receivable", -4),
        Leg("buyer:b:available", 7),
    )


@pytest.mark.parametrize(
    "item",
    [
        {"sk": "REFUND", "merchant_id": "m", "buyer_id": "b", "amount": 7},
        {"sk": "ORDER", "sources": {"available": 7}},
    ],
)
def test_an_item_that_moved_nothing_has_no_legs(item: dict[str, object]) -> None:
    assert ledger.legs_of_item(item) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": 156},
        {"posted_at": 20_240_301},
        {"legs": [{"account": 1, "amount": 5}]},
        {"legs": [{"account": "a", "amount": "5"}]},
        {"legs": [{"account": "a", "amount": True}]},
        {"legs": None},
    ],
)
def test_what_the_product_has_not_written_is_no_posting(wrong: dict[str, Any]) -> None:
    legs = [{"account": "a", "amount": -5}, {"account": "b", "amount": 5}]
    item = {"sk": "POSTING", "currency": "CNY", "posted_at": "2024-03-01", "legs": legs}
    assert ledger.legs_of_item(item)
    with pytest.raises(UNREADABLE):
        ledger.legs_of_item(item | wrong)


@pytest.mark.parametrize("wrong", [{"currency": None}, {"succeeded_at": 1}, {"amount": "5"}])
def test_nor_a_refund_that_it_has_not_written(wrong: dict[str, Any]) -> None:
    item = {
        "sk": "REFUND",
        "currency": "CNY",
        "merchant_id": "m",
        "buyer_id": "b",
        "amount": 5,
        "sources": {"available": 5},
        "succeeded_at": "2024-03-01",
    }
    assert ledger.legs_of_item(item)
    with pytest.raises(UNREADABLE):
        ledger.legs_of_item(item | wrong)


@pytest.mark.parametrize(
    ("account", "kind"),
    [
        ("merchant:m-1:deposit", "merchant:deposit"),
        ("buyer:b:available", "buyer:available"),
        ("external:payout", "external:payout"),
    ],
)
def test_an_account_s_kind_leaves_its_owner_out(account: str, kind: str) -> None:
    assert ledger.kind_of(account) == kind


def test_money_moved_when_it_was_posted_or_the_refund_succeeded_or_never() -> None:
    assert ledger.posted_at_of({"posted_at": AT, "requested_at": "x"}) == AT
    assert ledger.posted_at_of({"succeeded_at": AT, "requested_at": "x"}) == AT
    assert ledger.posted_at_of({"requested_at": "x"}) == ""
