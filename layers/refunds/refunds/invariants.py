"""What may be wrong with one item of the table: each invariant, looked at where it would break.

Together they recompute every account: each posting is in its owners' statements once, each entry
says what its posting moved, its balances follow from the entry before it, and the last ones are
the stored balances. So each step of every sum is checked, and no sum is ever held in memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from refunds import ledger, statements
from refunds.deadline import Ready
from refunds.differences import Difference, Kind, difference, first_unequal
from refunds.errors import UNREADABLE
from refunds.ledger import Posting
from refunds.refunded import PAID, BuyerRefunds, Item, Refunded
from refunds.refunds import reversal_id
from refunds.statements import Balances, Entry, Head, Mark, MonthTotal, Owner
from refunds.times import format_instant

BOOKED_WITHIN = timedelta(seconds=60)
"""How long a posting may be on its way into the statements before it is booked from here."""


class Sources(NamedTuple):
    """A merchant's balances in one currency, read one by one: money may move between."""

    counted: int
    shards: Mapping[int, int]
    """The balance of each shard that is there, counted or not."""
    deposit: int
    owed: int


class Books(BuyerRefunds, Protocol):
    """What an item is compared with."""

    def posting_of(self, item: Item) -> Posting | None: ...
    def posting_items(self, posting_ids: Iterable[str]) -> Mapping[str, Item]: ...
    def marks(self, wanted: set[tuple[Owner, str]]) -> dict[tuple[Owner, str], Mark]: ...
    def stored_head(self, owner: Owner) -> Head | None: ...
    def months(self, owner: Owner) -> list[MonthTotal]: ...
    def last_entry(self, owner: Owner) -> Entry | None: ...
    def entry(self, owner: Owner, booked_at: str, number: int) -> Entry | None: ...
    def entry_before(self, owner: Owner, head: Head) -> Entry | None: ...
    def sources(self, merchant_id: str, currency: str) -> Sources: ...
    def counted_shards(self, merchant_id: str, currency: str) -> int: ...
    def buyer_balance(self, buyer_id: str, currency: str) -> int: ...
    def is_entry(self, item: Item) -> bool: ...
    def entry_of(self, item: Item) -> tuple[Owner, Entry]: ...


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page's items are compared with, as far as it is read for all of them together."""

    marks: Mapping[tuple[Owner, str], Mark]
    postings: Mapping[str, Item]
    refunded: Refunded


type Looked = tuple[Item, tuple[Difference, ...]]


def look(items: Sequence[Item], *, books: Books, ready: Ready) -> list[Looked]:
    """What seems wrong with each item, in their order, for as long as there is time; one at least.

    While money moves, it may be the look that is wrong.
    """
    bookings: set[tuple[Owner, str]] = set()
    postings: set[str] = set()
    for item in items:
        with suppress(*UNREADABLE):
            bookings |= _bookings(item, books)
            postings |= _postings(item, books)
    page = _Page(
        marks=books.marks(bookings),
        postings=books.posting_items(postings),
        refunded=Refunded(items, books),
    )
    looked: list[Looked] = []
    for item in items:
        if looked and not ready(0):
            break
        looked.append((item, _seems(item, books, page)))
    return looked


def _bookings(item: Item, books: Books) -> set[tuple[Owner, str]]:
    """What should be recorded of it."""
    if books.is_entry(item):
        owner, entry = books.entry_of(item)
        return {(owner, entry.posting_id)}
    posting = _sound_posting(item, books)
    owners = statements.owners(posting) if posting else ()
    return {(owner, posting.posting_id) for owner in owners if posting}


def _postings(item: Item, books: Books) -> set[str]:
    """What it is compared with."""
    if books.is_entry(item):
        return {item["posting_id"]}
    return {reversal_id(item["refund_id"])} if _is_paid(item) else set()


def _seems(item: Item, books: Books, page: _Page) -> tuple[Difference, ...]:
    try:
        return tuple(_of_item(item, books, page))
    except UNREADABLE:
        name = f"item:{item['pk']}:{item['sk']}"
        return (difference(Kind.ITEM_UNREADABLE, name, 1, 0),)


