"""Every minute: wallets that have grown quiet give shards back, covered merchants are restored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from refunds import standing
from refunds.standing import Cause, Coverage

MAX_LOOKED_AT = 100
LOOK_AGAIN = timedelta(minutes=1)
BY = "upkeep"


class UpkeepStore(Coverage, Protocol):
    def quiet_wallets(self, now: datetime, *, limit: int) -> list[tuple[str, str]]: ...
    def shrink(self, merchant_id: str, currency: str, *, now: datetime) -> bool: ...
    def suspended_for_funds(self, now: datetime, *, limit: int) -> list[str]: ...
    def look_again(self, merchant_id: str, at: datetime) -> None: ...
    def lift(self, merchant_id: str, cause: Cause, *, by: str, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one run did."""

    shrunk: int
    restored: int


def tend(*, store: UpkeepStore, now: datetime) -> Upkeep:
    shrunk = sum(
        store.shrink(merchant_id, currency, now=now)
        for merchant_id, currency in store.quiet_wallets(now, limit=MAX_LOOKED_AT)
    )
    restored = sum(
        restore(merchant_id, store=store, now=now)
        for merchant_id in store.suspended_for_funds(now, limit=MAX_LOOKED_AT)
    )
    return Upkeep(shrunk, restored)


def restore(merchant_id: str, *, store: UpkeepStore, now: datetime) -> bool:
    """Lift a suspension for funds if the merchant is good for its refunds again."""
    if standing.covered(merchant_id, store=store):
        return store.lift(merchant_id, Cause.FUNDS, by=BY, now=now)
    store.look_again(merchant_id, now + LOOK_AGAIN)
    return False
