"""What may be wrong with one item of the table: each invariant, looked at where it would break.

Together they recompute every account: each posting is in its owners' statements once, each entry
says what its posting moved, its balances follow from the entry before it, and the last ones are
the stored balances. So each step of every sum is checked, and no sum is ever held in memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from refunds import ledger, statements
from refunds.fields import Model
from refunds.funding import Funds
from refunds.ledger import Posting
from refunds.statements import Balances, Entry, Head, Mark, Owner
from refunds.times import format_instant

type Item = Mapping[str, Any]

OPEN = frozenset({"pending", "awaiting_funds"})
PAID = frozenset({"succeeded", "reversed"})
RESERVED = OPEN | PAID
BOOKED_WITHIN = timedelta(seconds=60)
"""How long a posting may be on its way into the statements before it is booked from here."""


class Kind(StrEnum):
    POSTING_UNBALANCED = "posting_unbalanced"
    POSTING_UNBOOKED = "posting_unbooked"
    REFUND_WITHOUT_POSTING = "refund_without_posting"
    REFUND_WITH_EARLY_POSTING = "refund_with_early_posting"
    REFUND_SOURCES_DIFFER = "refund_sources_differ"
    REFUND_REVERSAL_DIFFERS = "refund_reversal_differs"
    ORDER_OVERDRAWN = "order_overdrawn"
    BALANCE_NEGATIVE = "balance_negative"
    BALANCE_DIFFERS = "balance_differs"
    SHARD_UNCOUNTED = "shard_uncounted"
    SHARD_MISSING = "shard_missing"
    DEBT_LIMIT_DIFFERS = "debt_limit_differs"
    ENTRY_DIFFERS = "entry_differs"
    ENTRY_MISSING = "entry_missing"
    ENTRY_UNRECORDED = "entry_unrecorded"
    HEAD_DIFFERS = "head_differs"


class Difference(Model):
    """What is wrong, and with what: nothing else is blamed."""

    kind: Kind
    subject: str
    expected: int
    found: int


class Books(Protocol):
    """What an item is compared with."""

    def posting_of(self, item: Item) -> Posting | None: ...
    def posting_items(self, posting_ids: Iterable[str]) -> Mapping[str, Item]: ...
    def marks(self, wanted: set[tuple[Owner, str]]) -> dict[tuple[Owner, str], Mark]: ...
    def stored_head(self, owner: Owner) -> Head | None: ...
    def last_entry(self, owner: Owner) -> Entry | None: ...
    def entry(self, owner: Owner, booked_at: str, number: int) -> Entry | None: ...
    def entry_before(self, owner: Owner, head: Head) -> Entry | None: ...
    def refunded_of_order(self, order: Item) -> int: ...
    def read_funds(self, merchant_id: str, currency: str) -> Funds: ...
    def counted_shards(self, merchant_id: str, currency: str) -> int: ...
    def existing_shards(self, merchant_id: str, currency: str, count: int) -> int: ...
    def buyer_balance(self, buyer_id: str, currency: str) -> int: ...
    def is_entry(self, item: Item) -> bool: ...
    def entry_of(self, item: Item) -> tuple[Owner, Entry]: ...


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page's items are compared with, as far as it is read for all of them together."""

    marks: Mapping[tuple[Owner, str], Mark]
    postings: Mapping[str, Item]


def look(items: Sequence[Item], *, books: Books) -> list[tuple[Item, tuple[Difference, ...]]]:
    """What seems wrong with each item. While money moves, it may be the look that is wrong."""
    entries = [books.entry_of(item) for item in items if books.is_entry(item)]
    wanted = {(owner, entry.posting_id) for owner, entry in entries}
    for posting in filter(None, (_sound_posting(item, books) for item in items)):
        wanted |= {(owner, posting.posting_id) for owner in statements.owners(posting)}
    postings = {entry.posting_id for _, entry in entries}
    postings |= {ledger.reversal_id(item["refund_id"]) for item in items if _is_paid(item)}
    page = _Page(marks=books.marks(wanted), postings=books.posting_items(postings))
    return [(item, tuple(_of_item(item, books, page))) for item in items]