def legs_before(item: Item, before: datetime) -> tuple[ledger.Leg, ...]:
    """What an item moved before that instant, whether or not it is right; if it can be read."""
    legs = _legs(item)
    return legs if legs and ledger.posted_at_of(item) < format_instant(before) else ()


def _of_item(item: Item, books: Books, page: _Page) -> Iterator[Difference]:
    kind, *names = item["pk"].split("#")
    match kind:
        case "REFUND" if item["sk"] == "REFUND":
            wrong = [*_of_refund(item, page)]
            yield from wrong or _of_posting(item, books, page)
        case "POSTING":
            moved = sum(leg.amount for leg in ledger.legs_of_item(item))
            if moved:
                name = f"posting:{item['posting_id']}"
                yield difference(Kind.POSTING_UNBALANCED, name, 0, moved)
            yield from _of_posting(item, books, page)
        case "ORDER":
            yield from _of_order(item, page)
        case "CURRENCIES":
            yield from _of_merchant(names[0], item["sk"], books)
        case "BUYER":
            yield from _of_buyer(names[0], item["sk"].removeprefix("BALANCE#"), books)
        case "WALLET":
            yield from _of_shard(*names, books=books)
        case "RECEIVABLE":
            yield from _of_debt(*names, item=item)
        case "STATEMENT" if books.is_entry(item):
            yield from _of_entry(*books.entry_of(item), books, page)


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
        belongs = item["sk"] == "POSTING" or _is_paid(item) == bool(legs)
    except UNREADABLE:
        return False
    return belongs and sum(leg.amount for leg in legs) == 0


def _legs(item: Item) -> tuple[ledger.Leg, ...] | None:
    """None when they cannot be read."""
    try:
        return ledger.legs_of_item(item)
    except UNREADABLE:
        return None


def _sound_posting(item: Item, books: Books) -> Posting | None:
    return books.posting_of(item) if _legs(item) and _is_sound(item) else None


def _of_posting(item: Item, books: Books, page: _Page) -> Iterator[Difference]:
    posting = _sound_posting(item, books)
    for owner in statements.owners(posting) if posting else ():
        if posting and (owner, posting.posting_id) not in page.marks:
            name = f"posting:{posting.posting_id}:{owner.role}:{owner.id}"
            yield difference(Kind.POSTING_UNBOOKED, name, 1, 0)


def _of_order(item: Item, page: _Page) -> Iterator[Difference]:
    refunded = page.refunded.of(item)
    if refunded is None:
        return
    expected = item["amount"] - refunded
    if expected < 0 or item["refundable"] != expected:
        name = f"order:{item['order_id']}"
        yield difference(Kind.ORDER_OVERDRAWN, name, expected, item["refundable"])


def _of_merchant(merchant_id: str, currency: str, books: Books) -> Iterator[Difference]:
    owner = Owner("merchant", merchant_id, currency)
    counted, shards, deposit, owed = books.sources(merchant_id, currency)
    balances = [balance for shard, balance in shards.items() if shard < counted]
    if len(balances) < counted:
        name = f"merchant:{merchant_id}:shards:{currency}"
        yield difference(Kind.SHARD_MISSING, name, counted, len(balances))
    stored = Balances(sum(balances), deposit, -owed)
    lowest = {"available": min(balances, default=0), "deposit": deposit, "receivable": owed}
    yield from _of_owner(owner, stored, lowest, books)


def _of_buyer(buyer_id: str, currency: str, books: Books) -> Iterator[Difference]:
    balance = books.buyer_balance(buyer_id, currency)
    owner = Owner("buyer", buyer_id, currency)
    yield from _of_owner(owner, Balances(available=balance), {"available": balance}, books)


