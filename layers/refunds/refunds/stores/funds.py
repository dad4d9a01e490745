"""A merchant's sources in one currency, as they are read; and what waits for them.

The item `CURRENCIES#<m> / <currency>` says how many shards the wallet has; a shard's item
exists exactly while it is one of them (`shards.py`).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter

from botocore.exceptions import BotoCoreError, ClientError

from refunds import table
from refunds.deadline import Ready
from refunds.errors import Busy
from refunds.funding import Funds
from refunds.stores.dynamo import Dynamo, Values, from_item, in_time
from refunds.table import Key

KNOWN_SECONDS = 5.0
"""How long a function believes what it last read of a wallet's number of shards."""
KNOWN_AT_MOST = 1000
"""Wallets whose number of shards one function keeps in mind."""


class Changed(Exception):
    """The wallet is not as it was read; nothing was written."""


def changed(_: Values | None) -> Exception:
    return Changed()


@dataclass(frozen=True)
class FundStore(Dynamo):
    known: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def open_wallet(self, merchant_id: str, currency: str) -> None:
        """Make the wallet of a currency, with one shard, unless it is there."""
        config = table.merchant_currency(merchant_id, currency)
        if self.get(config, consistent=False) is not None:
            return
        values: Values = {"currency": currency, "merchant_id": merchant_id, "shards": 1}
        # One transaction, not two puts: a shard that no wallet counts would be a difference.
        with suppress(Changed):
            self.transact(
                self.action_put(config, values, changed),
                self.action_update(
                    table.wallet(merchant_id, currency, 0),
                    "SET available = if_not_exists(available, :none)",
                    None,
                    {"none": 0},
                ),
            )

    def currencies(self, merchant_id: str) -> list[str]:
        wallets = self.query(table.merchant_currency(merchant_id, ""))
        return [item["currency"] for item in wallets]

    def shards(self, merchant_id: str, currency: str) -> int:
        """How many shards there are, as known within the last seconds: a hint only.

        What cannot be read is what it was last, or 1: a debit that finds no such shard reads all.
        """
        count, until = self.known.get((merchant_id, currency), (1, 0.0))
        if until <= self.clock():
            try:
                config = self.get(table.merchant_currency(merchant_id, currency), consistent=False)
            except (ClientError, BotoCoreError, Busy):
                return count
            count = (config or {}).get("shards", 1)
            self._keep(merchant_id, currency, count)
        return count

    def _keep(self, merchant_id: str, currency: str, count: int) -> None:
        """For some seconds, after what was read before; whatever is older goes."""
        now = self.clock()
        self.known.pop((merchant_id, currency), None)
        self.known[merchant_id, currency] = (count, now + KNOWN_SECONDS)
        oldest = next(iter(self.known))
        while len(self.known) > KNOWN_AT_MOST or self.known[oldest][1] <= now:
            del self.known[oldest]
            oldest = next(iter(self.known))

    def read_funds(self, merchant_id: str, currency: str, *, ready: Ready | None = None) -> Funds:
        """Every source at one instant: one serialisable read.

        Raises Busy: others wrote some of it each time, while there was time (`ready`).
        """
        config = table.merchant_currency(merchant_id, currency)
        count: int = (self.get(config) or {}).get("shards", 1)
        while True:
            keys = [config, *self._source_keys(merchant_id, currency, count)]
            in_time(ready)
            standing, *sources = (item or {} for item in self.get_together(keys, ready=ready))
            if standing.get("shards", 1) == count:
                return funds_of(standing, sources)
            count = standing["shards"]

    def glance(self, merchant_id: str, currency: str, *, ready: Ready | None = None) -> Funds:
        """Every source by itself, not at one instant, and never in the way of those that write.

        For what is written on condition of what was seen; not for saying that it is too little.
        Raises Busy.
        """
        return self._glance(merchant_id, currency, ready=ready)[1]

    def _glance(
        self, merchant_id: str, currency: str, *, ready: Ready | None = None
    ) -> tuple[Values, Funds]:
        """With the wallet's own item, which has the same number of shards before and after."""
        config = table.merchant_currency(merchant_id, currency)
        standing = self.get(config) or {}
        while True:
            in_time(ready)
            count = standing.get("shards", 1)
            keys = self._source_keys(merchant_id, currency, count)
            found = {item["pk"]: item for item in self.get_many([config, *keys])}
            standing = found.get(config["pk"]["S"], {})
            if standing.get("shards", 1) == count:
                return standing, funds_of(standing, [found.get(key["pk"]["S"], {}) for key in keys])

    @staticmethod
    def _source_keys(merchant_id: str, currency: str, count: int) -> list[Key]:
        return [
            table.deposit(merchant_id, currency),
            table.receivable(merchant_id, currency),
            *(table.wallet(merchant_id, currency, shard) for shard in range(count)),
        ]

    def waiting_keys(
        self,
        merchant_id: str,
        currency: str,
        *,
        before: str | None = None,
        limit: int,
        ready: Ready | None = None,
    ) -> list[Key]:
        """Keys of the refunds that wait for this merchant's money, the oldest first.

        Raises Busy, also when there is no time for all lists (`ready`).
        """
        found: list[Values] = []
        for waiting_list in table.waiting_lists(merchant_id, currency):
            condition, values = "waiting_list = :list", {":list": {"S": waiting_list}}
            if before:
                condition += " AND requested_at < :before"
                values[":before"] = {"S": before}
            in_time(ready)
            answer = self._send(
                partial(
                    self.client.query,
                    TableName=self.table,
                    IndexName=table.WAITING_LIST,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    Limit=limit,
                )
            )
            found += [from_item(item) for item in answer["Items"]]
        found.sort(key=itemgetter("requested_at"))
        return [table.key_of(each) for each in found[:limit]]

    def waiting_ids(self, merchant_id: str, currency: str, *, limit: int) -> list[str]:
        keys = self.waiting_keys(merchant_id, currency, limit=limit)
        return [key["pk"]["S"].removeprefix("REFUND#") for key in keys]


def funds_of(standing: Values, sources: Sequence[Values]) -> Funds:
    """`sources` are the deposit, the debt and each shard; what is not there is empty."""
    deposit, receivable, *shards = sources
    return Funds(
        shards=tuple(shard.get("available", 0) for shard in shards),
        deposit=deposit.get("available", 0),
        deposit_required=deposit.get("required", 0),
        owed=receivable.get("owed", 0),
        headroom=receivable.get("headroom", 0),
        frozen="frozen" in standing,
        held=_held(standing.get("held", 0), ["held" in shard for shard in shards]),
    )


def _held(change: int, marked: Sequence[bool]) -> bool | None:
    if change > 0 and all(marked):
        return True
    return None if change or any(marked) else False
