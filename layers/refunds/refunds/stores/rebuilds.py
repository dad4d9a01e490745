"""A statement made again: what was recorded of each booking stays, all else follows from it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import batched, count
from math import inf

from refunds import statements, table
from refunds.debits import MAX_ACTIONS
from refunds.errors import Busy
from refunds.statements import Booking, Head, Owner
from refunds.stores.dynamo import CONFLICT_TRIES, MAX_BATCH_GET, Action, Values
from refunds.stores.entries import (
    HeadMoved,
    add_to_months,
    block_of,
    head_moved,
    owner_of,
    values_of_entry,
    values_of_head,
)
from refunds.stores.statements import StatementStore

WINDOW = 50_000
"""Numbers in memory at once: a longer statement's records are read once for each window."""


MAX_MONTHS = MAX_ACTIONS - 1
"""Months of one transaction, beside the head."""


class PostingMissing(Exception):
    """It was booked, and is not there: no statement can be made without it."""


@dataclass
class _Made:
    """How far a rebuild is."""

    head: Head = field(default_factory=Head)
    months: dict[str, Values] = field(default_factory=dict)
    entries: int = 0


class RebuildStore(StatementStore):
    def rebuild(self, owner: Owner, *, told: Callable[[int], None] = lambda _: None) -> int:
        """Write the statement anew from the postings, under the recorded numbers. How many.

        Entries that nothing recorded accounts for are removed. `told` hears how many are written
        so far. What is booked meanwhile is written as well; done again, it changes nothing.

        Raises:
            Busy: others were booked each time it came to the end; a later call makes it whole.
            PostingMissing: one that was booked is not there; months and head are as they were.
        """
        made = _Made()
        for attempt in range(CONFLICT_TRIES):
            seen = self.get(table.statement_head(owner))
            self._write_entries(owner, made, told)
            self._remove_strays(owner, made)
            try:
                self._write_totals(owner, made, seen)
            except HeadMoved:
                self.back_off(attempt)
                continue
            return made.entries
        raise Busy

    def owners(self) -> Iterator[Owner]:
        """Every party that may have a statement, one after another: each has one such item."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table,
            ConsistentRead=True,
            ProjectionExpression="pk, sk",
            FilterExpression="begins_with(pk, :merchant) OR "
            "(begins_with(pk, :buyer) AND begins_with(sk, :balance))",
            ExpressionAttributeValues={
                ":merchant": {"S": "CURRENCIES#"},
                ":buyer": {"S": "BUYER#"},
                ":balance": {"S": "BALANCE#"},
            },
        )
        for page in pages:
            for key in page["Items"]:
                kind, party = key["pk"]["S"].split("#")
                role = "merchant" if kind == "CURRENCIES" else "buyer"
                yield Owner(role, party, key["sk"]["S"].removeprefix("BALANCE#"))

    def _write_entries(self, owner: Owner, made: _Made, told: Callable[[int], None]) -> None:
        """Those after what is made, window by window, in the order of their numbers."""
        while True:
            bookings = self._next_window(owner, made.head.number)
            for chunk in batched(bookings, MAX_BATCH_GET, strict=False):
                postings = self.postings([each.posting_id for each in chunk])
                missing = [each.posting_id for each in chunk if each.posting_id not in postings]
                if missing:
                    raise PostingMissing(missing[0])
                entries = statements.rebuilt(chunk, postings, owner, made.head)
                for entry in entries:
                    key = table.statement_entry(owner, entry.booked_at, entry.number)
                    self.put(key, values_of_entry(entry))
                add_to_months(made.months, entries)
                made.head = entries[-1].head
                made.entries += len(entries)
                told(made.entries)
            if len(bookings) < WINDOW:
                return

    def _next_window(self, owner: Owner, after: int) -> list[Booking]:
        """The next recorded numbers, up to `WINDOW` of them, and none left out.

        What is booked while the buckets are read may be seen in one, and what was booked before it
        not in another: it is there when they are read again.
        """
        found = self._recorded(owner, after)
        if found and found[-1].number - after > len(found):
            found = self._recorded(owner, after, found[-1].number)
        return found

    def _recorded(self, owner: Owner, after: int, upto: float = inf) -> list[Booking]:
        found: list[Booking] = []
        for bucket in range(table.LIST_BUCKETS):
            for mark in self.query_all(table.booked_bucket(owner, bucket)):
                if after < mark["number"] <= upto:
                    found.append(Booking(mark["number"], mark["booked_at"], mark["sk"]))
                if len(found) >= 2 * WINDOW:
                    found = sorted(found)[:WINDOW]
        return sorted(found)[:WINDOW]

    def _remove_strays(self, owner: Owner, made: _Made) -> None:
        """In every block up to the last that can be known of, and those after it with entries."""
        last_block = max(made.head.number // table.STATEMENT_BLOCK, self.last_block(owner))
        for block in count():
            items = self.of_block(owner, block_of(block))
            empty = True
            for chunk in batched(items, MAX_BATCH_GET, strict=False):
                self._remove_unrecorded(owner, chunk)
                empty = False
            if empty and block >= last_block:
                return

    def _remove_unrecorded(self, owner: Owner, items: tuple[Values, ...]) -> None:
        wanted = {(owner, str(item["posting_id"])) for item in items}
        marks = self.marks(wanted)
        for item in items:
            mark = marks.get((owner_of(item["pk"]), item["posting_id"]))
            place = table.statement_entry(owner, mark.booked_at, mark.number) if mark else None
            key = table.key_of(item)
            if key != place:
                self.delete(key)

    def _write_totals(self, owner: Owner, made: _Made, seen: Values | None) -> None:
        """The months that differ, then the head, unless another was booked since they were read.

        As many transactions as there are months for, each on condition of that head: what is booked
        between two of them is added to its month, and is written anew with the next attempt.
        """
        key = table.statement_head(owner)
        condition, values = _as_read("last_number", seen)
        unmoved = self.action_check(key, condition, values, head_moved)
        for months in batched(self._months_actions(owner, made), MAX_MONTHS, strict=False):
            self.transact(unmoved, *months)
        if made.entries:
            head = values_of_head(made.head)
            self.transact(self.action_put(key, head, head_moved, condition, values))
        elif seen:
            self.transact(self.action_delete(key, condition, values, head_moved))

    def _months_actions(self, owner: Owner, made: _Made) -> Iterator[Action]:
        found = self.query(table.statement_month(owner, ""))
        stored = {item["sk"].removeprefix("MONTH#"): item for item in found}
        for month in sorted(stored.keys() | made.months.keys()):
            key, total = table.statement_month(owner, month), made.months.get(month)
            item = stored.get(month, {})
            if total is None:
                yield self.action_delete(key, *_as_read("entries", item), head_moved)
            elif item != {**item, **total}:
                yield self.action_put(key, total, condition=None)


def _as_read(name: str, item: Values | None) -> tuple[str, Values]:
    """The condition that an item is as it was read, by one attribute, and the condition's values.

    It need not be readable as what it is: that may be why it is made again.
    """
    if item is None:
        return "attribute_not_exists(pk)", {}
    if name in item:
        return f"{name} = :seen", {"seen": item[name]}
    return f"attribute_exists(pk) AND attribute_not_exists({name})", {}
