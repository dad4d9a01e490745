"""Reconciliation: what is changed by hand is found and named, and nothing else is blamed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count

import pytest

from refunds import reconciliation, statements, table
from refunds.reconciliation import LATEST, Difference, Kind, Report
from refunds.statements import Owner
from refunds.stores import reconciliation as walks
from refunds.stores.dynamo import to_item
from refunds.table import Key
from refunds.wallets import CreditTarget
from tests.stores import tables, wire
from tests.stores.engines import Stores
from tests.stores.market import accept, fund, limits, settle
from tests.unit import examples
from tests.unit.examples import BUYER, MERCHANT, NOON

LATER = NOON + timedelta(hours=1)


def market(stores: Stores) -> None:
    """Refunds in every state, all sources in use, and every posting booked."""
    limits(stores, guarantee=1000)
    fund(stores, 250)
    fund(stores, 100, "dep", target=CreditTarget.DEPOSIT)
    for number, amount in enumerate((100, 200, 150, 900)):
        accept(stores, number, amount=amount)
    settle(stores, *(f"rf_{number}" for number in range(4)))
    accept(stores, 4)
    accept(stores, 5)
    stores.refunds.cancel(examples.refund(refund_id="rf_5", order_id="order-5"), now=NOON)
    book(stores)


def book(stores: Stores) -> None:
    store = stores.statements
    for item in tables.plain_items(stores.client, stores.table):
        posting = store.posting_of(item)
        if posting:
            for owner in statements.owners(posting):
                store.book(owner, [posting], now=NOON)


def reconcile(stores: Stores, run_id: str = "run", pages: int = 1000) -> Report:
    """One call, with time for so many pages."""
    left = count()
    return reconciliation.reconcile(
        run_id, store=stores.reconciliation, clock=lambda: LATER, ready=lambda _: next(left) < pages
    )


def overwrite(stores: Stores, key: Key, **changed: object) -> None:
    """Behind the product's back; what is None is taken away."""
    item = tables.item(stores.client, stores.table, key)
    assert item
    kept = {name: value for name, value in item.items() if name not in changed}
    stores.client.put_item(TableName=stores.table, Item={**kept, **to_item(changed)})


def test_in_an_honest_ledger_no_difference_is_found(stores: Stores) -> None:
    market(stores)
    report = reconcile(stores)
    assert (report.differences, report.named) == (0, ())
    assert report.ended_at == LATER
    assert report.looked_at > 20
    assert stores.reconciliation.report(LATEST) == report


def a_posting(stores: Stores) -> str:
    [name] = [
        item["posting_id"]
        for item in tables.plain_items(stores.client, stores.table)
        if item["sk"] == "POSTING" and item["record"]["target"] == "deposit"
    ]
    return str(name)


def unbalanced(stores: Stores) -> str:
    name = a_posting(stores)
    legs = [
        {"account": "external:settlement", "amount": -100},
        {"account": f"merchant:{MERCHANT}:deposit", "amount": 101},
    ]
    overwrite(stores, table.posting(name), legs=legs)
    return f"posting:{name}"


def unbooked(stores: Stores) -> str:
    owner = Owner("merchant", MERCHANT, "CNY")
    key = table.booked(owner, "rf_0")
    stores.client.delete_item(TableName=stores.table, Key=key)
    return f"posting:rf_0:merchant:{MERCHANT}"


