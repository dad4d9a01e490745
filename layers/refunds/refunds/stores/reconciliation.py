"""The walk over the table, what its items are compared with, and the reports."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import batched, islice
from typing import Any

from refunds import table
from refunds.books import Sources
from refunds.debits import MAX_SHARDS
from refunds.invariants import BOOKED_WITHIN
from refunds.reconciliation import Report
from refunds.statements import END, Entry, Head, Mark, MonthTotal, Owner
from refunds.stores.changes import ChangeStore
from refunds.stores.dynamo import MAX_BATCH_GET, Values, from_item, model_of
from refunds.stores.entries import entry_of, head_of, month_of, owner_of
from refunds.stores.wallets import WalletStore
from refunds.table import Key
from refunds.times import Span, format_instant, merged

LATEST = "latest"
LOOKED_THROUGH = 1000
"""Entries, the last of a statement, among which one is looked for that was booked late."""
WINDOW_PAGE = 1000
"""Entries of one query, where those of a time are all read."""


class ReconciliationStore(ChangeStore, WalletStore):
    def page_of_items(self, start: Values | None, limit: int) -> tuple[list[Values], Values | None]:
        """The next items of the whole table, and where to go on; none at the end."""
        begin: Any = {"ExclusiveStartKey": start} if start else {}
        answer = self.client.scan(TableName=self.table, ConsistentRead=True, Limit=limit, **begin)
        return [from_item(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def items(self, keys: Sequence[Key]) -> list[Values]:
        return self.get_many(keys)

    def refunds_of_buyer(self, buyer_id: str, span: Span) -> Iterator[Values]:
        """Those that the buyer asked for in that time."""
        begin, end = span
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=table.BUYER_LIST,
            KeyConditionExpression="buyer_list = :list AND listed_at BETWEEN :begin AND :end",
            ExpressionAttributeValues={
                ":list": {"S": table.buyer_list("REFUNDS", buyer_id)},
                ":begin": {"S": begin},
                ":end": {"S": end},
            },
        )
        entries = (from_item(each) for page in pages for each in page["Items"])
        for chunk in batched(entries, MAX_BATCH_GET, strict=False):
            yield from self.get_many([table.key_of(each) for each in chunk])

    def counted_shards(self, merchant_id: str, currency: str) -> int:
        count: int = (self.get(table.merchant_currency(merchant_id, currency)) or {}).get(
            "shards", 0
        )
        return count

    def sources(self, merchant_id: str, currency: str) -> Sources:
        config = table.merchant_currency(merchant_id, currency)
        deposit, debt = (
            table.deposit(merchant_id, currency),
            table.receivable(merchant_id, currency),
        )
        shards = [table.wallet(merchant_id, currency, shard) for shard in range(MAX_SHARDS)]
        found = {item["pk"]: item for item in self.get_many([config, deposit, debt, *shards])}

        def of(key: Key, name: str, otherwise: int = 0) -> int:
            value: int = found.get(key["pk"]["S"], {}).get(name, otherwise)
            return value

        return Sources(
            counted=of(config, "shards", 1),
            shards={
                number: of(key, "available")
                for number, key in enumerate(shards)
                if key["pk"]["S"] in found
            },
            deposit=of(deposit, "available"),
            owed=of(debt, "owed"),
        )

    def is_entry(self, item: Mapping[str, Any]) -> bool:
        return item["pk"].startswith("STATEMENT#") and "posting_id" in item

    def entry_of(self, item: Mapping[str, Any]) -> tuple[Owner, Entry]:
        return owner_of(item["pk"]), entry_of(dict(item))

    def head_of(self, item: Mapping[str, Any]) -> tuple[Owner, Head]:
        return owner_of(item["pk"]), head_of(dict(item))

    def month_of(self, item: Mapping[str, Any]) -> MonthTotal:
        return month_of(dict(item))

    def has_account(self, owner: Owner) -> bool:
        account = table.buyer_balance if owner.role == "buyer" else table.merchant_currency
        return self.get(account(owner.id, owner.currency)) is not None

    def orders(self, order_ids: Iterable[str]) -> dict[str, Values]:
        found = self.get_many([table.order(each) for each in order_ids])
        return {item["pk"].split("#")[1]: item for item in found}

    def fill(self, owner: Owner, posting_ids: Sequence[str], *, now: datetime) -> list[str]:
        """Those that this call booked. An entry that has lost its record gets it back instead.

        Raises:
            Busy: others were booked first each time.
            StatementLost: it has to be rebuilt first.
        """
        postings = self.postings(posting_ids)
        found: list[str] = []
        for item in self._near(owner, [each.posted_at for each in postings.values()]):
            posting_id = item["posting_id"]
            if postings.pop(posting_id, None):
                mark = Mark(item["number"], item["booked_at"])
                if self.put_new(table.booked(owner, posting_id), mark._asdict()):
                    found.append(posting_id)
        return [*found, *self.book_those(owner, [*postings.values()], now=now)]

    def _near(self, owner: Owner, posted: Sequence[str]) -> Iterator[Values]:
        """The entries among which postings of these times may be.

        They were booked soon after, or late: then they are among the last.
        """
        last = self.last_number(owner)
        search = partial(self.newest_first, owner, last=last, page_size=WINDOW_PAGE)
        since = search(min(posted, default=END), END)
        latest = [*islice(since, LOOKED_THROUGH)]
        yield from latest
        if len(latest) == LOOKED_THROUGH:
            for start, until in merged([_booked_within(each) for each in posted]):
                yield from search(start, until)

    def report(self, run_id: str = LATEST) -> Report | None:
        item = self.get(table.reconciliation(run_id))
        return model_of(Report, item) if item else None

    def note(self, report: Report, seen: Report | None) -> bool:
        """Whether the newest report was still the one that was seen; kept for ever when ended."""
        if seen and seen.run_id != report.run_id:
            # Whoever ended it may have been stopped before it was kept.
            self._archive(seen)
        condition = "run_id = :run AND noted = :noted" if seen else "attribute_not_exists(pk)"
        request = self.action_put(
            table.reconciliation(LATEST),
            _values(report),
            condition=condition,
            values_of_condition={"run": seen.run_id, "noted": seen.noted} if seen else None,
        ).request
        try:
            self.client.put_item(**request)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        if report.ended_at:
            self._archive(report)
        return True

    def _archive(self, report: Report) -> None:
        self.put(table.reconciliation(report.run_id), _values(report))


def _values(report: Report) -> Values:
    return report.model_dump(mode="json", exclude_none=True)


def _booked_within(posted_at: str) -> Span:
    """When a posting of that time may have been booked."""
    return posted_at, format_instant(datetime.fromisoformat(posted_at) + 2 * BOOKED_WITHIN)
