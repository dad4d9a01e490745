"""Reconciliation: what is changed by hand is found and named, and nothing else is blamed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refunds import corrections, operations, reconciliation, statements, table
from refunds.differences import Difference, Kind
from refunds.operations import ShardsRequest
from refunds.reconciliation import PAUSE, Report
from refunds.statements import Owner, StatementLost
from refunds.stores import reconciliation as walks
from refunds.stores.dynamo import CONFLICT_TRIES, to_item
from refunds.stores.entries import values_of_head
from refunds.table import Key
from refunds.times import format_instant
from refunds.wallets import CreditTarget
from tests.stores import engines, tables, wire
from tests.stores.engines import Stores
from tests.stores.market import accept, everything, fund, limits, settle
from tests.unit import examples
from tests.unit.examples import BUYER, MERCHANT, NOON

LATER = NOON + timedelta(hours=1)
SELLER, CUSTOMER = Owner("merchant", MERCHANT, "CNY"), Owner("buyer", BUYER, "CNY")


def market(stores: Stores) -> None:
    """Refunds in every state, all sources in use, several shards, every posting booked."""
    limits(stores, guarantee=1000)
    fund(stores, 250)
    fund(stores, 100, "dep", target=CreditTarget.DEPOSIT)
    for number, amount in enumerate((100, 200, 150, 900)):
        accept(stores, number, amount=amount)
    settle(stores, *(f"rf_{number}" for number in range(4)))
    accept(stores, 4)
    accept(stores, 5)
    stores.refunds.cancel(examples.refund(refund_id="rf_5", order_id="order-5"), now=NOON)
    corrections.reverse("rf_0", "x", operator="op", store=stores.corrections, now=NOON)
    fund(stores, 600, "more")
    wanted = ShardsRequest(currency="CNY", shards=2)
    operations.reshard(MERCHANT, wanted, store=stores.operations, now=NOON)
    book(stores)


def book(stores: Stores) -> None:
    """As the stream would: every posting there is, to each of its owners."""
    store = stores.statements
    items = tables.plain_items(stores.client, stores.table)
    found = [posting for item in items if (posting := store.posting_of(item))]
    for owner in {owner for posting in found for owner in statements.owners(posting)}:
        store.book(owner, [each for each in found if owner in statements.owners(each)], now=NOON)


class Clock:
    """It stands still, unless a test moves it."""

    def __init__(self, now: datetime = LATER) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def go_on(stores: Stores, clock: Clock, pages: int = 1000) -> Report:
    """One call, with time for so many pages."""
    left = count()
    return reconciliation.reconcile(
        store=stores.reconciliation, clock=clock, ready=lambda _: next(left) < pages
    )


def reconcile(stores: Stores, began_at: datetime = LATER) -> Report:
    """A whole run: as many calls as it takes, each a minute after the one before."""
    clock = Clock(began_at)
    report = go_on(stores, clock)
    while report.ended_at is None:
        clock.now += PAUSE
        report = go_on(stores, clock)
    return report


def overwrite(stores: Stores, key: Key, **changed: object) -> None:
    """Behind the product's back; what is None is taken away."""
    item = tables.item(stores.client, stores.table, key)
    assert item
    kept = {name: value for name, value in item.items() if name not in changed}
    stores.client.put_item(TableName=stores.table, Item={**kept, **to_item(changed)})


def delete(stores: Stores, key: Key) -> None:
    stores.client.delete_item(TableName=stores.table, Key=key)


def amount_at(stores: Stores, key: Key, name: str = "available") -> int:
    item = tables.item(stores.client, stores.table, key)
    assert item
    return int(item[name]["N"])


def test_in_an_honest_ledger_no_difference_is_found(stores: Stores) -> None:
    market(stores)
    report = reconcile(stores)
    assert (report.differences, report.named, report.suspects) == (0, (), ())
    assert (report.filled, report.moving, report.unsettled) == (0, 0, 0)
    assert report.ended_at == LATER
    assert report.looked_at > 20
    store = stores.reconciliation
    assert store.report() == report
    assert store.report(report.run_id) == report


def test_a_report_says_what_every_kind_of_account_holds_and_it_sums_to_zero(
    stores: Stores,
) -> None:
    market(stores)
    fund(stores, 7, "usd", currency="USD")
    book(stores)
    totals = reconcile(stores).totals
    assert totals["CNY"]["external:settlement"] == -950
    assert totals["CNY"]["buyer:available"] == amount_at(stores, table.buyer_balance(BUYER, "CNY"))
    funds = stores.wallets.read_funds(MERCHANT, "CNY")
    assert totals["CNY"].get("merchant:available", 0) == funds.available
    assert totals["CNY"].get("merchant:deposit", 0) == funds.deposit
    assert totals["CNY"].get("merchant:receivable", 0) == -funds.owed
    assert totals["USD"] == {"external:settlement": -7, "merchant:available": 7}
    assert [sum(accounts.values()) for accounts in totals.values()] == [0, 0]


