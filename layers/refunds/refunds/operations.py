"""What an operator sees of a merchant, and sets: limits, freezing, shards."""

from datetime import datetime
from typing import Annotated, Protocol

from pydantic import Field

from refunds.certification import Certification
from refunds.deadline import Ready
from refunds.debits import MAX_SHARDS
from refunds.errors import WalletChanged
from refunds.fields import MAX_AMOUNT, Balance, Currency, Id, Instant, Model
from refunds.funding import Funds
from refunds.standing import Cause, Status
from refunds.wallets import Wallet, wallet_of

MAX_WAITING_SHOWN = 100

Level = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]
"""Minor units; zero means none."""


class LimitsRequest(Model):
    currency: Currency
    deposit_required: Level
    guarantee_limit: Level
    """What the guarantee fund advances at the most."""


class FreezeRequest(Model):
    currency: Currency


class ShardsRequest(Model):
    currency: Currency
    shards: Annotated[int, Field(strict=True, ge=1, le=MAX_SHARDS)]


class OperatedWallet(Wallet):
    guarantee_limit: Balance
    """What the guarantee fund advances at the most; may be below what is owed."""
    shards: int
    waiting_refunds: int
    """At most `MAX_WAITING_SHOWN` are counted."""


class MerchantOverview(Model):
    merchant_id: Id
    certification: Status | None
    suspended_since: Instant | None
    suspension_causes: tuple[Cause, ...]
    wallets: list[OperatedWallet]


class OperationStore(Protocol):
    def certification(self, merchant_id: str) -> Certification | None: ...
    def currencies(self, merchant_id: str) -> list[str]: ...
    def open_wallet(self, merchant_id: str, currency: str) -> None: ...
    def glance(self, merchant_id: str, currency: str) -> Funds: ...
    def read_funds(
        self, merchant_id: str, currency: str, *, ready: Ready | None = None
    ) -> Funds: ...
    def waiting_ids(self, merchant_id: str, currency: str, *, limit: int) -> list[str]: ...
    def mark(
        self, merchant_id: str, currency: str, name: str, *, on: bool, ready: Ready | None = None
    ) -> None: ...
    def reshard(
        self,
        merchant_id: str,
        currency: str,
        count: int,
        *,
        now: datetime,
        ready: Ready | None = None,
    ) -> None: ...
    def set_limits(self, merchant_id: str, limits: LimitsRequest, funds: Funds) -> bool: ...


def show(
    merchant_id: str, *, store: OperationStore, ready: Ready | None = None
) -> MerchantOverview:
    certification = store.certification(merchant_id)
    return MerchantOverview(
        merchant_id=merchant_id,
        certification=certification.status if certification else None,
        suspended_since=certification.suspended_since if certification else None,
        suspension_causes=certification.suspension_causes if certification else (),
        wallets=[
            _wallet(merchant_id, currency, store, ready)
            for currency in store.currencies(merchant_id)
        ],
    )


def limit(merchant_id: str, limits: LimitsRequest, *, store: OperationStore) -> OperatedWallet:
    """Set both limits. Raises WalletChanged: a movement came between."""
    store.open_wallet(merchant_id, limits.currency)
    funds = store.glance(merchant_id, limits.currency)
    if not store.set_limits(merchant_id, limits, funds):
        raise WalletChanged
    return _glanced(merchant_id, limits.currency, store)


def freeze(
    merchant_id: str,
    currency: str,
    *,
    frozen: bool,
    store: OperationStore,
    ready: Ready | None = None,
) -> OperatedWallet:
    """Stop or resume a merchant's debits: once this has returned, on all shards.

    Raises:
        WalletChanged: another began the opposite meanwhile.
        Busy: not all shards could be reached while `ready`; the same call again goes on.
    """
    store.open_wallet(merchant_id, currency)
    store.mark(merchant_id, currency, "frozen", on=frozen, ready=ready)
    return _glanced(merchant_id, currency, store)


def reshard(
    merchant_id: str,
    wanted: ShardsRequest,
    *,
    store: OperationStore,
    now: datetime,
    ready: Ready | None = None,
) -> OperatedWallet:
    """Spread the wallet over as many shards.

    Raises:
        WalletFrozen: nothing moves in it.
        Busy: there were not so many while `ready`; the same call again goes on.
    """
    store.open_wallet(merchant_id, wanted.currency)
    store.reshard(merchant_id, wanted.currency, wanted.shards, now=now, ready=ready)
    return _glanced(merchant_id, wanted.currency, store)


def _glanced(merchant_id: str, currency: str, store: OperationStore) -> OperatedWallet:
    """What was changed: a read at one instant may never come through on a wallet that is hot."""
    return _shown(store.glance(merchant_id, currency), merchant_id, currency, store)


def _wallet(
    merchant_id: str, currency: str, store: OperationStore, ready: Ready | None
) -> OperatedWallet:
    funds = store.read_funds(merchant_id, currency, ready=ready)
    return _shown(funds, merchant_id, currency, store)


def _shown(funds: Funds, merchant_id: str, currency: str, store: OperationStore) -> OperatedWallet:
    waiting = store.waiting_ids(merchant_id, currency, limit=MAX_WAITING_SHOWN)
    return OperatedWallet(
        **dict(wallet_of(currency, funds)),
        guarantee_limit=funds.owed + funds.headroom,
        shards=len(funds.shards),
        waiting_refunds=len(waiting),
    )