def _of_owner(
    owner: Owner, stored: Balances, lowest: Mapping[str, int], books: Books
) -> Iterator[Difference]:
    """Stored balances, head and last entry say the same; of three, the odd one is to blame.

    The months, in sum, say so as well.
    `lowest` is, of each part, what must not be below zero.
    """
    name = f"{owner.role}:{owner.id}"
    negative = {part: least for part, least in lowest.items() if least < 0}
    for part, least in negative.items():
        subject = f"{name}:{part}:{owner.currency}"
        yield difference(Kind.BALANCE_NEGATIVE, subject, 0, least)
    head = books.stored_head(owner) or Head()
    entry = books.entry(owner, head.booked_at, head.number) if head.number else None
    last = entry or books.last_entry(owner)
    ended = last.head if last else Head()
    if head.balances == stored and head.number >= ended.number:
        # An entry of that number that says otherwise is found wrong by itself.
        if head.number > ended.number:
            yield difference(Kind.ENTRY_MISSING, _name(owner, head.number), 1, 0)
        yield from _of_months(owner, head, books)
        return
    yield from _of_months(owner, ended, books)
    if head != ended:
        yield from _of_head(owner, head, ended)
    for part in lowest.keys() - negative.keys():
        wanted, has = getattr(ended.balances, part), getattr(stored, part)
        if wanted != has:
            subject = f"{name}:{part}:{owner.currency}"
            yield difference(Kind.BALANCE_DIFFERS, subject, wanted, has)


def _of_months(owner: Owner, last: Head, books: Books) -> Iterator[Difference]:
    """Together they have as many entries as the statement, and moved what it moved."""
    name = f"months:{owner.role}:{owner.id}:{owner.currency}"
    totals = books.months(owner)
    entries = sum(each.entries for each in totals)
    moved = sum(each.credited - each.debited for each in totals)
    if entries != last.number:
        yield difference(Kind.MONTHS_DIFFER, name, last.number, entries)
    elif moved != last.balances.available:
        yield difference(Kind.MONTHS_DIFFER, name, last.balances.available, moved)


def _of_head(owner: Owner, head: Head, last: Head) -> Iterator[Difference]:
    name = f"statement:{owner.role}:{owner.id}:{owner.currency}"
    if head.number != last.number:
        yield difference(Kind.HEAD_DIFFERS, name, last.number, head.number)
    else:
        yield from first_unequal(Kind.HEAD_DIFFERS, name, last.balances, head.balances)


def _of_shard(merchant_id: str, currency: str, shard: str, *, books: Books) -> Iterator[Difference]:
    count = books.counted_shards(merchant_id, currency)
    if int(shard) >= count:
        name = f"merchant:{merchant_id}:shard:{shard}:{currency}"
        yield difference(Kind.SHARD_UNCOUNTED, name, count, int(shard) + 1)


def _of_debt(merchant_id: str, currency: str, *, item: Item) -> Iterator[Difference]:
    """What may still be advanced and what was make up the limit, whatever the limit is."""
    limit, found = item.get("guarantee_limit", 0), item.get("owed", 0) + item.get("headroom", 0)
    if limit != found:
        name = f"merchant:{merchant_id}:limit:{currency}"
        yield difference(Kind.DEBT_LIMIT_DIFFERS, name, limit, found)


def _of_entry(owner: Owner, entry: Entry, books: Books, page: _Page) -> Iterator[Difference]:
    name = _name(owner, entry.number)
    item = page.postings.get(entry.posting_id)
    if item and not _is_sound(item):
        return
    posting = books.posting_of(item) if item else None
    mark = page.marks.get((owner, entry.posting_id))
    if posting is None or mark != Mark(entry.number, entry.booked_at):
        recorded = mark.number if posting and mark else 0
        yield difference(Kind.ENTRY_UNRECORDED, name, recorded, entry.number)
        return
    moved = statements.change(posting, owner)
    if entry.change != moved:
        yield from first_unequal(Kind.ENTRY_DIFFERS, name, moved, entry.change)
        return
    before = books.entry_before(owner, entry.head)
    follows = (before.balances if before else Balances()) + moved
    number = before.number if before else 0
    if entry.balances == follows:
        return
    if number < entry.number - 1:
        yield difference(Kind.ENTRY_MISSING, _name(owner, entry.number - 1), 1, 0)
    elif before is None or _follows(owner, before, books):
        yield from first_unequal(Kind.ENTRY_DIFFERS, name, follows, entry.balances)


def _follows(owner: Owner, entry: Entry, books: Books) -> bool:
    """Whether its balances follow from those before; if not, it is blamed, and not the next."""
    before = books.entry_before(owner, entry.head)
    return entry.balances == (before.balances if before else Balances()) + entry.change


def _name(owner: Owner, number: int) -> str:
    return f"entry:{owner.role}:{owner.id}:{owner.currency}:{number}"