def legs_before(item: Item, before: datetime) -> tuple[ledger.Leg, ...]:
    """What an item moved before that instant, whether or not it is right."""
    legs = ledger.legs_of_item(item)
    posted_at = item.get("posted_at") or item.get("succeeded_at") or ""
    return legs if legs and posted_at < format_instant(before) else ()


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
                yield _difference(Kind.POSTING_UNBALANCED, name, 0, moved)
            yield from _of_posting(item, books, page)
        case "ORDER":
            yield from _of_order(item, books)
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
    paid, amount = _is_paid(item), item["amount"]
    drawn = sum(item.get("sources", {}).values())
    if paid and not drawn:
        yield _difference(Kind.REFUND_WITHOUT_POSTING, name, amount, 0)
    elif drawn and not paid:
        yield _difference(Kind.REFUND_WITH_EARLY_POSTING, name, 0, drawn)
    elif drawn and drawn != amount:
        yield _difference(Kind.REFUND_SOURCES_DIFFER, name, amount, drawn)
    if paid:
        yield from _of_reversal(item, name, page)


def _of_reversal(item: Item, name: str, page: _Page) -> Iterator[Difference]:
    reversal = page.postings.get(ledger.reversal_id(item["refund_id"]))
    expected = item["amount"] if item["status"] == "reversed" else 0
    buyer, legs = ledger.buyer(item["buyer_id"]), ledger.legs_of_item(reversal) if reversal else ()
    found = -sum(leg.amount for leg in legs if leg.account == buyer)
    if expected != found:
        yield _difference(Kind.REFUND_REVERSAL_DIFFERS, name, expected, found)


def _is_paid(item: Item) -> bool:
    return item["sk"] == "REFUND" and item["status"] in PAID


def _is_sound(item: Item) -> bool:
    """Whether a posting is as it must be; if not it is blamed, and not what follows from it."""
    legs = ledger.legs_of_item(item)
    balanced = sum(leg.amount for leg in legs) == 0
    return balanced and (item["sk"] == "POSTING" or _is_paid(item) == bool(legs))


def _sound_posting(item: Item, books: Books) -> Posting | None:
    return books.posting_of(item) if ledger.legs_of_item(item) and _is_sound(item) else None


def _of_posting(item: Item, books: Books, page: _Page) -> Iterator[Difference]:
    posting = _sound_posting(item, books)
    for owner in statements.owners(posting) if posting else ():
        if posting and (owner, posting.posting_id) not in page.marks:
            name = f"posting:{posting.posting_id}:{owner.role}:{owner.id}"
            yield _difference(Kind.POSTING_UNBOOKED, name, 1, 0)


def _of_order(item: Item, books: Books) -> Iterator[Difference]:
    expected = item["amount"] - books.refunded_of_order(item)
    if expected < 0 or item["refundable"] != expected:
        name = f"order:{item['order_id']}"
        yield _difference(Kind.ORDER_OVERDRAWN, name, expected, item["refundable"])


def _of_merchant(merchant_id: str, currency: str, books: Books) -> Iterator[Difference]:
    owner = Owner("merchant", merchant_id, currency)
    funds = books.read_funds(merchant_id, currency)
    missing = len(funds.shards) - books.existing_shards(merchant_id, currency, len(funds.shards))
    if missing:
        name = f"merchant:{merchant_id}:shards:{currency}"
        found = len(funds.shards) - missing
        yield _difference(Kind.SHARD_MISSING, name, len(funds.shards), found)
    stored = Balances(funds.available, funds.deposit, -funds.owed)
    lowest = {"available": min(funds.shards), "deposit": funds.deposit, "receivable": funds.owed}
    yield from _of_owner(owner, stored, lowest, books)


def _of_buyer(buyer_id: str, currency: str, books: Books) -> Iterator[Difference]:
    balance = books.buyer_balance(buyer_id, currency)
    owner = Owner("buyer", buyer_id, currency)
    yield from _of_owner(owner, Balances(available=balance), {"available": balance}, books)


