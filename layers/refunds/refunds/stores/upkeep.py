"""What the upkeep looks at: quiet wallets, and merchants suspended for funds."""

from collections.abc import Callable, Iterator
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from refunds import table
from refunds.deadline import Ready
from refunds.errors import UNREADABLE, RefundsError
from refunds.stores import answers
from refunds.stores.dynamo import in_time
from refunds.stores.shards import QUIET_AFTER
from refunds.stores.standing import StandingStore
from refunds.table import Key
from refunds.times import format_instant
from refunds.upkeep import NotTended


class UpkeepStore(StandingStore):
    def quiet_wallets(self, now: datetime, *, page: int) -> Iterator[tuple[str, str]]:
        """(merchant, currency) of wallets without contention since `QUIET_AFTER`."""
        for key in self.all_due_keys(table.HOT_WALLETS, now, page=page):
            yield key["pk"]["S"].removeprefix("CURRENCIES#"), key["sk"]["S"]

    def shrink(
        self, merchant_id: str, currency: str, *, now: datetime, ready: Ready | None = None
    ) -> bool:
        """Half the shards; with one left there is nothing more to look at.

        Raises WalletFrozen, Busy.
        """
        config = self.get(table.merchant_currency(merchant_id, currency)) or {}
        due_at, count = config.get("due_at"), config.get("shards", 1)
        if due_at is None or due_at > format_instant(now):
            # The index is behind.
            return False
        if "frozen" in config:
            self.look_at_wallet_again(merchant_id, currency, now + QUIET_AFTER)
            return False
        if count > 1:
            tries = self.few_tries_while(ready)
            self.reshard(merchant_id, currency, count // 2, now=now, ready=tries)
            in_time(ready)
        left = max(1, count // 2)
        self.update(
            table.merchant_currency(merchant_id, currency),
            "SET due_at = :at" if left > 1 else "REMOVE due_at, due_bucket",
            # One that grows meanwhile has its own time to be looked at again.
            "shards = :left AND due_at = :seen",
            {
                "left": left,
                "seen": due_at,
                **({"at": format_instant(now + QUIET_AFTER)} if left > 1 else {}),
            },
        )
        return bool(count > 1)

    def look_at_wallet_again(self, merchant_id: str, currency: str, at: datetime) -> None:
        self._look_again(table.merchant_currency(merchant_id, currency), table.HOT_WALLETS, at)

    def suspended_for_funds(self, now: datetime, *, page: int) -> Iterator[str]:
        """Merchants to look at, the longest not looked at first."""
        for key in self.all_due_keys(table.FUNDS_SUSPENSIONS, now, page=page):
            yield key["pk"]["S"].removeprefix("MERCHANT#")

    def look_again(self, merchant_id: str, at: datetime) -> None:
        self._look_again(table.merchant(merchant_id), table.FUNDS_SUSPENSIONS, at)

    def _look_again(self, key: Key, watch: str, at: datetime) -> None:
        """Unless it is not watched any more."""
        self.update(
            key,
            "SET due_at = :at",
            "due_bucket = :watch",
            {"at": format_instant(at), "watch": watch},
        )

    def attempt[Done](self, do: Callable[[], Done]) -> Done:
        """Raises NotTended: what AWS said, or what is wrong with the row."""
        try:
            return do()
        except (ClientError, BotoCoreError) as error:
            raise NotTended(answers.code_of(error)) from error
        except (RefundsError, *UNREADABLE) as error:
            raise NotTended(type(error).__name__) from error
