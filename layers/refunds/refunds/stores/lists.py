"""Pages of the table's list indexes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from refunds.paging import MAX_LIMIT, Page, Position
from refunds.stores.dynamo import Dynamo, from_item, to_item
from refunds.table import Key

MAX_LOOKED_AT = 1000
"""Entries that one page may look at."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of an index."""

    index: str
    attribute: str
    value: str


class ListStore(Dynamo):
    def page[T](
        self,
        listing: Listing,
        *,
        read: Callable[[list[Key]], Mapping[str, T]],
        keep: Callable[[T], bool],
        after: Position | None,
        limit: int,
    ) -> Page[T]:
        """Up to `limit` items of a list that `keep` wants, newest first.

        Looks at most at `MAX_LOOKED_AT` entries, so that a page takes bounded time even when few
        of them are wanted: then it is short, and its position says where to go on.
        """
        kept: list[T] = []
        for _ in range(MAX_LOOKED_AT // MAX_LIMIT):
            positions, more = self._positions(listing, after=after, limit=MAX_LIMIT)
            items = read([_key_of(position) for position in positions])
            for number, position in enumerate(positions, start=1):
                after = position
                item = items.get(position.pk)
                if item is not None and keep(item):
                    kept.append(item)
                if len(kept) == limit:
                    return Page(kept, after if more or number < len(positions) else None)
            if not more:
                return Page(kept, None)
        return Page(kept, after)

    def _positions(
        self, listing: Listing, *, after: Position | None, limit: int
    ) -> tuple[list[Position], bool]:
        start: Any = {}
        if after:
            key = {**after._asdict(), listing.attribute: listing.value}
            start = {"ExclusiveStartKey": to_item(key)}
        answer = self.client.query(
            TableName=self.table,
            IndexName=listing.index,
            KeyConditionExpression=f"{listing.attribute} = :value",
            ExpressionAttributeValues={":value": {"S": listing.value}},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        found = [from_item(item) for item in answer["Items"]]
        positions = [Position(item["pk"], item["sk"], item["listed_at"]) for item in found]
        return positions, "LastEvaluatedKey" in answer


def _key_of(position: Position) -> Key:
    return {"pk": {"S": position.pk}, "sk": {"S": position.sk}}
