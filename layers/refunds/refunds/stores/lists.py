"""Pages of the table's list indexes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import itemgetter

from refunds.paging import MAX_LIMIT, Page
from refunds.stores.dynamo import Dynamo, Values, from_item
from refunds.table import Key, key_of

MAX_LOOKED_AT = 1000
"""Entries that one page may look at."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of an index, spread over one or more keys."""

    index: str
    attribute: str
    values: tuple[str, ...]


class ListStore(Dynamo):
    def page[T](
        self,
        listing: Listing,
        *,
        read: Callable[[list[Key]], Mapping[str, T]],
        keep: Callable[[T], bool],
        after: str | None,
        limit: int,
    ) -> Page[T]:
        """Up to `limit` items of a list that `keep` wants, newest first.

        Looks at most at `MAX_LOOKED_AT` entries, so that a page takes bounded time even when few
        of them are wanted: then it is short, and its position says where to go on.
        """
        kept: list[T] = []
        for _ in range(MAX_LOOKED_AT // MAX_LIMIT):
            entries = list(islice(self._entries(listing, after=after), MAX_LIMIT + 1))
            more = len(entries) > MAX_LIMIT
            entries = entries[:MAX_LIMIT]
            items = read([key_of(entry) for entry in entries])
            for number, entry in enumerate(entries, start=1):
                after = entry["listed_at"]
                item = items.get(entry["pk"])
                if item is not None and keep(item):
                    kept.append(item)
                if len(kept) == limit:
                    return Page(kept, after if more or number < len(entries) else None)
            if not more:
                return Page(kept, None)
        return Page(kept, after)

    def _entries(self, listing: Listing, *, after: str | None) -> Iterator[Values]:
        """The entries of all the list's keys, newest first; no two have the same `listed_at`."""
        found = [self._newest(listing, value, after=after) for value in listing.values]
        return merge(*found, key=itemgetter("listed_at"), reverse=True)

    def _newest(self, listing: Listing, value: str, *, after: str | None) -> list[Values]:
        condition = f"{listing.attribute} = :value"
        values = {":value": {"S": value}}
        if after:
            condition += " AND listed_at < :after"
            values[":after"] = {"S": after}
        answer = self.client.query(
            TableName=self.table,
            IndexName=listing.index,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            Limit=MAX_LIMIT + 1,
        )
        return [from_item(item) for item in answer["Items"]]
