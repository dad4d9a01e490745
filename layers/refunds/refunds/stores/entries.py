"""What is in a statement: entries by block and bucket, months, the head, and what was recorded."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import partial
from heapq import merge
from itertools import islice
from operator import itemgetter

from refunds import table
from refunds.errors import InvalidCursor
from refunds.ledger import Cause, Posting, legs_of_item
from refunds.paging import Page
from refunds.statements import BEGINNING, END, Balances, Entry, Head, Mark, MonthTotal, Owner
from refunds.stores.dynamo import Dynamo, Values, from_item

PAGE_SIZE = 25


class HeadMoved(Exception):
    """Another writer came first; nothing was written."""


def head_moved(_: Values | None) -> Exception:
    return HeadMoved()


class EntryStore(Dynamo):
    def head(self, owner: Owner) -> Head:
        """The last entry; nothing is booked when it is the empty one."""
        return self.stored_head(owner) or Head()

    def stored_head(self, owner: Owner) -> Head | None:
        item = self.get(table.statement_head(owner))
        return head_of(item) if item else None

    def entry(self, owner: Owner, booked_at: str, number: int) -> Entry | None:
        item = self.get(table.statement_entry(owner, booked_at, number))
        return entry_of(item) if item else None

    def entry_before(self, owner: Owner, head: Head) -> Entry | None:
        """The newest entry below this one's place; nearly always the one in the next bucket."""
        if head.number <= 1:
            return None
        below = table.statement_entry(owner, head.booked_at, head.number)["sk"]["S"]
        near = next(
            self._bucket(owner, head.number - 1, BEGINNING, below, page_size=2),
            None,
        )
        if near and near["number"] == head.number - 1:
            return entry_of(near)
        return self._newest(owner, below, head.number - 1)

    def last_entry(self, owner: Owner) -> Entry | None:
        return self._newest(owner, END, block_of(self.last_block(owner))[-1])

    def marks(self, wanted: Iterable[tuple[Owner, str]]) -> dict[tuple[Owner, str], Mark]:
        """What was recorded of these postings, each booked for its owner; if it can be read."""
        keys = [table.booked(owner, posting_id) for owner, posting_id in wanted]
        return {
            (owner_of(item["pk"]), item["sk"]): Mark(item["number"], item["booked_at"])
            for item in self.get_many(keys)
            if {"number", "booked_at"} <= item.keys()
        }

    def months(self, owner: Owner) -> list[MonthTotal]:
        """Those with entries, the newest first."""
        found = self.query(table.statement_month(owner, ""))
        return [month_of(item) for item in reversed(found)]

    def entries(
        self, owner: Owner, *, start: str, end: str, after: str | None, limit: int
    ) -> Page[Entry]:
        """A page, newest first, of what was booked from `start` to before `end`.

        Raises:
            InvalidCursor: `after` is no entry's place.
        """
        below = min(after, end) if after else end
        # One more that is `below` itself, and one to know that there are more.
        share = (limit + 1) // table.LIST_BUCKETS + 2
        last = _number_at(after) - 1 if after else self.last_number(owner)
        items = self.newest_first(owner, start, below, last=last, page_size=share)
        found = list(islice(items, limit + 1))
        page = [entry_of(item) for item in found[:limit]]
        more = len(found) > limit
        return Page(page, found[limit - 1]["sk"] if more else None)

    def newest_first(
        self, owner: Owner, start: str, below: str, *, last: int, page_size: int = PAGE_SIZE
    ) -> Iterator[Values]:
        """What was booked from `start` to before `below`, up to the number `last`.

        `below` is a time, or the place of the entry after `last`.
        """
        if below <= start:
            return
        blocks = range(self._block_at(owner, start, last), self._block_at(owner, below, last) + 1)
        for block in reversed(blocks):
            numbers = block_of(block, last)
            for item in self.of_block(owner, numbers, start, below, page_size=page_size):
                # What is booked meanwhile is in some buckets' answers and not in others'.
                if item["number"] <= last:
                    yield item

    def of_block(
        self,
        owner: Owner,
        numbers: range,
        start: str = BEGINNING,
        below: str = END,
        *,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Values]:
        """The newest first, from the buckets that these numbers of one block are in."""
        # Consecutive numbers are in different buckets: few entries are in as few of them.
        found = [
            self._bucket(owner, number, start, below, page_size=page_size)
            for number in numbers[-table.LIST_BUCKETS :]
        ]
        yield from merge(*found, key=itemgetter("sk"), reverse=True)

    def last_number(self, owner: Owner) -> int:
        """Of a statement that has lost its head, the last that there may be."""
        head = self.stored_head(owner)
        return head.number if head else block_of(self.last_block(owner))[-1]

    def last_block(self, owner: Owner) -> int:
        """The last with entries, whatever the head says."""
        beyond = 1
        while self._beginning(owner, beyond) != END:
            beyond *= 2
        return bisect_left(range(1, beyond), END, key=partial(self._beginning, owner))

    def posting_items(self, posting_ids: Iterable[str]) -> dict[str, Values]:
        """What holds each posting, or would: a refund, or an item of its own."""
        keys = [
            table.refund(each) if each.startswith("rf_") else table.posting(each)
            for each in posting_ids
        ]
        return {item["pk"].split("#")[1]: item for item in self.get_many(keys)}

    def postings(self, posting_ids: Iterable[str]) -> dict[str, Posting]:
        """Postings by id, whether on a refund or an item of their own."""
        found = {name: posting_of(item) for name, item in self.posting_items(posting_ids).items()}
        return {name: posting for name, posting in found.items() if posting}

    def _block_at(self, owner: Owner, instant: str, last: int) -> int:
        """The last block, up to that of `last`, that begins before this; few are looked at."""
        last_block = last // table.STATEMENT_BLOCK
        if instant == BEGINNING or last_block == 0:
            return 0
        # An entry's place is above that of `last`, and so above where its block begins.
        if "#" in instant or self._beginning(owner, last_block) < instant:
            return last_block
        return bisect_left(range(1, last_block), instant, key=partial(self._beginning, owner))

    def _beginning(self, owner: Owner, block: int) -> str:
        """The place of its first entry."""
        key = table.statement_bucket(owner, block * table.STATEMENT_BLOCK)
        found = self.client.query(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": key}},
            Limit=1,
        )["Items"]
        return found[0]["sk"]["S"] if found else END

    def _newest(self, owner: Owner, below: str, last: int) -> Entry | None:
        found = next(self.newest_first(owner, BEGINNING, below, last=last), None)
        return entry_of(found) if found else None

    def _bucket(
        self, owner: Owner, number: int, start: str, below: str, *, page_size: int
    ) -> Iterator[Values]:
        """The one in which this number is, newest first."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :start AND :below",
            ExpressionAttributeValues={
                ":pk": {"S": table.statement_bucket(owner, number)},
                ":start": {"S": start},
                ":below": {"S": below},
            },
            ScanIndexForward=False,
            PaginationConfig={"PageSize": page_size},
        )
        for page in pages:
            for item in map(from_item, page["Items"]):
                if item["sk"] < below:
                    yield item


def block_of(block: int, last: int | None = None) -> range:
    """Its numbers, up to the last there is."""
    numbers = range(block * table.STATEMENT_BLOCK, (block + 1) * table.STATEMENT_BLOCK)
    return numbers if last is None else range(numbers[0], min(last, numbers[-1]) + 1)


def _number_at(place: str) -> int:
    number = place.rpartition("#")[2]
    if not number.isdecimal():
        raise InvalidCursor
    return int(number)


def owner_of(pk: str) -> Owner:
    """Whose statement an item of it belongs to."""
    _, role, owner, currency = pk.split("#")[:4]
    return Owner(role, owner, currency)


def posting_of(item: Values) -> Posting | None:
    """The posting that an item is, or holds; none when no money has moved by it.

    Raises:
        ValueError: its legs do not sum to zero.
    """
    legs = legs_of_item(item)
    if not legs:
        return None
    if item["sk"] == "POSTING":
        cause, posted_at = Cause(item["cause"]), item["posted_at"]
        return Posting(item["posting_id"], cause, item["currency"], posted_at, legs)
    return Posting(item["refund_id"], Cause.REFUND, item["currency"], item["succeeded_at"], legs)


def head_of(item: Values) -> Head:
    return Head(item["last_number"], item["booked_at"], Balances(**item["balances"]))


def month_of(item: Values) -> MonthTotal:
    return MonthTotal(
        month=item["sk"].removeprefix("MONTH#"),
        entries=item["entries"],
        credited=item["credited"],
        debited=item["debited"],
    )


def entry_of(item: Values) -> Entry:
    return Entry(
        number=item["number"],
        booked_at=item["booked_at"],
        posting_id=item["posting_id"],
        cause=item["cause"],
        posted_at=item["posted_at"],
        change=Balances(**item["change"]),
        balances=Balances(**item["balances"]),
    )


def values_of_entry(entry: Entry) -> Values:
    return {
        "number": entry.number,
        "booked_at": entry.booked_at,
        "posting_id": entry.posting_id,
        "cause": entry.cause,
        "posted_at": entry.posted_at,
        "change": _parts(entry.change),
        "balances": _parts(entry.balances),
    }


def values_of_head(head: Head) -> Values:
    return {
        "last_number": head.number,
        "booked_at": head.booked_at,
        "balances": _parts(head.balances),
    }


def add_to_months(totals: dict[str, Values], entries: Iterable[Entry]) -> dict[str, Values]:
    """Each month's totals of `available`, with these entries added."""
    for entry in entries:
        total = totals.setdefault(entry.booked_at[:7], {"entries": 0, "credited": 0, "debited": 0})
        total["entries"] += 1
        moved = entry.change.available
        total["credited" if moved > 0 else "debited"] += abs(moved)
    return totals


def _parts(balances: Balances) -> dict[str, int]:
    return {
        "available": balances.available,
        "deposit": balances.deposit,
        "receivable": balances.receivable,
    }
