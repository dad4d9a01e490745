"""Statements on every engine: each posting once, numbered, in pages, by month; made again equal."""

from contextlib import suppress
from datetime import datetime

import pytest

from refunds import ledger, table
from refunds.errors import Busy, InvalidCursor
from refunds.ledger import Cause, Leg, Part, Posting
from refunds.paging import Page
from refunds.statements import (
    BEGINNING,
    END,
    PER_TRANSACTION,
    Balances,
    Entry,
    Owner,
    StatementLost,
)
from refunds.stores import rebuilds
from refunds.stores.dynamo import CONFLICT_TRIES
from refunds.stores.rebuilds import PostingMissing
from refunds.table import Key
from refunds.times import format_instant
from tests.stores import tables, wire
from tests.stores.engines import Stores
from tests.stores.market import accept, everything, fund, settle
from tests.unit.examples import BUYER, DAY, MERCHANT, NOON, SECOND

SELLER, CUSTOMER = Owner("merchant", MERCHANT, "CNY"), Owner("buyer", BUYER, "CNY")


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that whatever is read here goes over several of them."""
    monkeypatch.setattr(table, "STATEMENT_BLOCK", 5)


def postings(count: int, *, first: int = 0) -> list[Posting]:
    """Not in the table: only what a stream would bring."""
    legs = (
        Leg(ledger.SETTLEMENT, -10),
        Leg(ledger.merchant(MERCHANT, Part.AVAILABLE), 10),
    )
    return [
        Posting(f"cr_{number}", Cause.CREDIT, "CNY", format_instant(NOON + number * SECOND), legs)
        for number in range(first, first + count)
    ]


def pages(
    stores: Stores, limit: int = 7, start: str = BEGINNING, end: str = END
) -> list[list[Entry]]:
    found: list[list[Entry]] = []
    after: str | None = None
    while True:
        page = stores.statements.entries(SELLER, start=start, end=end, after=after, limit=limit)
        found.append(page.items)
        after = page.after
        if after is None:
            return found


def numbers(found: list[list[Entry]]) -> list[int]:
    return [entry.number for page in found for entry in page]


def booked_from_table(stores: Stores, *, now: datetime = NOON) -> None:
    """As the stream would: every posting there is, to each of its owners."""
    store = stores.statements
    for item in tables.plain_items(stores.client, stores.table):
        posting = store.posting_of(item)
        for owner in (SELLER, CUSTOMER):
            account = f"{owner.role}:{owner.id}:"
            if posting and any(leg.account.startswith(account) for leg in posting.legs):
                store.book(owner, [posting], now=now)


def test_each_entry_is_on_one_page_newest_first_while_more_are_booked(stores: Stores) -> None:
    store = stores.statements
    store.book(SELLER, postings(30), now=NOON)
    seen: list[int] = []
    after: str | None = None
    for added in range(100, 110):
        page = store.entries(SELLER, start=BEGINNING, end=END, after=after, limit=7)
        seen += [entry.number for entry in page.items]
        after = page.after
        if after is None:
            break
        store.book(SELLER, postings(1, first=added), now=NOON + DAY)
    assert seen == [*range(30, 0, -1)]
    assert numbers(pages(stores)) == [*range(34, 0, -1)]


def test_a_page_takes_as_many_requests_however_deep_it_is(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for each bucket; no second one for what a page is short of."""
    monkeypatch.setattr(table, "STATEMENT_BLOCK", 40)
    stores.statements.book(SELLER, postings(79), now=NOON)
    after: str | None = None
    for _ in range(5):
        with wire.faulty(stores.client, "Query") as line:
            page = stores.statements.entries(
                SELLER, start=BEGINNING, end=END, after=after, limit=16
            )
        blocks = {each.number // 40 for each in page.items}
        looks = 0 if after else 1
        assert len(line.sent) == looks + table.LIST_BUCKETS * len(blocks)
        after = page.after
    assert after is None


def test_a_page_takes_as_many_requests_however_seldom_money_moves(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "STATEMENT_BLOCK", 80)
    for month in range(10):
        stores.statements.book(SELLER, postings(1, first=month), now=NOON + month * 31 * DAY)
    with wire.faulty(stores.client, "Query") as line:
        [page] = pages(stores, limit=50)
    assert [entry.number for entry in page] == [*range(10, 0, -1)]
    assert len(line.sent) == table.LIST_BUCKETS


def test_a_time_deep_in_a_statement_is_found_by_looking_at_few_of_its_blocks(
    stores: Stores,
) -> None:
    for day in range(30):
        stores.statements.book(SELLER, postings(1, first=day), now=NOON + day * DAY)
    start, end = (format_instant(NOON + days * DAY) for days in (12, 16))
    with wire.faulty(stores.client, "Query") as line:
        [page] = pages(stores, start=start, end=end)
    assert [entry.number for entry in page] == [16, 15, 14, 13]
    looks = [each for each in line.sent if each.get("Limit") == 1]
    assert len(looks) <= 2 * 4, "six blocks, and two ends to find"
    assert len(line.sent) - len(looks) == 2 * 5, "two blocks, in five buckets each"


def test_what_is_booked_while_a_page_is_read_leaves_no_gap_in_it(stores: Stores) -> None:
    """Some of the page's queries come before it and some after."""
    for already in (1, 20):
        stores.statements.book(SELLER, postings(already, first=already), now=NOON)

        def more_are_booked(_: object, first: int = already * 100) -> None:
            other = Stores(stores.client, stores.table).statements
            assert other.book(SELLER, postings(9, first=first), now=NOON + SECOND) == 9

        newest = stores.statements.head(SELLER).number
        with wire.faulty(stores.client, "Query", wire.fine, more_are_booked):
            page = pages(stores, limit=50)[0]
        assert [entry.number for entry in page] == [*range(newest, 0, -1)]


def test_a_posting_is_booked_once_however_often_and_with_whatever_it_comes(
    stores: Stores,
) -> None:
    store = stores.statements
    first = postings(PER_TRANSACTION + 5)
    assert store.book(SELLER, first, now=NOON) == len(first)
    before = everything(stores)
    assert store.book(SELLER, [*reversed(first)], now=NOON + DAY) == 0
    assert everything(stores) == before
    more = postings(3, first=len(first))
    assert store.book(SELLER, [first[0], *more, *more], now=NOON + DAY) == 3
    head = store.head(SELLER)
    assert (head.number, head.balances.available) == (len(first) + 3, 10 * (len(first) + 3))


def test_a_range_of_time_takes_its_beginning_and_leaves_its_end(stores: Stores) -> None:
    store = stores.statements
    for number in range(6):
        store.book(SELLER, postings(1, first=number), now=NOON + number * 20 * DAY)

    def within(first: int, last: int) -> list[int]:
        start, end = (format_instant(NOON + days * DAY) for days in (first, last))
        return numbers(pages(stores, limit=2, start=start, end=end))

    assert within(0, 1000) == [6, 5, 4, 3, 2, 1]
    assert within(20, 60) == [3, 2]
    assert within(20, 61) == [4, 3, 2]
    assert within(40, 40) == []
    assert within(101, 1000) == []


def test_months_are_totalled_the_newest_first(stores: Stores) -> None:
    fund(stores, 1000)
    accept(stores, 1, amount=300)
    settle(stores, "rf_1")
    booked_from_table(stores)
    fund(stores, 50, "b")
    booked_from_table(stores, now=NOON + 31 * DAY)
    totals = [
        (each.month, each.entries, each.credited, each.debited)
        for each in stores.statements.months(SELLER)
    ]
    assert totals == [("2024-04", 1, 50, 0), ("2024-03", 2, 1000, 300)]
    bought = stores.statements.months(CUSTOMER)
    assert [(each.entries, each.credited) for each in bought] == [(1, 300)]
    assert stores.statements.months(Owner("buyer", "nobody", "CNY")) == []


def test_of_two_writers_of_one_statement_neither_loses_or_doubles_an_entry(
    stores: Stores,
) -> None:
    """The other books its own, and one of the first's too, just before the first writes."""
    mine, theirs = postings(4), postings(4, first=10)

    def other(_: object) -> None:
        store = Stores(stores.client, stores.table).statements
        assert store.book(SELLER, [*theirs, mine[0]], now=NOON) == 5

    with wire.faulty(stores.client, "TransactWriteItems", other):
        assert stores.statements.book(SELLER, mine, now=NOON) == 3
    [page] = pages(stores, limit=50)
    assert [entry.number for entry in page] == [*range(8, 0, -1)]
    assert {entry.posting_id for entry in page} == {p.posting_id for p in (*mine, *theirs)}
    assert page[0].balances.available == 80


@pytest.mark.parametrize("forged", ["x", "2024-03-01#", "2024#-1", "2024#1x"])
def test_a_place_that_is_no_entry_s_is_no_cursor(stores: Stores, forged: str) -> None:
    stores.statements.book(SELLER, postings(3), now=NOON)
    with pytest.raises(InvalidCursor):
        stores.statements.entries(SELLER, start=BEGINNING, end=END, after=forged, limit=2)


def test_a_writer_that_never_comes_first_is_busy_and_has_booked_nothing(stores: Stores) -> None:
    fault = wire.canceled("ConditionalCheckFailed")
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[fault] * CONFLICT_TRIES),
        pytest.raises(Busy),
    ):
        stores.statements.book(SELLER, postings(1), now=NOON)
    assert everything(stores) == []


