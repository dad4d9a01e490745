"""Statements in the table: entries by month and bucket, months, heads, and what was recorded.

| item                    | pk                                        | sk                    |
|-------------------------|-------------------------------------------|-----------------------|
| entry                   | STATEMENT#<role>#<id>#<cur>#<month>#<0-7> | <booked_at>#<number>  |
| month, head             | STATEMENT#<role>#<id>#<cur>               | MONTH#<month>, HEAD   |
| that a posting is booked | BOOKED#<role>#<id>#<cur>#<0-7>           | <posting id>          |
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import batched, islice
from operator import itemgetter

from refunds import statements, table
from refunds.errors import Busy
from refunds.ledger import Cause, Leg, Posting, legs_of_refund
from refunds.paging import Page
from refunds.statements import Balances, Entry, Head, MonthTotal, Owner
from refunds.stores.dynamo import CONFLICT_TRIES, Action, Dynamo, Values, from_item

PER_TRANSACTION = 45
"""Postings of one transaction: an entry and a record each; head and month are two more."""


class HeadMoved(Exception):
    """Another writer came first; nothing was written."""


def _moved(_: Values | None) -> Exception:
    return HeadMoved()


class StatementStore(Dynamo):
    def book(self, owner: Owner, postings: Sequence[Posting], *, now: datetime) -> int:
        """Book those that are not booked yet. How many were. Raises Busy."""
        booked = 0
        for chunk in batched(postings, PER_TRANSACTION, strict=False):
            booked += self._book(owner, chunk, now)
        return booked

    def unbooked(self, owner: Owner, posting_ids: Sequence[str]) -> set[str]:
        keys = [table.booked(owner, posting_id) for posting_id in posting_ids]
        return set(posting_ids) - {item["sk"] for item in self.get_many(keys)}

    def head(self, owner: Owner) -> Head:
        item = self.get(table.statement_head(owner))
        if item is None:
            return Head()
        return Head(item["last_number"], item["booked_at"], Balances(**item["balances"]))

    def months(self, owner: Owner) -> list[MonthTotal]:
        """Those with entries, the newest first."""
        found = self.query(table.statement_month(owner, ""))
        return [
            MonthTotal(
                month=item["sk"].removeprefix("MONTH#"),
                entries=item["entries"],
                credited=item["credited"],
                debited=item["debited"],
            )
            for item in reversed(found)
        ]

    def entries(
        self, owner: Owner, *, start: str, end: str, after: str | None, limit: int
    ) -> Page[Entry]:
        """A page, newest first, of what was booked from `start` to before `end`."""
        below = min(after, end) if after else end
        found = list(islice(self._newest_first(owner, start, below, limit + 1), limit + 1))
        page = [_entry(item) for item in found[:limit]]
        more = len(found) > limit
        return Page(page, found[limit - 1]["sk"] if more else None)

    def rebuild(self, owner: Owner) -> int:
        """Write every entry anew from the postings, under its recorded number. How many.

        Raises Busy: each time others were booked meanwhile; a later call makes it whole.
        """
        for attempt in range(CONFLICT_TRIES):
            entries = statements.rebuilt(self._recorded(owner), owner)
            for entry in entries:
                key = table.statement_entry(owner, entry.booked_at, entry.number)
                self.put(key, _values(entry))
            try:
                self._rebuild_totals(owner, entries)
            except HeadMoved:
                self.back_off(attempt)
                continue
            return len(entries)
        raise Busy

    def _recorded(self, owner: Owner) -> list[tuple[int, str, Posting]]:
        recorded: list[tuple[int, str, Posting]] = []
        for bucket in range(table.LIST_BUCKETS):
            marks = list(self.query_all(table.booked_bucket(owner, bucket)))
            found = self.postings([mark["sk"] for mark in marks])
            recorded += [(mark["number"], mark["booked_at"], found[mark["sk"]]) for mark in marks]
        return recorded

    def _rebuild_totals(self, owner: Owner, entries: Sequence[Entry]) -> None:
        """Months and head in one transaction, unless another was booked since they were read."""
        if not entries:
            return
        last = entries[-1].head
        months = [
            self.action_put(table.statement_month(owner, month), total, condition=None)
            for month, total in _totals(entries).items()
        ]
        head = self.action_put(
            table.statement_head(owner),
            _head(last),
            _moved,
            "attribute_not_exists(pk) OR last_number <= :last",
            {"last": last.number},
        )
        self.transact(head, *months)

    def postings(self, posting_ids: Sequence[str]) -> dict[str, Posting]:
        """Postings by id, whether on a refund or an item of their own."""
        keys = [
            table.refund(each) if each.startswith("rf_") else table.posting(each)
            for each in posting_ids
        ]
        found = [posting_of(item) for item in self.get_many(keys)]
        return {posting.posting_id: posting for posting in found if posting}

    def _book(self, owner: Owner, postings: Sequence[Posting], now: datetime) -> int:
        by_id = {posting.posting_id: posting for posting in postings}
        for attempt in range(CONFLICT_TRIES):
            new = self.unbooked(owner, list(by_id))
            if not new:
                return 0
            head = self.head(owner)
            in_order = sorted((by_id[each] for each in new), key=lambda each: each.posted_at)
            entries = statements.book(in_order, owner, head, now=now)
            try:
                self.transact(*self._writes(owner, head, entries))
            except HeadMoved:
                self.back_off(attempt)
                continue
            return len(entries)
        raise Busy

    def _writes(self, owner: Owner, head: Head, entries: Sequence[Entry]) -> Iterator[Action]:
        last = entries[-1].head
        yield self.action_put(
            table.statement_head(owner),
            _head(last),
            _moved,
            "last_number = :seen" if head.number else "attribute_not_exists(pk)",
            {"seen": head.number} if head.number else None,
        )
        for month, total in _totals(entries).items():
            yield self.action_update(
                table.statement_month(owner, month),
                "ADD entries :entries, credited :credited, debited :debited",
                None,
                total,
            )
        for entry in entries:
            key = table.statement_entry(owner, entry.booked_at, entry.number)
            yield self.action_put(key, _values(entry), _moved)
            yield self.action_put(
                table.booked(owner, entry.posting_id),
                {"number": entry.number, "booked_at": entry.booked_at},
                _moved,
            )

    def _newest_first(self, owner: Owner, start: str, below: str, wanted: int) -> Iterator[Values]:
        """As of when the months were read; each bucket is asked once for its share of `wanted`."""
        months = self.months(owner)
        last = newest = sum(total.entries for total in months)
        # One more that is `below` itself, and one to know that there are more.
        share = wanted // table.LIST_BUCKETS + 2
        for total in months:
            first = last - total.entries + 1
            if start[:7] <= total.month <= below[:7]:
                # Consecutive numbers are in different buckets: few entries are in as few of them.
                numbers = range(max(first, last - table.LIST_BUCKETS + 1), last + 1)
                keys = [
                    table.statement_bucket(owner, total.month, number % table.LIST_BUCKETS)
                    for number in numbers
                ]
                buckets = [self._bucket(key, start, below, share) for key in keys]
                for item in merge(*buckets, key=itemgetter("sk"), reverse=True):
                    # What is booked meanwhile is in some buckets' answers and not in others'.
                    if item["number"] <= newest:
                        yield item
            last = first - 1

    def _bucket(self, key: str, start: str, below: str, page_size: int) -> Iterator[Values]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :start AND :below",
            ExpressionAttributeValues={
                ":pk": {"S": key},
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


def posting_of(item: Values) -> Posting | None:
    """The posting that an item is, or holds; none when no money has moved by it."""
    if item["sk"] == "POSTING":
        legs = tuple(Leg(leg["account"], leg["amount"]) for leg in item["legs"])
        return Posting(
            item["posting_id"], Cause(item["cause"]), item["currency"], item["posted_at"], legs
        )
    if item["sk"] == "REFUND" and "sources" in item:
        legs = legs_of_refund(
            item["merchant_id"], item["buyer_id"], item["amount"], item["sources"]
        )
        return Posting(
            item["refund_id"], Cause.REFUND, item["currency"], item["succeeded_at"], legs
        )
    return None


def _totals(entries: Sequence[Entry]) -> dict[str, Values]:
    totals: dict[str, Values] = {}
    for entry in entries:
        total = totals.setdefault(entry.booked_at[:7], {"entries": 0, "credited": 0, "debited": 0})
        total["entries"] += 1
        total["credited" if entry.change.available > 0 else "debited"] += abs(
            entry.change.available
        )
    return totals


def _values(entry: Entry) -> Values:
    return {
        "number": entry.number,
        "booked_at": entry.booked_at,
        "posting_id": entry.posting_id,
        "cause": entry.cause,
        "posted_at": entry.posted_at,
        "change": _parts(entry.change),
        "balances": _parts(entry.balances),
    }


def _head(head: Head) -> Values:
    return {
        "last_number": head.number,
        "booked_at": head.booked_at,
        "balances": _parts(head.balances),
    }


def _parts(balances: Balances) -> dict[str, int]:
    return {
        "available": balances.available,
        "deposit": balances.deposit,
        "receivable": balances.receivable,
    }


def _entry(item: Values) -> Entry:
    return Entry(
        number=item["number"],
        booked_at=item["booked_at"],
        posting_id=item["posting_id"],
        cause=item["cause"],
        posted_at=item["posted_at"],
        change=Balances(**item["change"]),
        balances=Balances(**item["balances"]),
    )
