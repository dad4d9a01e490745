"""What may be wrong with an account: its items, its statement's head and its months."""

from collections.abc import Iterator, Mapping

from refunds.books import Books, entry_name, parts, reading_others, whole
from refunds.differences import Difference, Kind, difference, first_unequal
from refunds.refunded import Item
from refunds.statements import Balances, Head, Owner


def of_item(item: Item, books: Books) -> Iterator[Difference]:
    kind, *names = item["pk"].split("#")
    match kind:
        case "CURRENCIES":
            whole(item.get("shards", 1))
            yield from _of_merchant(names[0], item["sk"], books)
        case "BUYER":
            whole(item["available"])
            yield from _of_buyer(names[0], item["sk"].removeprefix("BALANCE#"), books)
        case "WALLET":
            whole(item["available"])
            yield from _of_shard(*names, books=books)
        case "DEPOSIT":
            whole(item.get("available", 0))
        case "RECEIVABLE":
            yield from _of_debt(*names, item=item)
        case "STATEMENT" if item["sk"] == "HEAD":
            yield from _of_stored_head(*books.head_of(item), books=books)
        case "STATEMENT":
            books.month_of(item)


def _of_merchant(merchant_id: str, currency: str, books: Books) -> Iterator[Difference]:
    owner = Owner("merchant", merchant_id, currency)
    with reading_others():
        counted, shards, deposit, owed = books.sources(merchant_id, currency)
        whole(*shards.values(), deposit, owed)
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
    with reading_others():
        head = books.stored_head(owner) or Head()
        entry = books.entry(owner, head.booked_at, head.number) if head.number else None
        agrees = head.balances == stored
        # A head that agrees has its entry; one that does not may have been put back to it.
        last = entry if entry and agrees else books.last_entry(owner)
    ended = last.head if last else Head()
    if agrees and head.number >= ended.number:
        # An entry of that number that says otherwise is found wrong by itself.
        if head.number > ended.number:
            yield difference(Kind.ENTRY_MISSING, entry_name(owner, head.number), 1, 0)
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
    with reading_others():
        totals = books.months(owner)
    entries = sum(each.entries for each in totals)
    moved = sum(each.credited - each.debited for each in totals)
    if entries != last.number:
        yield difference(Kind.MONTHS_DIFFER, name, last.number, entries)
    elif moved != last.balances.available:
        yield difference(Kind.MONTHS_DIFFER, name, last.balances.available, moved)


def _of_stored_head(owner: Owner, head: Head, *, books: Books) -> Iterator[Difference]:
    """Otherwise it is looked at from the account whose statement it is, which has to be there."""
    whole(head.number, *parts(head.balances))
    if not books.has_account(owner):
        subject = f"account:{owner.role}:{owner.id}:{owner.currency}"
        yield difference(Kind.ITEM_MISSING, subject, 1, 0)


def _of_head(owner: Owner, head: Head, last: Head) -> Iterator[Difference]:
    name = f"statement:{owner.role}:{owner.id}:{owner.currency}"
    if head.number != last.number:
        yield difference(Kind.HEAD_DIFFERS, name, last.number, head.number)
    else:
        yield from first_unequal(Kind.HEAD_DIFFERS, name, last.balances, head.balances)


def _of_shard(merchant_id: str, currency: str, shard: str, *, books: Books) -> Iterator[Difference]:
    with reading_others():
        count = books.counted_shards(merchant_id, currency)
        whole(count)
    # Without an account nothing is counted, and the account is what is missing.
    if 0 < count <= int(shard):
        name = f"merchant:{merchant_id}:shard:{shard}:{currency}"
        yield difference(Kind.SHARD_UNCOUNTED, name, count, int(shard) + 1)


def _of_debt(merchant_id: str, currency: str, *, item: Item) -> Iterator[Difference]:
    """What may still be advanced and what was make up the limit, whatever the limit is."""
    limit, found = item.get("guarantee_limit", 0), item.get("owed", 0) + item.get("headroom", 0)
    if limit != found:
        name = f"merchant:{merchant_id}:limit:{currency}"
        yield difference(Kind.DEBT_LIMIT_DIFFERS, name, limit, found)