def statement_of(stores: Stores) -> list[str]:
    """Entries, months and heads, as stored."""
    return [each for each in everything(stores) if "STATEMENT#" in each]


def keys_of(stores: Stores, prefix: str) -> list[Key]:
    items = tables.plain_items(stores.client, stores.table)
    return [table.key_of(item) for item in items if item["pk"].startswith(prefix)]


def delete(stores: Stores, *keys: Key) -> None:
    for key in keys:
        stores.client.delete_item(TableName=stores.table, Key=key)


def over_months(stores: Stores) -> None:
    """Thirteen postings, booked over four months, but none in one of them."""
    fund(stores, 1000)
    for number in range(12):
        accept(stores, number, amount=10 + number)
        settle(stores, f"rf_{number}")
        days = number * 9 if number < 6 else 60 + number * 3
        booked_from_table(stores, now=NOON + days * DAY)


def rebuild(stores: Stores) -> list[int]:
    return [stores.rebuilds.rebuild(owner) for owner in (SELLER, CUSTOMER)]


def test_a_statement_made_again_from_the_postings_is_equal(stores: Stores) -> None:
    over_months(stores)
    before, found = statement_of(stores), pages(stores)
    delete(stores, *keys_of(stores, "STATEMENT#"))
    assert numbers(pages(stores)) == []
    assert rebuild(stores) == [13, 12]
    assert statement_of(stores) == before
    assert pages(stores) == found
    assert rebuild(stores) == [13, 12], "it may be repeated"
    assert statement_of(stores) == before