def test_what_was_posted_after_a_run_began_is_not_in_its_totals(stores: Stores) -> None:
    fund(stores, 100)
    book(stores)
    assert go_on(stores, Clock(NOON)).totals == {}


def a_credit(stores: Stores, target: str = "deposit") -> str:
    [name] = [
        item["posting_id"]
        for item in tables.plain_items(stores.client, stores.table)
        if item["sk"] == "POSTING" and item["record"].get("target") == target
    ]
    return str(name)


def entry_key(stores: Stores, owner: Owner, number: int) -> Key:
    prefix = f"STATEMENT#{owner.role}#{owner.id}#"
    [item] = [
        item
        for item in tables.plain_items(stores.client, stores.table)
        if item["pk"].startswith(prefix) and item.get("number") == number
    ]
    return table.key_of(item)


def unbalanced(stores: Stores) -> str:
    name = a_credit(stores)
    legs = [
        {"account": "external:settlement", "amount": -100},
        {"account": f"merchant:{MERCHANT}:deposit", "amount": 101},
    ]
    overwrite(stores, table.posting(name), legs=legs)
    return f"posting:{name}"


def without_posting(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_1"), sources=None)
    return "refund:rf_1"


def early_posting(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_4"), sources={"available": 100}, succeeded_at="2024")
    return "refund:rf_4"


def other_sources(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_1"), sources={"available": 199})
    return "refund:rf_1"


def reversed_without_a_posting(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_1"), status="reversed")
    return "refund:rf_1"


def reversed_and_succeeded(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_0"), status="succeeded")
    return "refund:rf_0"


def overdrawn(stores: Stores) -> str:
    overwrite(stores, table.order("order-2"), refundable=900)
    return "order:order-2"


def negative(stores: Stores) -> str:
    overwrite(stores, table.buyer_balance(BUYER, "CNY"), available=-7)
    return f"buyer:{BUYER}:available:CNY"


def negative_shard(stores: Stores) -> str:
    """The sum of the shards is right."""
    first, second = (table.wallet(MERCHANT, "CNY", shard) for shard in range(2))
    total = amount_at(stores, first) + amount_at(stores, second)
    overwrite(stores, first, available=total + 1)
    overwrite(stores, second, available=-1)
    return f"merchant:{MERCHANT}:available:CNY"


def shard_differs(stores: Stores) -> str:
    overwrite(stores, table.wallet(MERCHANT, "CNY"), available=3)
    return f"merchant:{MERCHANT}:available:CNY"


def deposit_differs(stores: Stores) -> str:
    overwrite(stores, table.deposit(MERCHANT, "CNY"), available=1)
    return f"merchant:{MERCHANT}:deposit:CNY"


def debt_differs(stores: Stores) -> str:
    overwrite(stores, table.receivable(MERCHANT, "CNY"), owed=1, headroom=999)
    return f"merchant:{MERCHANT}:receivable:CNY"


def limit_differs(stores: Stores) -> str:
    overwrite(stores, table.receivable(MERCHANT, "CNY"), headroom=5000)
    return f"merchant:{MERCHANT}:limit:CNY"


def buyer_differs(stores: Stores) -> str:
    overwrite(stores, table.buyer_balance(BUYER, "CNY"), available=10**6)
    return f"buyer:{BUYER}:available:CNY"


def shard_uncounted(stores: Stores) -> str:
    key = table.wallet(MERCHANT, "CNY", 2)
    stores.client.put_item(TableName=stores.table, Item={**key, **to_item({"available": 5})})
    return f"merchant:{MERCHANT}:shard:2:CNY"


def shard_missing(stores: Stores) -> str:
    first, second = (table.wallet(MERCHANT, "CNY", shard) for shard in range(2))
    overwrite(stores, first, available=amount_at(stores, first) + amount_at(stores, second))
    delete(stores, second)
    return f"merchant:{MERCHANT}:shards:CNY"


def posting_changed(stores: Stores) -> str:
    """It sums to zero still, and is not what was booked."""
    name = a_credit(stores)
    legs = [
        {"account": "external:settlement", "amount": -300},
        {"account": f"merchant:{MERCHANT}:deposit", "amount": 300},
    ]
    overwrite(stores, table.posting(name), legs=legs)
    [mark] = stores.statements.marks({(SELLER, name)}).values()
    return f"entry:merchant:{MERCHANT}:CNY:{mark.number}:deposit"


def entry_changed(stores: Stores) -> str:
    parts = {"available": 1, "deposit": 0, "receivable": 0}
    overwrite(stores, entry_key(stores, SELLER, 1), change=parts)
    return f"entry:merchant:{MERCHANT}:CNY:1:available"


def entry_s_balance_changed(stores: Stores) -> str:
    parts = {"available": 1, "deposit": 0, "receivable": 0}
    overwrite(stores, entry_key(stores, CUSTOMER, 2), balances=parts)
    return f"entry:buyer:{BUYER}:CNY:2:available"


def last_entry_s_balance_changed(stores: Stores) -> str:
    number = stores.statements.head(CUSTOMER).number
    parts = {"available": 1, "deposit": 0, "receivable": 0}
    overwrite(stores, entry_key(stores, CUSTOMER, number), balances=parts)
    return f"entry:buyer:{BUYER}:CNY:{number}:available"


def entry_deleted(stores: Stores) -> str:
    delete(stores, entry_key(stores, SELLER, 2))
    return f"entry:merchant:{MERCHANT}:CNY:2"


def last_entry_deleted(stores: Stores) -> str:
    number = stores.statements.head(SELLER).number
    delete(stores, entry_key(stores, SELLER, number))
    return f"entry:merchant:{MERCHANT}:CNY:{number}"


def entry_twice(stores: Stores) -> str:
    item = tables.item(stores.client, stores.table, entry_key(stores, CUSTOMER, 1))
    assert item
    key = table.statement_entry(CUSTOMER, item["booked_at"]["S"], 0)
    values = {**item, **key, **to_item({"number": 0})}
    stores.client.put_item(TableName=stores.table, Item=values)
    return f"entry:buyer:{BUYER}:CNY:0"


def head_deleted(stores: Stores) -> str:
    delete(stores, table.statement_head(SELLER))
    return f"statement:merchant:{MERCHANT}:CNY"


def head_changed(stores: Stores) -> str:
    parts = {"available": 1, "deposit": 0, "receivable": 0}
    overwrite(stores, table.statement_head(CUSTOMER), balances=parts)
    return f"statement:buyer:{BUYER}:CNY:available"


def month_changed(stores: Stores) -> str:
    overwrite(stores, table.statement_month(SELLER, "2024-03"), credited=1)
    return f"months:merchant:{MERCHANT}:CNY"


def month_deleted(stores: Stores) -> str:
    delete(stores, table.statement_month(CUSTOMER, "2024-03"))
    return f"months:buyer:{BUYER}:CNY"


def order_gone(stores: Stores) -> str:
    delete(stores, table.order("order-1"))
    return "refund:rf_1"


def order_of_another(stores: Stores) -> str:
    overwrite(stores, table.order("order-1"), merchant_id="m-other")
    return "refund:rf_1"


def refund_of_another(stores: Stores) -> str:
    """Nothing is booked for that other."""
    overwrite(stores, table.refund("rf_1"), merchant_id="m-other")
    return "refund:rf_1"


def pending_of_another(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_4"), buyer_id="b-other")
    return "refund:rf_4"


def never_due(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_4"), due_bucket=None, due_at=None)
    return "refund:rf_4"


def due_for_ever(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_1"), due_bucket="1", due_at="2024")
    return "refund:rf_1"


def waiting_nowhere(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_4"), status="awaiting_funds")
    return "refund:rf_4"


def balance_gone(stores: Stores) -> str:
    delete(stores, table.buyer_balance(BUYER, "CNY"))
    return f"account:buyer:{BUYER}:CNY"


def currency_gone(stores: Stores) -> str:
    delete(stores, table.merchant_currency(MERCHANT, "CNY"))
    return f"account:merchant:{MERCHANT}:CNY"


def wallets_gone(stores: Stores) -> str:
    for shard in range(2):
        delete(stores, table.wallet(MERCHANT, "CNY", shard))
    return currency_gone(stores)


def head_put_back(stores: Stores) -> str:
    last = stores.statements.last_entry(SELLER)
    assert last
    before = stores.statements.entry_before(SELLER, last.head)
    assert before
    overwrite(stores, table.statement_head(SELLER), **values_of_head(before.head))
    return f"statement:merchant:{MERCHANT}:CNY"


def unreadable(stores: Stores) -> str:
    name = a_credit(stores)
    overwrite(stores, table.posting(name), legs=None)
    return f"item:POSTING#{name}:POSTING"


def without_currency(stores: Stores) -> str:
    name = a_credit(stores)
    overwrite(stores, table.posting(name), currency=None)
    return f"item:POSTING#{name}:POSTING"


def amount_as_text(stores: Stores) -> str:
    name = a_credit(stores)
    legs = [{"account": "external:settlement", "amount": "many"}]
    overwrite(stores, table.posting(name), legs=legs)
    return f"item:POSTING#{name}:POSTING"


def time_as_number(stores: Stores) -> str:
    name = a_credit(stores)
    overwrite(stores, table.posting(name), posted_at=20_240_301)
    return f"item:POSTING#{name}:POSTING"


TAMPERED: list[tuple[Callable[[Stores], str], Kind]] = [
    (unbalanced, Kind.POSTING_UNBALANCED),
    (without_posting, Kind.REFUND_WITHOUT_POSTING),
    (early_posting, Kind.REFUND_WITH_EARLY_POSTING),
    (other_sources, Kind.REFUND_SOURCES_DIFFER),
    (reversed_without_a_posting, Kind.REFUND_REVERSAL_DIFFERS),
    (reversed_and_succeeded, Kind.REFUND_REVERSAL_DIFFERS),
    (order_gone, Kind.REFUND_ORDER_DIFFERS),
    (order_of_another, Kind.REFUND_ORDER_DIFFERS),
    (refund_of_another, Kind.REFUND_ORDER_DIFFERS),
    (pending_of_another, Kind.REFUND_ORDER_DIFFERS),
    (never_due, Kind.REFUND_UNSCHEDULED),
    (due_for_ever, Kind.REFUND_UNSCHEDULED),
    (waiting_nowhere, Kind.REFUND_UNSCHEDULED),
    (balance_gone, Kind.ITEM_MISSING),
    (currency_gone, Kind.ITEM_MISSING),
    (wallets_gone, Kind.ITEM_MISSING),
    (head_put_back, Kind.HEAD_DIFFERS),
    (overdrawn, Kind.ORDER_OVERDRAWN),
    (negative, Kind.BALANCE_NEGATIVE),
    (negative_shard, Kind.BALANCE_NEGATIVE),
    (shard_differs, Kind.BALANCE_DIFFERS),
    (deposit_differs, Kind.BALANCE_DIFFERS),
    (debt_differs, Kind.BALANCE_DIFFERS),
    (buyer_differs, Kind.BALANCE_DIFFERS),
    (limit_differs, Kind.DEBT_LIMIT_DIFFERS),
    (shard_uncounted, Kind.SHARD_UNCOUNTED),
    (shard_missing, Kind.SHARD_MISSING),
    (posting_changed, Kind.ENTRY_DIFFERS),
    (entry_changed, Kind.ENTRY_DIFFERS),
    (entry_s_balance_changed, Kind.ENTRY_DIFFERS),
    (last_entry_s_balance_changed, Kind.ENTRY_DIFFERS),
    (entry_deleted, Kind.ENTRY_MISSING),
    (last_entry_deleted, Kind.ENTRY_MISSING),
    (entry_twice, Kind.ENTRY_UNRECORDED),
    (head_deleted, Kind.HEAD_DIFFERS),
    (head_changed, Kind.HEAD_DIFFERS),
    (month_changed, Kind.MONTHS_DIFFER),
    (month_deleted, Kind.MONTHS_DIFFER),
    (unreadable, Kind.ITEM_UNREADABLE),
    (without_currency, Kind.ITEM_UNREADABLE),
    (amount_as_text, Kind.ITEM_UNREADABLE),
    (time_as_number, Kind.ITEM_UNREADABLE),
]


@pytest.mark.parametrize(("tamper", "kind"), TAMPERED)
def test_a_difference_made_by_hand_is_found_and_named_and_nothing_else_is_blamed(
    local_aws: str, tamper: Callable[[Stores], str], kind: Kind
) -> None:
    stores = engines.stores_at(local_aws)
    market(stores)
    subject = tamper(stores)
    report = reconcile(stores)
    assert [(each.kind, each.subject) for each in report.named] == [(kind, subject)]
    assert (report.differences, report.filled, report.moving) == (1, 0, 0)
    [named] = report.named
    assert named.expected != named.found


UNREADABLE: list[tuple[Callable[[Stores], Key], dict[str, object]]] = [
    (lambda _: table.wallet(MERCHANT, "CNY", 1), {"available": "much"}),
    (lambda _: table.wallet(MERCHANT, "CNY"), {"available": None}),
    (lambda _: table.deposit(MERCHANT, "CNY"), {"available": "much"}),
    (lambda _: table.receivable(MERCHANT, "CNY"), {"owed": "much"}),
    (lambda _: table.merchant_currency(MERCHANT, "CNY"), {"shards": "two"}),
    (lambda _: table.buyer_balance(BUYER, "CNY"), {"available": "much"}),
    (lambda _: table.statement_head(SELLER), {"balances": None}),
    (lambda _: table.statement_head(CUSTOMER), {"last_number": "last"}),
    (lambda _: table.statement_month(SELLER, "2024-03"), {"entries": "many"}),
    (lambda _: table.statement_month(CUSTOMER, "2024-03"), {"credited": None}),
    (lambda stores: entry_key(stores, SELLER, 3), {"balances": None}),
    (lambda stores: entry_key(stores, SELLER, 8), {"balances": None}),
    (lambda stores: entry_key(stores, SELLER, 8), {"change": "much"}),
    (lambda _: table.booked(SELLER, "rf_1"), {"number": "first"}),
    (lambda stores: table.posting(a_credit(stores)), {"posting_id": "a:b"}),
    (lambda _: table.refund("rf_1"), {"refund_id": "rf_2"}),
    (lambda _: table.refund("rf_1"), {"amount": "many"}),
    (lambda _: table.refund("rf_4"), {"amount": None}),
    (lambda _: table.refund("rf_1"), {"status": None}),
    (lambda _: table.order("order-1"), {"completed_at": 2024}),
    (lambda _: table.order("order-1"), {"refundable": None}),
]


@pytest.mark.parametrize(("key_in", "changed"), UNREADABLE)
def test_of_what_cannot_be_read_nothing_else_is_blamed(
    local_aws: str, key_in: Callable[[Stores], Key], changed: dict[str, object]
) -> None:
    stores = engines.stores_at(local_aws)
    market(stores)
    key = key_in(stores)
    overwrite(stores, key, **changed)
    report = reconcile(stores)
    named = [(each.kind, each.subject) for each in report.named]
    assert named == [(Kind.ITEM_UNREADABLE, f"item:{key['pk']['S']}:{key['sk']['S']}")]
    assert (report.differences, report.filled, report.moving) == (1, 0, 0)


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        (table.statement_head(SELLER), {"balances": None}),
        (table.statement_month(SELLER, "2024-03"), {"entries": "many"}),
    ],
)
def test_a_gap_in_a_statement_that_cannot_be_written_stops_nothing(
    stores: Stores, key: Key, changed: dict[str, object]
) -> None:
    market(stores)
    gap = unbooked(stores)[1]
    subject = overdrawn(stores)
    overwrite(stores, key, **changed)
    report = reconcile(stores)
    unreadable = f"item:{key['pk']['S']}:{key['sk']['S']}"
    assert {each.subject for each in report.named} == {gap, subject, unreadable}
    assert report.filled_named == (f"posting:rf_7:buyer:{BUYER}",)
    # Made again, it can be written.
    overwrite(stores, table.order("order-2"), refundable=850)
    stores.rebuilds.rebuild(SELLER)
    report = reconcile(stores, LATER + timedelta(days=1))
    assert (report.differences, report.filled_named) == (0, (gap,))


@pytest.mark.parametrize("looked_through", [1000, 0])
def test_a_posting_that_was_booked_late_is_not_booked_again(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, looked_through: int
) -> None:
    """Unless so many came after it that it is not looked for that far."""
    monkeypatch.setattr(walks, "LOOKED_THROUGH", looked_through)
    credit = fund(stores, 100)
    items = tables.plain_items(stores.client, stores.table)
    [posting] = [found for item in items if (found := stores.statements.posting_of(item))]
    stores.statements.book(SELLER, [posting], now=NOON + timedelta(minutes=5))
    delete(stores, table.booked(SELLER, credit.credit_id))
    report = reconcile(stores)
    assert report.filled == 1
    assert stores.statements.head(SELLER).number == (1 if looked_through else 2)


def test_a_report_is_kept_by_the_next_run_when_its_own_stopped_before(stores: Stores) -> None:
    market(stores)
    with (
        wire.faulty(stores.client, "PutItem", wire.fine, wire.refused("AccessDeniedException")),
        pytest.raises(ClientError),
    ):
        reconcile(stores)
    ended = stores.reconciliation.report()
    assert ended
    assert ended.ended_at
    assert stores.reconciliation.report(ended.run_id) is None
    reconcile(stores, LATER + timedelta(days=1))
    assert stores.reconciliation.report(ended.run_id) == ended


def test_of_a_head_that_is_far_ahead_it_is_said_and_nobody_counts_to_it(local_aws: str) -> None:
    stores = engines.stores_at(local_aws)
    market(stores)
    overwrite(stores, table.statement_head(CUSTOMER), last_number=10**9)
    with wire.faulty(stores.client, "Query") as line:
        report = reconcile(stores)
    assert {(each.kind, each.subject) for each in report.named} == {
        (Kind.ENTRY_MISSING, f"entry:buyer:{BUYER}:CNY:{10**9}"),
        (Kind.MONTHS_DIFFER, f"months:buyer:{BUYER}:CNY"),
    }
    assert len(line.sent) < 500


def test_every_kind_of_difference_is_tried_here() -> None:
    assert {kind for _, kind in TAMPERED} | {Kind.POSTING_UNBOOKED} == set(Kind)


def test_a_run_that_stops_goes_on_where_it_was_and_ends_once(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes: a run belongs to no hour."""
    market(stores)
    subjects = {overdrawn(stores), shard_differs(stores)}
    monkeypatch.setattr(reconciliation, "PAGE", 3)
    looked_at: list[int] = []
    clock = Clock()
    report = go_on(stores, clock, pages=0)
    assert (report.looked_at, report.ended_at, stores.reconciliation.report()) == (0, None, None)
    while report.ended_at is None:
        clock.now += timedelta(minutes=50)
        report = go_on(stores, clock, pages=2)
        looked_at.append(report.looked_at)
    assert len(looked_at) > 3
    assert looked_at == sorted(looked_at)
    assert {each.subject for each in report.named} == subjects
    assert report.differences == 2
    monkeypatch.undo()
    # A new run begins when it is time for one, and no sooner.
    store = stores.reconciliation
    again = reconciliation.reconcile(
        store=store, clock=clock, ready=lambda _: True, not_before=timedelta(days=365)
    )
    assert again == report
    whole = reconcile(stores, clock.now + PAUSE)
    assert whole.run_id != report.run_id
    assert set(whole.named) == set(report.named)


def test_of_two_callers_at_once_one_notes_a_page_and_the_other_goes_on_from_there(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    market(stores)
    alone = reconcile(stores)
    monkeypatch.setattr(reconciliation, "PAGE", 5)
    clock = Clock(LATER + timedelta(days=1))
    reports: list[Report] = []

    def other(_: object) -> None:
        reports.append(go_on(Stores(stores.client, stores.table), clock, pages=2))

    with wire.faulty(stores.client, "PutItem", other, wire.fine, wire.fine, other, other):
        report = go_on(stores, clock)
    assert len({each.run_id for each in (report, *reports)}) == 1
    assert report.ended_at
    # The first run's own report is an item more.
    assert report.looked_at - alone.looked_at in {1, 2, 3}
    assert (report.differences, report.totals) == (0, alone.totals)


def test_a_report_names_the_first_hundred_differences_and_counts_them_all(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_NAMED", 2)
    monkeypatch.setattr(reconciliation, "MAX_SUSPECTS", 4)
    monkeypatch.setattr(reconciliation, "AGAIN_AT_ONCE", 3)
    for number in range(6):
        stores.refunds.put_order(examples.order(order_id=f"order-{number}"))
        overwrite(stores, table.order(f"order-{number}"), refundable=1)
    report = reconcile(stores)
    assert (report.differences, len(report.named), report.unsettled) == (4, 2, 2)
    assert report.named[0] == Difference(
        kind=Kind.ORDER_OVERDRAWN, subject=report.named[0].subject, expected=1000, found=1
    )


def test_while_the_walk_goes_on_what_has_come_right_makes_room_for_what_is_met_later(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_SUSPECTS", 2)
    monkeypatch.setattr(reconciliation, "PAGE", 1)
    for number in range(6):
        stores.refunds.put_order(examples.order(order_id=f"order-{number}"))
        overwrite(stores, table.order(f"order-{number}"), refundable=1)
    clock = Clock()
    report = go_on(stores, clock, pages=1)
    while report.ended_at is None:
        for suspect in report.suspects if len(report.suspects) == 2 else ():
            overwrite(stores, suspect.key, refundable=1000)
        clock.now += PAUSE
        report = go_on(stores, clock, pages=1)
    assert (report.looked_at, report.differences, report.unsettled) == (7, 0, 0)


def test_what_is_wrong_still_is_judged_when_the_walk_has_met_every_gap(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_SUSPECTS", 1)
    monkeypatch.setattr(reconciliation, "PAGE", 1)
    fund(stores, 100)
    clock, seen = Clock(), 0
    report = go_on(stores, clock, pages=1)
    while report.ended_at is None:
        seen = max(seen, len(report.suspects))
        clock.now += PAUSE
        report = go_on(stores, clock, pages=4)
    assert (report.differences, report.filled, report.unsettled) == (0, 1, 0)
    assert seen == 1


def test_gaps_of_an_owner_are_looked_for_together_and_once(stores: Stores) -> None:
    for number in range(4):
        fund(stores, 1, f"gap-{number}")
    book(stores)
    marks = [
        table.key_of(item)
        for item in tables.plain_items(stores.client, stores.table)
        if item["pk"].startswith("BOOKED#")
    ]
    for key in marks[1:]:
        delete(stores, key)
    names = [key["sk"]["S"] for key in marks]
    with wire.faulty(stores.client, "Query") as line:
        assert sorted(stores.reconciliation.fill(SELLER, names, now=LATER)) == sorted(names[1:])
    assert len(line.sent) <= table.LIST_BUCKETS
    assert stores.statements.head(SELLER).number == 4


def test_a_gap_for_which_there_is_no_time_is_no_difference_and_is_filled_later(
    stores: Stores,
) -> None:
    """The page comes again, and is smaller."""
    fund(stores, 100)
    clock = Clock()
    time_to_look = len(tables.plain_items(stores.client, stores.table))
    report = go_on(stores, clock, pages=time_to_look)
    assert (report.filled, report.looked_at, report.suspects, report.halved) == (0, 0, (), 1)
    report = go_on(stores, clock)
    assert (report.filled, len(report.suspects), report.halved) == (1, 1, 0)
    clock.now += PAUSE
    report = go_on(stores, clock)
    assert (report.differences, report.moving, report.ended_at) == (0, 0, clock.now)


def test_a_suspected_gap_for_which_there_is_no_time_is_not_judged(stores: Stores) -> None:
    fund(stores, 100)
    clock = Clock(NOON + timedelta(seconds=30))
    assert len(go_on(stores, clock).suspects) == 2
    clock.now += PAUSE
    report = go_on(stores, clock, pages=1)
    assert (report.filled, report.differences, len(report.suspects)) == (0, 0, 2)
    clock.now += PAUSE
    report = go_on(stores, clock)
    assert (report.filled, report.differences, report.moving) == (1, 0, 0)


def unbooked(stores: Stores) -> list[str]:
    """The stream has lost what came last; its merchant's and its buyer's statements lack it."""
    accept(stores, 7)
    settle(stores, "rf_7")
    return [f"posting:rf_7:buyer:{BUYER}", f"posting:rf_7:merchant:{MERCHANT}"]


def test_a_gap_in_the_statements_is_filled_and_named_and_is_no_difference(
    stores: Stores,
) -> None:
    market(stores)
    before = {owner: stores.statements.head(owner) for owner in (SELLER, CUSTOMER)}
    subjects = unbooked(stores)
    report = reconcile(stores)
    assert (report.filled, sorted(report.filled_named)) == (2, subjects)
    assert (report.differences, report.moving) == (0, 0)
    for owner, head in before.items():
        assert stores.statements.head(owner).number == head.number + 1
    again = reconcile(stores)
    assert (again.filled, again.differences) == (0, 0)


def said_unbooked(report: Report) -> list[str]:
    kind = Kind.POSTING_UNBOOKED
    return sorted(each.subject for each in report.named if each.kind is kind)


def test_a_gap_that_cannot_be_filled_is_a_difference(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    market(stores)
    subjects = unbooked(stores)

    def lost(*_: object, **__: object) -> list[str]:
        raise StatementLost

    monkeypatch.setattr(walks.ReconciliationStore, "fill", lost)
    clock = Clock()
    go_on(stores, clock)
    clock.now += PAUSE
    report = go_on(stores, clock)
    assert said_unbooked(report) == subjects
    assert report.filled == 0


def test_a_gap_in_a_statement_that_others_write_at_each_look_is_no_difference(
    stores: Stores,
) -> None:
    market(stores)
    subjects = unbooked(stores)
    clock = Clock()
    always = [wire.canceled("ConditionalCheckFailed")] * (CONFLICT_TRIES * 2)
    for _ in range(reconciliation.LOOKS):
        with wire.faulty(stores.client, "TransactWriteItems", *always):
            report = go_on(stores, clock)
        clock.now += PAUSE
    assert said_unbooked(report) == []
    assert sorted(report.moving_named) == subjects
    assert report.filled == 0


def test_a_gap_in_a_statement_that_others_wrote_at_first_is_filled_later(stores: Stores) -> None:
    market(stores)
    unbooked(stores)
    clock = Clock()
    at_first = [wire.canceled("ConditionalCheckFailed")] * (CONFLICT_TRIES * 4)
    with wire.faulty(stores.client, "TransactWriteItems", *at_first):
        go_on(stores, clock)
        clock.now += PAUSE
        go_on(stores, clock)
    while (report := go_on(stores, clock)).ended_at is None:
        clock.now += PAUSE
    assert (report.filled, report.differences, report.moving) == (2, 0, 0)


def test_an_entry_that_has_lost_its_record_gets_it_back_and_is_not_booked_twice(
    stores: Stores,
) -> None:
    market(stores)
    before = everything(stores)
    delete(stores, table.booked(SELLER, "rf_1"))
    report = reconcile(stores)
    assert report.filled_named == (f"posting:rf_1:merchant:{MERCHANT}",)
    assert report.differences == 0
    assert [each for each in everything(stores) if "RECONCILIATION" not in each] == before


def test_a_posting_on_its_way_into_the_statements_is_no_difference_yet(stores: Stores) -> None:
    fund(stores, 100)
    clock = Clock(NOON + timedelta(seconds=30))
    report = go_on(stores, clock)
    assert {each.seemed[0].kind for each in report.suspects} == {
        Kind.BALANCE_DIFFERS,
        Kind.POSTING_UNBOOKED,
    }
    assert report.looks_again_at == clock.now + PAUSE
    assert (report.ended_at, report.filled) == (None, 0)
    # Nothing is done before it is time, however often it is called.
    assert go_on(stores, clock) == report
    book(stores)
    clock.now += PAUSE
    report = go_on(stores, clock)
    assert (report.ended_at, report.differences, report.moving) == (clock.now, 0, 0)
    assert report.filled == 0


def test_a_posting_that_is_not_booked_after_a_minute_is_booked_before_balances_are_judged(
    stores: Stores,
) -> None:
    fund(stores, 100)
    clock = Clock(NOON + timedelta(seconds=30))
    assert len(go_on(stores, clock).suspects) == 2
    clock.now += PAUSE
    report = go_on(stores, clock)
    assert (report.ended_at, report.differences, report.filled) == (clock.now, 0, 1)


def test_balances_that_move_between_all_looks_are_said_to_move(stores: Stores) -> None:
    fund(stores, 100)
    clock = Clock(NOON + timedelta(seconds=30))
    report = go_on(stores, clock)
    for number in range(reconciliation.LOOKS - 1):
        assert report.ended_at is None
        fund(stores, 1, f"moving-{number}")
        clock.now += PAUSE
        report = go_on(stores, clock)
    assert report.ended_at == clock.now
    assert (report.differences, report.moving) == (0, 1)
    assert report.moving_named == (f"merchant:{MERCHANT}:available:CNY",)


def test_a_shard_that_is_given_back_meanwhile_is_no_difference(stores: Stores) -> None:
    market(stores)
    shard_uncounted(stores)
    clock = Clock()
    assert go_on(stores, clock).suspects
    delete(stores, table.wallet(MERCHANT, "CNY", 2))
    clock.now += PAUSE
    report = go_on(stores, clock)
    assert (report.ended_at, report.differences) == (clock.now, 0)


def refunds_read(line: wire.Line) -> list[dict[str, Any]]:
    lists = [sent for sent in line.sent if sent.get("IndexName") == table.BUYER_LIST]
    return [each["ExpressionAttributeValues"] for each in lists]


def test_a_buyer_s_refunds_are_read_once_for_all_orders_of_a_page(stores: Stores) -> None:
    market(stores)
    for number in range(5):
        stores.refunds.put_order(examples.order(order_id=f"more-{number}"))
    with wire.faulty(stores.client, "Query") as line:
        report = go_on(stores, Clock())
    assert (report.walked, report.suspects) == (True, ())
    [values] = refunds_read(line)
    assert values[":begin"]["S"] < format_instant(NOON) < values[":end"]["S"]


def test_refunds_between_two_orders_far_apart_are_not_read(stores: Stores) -> None:
    market(stores)
    later = NOON + timedelta(days=90)
    order = examples.order(order_id="later", placed_at=later, completed_at=later)
    stores.refunds.put_order(order)
    with wire.faulty(stores.client, "Query") as line:
        go_on(stores, Clock())
    first, second = sorted(refunds_read(line), key=lambda each: each[":begin"]["S"])
    assert first[":end"]["S"] < second[":begin"]["S"]


def test_a_page_for_which_there_is_not_enough_time_is_gone_through_in_parts(
    stores: Stores,
) -> None:
    """As many items as there is time for, and one at least."""
    market(stores)
    subjects = {overdrawn(stores), shard_differs(stores)}
    clock = Clock()
    looked_at = [go_on(stores, clock, pages=1).looked_at]
    while not (report := go_on(stores, clock, pages=1)).walked:
        looked_at.append(report.looked_at)
    assert looked_at == [*range(1, len(looked_at) + 1)]
    while report.ended_at is None:
        clock.now += PAUSE
        report = go_on(stores, clock, pages=1)
    assert {each.subject for each in report.named} == subjects
    assert report.differences == 2
