"""Every minute: wallets that have grown quiet give shards back, covered merchants are restored.

One row that cannot be tended now is looked at again later, and is in no other's way.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from typing import Protocol

from refunds import standing
from refunds.deadline import Ready
from refunds.standing import Cause, Coverage

PAGE = 100
LOOK_AGAIN = timedelta(minutes=1)
BY = "upkeep"


class NotTended(Exception):
    """Why a row could not be tended now."""


class UpkeepStore(Coverage, Protocol):
    def quiet_wallets(self, now: datetime, *, page: int) -> Iterator[tuple[str, str]]: ...
    def shrink(
        self, merchant_id: str, currency: str, *, now: datetime, ready: Ready | None = None
    ) -> bool: ...
    def look_at_wallet_again(self, merchant_id: str, currency: str, at: datetime) -> None: ...
    def suspended_for_funds(self, now: datetime, *, page: int) -> Iterator[str]: ...
    def look_again(self, merchant_id: str, at: datetime) -> None: ...
    def lift(self, merchant_id: str, cause: Cause, *, by: str, now: datetime) -> bool: ...
    def attempt[Done](self, do: Callable[[], Done]) -> Done:
        """Raises NotTended, whatever it was that failed."""


@dataclass(slots=True)
class Upkeep:
    """What one run did."""

    shrunk: int = 0
    restored: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    """Why, by row."""


def tend(*, store: UpkeepStore, now: datetime, ready: Ready) -> Upkeep:
    """Look at all that is due, of either kind in turn, until `ready(0)` says that time is up."""
    done, again = Upkeep(), now + LOOK_AGAIN

    def tended(row: str, do: Callable[[], bool], later: Callable[[], None]) -> bool:
        try:
            return store.attempt(do)
        except NotTended as refused:
            with suppress(NotTended):
                store.attempt(later)
            done.skipped[row] = str(refused)
            return False

    quiet = store.quiet_wallets(now, page=PAGE)
    suspended = store.suspended_for_funds(now, page=PAGE)
    for wallet, merchant_id in zip_longest(quiet, suspended):
        if not ready(0):
            break
        if wallet:
            owner, currency = wallet
            done.shrunk += tended(
                f"{owner} {currency}",
                partial(store.shrink, owner, currency, now=now, ready=ready),
                partial(store.look_at_wallet_again, owner, currency, again),
            )
        if merchant_id:
            done.restored += tended(
                merchant_id,
                partial(restore, merchant_id, store=store, now=now),
                partial(store.look_again, merchant_id, again),
            )
    return done


def restore(merchant_id: str, *, store: UpkeepStore, now: datetime) -> bool:
    """Lift a suspension for funds if the merchant is good for its refunds again."""
    if standing.covered(merchant_id, store=store):
        return store.lift(merchant_id, Cause.FUNDS, by=BY, now=now)
    store.look_again(merchant_id, now + LOOK_AGAIN)
    return False