def garbled(stores: Stores) -> None:
    """Entries deleted, changed and invented, a month that never was, a head that is wrong."""
    entries = [key for key in keys_of(stores, "STATEMENT#") if key["pk"]["S"].count("#") > 3]
    delete(stores, *entries[::4])
    for key in entries[1::4]:
        item = tables.item(stores.client, stores.table, key)
        assert item
        changed = {**item, "balances": {"M": {**item["balances"]["M"], "available": {"N": "5"}}}}
        stores.client.put_item(TableName=stores.table, Item=changed)
        invented = {**changed, "sk": {"S": item["sk"]["S"][:-1] + "9"}, "number": {"N": "99"}}
        unless = "attribute_not_exists(pk)"
        with suppress(stores.client.exceptions.ConditionalCheckFailedException):
            stores.client.put_item(
                TableName=stores.table, Item=invented, ConditionExpression=unless
            )
    month = {"entries": {"N": "3"}, "credited": {"N": "1"}, "debited": {"N": "0"}}
    key = table.statement_month(SELLER, "2023-07")
    stores.client.put_item(TableName=stores.table, Item={**key, **month})
    head = tables.item(stores.client, stores.table, table.statement_head(SELLER))
    assert head
    stores.client.put_item(TableName=stores.table, Item={**head, "last_number": {"N": "40"}})


def test_a_garbled_statement_made_again_is_equal_page_by_page(stores: Stores) -> None:
    over_months(stores)
    before, found = statement_of(stores), pages(stores)
    garbled(stores)
    assert statement_of(stores) != before
    assert pages(stores) != found
    told: list[int] = []
    assert stores.rebuilds.rebuild(SELLER, told=told.append) == 13
    assert told == [13]
    assert stores.rebuilds.rebuild(CUSTOMER) == 12
    assert pages(stores) == found
    assert statement_of(stores) == before


