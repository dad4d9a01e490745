"""What the upkeep looks at: quiet wallets, and merchants suspended for funds."""

from datetime import datetime

from refunds import table
from refunds.stores.funds import QUIET_AFTER
from refunds.stores.standing import StandingStore
from refunds.times import format_instant


class UpkeepStore(StandingStore):
    def quiet_wallets(self, now: datetime, *, limit: int) -> list[tuple[str, str]]:
        """(merchant, currency) of wallets without contention since `QUIET_AFTER`."""
        keys = self.due_keys(table.HOT_WALLETS, now, limit=limit)
        return [(item["merchant_id"], item["currency"]) for item in self.get_many(keys)]

    def shrink(self, merchant_id: str, currency: str, *, now: datetime) -> bool:
        """Half the shards; with one left there is nothing more to look at."""
        count = len(self.read_funds(merchant_id, currency).shards)
        shrunk = count > 1 and self.reshard(merchant_id, currency, count // 2, now=now)
        left = len(self.read_funds(merchant_id, currency).shards)
        self.update(
            table.merchant_currency(merchant_id, currency),
            "SET due_at = :at" if left > 1 else "REMOVE due_at, due_bucket",
            # One that grows meanwhile has its own time to be looked at again.
            "shards = :left",
            {"left": left, **({"at": format_instant(now + QUIET_AFTER)} if left > 1 else {})},
        )
        return shrunk
