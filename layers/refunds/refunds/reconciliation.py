"""Reconciliation: every account recomputed from postings, and every invariant looked at.

The table is walked in pages; each page's findings and where to go on are one item, so that a run
that stops goes on from there, in bounded memory. A balance is compared with what the head of its
statement says. While money moves the two differ for a moment: a difference counts only when both
stand still over two looks.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from refunds import statements
from refunds.fields import Instant, Model
from refunds.funding import Funds
from refunds.ledger import Posting
from refunds.statements import Balances, Owner
from refunds.times import format_instant

OPEN = {"pending", "awaiting_funds"}
PAID = {"succeeded", "reversed"}
RESERVED = OPEN | PAID
LATEST = "latest"
BOOKED_WITHIN = timedelta(minutes=5)
"""How long a posting may be on its way into the statements."""
MAX_NAMED = 100
"""Differences that a report names; it counts them all."""


class Kind(StrEnum):
    POSTING_UNBALANCED = "posting_unbalanced"
    POSTING_UNBOOKED = "posting_unbooked"
    REFUND_WITHOUT_POSTING = "refund_without_posting"
    REFUND_WITH_EARLY_POSTING = "refund_with_early_posting"
    REFUND_SOURCES_DIFFER = "refund_sources_differ"
    ORDER_OVERDRAWN = "order_overdrawn"
    BALANCE_NEGATIVE = "balance_negative"
    BALANCE_DIFFERS = "balance_differs"


class Difference(Model):
    """What is wrong, and with what: nothing else is blamed."""

    kind: Kind
    subject: str
    expected: int
    found: int


class Report(Model):
    """What one walk over the table found, so far."""

    run_id: str
    began_at: Instant
    ended_at: Instant | None = None
    looked_at: int = 0
    differences: int = 0
    named: tuple[Difference, ...] = ()
    """The first `MAX_NAMED` of them."""
    goes_on_at: dict[str, dict[str, str]] | None = None


class ReconciliationStore(Protocol):
    def report(self, run_id: str) -> Report | None: ...
    def note(self, report: Report) -> None: ...
    def page_of_items(self, start: Any) -> tuple[list[dict[str, Any]], Any]: ...
    def posting_of(self, item: Mapping[str, Any]) -> Posting | None: ...
    def unbooked(self, owner: Owner, posting_ids: list[str]) -> set[str]: ...
    def refundable(self, order_id: str) -> int: ...
    def refunded_of_order(self, order: Mapping[str, Any]) -> int: ...
    def head_balances(self, owner: Owner) -> Balances: ...
    def read_funds(self, merchant_id: str, currency: str) -> Funds: ...
    def buyer_balance(self, buyer_id: str, currency: str) -> int: ...


def reconcile(
    run_id: str,
    *,
    store: ReconciliationStore,
    clock: Callable[[], datetime],
    ready: Callable[[int], bool],
) -> Report:
    """Walk the table to its end, or for as long as there is time; a later call goes on."""
    report = store.report(run_id) or Report(run_id=run_id, began_at=clock())
    booked_before = format_instant(report.began_at - BOOKED_WITHIN)
    while report.ended_at is None and ready(0):
        items, goes_on_at = store.page_of_items(report.goes_on_at)
        found = [
            difference
            for item in items
            for difference in of_item(item, store=store, booked_before=booked_before)
        ]
        report = report.model_copy(
            update={
                "looked_at": report.looked_at + len(items),
                "differences": report.differences + len(found),
                "named": (*report.named, *found)[:MAX_NAMED],
                "goes_on_at": goes_on_at,
                "ended_at": None if goes_on_at else clock(),
            }
        )
        store.note(report)
    return report


def of_item(
    item: Mapping[str, Any], *, store: ReconciliationStore, booked_before: str
) -> Iterator[Difference]:
    """What is wrong with one item. Postings younger than `booked_before` may be unbooked still."""
    match item["pk"].split("#")[0]:
        case "REFUND" if item["sk"] == "REFUND":
            wrong = [*_of_refund(item)]
            yield from wrong or _of_posting(item, store, booked_before)
        case "POSTING":
            moved = sum(leg["amount"] for leg in item["legs"])
            if moved:
                yield _difference(
                    Kind.POSTING_UNBALANCED, f"posting:{item['posting_id']}", 0, moved
                )
            else:
                yield from _of_posting(item, store, booked_before)
        case "ORDER":
            yield from _of_order(item, store)
        case "CURRENCIES":
            yield from _of_merchant(item["merchant_id"], item["currency"], store)
        case "BUYER":
            buyer_id = item["pk"].removeprefix("BUYER#")
            yield from _of_buyer(buyer_id, item["sk"].removeprefix("BALANCE#"), store)


def _of_refund(item: Mapping[str, Any]) -> Iterator[Difference]:
    name = f"refund:{item['refund_id']}"
    paid = item["status"] in PAID
    sources = item.get("sources")
    if paid and not sources:
        yield _difference(Kind.REFUND_WITHOUT_POSTING, name, item["amount"], 0)
    elif sources and not paid:
        yield _difference(Kind.REFUND_WITH_EARLY_POSTING, name, 0, sum(sources.values()))
    elif sources and sum(sources.values()) != item["amount"]:
        yield _difference(Kind.REFUND_SOURCES_DIFFER, name, item["amount"], sum(sources.values()))


def _of_posting(
    item: Mapping[str, Any], store: ReconciliationStore, booked_before: str
) -> Iterator[Difference]:
    posting = store.posting_of(item)
    if posting is None or posting.posted_at >= booked_before:
        return
    for owner in statements.owners(posting):
        if store.unbooked(owner, [posting.posting_id]):
            name = f"posting:{posting.posting_id}:{owner.role}:{owner.id}"
            yield _difference(Kind.POSTING_UNBOOKED, name, 1, 0)


def _of_order(item: Mapping[str, Any], store: ReconciliationStore) -> Iterator[Difference]:
    name = f"order:{item['order_id']}"
    refunded = store.refunded_of_order(item)
    expected = item["amount"] - refunded
    if expected >= 0 and item["refundable"] == expected:
        return
    refundable = item["refundable"]
    again = store.refundable(item["order_id"]), store.refunded_of_order(item)
    if (refundable, refunded) == again:
        yield _difference(Kind.ORDER_OVERDRAWN, name, expected, refundable)


def _of_merchant(
    merchant_id: str, currency: str, store: ReconciliationStore
) -> Iterator[Difference]:
    owner = Owner("merchant", merchant_id, currency)

    def stored() -> Balances:
        funds = store.read_funds(merchant_id, currency)
        return Balances(funds.available, funds.deposit, -funds.owed)

    yield from _compare(owner, stored, store)


def _of_buyer(buyer_id: str, currency: str, store: ReconciliationStore) -> Iterator[Difference]:
    owner = Owner("buyer", buyer_id, currency)
    yield from _compare(
        owner, lambda: Balances(available=store.buyer_balance(buyer_id, currency)), store
    )


def _compare(
    owner: Owner, stored: Callable[[], Balances], store: ReconciliationStore
) -> Iterator[Difference]:
    expected, found = store.head_balances(owner), stored()
    if expected != found and (expected, found) != (store.head_balances(owner), stored()):
        return
    name = f"{owner.role}:{owner.id}"
    for part in ("available", "deposit", "receivable"):
        subject = f"{name}:{part}:{owner.currency}"
        wanted, has = getattr(expected, part), getattr(found, part)
        if wanted != has:
            yield _difference(Kind.BALANCE_DIFFERS, subject, wanted, has)
        if part != "receivable" and has < 0:
            yield _difference(Kind.BALANCE_NEGATIVE, subject, 0, has)


def _difference(kind: Kind, subject: str, expected: int, found: int) -> Difference:
    return Difference(kind=kind, subject=subject, expected=expected, found=found)