def test_a_long_statement_is_made_again_window_by_window(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_months(stores)
    before = statement_of(stores)
    delete(stores, *keys_of(stores, "STATEMENT#"))
    monkeypatch.setattr(rebuilds, "WINDOW", 2)
    told: list[int] = []
    stores.rebuilds.rebuild(SELLER, told=told.append)
    stores.rebuilds.rebuild(CUSTOMER)
    assert told == [2, 4, 6, 8, 10, 12, 13]
    assert statement_of(stores) == before


def test_a_statement_of_more_months_than_a_transaction_holds_is_made_again_in_several(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_months(stores)
    before = statement_of(stores)
    months = [key for key in keys_of(stores, "STATEMENT#") if "MONTH" in key["sk"]["S"]]
    delete(stores, *months, table.statement_head(SELLER), table.statement_head(CUSTOMER))
    monkeypatch.setattr(rebuilds, "MAX_MONTHS", 2)
    with wire.faulty(stores.client, "TransactWriteItems", wire.fine, wire.broken()) as line:
        with pytest.raises(stores.client.exceptions.ClientError):
            stores.rebuilds.rebuild(SELLER)
        assert [len(each["TransactItems"]) for each in line.sent] == [3, 3]
        # What is written already is not written again, and the head comes last.
        assert rebuild(stores) == [13, 12]
        assert [len(each["TransactItems"]) for each in line.sent[2:4]] == [3, 1]
    assert statement_of(stores) == before


def test_without_records_nothing_stays_and_everything_can_be_booked_anew(stores: Stores) -> None:
    over_months(stores)
    delete(stores, *keys_of(stores, "BOOKED#"))
    assert rebuild(stores) == [0, 0]
    assert statement_of(stores) == []
    booked_from_table(stores)
    assert numbers(pages(stores)) == [*range(13, 0, -1)]
    assert pages(stores)[0][0].balances == Balances(available=1000 - sum(range(10, 22)))


def test_nothing_to_rebuild_is_nothing_rebuilt(stores: Stores) -> None:
    assert stores.rebuilds.rebuild(SELLER) == 0
    assert everything(stores) == []


def test_a_booked_posting_that_is_gone_stops_the_rebuilding_before_its_totals(
    stores: Stores,
) -> None:
    over_months(stores)
    before = statement_of(stores)
    delete(stores, table.refund("rf_3"))
    with pytest.raises(PostingMissing, match="rf_3"):
        stores.rebuilds.rebuild(SELLER)
    assert statement_of(stores) == before


def test_every_party_with_money_is_an_owner_of_a_statement(stores: Stores) -> None:
    over_months(stores)
    fund(stores, 5, "usd", currency="USD")
    dollars = Owner("merchant", MERCHANT, "USD")
    assert sorted(stores.rebuilds.owners()) == sorted([SELLER, CUSTOMER, dollars])


def test_what_is_booked_while_a_statement_is_rebuilt_is_not_lost(stores: Stores) -> None:
    fund(stores, 100)
    booked_from_table(stores)

    def another_is_booked(_: object) -> None:
        other = Stores(stores.client, stores.table)
        fund(other, 7, "between")
        booked_from_table(other)

    with wire.faulty(stores.client, "TransactWriteItems", another_is_booked):
        assert stores.rebuilds.rebuild(SELLER) == 2
    head = stores.statements.head(SELLER)
    assert (head.number, head.balances.available) == (2, 107)
    [total] = stores.statements.months(SELLER)
    assert (total.entries, total.credited) == (2, 107)
    fund(stores, 1, "after")
    booked_from_table(stores)
    assert numbers(pages(stores)) == [3, 2, 1]


def test_what_is_booked_between_two_looks_at_the_records_is_not_left_out(stores: Stores) -> None:
    """The later of two is seen, and the one before it not: its bucket was read already."""
    half = table.LIST_BUCKETS // 2
    fund(stores, 1, "first")
    booked_from_table(stores)
    names = [fund(stores, 1, f"{number}").credit_id for number in range(10)]
    seen = next(name for name in names if table.bucket(name) >= half)
    unseen = next(name for name in names if table.bucket(name) < half)

    def two_are_booked(_: object) -> None:
        store = Stores(stores.client, stores.table).statements
        found = store.postings([unseen, seen])
        for name in (unseen, seen):
            store.book(SELLER, [found[name]], now=NOON + DAY)

    with wire.faulty(stores.client, "Query", *[wire.fine] * half, two_are_booked):
        assert stores.rebuilds.rebuild(SELLER) == 3
    [page] = pages(stores)
    assert [(entry.number, entry.balances.available) for entry in page] == [(3, 3), (2, 2), (1, 1)]
    head = stores.statements.head(SELLER)
    assert (head.number, head.balances.available) == (3, 3)


def test_a_rebuild_removes_what_a_head_far_ahead_would_be_read_with(stores: Stores) -> None:
    over_months(stores)
    before, found = statement_of(stores), pages(stores)
    head = tables.item(stores.client, stores.table, table.statement_head(SELLER))
    assert head
    stores.client.put_item(TableName=stores.table, Item={**head, "last_number": {"N": f"{10**9}"}})
    with wire.faulty(stores.client, "Query") as line:
        assert pages(stores) == found
        rebuild(stores)
    assert len(line.sent) < 200
    assert statement_of(stores) == before


def test_numbering_goes_on_although_the_head_is_gone_and_a_month_with_it(stores: Stores) -> None:
    over_months(stores)
    delete(stores, table.statement_head(SELLER), table.statement_month(SELLER, "2024-03"))
    assert stores.statements.book(SELLER, postings(1), now=NOON + 300 * DAY) == 1
    assert numbers(pages(stores)) == [*range(14, 0, -1)]


def test_no_time_is_before_it_begins(stores: Stores) -> None:
    stores.statements.book(SELLER, postings(3), now=NOON)
    for start, end, after in [("9999-01-01", END, None), ("2024", "2023", None), ("1", END, "0#9")]:
        with wire.faulty(stores.client, "Query") as line:
            page = stores.statements.entries(SELLER, start=start, end=end, after=after, limit=2)
        assert page == Page([], None)
        assert line.sent == []


def test_what_a_garbled_head_made_of_later_entries_is_put_right_with_it(stores: Stores) -> None:
    """The statement grows, from a wrong balance, while it is made again."""
    fund(stores, 100)
    booked_from_table(stores)
    head = tables.item(stores.client, stores.table, table.statement_head(SELLER))
    assert head
    wrong = {"M": {**head["balances"]["M"], "available": {"N": "5"}}}
    stores.client.put_item(TableName=stores.table, Item={**head, "balances": wrong})

    def another_is_booked(_: object) -> None:
        other = Stores(stores.client, stores.table)
        fund(other, 7, "between")
        booked_from_table(other)
        assert other.statements.head(SELLER).balances.available == 12

    with wire.faulty(stores.client, "TransactWriteItems", another_is_booked):
        assert stores.rebuilds.rebuild(SELLER) == 2
    [page] = pages(stores)
    assert [entry.balances.available for entry in page] == [107, 100]
    assert stores.statements.head(SELLER).balances.available == 107


@pytest.mark.parametrize("gone", ["last_number", "balances"])
def test_what_cannot_be_read_as_head_or_month_is_made_again_all_the_same(
    stores: Stores, gone: str
) -> None:
    over_months(stores)
    before = everything(stores)
    for key, name in (
        (table.statement_head(SELLER), gone),
        (table.statement_month(SELLER, "2024-03"), "entries"),
        (table.statement_month(SELLER, "1999-01"), "entries"),
    ):
        item = tables.item(stores.client, stores.table, key) or key
        item = {each: value for each, value in item.items() if each != name}
        stores.client.put_item(TableName=stores.table, Item=item)
    stores.rebuilds.rebuild(SELLER)
    assert everything(stores) == before


def test_a_statement_that_always_changes_under_its_rebuilding_is_left_as_it_is(
    stores: Stores,
) -> None:
    fund(stores, 100)
    booked_from_table(stores)
    before = everything(stores)
    fault = wire.canceled("ConditionalCheckFailed", "None")
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[fault] * CONFLICT_TRIES),
        pytest.raises(Busy),
    ):
        stores.rebuilds.rebuild(SELLER)
    assert everything(stores) == before