def _of_owner(
    owner: Owner, stored: Balances, lowest: Mapping[str, int], books: Books
) -> Iterator[Difference]:
    """Stored balances, head and last entry say the same; of three, the odd one is to blame.

    `lowest` is, of each part, what must not be below zero.
    """
    name = f"{owner.role}:{owner.id}"
    negative = {part: least for part, least in lowest.items() if least < 0}
    for part, least in negative.items():
        subject = f"{name}:{part}:{owner.currency}"
        yield _difference(Kind.BALANCE_NEGATIVE, subject, 0, least)
    head = books.stored_head(owner) or Head()
    entry = books.entry(owner, head.booked_at, head.number) if head.number else None
    last = entry or books.last_entry(owner)
    ended = last.head if last else Head()
    if head.balances == stored and head.number >= ended.number:
        # An entry of that number that says otherwise is found wrong by itself.
        if head.number > ended.number:
            yield _difference(Kind.ENTRY_MISSING, _name(owner, head.number), 1, 0)
        return
    if head != ended:
        yield from _of_head(owner, head, ended)
    for part in lowest.keys() - negative.keys():
        wanted, has = getattr(ended.balances, part), getattr(stored, part)
        if wanted != has:
            subject = f"{name}:{part}:{owner.currency}"
            yield _difference(Kind.BALANCE_DIFFERS, subject, wanted, has)


def _of_head(owner: Owner, head: Head, last: Head) -> Iterator[Difference]:
    name = f"statement:{owner.role}:{owner.id}:{owner.currency}"
    if head.number != last.number:
        yield _difference(Kind.HEAD_DIFFERS, name, last.number, head.number)
    else:
        yield from _first_unequal(Kind.HEAD_DIFFERS, name, last.balances, head.balances)


def _of_shard(merchant_id: str, currency: str, shard: str, *, books: Books) -> Iterator[Difference]:
    count = books.counted_shards(merchant_id, currency)
    if int(shard) >= count:
        name = f"merchant:{merchant_id}:shard:{shard}:{currency}"
        yield _difference(Kind.SHARD_UNCOUNTED, name, count, int(shard) + 1)


def _of_debt(merchant_id: str, currency: str, *, item: Item) -> Iterator[Difference]:
    """What may still be advanced and what was make up the limit, whatever the limit is."""
    limit, found = item.get("guarantee_limit", 0), item.get("owed", 0) + item.get("headroom", 0)
    if limit != found:
        name = f"merchant:{merchant_id}:limit:{currency}"
        yield _difference(Kind.DEBT_LIMIT_DIFFERS, name, limit, found)


def _of_entry(owner: Owner, entry: Entry, books: Books, page: _Page) -> Iterator[Difference]:
    name = _name(owner, entry.number)
    item = page.postings.get(entry.posting_id)
    if item and not _is_sound(item):
        return
    posting = books.posting_of(item) if item else None
    mark = page.marks.get((owner, entry.posting_id))
    if posting is None or mark != Mark(entry.number, entry.booked_at):
        recorded = mark.number if posting and mark else 0
        yield _difference(Kind.ENTRY_UNRECORDED, name, recorded, entry.number)
        return
    moved = statements.change(posting, owner)
    if entry.change != moved:
        yield from _first_unequal(Kind.ENTRY_DIFFERS, name, moved, entry.change)
        return
    before = books.entry_before(owner, entry.head)
    follows = (before.balances if before else Balances()) + moved
    number = before.number if before else 0
    if entry.balances == follows:
        return
    if number < entry.number - 1:
        yield _difference(Kind.ENTRY_MISSING, _name(owner, entry.number - 1), 1, 0)
    elif before is None or _follows(owner, before, books):
        yield from _first_unequal(Kind.ENTRY_DIFFERS, name, follows, entry.balances)


def _follows(owner: Owner, entry: Entry, books: Books) -> bool:
    """Whether its balances follow from those before; if not, it is blamed, and not the next."""
    before = books.entry_before(owner, entry.head)
    return entry.balances == (before.balances if before else Balances()) + entry.change


def _first_unequal(
    kind: Kind, name: str, expected: Balances, found: Balances
) -> Iterator[Difference]:
    for part in ("available", "deposit", "receivable"):
        wanted, has = getattr(expected, part), getattr(found, part)
        if wanted != has:
            yield _difference(kind, f"{name}:{part}", wanted, has)
            return


def _name(owner: Owner, number: int) -> str:
    return f"entry:{owner.role}:{owner.id}:{owner.currency}:{number}"


def _difference(kind: Kind, subject: str, expected: int, found: int) -> Difference:
    return Difference(kind=kind, subject=subject, expected=expected, found=found)
