"""The statement's writer: each posting booked once, numbered one after another."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import batched

from botocore.exceptions import ClientError

from refunds import statements, table
from refunds.errors import Busy
from refunds.ledger import Posting
from refunds.statements import PER_TRANSACTION, Entry, Head, Owner, StatementLost
from refunds.stores import answers
from refunds.stores.dynamo import CONFLICT_TRIES, Action
from refunds.stores.entries import (
    EntryStore,
    HeadMoved,
    add_to_months,
    head_moved,
    values_of_entry,
    values_of_head,
)


class StatementStore(EntryStore):
    def book(self, owner: Owner, postings: Sequence[Posting], *, now: datetime) -> int:
        """Book those that are not booked yet. How many were.

        Raises:
            Busy: others came first each time.
            StatementLost: what was recorded is there, and the statement is not.
        """
        return len(self.book_those(owner, postings, now=now))

    def book_those(self, owner: Owner, postings: Sequence[Posting], *, now: datetime) -> list[str]:
        """The same; the ids of those that this call booked."""
        return [
            entry.posting_id
            for chunk in batched(postings, PER_TRANSACTION, strict=False)
            for entry in self._book(owner, chunk, now)
        ]

    def unbooked(self, owner: Owner, posting_ids: Sequence[str]) -> set[str]:
        keys = [table.booked(owner, posting_id) for posting_id in posting_ids]
        return set(posting_ids) - {item["sk"] for item in self.get_many(keys)}

    def _book(self, owner: Owner, postings: Sequence[Posting], now: datetime) -> list[Entry]:
        by_id = {posting.posting_id: posting for posting in postings}
        for attempt in range(CONFLICT_TRIES):
            new = self.unbooked(owner, list(by_id))
            if not new:
                return []
            stored = self.stored_head(owner)
            head = stored or self._found_head(owner)
            in_order = sorted((by_id[each] for each in new), key=_when)
            entries = statements.book(in_order, owner, head, now=now)
            try:
                self.transact(*self._writes(owner, stored, entries))
            except HeadMoved:
                self.back_off(attempt)
                continue
            except ClientError as error:
                if answers.is_invalid(error):
                    raise StatementLost(owner) from error
                raise
            return entries
        raise Busy

    def _found_head(self, owner: Owner) -> Head:
        """The head that is not there: of a new statement, or of one that has lost it.

        Numbering must not begin anew in a statement that has entries, or had them.
        """
        last = self.last_entry(owner)
        if last:
            return last.head
        for bucket in range(table.LIST_BUCKETS):
            for _ in self.query_all(table.booked_bucket(owner, bucket)):
                # A first booking of another writer puts the head and its records at once.
                found = self.stored_head(owner)
                if found is None:
                    raise StatementLost(owner)
                return found
        return Head()

    def _writes(
        self, owner: Owner, stored: Head | None, entries: Sequence[Entry]
    ) -> Iterator[Action]:
        yield self.action_put(
            table.statement_head(owner),
            values_of_head(entries[-1].head),
            head_moved,
            "last_number = :seen" if stored else "attribute_not_exists(pk)",
            {"seen": stored.number} if stored else None,
        )
        for month, total in add_to_months({}, entries).items():
            yield self.action_update(
                table.statement_month(owner, month),
                "ADD entries :entries, credited :credited, debited :debited",
                None,
                total,
            )
        for entry in entries:
            key = table.statement_entry(owner, entry.booked_at, entry.number)
            yield self.action_put(key, values_of_entry(entry), head_moved)
            yield self.action_put(
                table.booked(owner, entry.posting_id),
                {"number": entry.number, "booked_at": entry.booked_at},
                head_moved,
            )


def _when(posting: Posting) -> tuple[str, str]:
    """Of two at the same time, the same one is always first."""
    return posting.posted_at, posting.posting_id