def test_numbering_goes_on_where_it_was_although_the_head_is_gone(stores: Stores) -> None:
    store = stores.statements
    store.book(SELLER, postings(9), now=NOON)
    delete(stores, table.statement_head(SELLER))
    assert store.book(SELLER, postings(2, first=20), now=NOON + 40 * DAY) == 2
    assert numbers(pages(stores)) == [*range(11, 0, -1)]
    head = store.head(SELLER)
    assert (head.number, head.balances.available) == (11, 110)


def test_a_statement_that_is_gone_is_not_begun_anew_before_it_is_rebuilt(stores: Stores) -> None:
    over_months(stores)
    found = pages(stores)
    delete(stores, *keys_of(stores, "STATEMENT#"))
    before = everything(stores)
    with pytest.raises(StatementLost):
        stores.statements.book(SELLER, postings(1), now=NOON)
    assert everything(stores) == before
    rebuild(stores)
    assert pages(stores) == found
    assert stores.statements.book(SELLER, postings(1), now=NOON) == 1


def test_a_refund_s_posting_is_read_back_from_the_refund(stores: Stores) -> None:
    fund(stores, 100)
    accept(stores, 1)
    accept(stores, 2)
    settle(stores, "rf_1")
    store = stores.statements
    found = store.postings(["rf_1", "rf_2", "cr_unknown"])
    assert found["rf_1"].cause is Cause.REFUND
    assert set(found) == {"rf_1"}
    assert store.refundable("order-1") == 900
    assert store.refundable("order-unknown") == 0
