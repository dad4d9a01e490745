"""What may be wrong with one item of the table: each invariant, looked at where it would break.

Together they recompute every account: each posting is in its owners' statements once, each entry
says what its posting moved, its balances follow from the entry before it, and the last ones are
the stored balances. So each step of every sum is checked, and no sum is ever held in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from refunds import accounts, debits, ledger, statements
from refunds.books import Books, OtherUnreadable, entry_name, parts, reading_others, same, whole
from refunds.deadline import Ready
from refunds.differences import Difference, Gap, Kind, difference, first_unequal
from refunds.errors import UNREADABLE
from refunds.refunded import PAID, Item, Refunded
from refunds.refunds import reversal_id
from refunds.statements import Balances, Entry, Mark, Owner
from refunds.times import format_instant

PARTIES = 3
"""A refund and its order are of the same merchant, buyer and currency."""
BOOKED_WITHIN = timedelta(seconds=60)
"""How long a posting may be on its way into the statements before it is booked from here."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page's items are compared with, as far as it is read for all of them together."""

    marks: Mapping[tuple[Owner, str], Mark]
    postings: Mapping[str, Item]
    orders: Mapping[str, Item]
    """Of the refunds among the items and postings."""
    refunded: Refunded


type Looked = tuple[Item, tuple[Difference, ...]]


def look(items: Sequence[Item], *, books: Books, ready: Ready) -> list[Looked]:
    """What seems wrong with each item, in their order, for as long as there is time; one at least.

    While money moves, it may be the look that is wrong.
    """
    page = _page(items, books)
    looked: list[Looked] = []
    for item in items:
        if looked and not ready(0):
            break
        looked.append((item, _seems(item, books, page)))
    return looked


def bookings(item: Item, books: Books) -> Iterator[Gap]:
    """What should be recorded of a posting, or of an item that holds one."""
    posting = books.posting_of(item) if _is_sound(item) else None
    if posting:
        yield from (Gap(owner, posting.posting_id) for owner in statements.owners(posting))


def _page(items: Sequence[Item], books: Books) -> _Page:
    recorded: set[tuple[Owner, str]] = set()
    wanted: set[str] = set()
    for item in items:
        with suppress(*UNREADABLE):
            wanted |= _postings(item, books)
            if books.is_entry(item):
                owner, entry = books.entry_of(item)
                recorded.add((owner, entry.posting_id))
            else:
                recorded.update(bookings(item, books))
    postings = books.posting_items(wanted)
    refunds = (each for each in (*items, *postings.values()) if each["sk"] == "REFUND")
    return _Page(
        marks=books.marks(recorded),
        postings=postings,
        orders=books.orders({str(each.get("order_id")) for each in refunds}),
        refunded=Refunded(items, books),
    )


def _postings(item: Item, books: Books) -> set[str]:
    """What it is compared with."""
    if books.is_entry(item):
        return {item["posting_id"]}
    return {reversal_id(item["refund_id"])} if _is_paid(item) else set()


def _seems(item: Item, books: Books, page: _Page) -> tuple[Difference, ...]:
    seems: list[Difference] = []
    try:
        seems += _of_item(item, books, page)
    except OtherUnreadable:
        pass
    except UNREADABLE:
        seems = [difference(Kind.ITEM_UNREADABLE, f"item:{item['pk']}:{item['sk']}", 1, 0)]
    return tuple(seems)


def legs_before(item: Item, before: datetime) -> tuple[ledger.Leg, ...]:
    """What an item moved before that instant, whether or not it is right; if it can be read."""
    legs = _legs(item)
    return legs if legs and ledger.posted_at_of(item) < format_instant(before) else ()


def _of_item(item: Item, books: Books, page: _Page) -> Iterator[Difference]:
    kind, *names = item["pk"].split("#")
    match kind:
        case "REFUND" if item["sk"] == "REFUND":
            same(item["refund_id"], names[0])
            wrong = [*_of_refund(item, page)]
            yield from wrong or _of_posting(item, books, page)
        case "POSTING":
            same(item["posting_id"], names[0])
            moved = sum(leg.amount for leg in ledger.legs_of_item(item))
            if moved:
                name = f"posting:{item['posting_id']}"
                yield difference(Kind.POSTING_UNBALANCED, name, 0, moved)
            yield from _of_posting(item, books, page)
        case "ORDER":
            yield from _of_order(item, page)
        case "BOOKED":
            whole(item["number"])
        case "STATEMENT" if books.is_entry(item):
            owner, entry = books.entry_of(item)
            whole(entry.number, *parts(entry.balances), *parts(entry.change))
            yield from _of_entry(owner, entry, books, page)
        case _:
            yield from accounts.of_item(item, books)