def without_posting(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_0"), sources=None)
    return "refund:rf_0"


def early_posting(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_4"), sources={"available": 100}, succeeded_at="2024")
    return "refund:rf_4"


def other_sources(stores: Stores) -> str:
    overwrite(stores, table.refund("rf_1"), sources={"available": 199})
    return "refund:rf_1"


def overdrawn(stores: Stores) -> str:
    overwrite(stores, table.order("order-2"), refundable=900)
    return "order:order-2"


def negative(stores: Stores) -> str:
    owner = Owner("buyer", BUYER, "CNY")
    overwrite(stores, table.buyer_balance(BUYER, "CNY"), available=-7)
    parts = {"available": -7, "deposit": 0, "receivable": 0}
    overwrite(stores, table.statement_head(owner), balances=parts)
    return f"buyer:{BUYER}:available:CNY"


def shard_differs(stores: Stores) -> str:
    overwrite(stores, table.wallet(MERCHANT, "CNY"), available=3)
    return f"merchant:{MERCHANT}:available:CNY"


def deposit_differs(stores: Stores) -> str:
    overwrite(stores, table.deposit(MERCHANT, "CNY"), available=1)
    return f"merchant:{MERCHANT}:deposit:CNY"


def debt_differs(stores: Stores) -> str:
    overwrite(stores, table.receivable(MERCHANT, "CNY"), owed=1)
    return f"merchant:{MERCHANT}:receivable:CNY"


def buyer_differs(stores: Stores) -> str:
    overwrite(stores, table.buyer_balance(BUYER, "CNY"), available=10**6)
    return f"buyer:{BUYER}:available:CNY"


TAMPERED: list[tuple[Callable[[Stores], str], Kind]] = [
    (unbalanced, Kind.POSTING_UNBALANCED),
    (unbooked, Kind.POSTING_UNBOOKED),
    (without_posting, Kind.REFUND_WITHOUT_POSTING),
    (early_posting, Kind.REFUND_WITH_EARLY_POSTING),
    (other_sources, Kind.REFUND_SOURCES_DIFFER),
    (overdrawn, Kind.ORDER_OVERDRAWN),
    (negative, Kind.BALANCE_NEGATIVE),
    (shard_differs, Kind.BALANCE_DIFFERS),
    (deposit_differs, Kind.BALANCE_DIFFERS),
    (debt_differs, Kind.BALANCE_DIFFERS),
    (buyer_differs, Kind.BALANCE_DIFFERS),
]


@pytest.mark.parametrize(("tamper", "kind"), TAMPERED)
def test_a_difference_made_by_hand_is_found_and_named_and_nothing_else_is_blamed(
    stores: Stores, tamper: Callable[[Stores], str], kind: Kind
) -> None:
    market(stores)
    subject = tamper(stores)
    report = reconcile(stores)
    assert [(each.kind, each.subject) for each in report.named] == [(kind, subject)]
    assert report.differences == 1
    [named] = report.named
    assert named.expected != named.found


def test_every_kind_of_difference_is_tried_here() -> None:
    assert {kind for _, kind in TAMPERED} == set(Kind)


def test_a_run_that_stops_goes_on_where_it_was_and_ends_once(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    market(stores)
    subjects = {overdrawn(stores), shard_differs(stores)}
    monkeypatch.setattr(walks, "PAGE", 3)
    looked_at: list[int] = []
    report = reconcile(stores, pages=0)
    assert (report.looked_at, report.ended_at) == (0, None)
    while report.ended_at is None:
        report = reconcile(stores, pages=2)
        looked_at.append(report.looked_at)
    assert len(looked_at) > 3
    assert {each.subject for each in report.named} == subjects
    assert report.differences == 2
    monkeypatch.undo()
    # A report of its own is an item more; an ended run looks at nothing again.
    assert reconcile(stores) == report
    whole = reconcile(stores, "another")
    assert set(whole.named) == set(report.named)


def test_a_report_names_the_first_hundred_differences_and_counts_them_all(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_NAMED", 2)
    for number in range(4):
        stores.refunds.put_order(examples.order(order_id=f"order-{number}"))
        overwrite(stores, table.order(f"order-{number}"), refundable=1)
    report = reconcile(stores)
    assert (report.differences, len(report.named)) == (4, 2)
    assert report.named[0] == Difference(
        kind=Kind.ORDER_OVERDRAWN, subject=report.named[0].subject, expected=1000, found=1
    )


def test_a_posting_on_its_way_into_the_statements_is_no_difference_yet(stores: Stores) -> None:
    fund(stores, 100)
    store = stores.reconciliation
    [item] = [
        each for each in tables.plain_items(stores.client, stores.table) if each["sk"] == "POSTING"
    ]
    for before, found in ((item["posted_at"], 0), ("9999", 1)):
        differences = [*reconciliation.of_item(item, store=store, booked_before=before)]
        assert len(differences) == found


def moving(stores: Stores) -> Iterator[wire.Fault]:
    """Each look finds one credit more."""
    for number in count():

        def fault(_: object, number: int = number) -> None:
            fund(Stores(stores.client, stores.table), 1, f"moving-{number}")

        yield fault


def test_balances_that_move_while_they_are_looked_at_are_no_difference(stores: Stores) -> None:
    fund(stores, 100)
    store = stores.reconciliation
    [item] = [
        each
        for each in tables.plain_items(stores.client, stores.table)
        if each["pk"].startswith("CURRENCIES#") and each["sk"] == "CNY"
    ]

    def differences() -> list[Kind]:
        found = reconciliation.of_item(item, store=store, booked_before="")
        return [each.kind for each in found]

    assert differences() == [Kind.BALANCE_DIFFERS]
    faults = moving(stores)
    with wire.faulty(stores.client, "TransactGetItems", wire.fine, next(faults)):
        assert differences() == []
    book(stores)
    assert differences() == []


def test_an_order_refunded_while_it_is_looked_at_is_no_difference(stores: Stores) -> None:
    stores.refunds.put_order(examples.order())
    [item] = tables.plain_items(stores.client, stores.table)
    stores.refunds.accept(examples.refund())
    found = reconciliation.of_item(item, store=stores.reconciliation, booked_before="")
    assert [*found] == []
