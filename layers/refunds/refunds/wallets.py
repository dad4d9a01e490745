"""Wallets 钱包: credits by the platform, and balances. Amounts are minor units of one currency.

A credit is one posting of two legs that sum to zero: `external:settlement` and the merchant's
account. It is written once, in the transaction that changes the balance.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from refunds.digests import derived_id, digest
from refunds.errors import IdempotencyKeyReused
from refunds.fields import Amount, Balance, Currency, Id, Instant, Model
from refunds.members import Party, Role


class CreditSource(StrEnum):
    SETTLEMENT = "settlement"
    TOP_UP = "top_up"


class CreditTarget(StrEnum):
    WALLET = "wallet"
    DEPOSIT = "deposit"


class CreditRequest(Model):
    amount: Amount
    currency: Currency
    source: CreditSource
    target: CreditTarget


class Leg(Model):
    account: str
    amount: Balance
    """Negative leaves the account."""


class Credit(CreditRequest):
    credit_id: Id
    merchant_id: Id
    credited_at: Instant

    def legs(self) -> list[Leg]:
        part = "available" if self.target is CreditTarget.WALLET else "deposit"
        return [
            Leg(account="external:settlement", amount=-self.amount),
            Leg(account=f"merchant:{self.merchant_id}:{part}", amount=self.amount),
        ]


class Wallet(Model):
    """One currency's balances; `deposit` and `frozen` are a merchant's only."""

    currency: Currency
    available: Balance
    deposit: Balance = 0
    frozen: bool = False


class Wallets(Model):
    role: Role
    wallets: list[Wallet]


class WalletStore(Protocol):
    def credit(self, credit: Credit, request_digest: str) -> bool: ...
    def credited(self, credit_id: str) -> tuple[Credit, str] | None: ...
    def merchant_wallets(self, merchant_id: str) -> list[Wallet]: ...
    def buyer_wallets(self, buyer_id: str) -> list[Wallet]: ...


def credit(
    merchant_id: str,
    request: CreditRequest,
    *,
    client_id: str,
    idempotency_key: str,
    store: WalletStore,
    now: datetime,
) -> Credit:
    """Credit a merchant, once for each client and key.

    Raises:
        IdempotencyKeyReused: the key was used for another merchant or other content.
        Busy: the wallet is in too many transactions at once; nothing was written.
    """
    request_digest = digest({"merchant_id": merchant_id, **request.model_dump(mode="json")})
    wanted = Credit(
        **dict(request),
        credit_id=derived_id("cr", caller=client_id, operation="credit", key=idempotency_key),
        merchant_id=merchant_id,
        credited_at=now,
    )
    if store.credit(wanted, request_digest):
        return wanted
    earlier = store.credited(wanted.credit_id)
    if earlier is None or earlier[1] != request_digest:
        raise IdempotencyKeyReused
    return earlier[0]


def show(party: Party, *, store: WalletStore) -> Wallets:
    read = store.merchant_wallets if party.role is Role.MERCHANT else store.buyer_wallets
    return Wallets(role=party.role, wallets=read(party.id))