def _of_refund(item: Item, page: _Page) -> Iterator[Difference]:
    name = f"refund:{item['refund_id']}"
    paid, amount = _is_paid(item), int(item["amount"])
    drawn = sum(item.get("sources", {}).values())
    if paid and not drawn:
        yield difference(Kind.REFUND_WITHOUT_POSTING, name, amount, 0)
    elif drawn and not paid:
        yield difference(Kind.REFUND_WITH_EARLY_POSTING, name, 0, drawn)
    elif drawn and drawn != amount:
        yield difference(Kind.REFUND_SOURCES_DIFFER, name, amount, drawn)
    if paid:
        yield from _of_reversal(item, name, page)
    expected, found = _schedule(item)
    if expected != found:
        yield difference(Kind.REFUND_UNSCHEDULED, name, expected, found)
    agreed = _agreed(item, page)
    if agreed != PARTIES:
        yield difference(Kind.REFUND_ORDER_DIFFERS, name, PARTIES, agreed)


def _schedule(item: Item) -> tuple[int, int]:
    """In how many lists a refund should be that somebody serves, and is: due, and waiting."""
    status = item["status"]
    expected = (status in debits.OPEN) + (status == "awaiting_funds")
    return expected, ("due_bucket" in item and "due_at" in item) + ("waiting_list" in item)


def _agreed(item: Item, page: _Page) -> int:
    """In how many of `PARTIES` a refund says what its order does; in none, when there is none."""
    order = page.orders.get(str(item.get("order_id")), {})
    return sum(
        order.get(name) == item.get(name) is not None
        for name in ("merchant_id", "buyer_id", "currency")
    )


def _of_reversal(item: Item, name: str, page: _Page) -> Iterator[Difference]:
    reversal = page.postings.get(reversal_id(item["refund_id"]))
    expected = item["amount"] if item["status"] == "reversed" else 0
    buyer, legs = ledger.buyer(item["buyer_id"]), (reversal and _legs(reversal)) or ()
    found = -sum(leg.amount for leg in legs if leg.account == buyer)
    if expected != found:
        yield difference(Kind.REFUND_REVERSAL_DIFFERS, name, expected, found)


def _is_paid(item: Item) -> bool:
    return item["sk"] == "REFUND" and item["status"] in PAID


def _is_sound(item: Item) -> bool:
    """Whether a posting is as it must be; if not it is blamed, and not what follows from it."""
    try:
        legs = ledger.legs_of_item(item)
        is_refund = item["sk"] == "REFUND"
        belongs = not is_refund or _is_paid(item) == bool(legs)
        same(item["refund_id" if is_refund else "posting_id"], item["pk"].split("#")[1])
    except UNREADABLE:
        return False
    return bool(legs) and belongs and sum(leg.amount for leg in legs) == 0


def _legs(item: Item) -> tuple[ledger.Leg, ...] | None:
    """None when they cannot be read."""
    try:
        return ledger.legs_of_item(item)
    except UNREADABLE:
        return None


def _of_posting(item: Item, books: Books, page: _Page) -> Iterator[Difference]:
    for each in bookings(item, books):
        if each not in page.marks:
            yield difference(Kind.POSTING_UNBOOKED, each.subject, 1, 0)


def _of_order(item: Item, page: _Page) -> Iterator[Difference]:
    refunded = page.refunded.of(item)
    if refunded is None:
        return
    expected = item["amount"] - refunded
    if expected < 0 or item["refundable"] != expected:
        name = f"order:{item['order_id']}"
        yield difference(Kind.ORDER_OVERDRAWN, name, expected, item["refundable"])


def _of_entry(owner: Owner, entry: Entry, books: Books, page: _Page) -> Iterator[Difference]:
    name = entry_name(owner, entry.number)
    item = page.postings.get(entry.posting_id)
    if item and not (_is_sound(item) and _is_of_its_order(item, page)):
        return
    posting = books.posting_of(item) if item else None
    mark = page.marks.get((owner, entry.posting_id))
    with reading_others():
        whole(mark.number if mark else 0)
    if posting is None or mark != Mark(entry.number, entry.booked_at):
        recorded = mark.number if posting and mark else 0
        yield difference(Kind.ENTRY_UNRECORDED, name, recorded, entry.number)
        return
    moved = statements.change(posting, owner)
    if entry.change != moved:
        yield from first_unequal(Kind.ENTRY_DIFFERS, name, moved, entry.change)
        return
    with reading_others():
        before = books.entry_before(owner, entry.head)
    follows = (before.balances if before else Balances()) + moved
    number = before.number if before else 0
    if entry.balances == follows:
        return
    if number < entry.number - 1:
        yield difference(Kind.ENTRY_MISSING, entry_name(owner, entry.number - 1), 1, 0)
    elif before is None or _follows(owner, before, books):
        yield from first_unequal(Kind.ENTRY_DIFFERS, name, follows, entry.balances)


def _follows(owner: Owner, entry: Entry, books: Books) -> bool:
    """Whether its balances follow from those before; if not, it is blamed, and not the next."""
    before = books.entry_before(owner, entry.head)
    return entry.balances == (before.balances if before else Balances()) + entry.change


def _is_of_its_order(item: Item, page: _Page) -> bool:
    return item["sk"] != "REFUND" or _agreed(item, page) == PARTIES
