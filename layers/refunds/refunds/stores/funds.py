"""A merchant's sources in one currency: read at one instant, resharded, frozen, held.

The item `CURRENCIES#<m> / <currency>` says how many shards the wallet has; a shard's item
exists exactly while it is one of them. Each change of the number is a transaction conditioned on
it.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from botocore.exceptions import BotoCoreError, ClientError

from refunds import funding, table
from refunds.debits import MAX_SHARDS
from refunds.errors import Busy
from refunds.funding import Funds
from refunds.stores.dynamo import Action, Dynamo, Values, from_item
from refunds.table import Key
from refunds.times import format_instant

KNOWN_SECONDS = 5.0
"""How long a function believes what it last read of a wallet's number of shards."""
GROW_AT_MOST_EVERY = timedelta(seconds=5)
QUIET_AFTER = timedelta(minutes=5)
"""How long a wallet must have been without contention before it gives shards back."""


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
        """How many shards there are, as known within the last seconds: a hint only."""
        count, until = self.known.get((merchant_id, currency), (0, 0.0))
        if until < time.monotonic():
            config = self.get(table.merchant_currency(merchant_id, currency), consistent=False)
            count = (config or {}).get("shards", 1)
            self.known[merchant_id, currency] = (count, time.monotonic() + KNOWN_SECONDS)
        return count

    def read_funds(self, merchant_id: str, currency: str) -> Funds:
        """Every source at one instant: one serialisable read. Raises Busy."""
        config = table.merchant_currency(merchant_id, currency)
        count: int = (self.get(config) or {}).get("shards", 1)
        while True:
            keys = [
                config,
                table.deposit(merchant_id, currency),
                table.receivable(merchant_id, currency),
                *(table.wallet(merchant_id, currency, shard) for shard in range(count)),
            ]
            standing, deposit, receivable, *shards = (
                item or {} for item in self.get_together(keys)
            )
            if standing.get("shards", 1) == count:
                break
            count = standing["shards"]
        return Funds(
            shards=tuple(shard.get("available", 0) for shard in shards),
            deposit=deposit.get("available", 0),
            deposit_required=deposit.get("required", 0),
            owed=receivable.get("owed", 0),
            headroom=receivable.get("headroom", 0),
            frozen="frozen" in standing,
            held="held" in standing,
        )

    def reshard(self, merchant_id: str, currency: str, count: int, *, now: datetime) -> bool:
        """Spread the wallet evenly over `count` shards, in one transaction.

        False when the wallet changed meanwhile: a debit or credit came first, and wins.
        """
        funds = self.read_funds(merchant_id, currency)
        before, after = len(funds.shards), min(max(count, 1), MAX_SHARDS)
        marks: Values = {}
        if funds.frozen:
            marks["frozen"] = True
        if funds.held:
            marks["held"] = True
        target = funding.even(funds.available, after)
        actions: list[Action] = [
            self.action_update(
                table.merchant_currency(merchant_id, currency),
                "SET shards = :after, resharded_at = :now",
                self._as_read(funds),
                {"before": before, "after": after, "now": format_instant(now)},
                changed,
            )
        ]
        for shard in range(max(before, after)):
            key = table.wallet(merchant_id, currency, shard)
            if shard >= before:
                actions.append(self.action_put(key, {"available": target[shard], **marks}, changed))
            elif shard >= after:
                values = {"seen": funds.shards[shard]}
                actions.append(self.action_delete(key, "available = :seen", values, changed))
            else:
                actions.append(
                    self.action_update(
                        key,
                        "SET available = :target",
                        "available = :seen",
                        {"target": target[shard], "seen": funds.shards[shard]},
                        changed,
                    )
                )
        try:
            self.transact(*actions)
        except (Changed, Busy):
            return False
        self.known.pop((merchant_id, currency), None)
        return True

    def grow(self, merchant_id: str, currency: str, *, now: datetime) -> bool:
        """Twice as many shards, because transactions were in each other's way; not too often.

        Best effort, from where money is moved: the next conflict tries again.
        """
        try:
            return self._grow(merchant_id, currency, now)
        except (ClientError, BotoCoreError, Busy):
            return False

    def _grow(self, merchant_id: str, currency: str, now: datetime) -> bool:
        config = self.get(table.merchant_currency(merchant_id, currency))
        if config is None:
            return False
        self._note_heat(merchant_id, currency, now)
        last = config.get("resharded_at")
        if last and now - datetime.fromisoformat(last) < GROW_AT_MOST_EVERY:
            return False
        count: int = config["shards"]
        return count < MAX_SHARDS and self.reshard(merchant_id, currency, count * 2, now=now)

    def mark(self, merchant_id: str, currency: str, name: str, *, on: bool) -> bool:
        """Set or remove `frozen` or `held` on the wallet and all its shards at once."""
        funds = self.read_funds(merchant_id, currency)
        expression = f"SET {name} = :on" if on else f"REMOVE {name}"
        values: Values = {"on": True} if on else {}
        try:
            self.transact(
                self.action_update(
                    table.merchant_currency(merchant_id, currency),
                    expression,
                    "shards = :before",
                    {**values, "before": len(funds.shards)},
                    changed,
                ),
                *(
                    self.action_update(
                        table.wallet(merchant_id, currency, shard),
                        expression,
                        "attribute_exists(pk)",
                        values,
                        changed,
                    )
                    for shard in range(len(funds.shards))
                ),
            )
        except (Changed, Busy):
            return False
        return True

    def hold(self, merchant_id: str, currency: str, *, held: bool) -> None:
        """Best effort: what is not held now is, by the next debit that is short."""
        try:
            self.mark(merchant_id, currency, "held", on=held)
        except (ClientError, BotoCoreError, Busy):
            return

    def waiting_keys(
        self, merchant_id: str, currency: str, *, before: str | None = None, limit: int
    ) -> list[Key]:
        """Keys of the refunds that wait for this merchant's money, the oldest first."""
        found: list[Values] = []
        for waiting_list in table.waiting_lists(merchant_id, currency):
            condition, values = "waiting_list = :list", {":list": {"S": waiting_list}}
            if before:
                condition += " AND requested_at < :before"
                values[":before"] = {"S": before}
            answer = self.client.query(
                TableName=self.table,
                IndexName=table.WAITING_LIST,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                Limit=limit,
            )
            found += [from_item(item) for item in answer["Items"]]
        found.sort(key=itemgetter("requested_at"))
        return [{"pk": {"S": each["pk"]}, "sk": {"S": each["sk"]}} for each in found[:limit]]

    def waiting_ids(self, merchant_id: str, currency: str, *, limit: int) -> list[str]:
        keys = self.waiting_keys(merchant_id, currency, limit=limit)
        return [key["pk"]["S"].removeprefix("REFUND#") for key in keys]

    def _note_heat(self, merchant_id: str, currency: str, now: datetime) -> None:
        """When to look whether the wallet has been quiet for long enough to shrink."""
        self.update(
            table.merchant_currency(merchant_id, currency),
            "SET due_at = :at, due_bucket = :bucket",
            None,
            {"at": format_instant(now + QUIET_AFTER), "bucket": table.HOT_WALLETS},
        )

    @staticmethod
    def _as_read(funds: Funds) -> str:
        frozen = "attribute_exists" if funds.frozen else "attribute_not_exists"
        held = "attribute_exists" if funds.held else "attribute_not_exists"
        return f"shards = :before AND {frozen}(frozen) AND {held}(held)"
