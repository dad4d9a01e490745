"""Wallets 钱包: what comes in from the platform, what is paid out, and balances.

Each movement is one posting, written once in the transaction that changes the balances. Amounts are
minor units of one currency; no arithmetic crosses currencies.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from refunds import funding, ledger
from refunds.deadline import Ready
from refunds.digests import derived_id, digest
from refunds.errors import (
    Busy,
    IdempotencyKeyReused,
    InsufficientBalance,
    PayoutExceedsPayable,
)
from refunds.fields import Amount, Balance, Currency, Id, Instant, Model
from refunds.funding import Funds, Parts
from refunds.ledger import Cause, Leg, Part, Posting
from refunds.members import Party, Role
from refunds.times import format_instant

ATTEMPTS = 5
"""How often a movement is planned anew when the balances changed meanwhile."""


class BalancesChanged(Exception):
    """The balances are not as they were read; nothing was written."""


class AlreadyPosted(Exception):
    """This posting's id is taken; nothing was written."""


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


class Allocation(Model):
    """Where a credit went: the debt first, then the deposit's required level, then the target."""

    receivable: Balance = 0
    deposit: Balance = 0
    available: Balance = 0


class Credit(CreditRequest):
    credit_id: Id
    merchant_id: Id
    credited_at: Instant
    allocation: Allocation


class PayoutRequest(Model):
    amount: Amount
    currency: Currency


class Payout(PayoutRequest):
    payout_id: Id
    role: Role
    party_id: Id
    paid_out_at: Instant


class Wallet(Model):
    """One currency's balances; a buyer has only `available`."""

    currency: Currency
    available: Balance
    deposit: Balance = 0
    deposit_required: Balance = 0
    owed: Balance = 0
    """What the guarantee fund advanced and the merchant has not repaid."""
    guarantee_left: Balance = 0
    """What the guarantee fund may still advance."""
    frozen: bool = False


class Wallets(Model):
    role: Role
    wallets: list[Wallet]


class WalletStore(Protocol):
    def open_wallet(self, merchant_id: str, currency: str) -> None: ...
    def glance(self, merchant_id: str, currency: str) -> Funds: ...
    def read_funds(
        self, merchant_id: str, currency: str, *, ready: Ready | None = None
    ) -> Funds: ...
    def waiting_amount(self, merchant_id: str, currency: str) -> int | None: ...
    def buyer_balance(self, buyer_id: str, currency: str) -> int: ...
    def currencies(self, merchant_id: str) -> list[str]: ...
    def buyer_wallets(self, buyer_id: str) -> list[Wallet]: ...
    def posted(self, posting_id: str) -> tuple[dict[str, object], str] | None: ...

    def post(
        self,
        posting: Posting,
        *,
        record: Model,
        request_digest: str,
        funds: dict[str, Funds],
    ) -> None:
        """Raises AlreadyPosted, BalancesChanged, InsufficientBalance; then nothing is written."""


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
        Busy: the balances changed each time; nothing was written.
    """
    credit_id = derived_id("cr", caller=client_id, operation="credit", key=idempotency_key)
    content = digest({"merchant_id": merchant_id, **request.model_dump(mode="json")})
    store.open_wallet(merchant_id, request.currency)

    def attempt() -> Credit:
        # Conditions of the write: deposit and debt as seen, and that the shard is there.
        funds = store.glance(merchant_id, request.currency)
        parts = funding.split_credit(
            request.amount, funds, to_deposit=request.target is CreditTarget.DEPOSIT
        )
        made = Credit(
            **dict(request),
            credit_id=credit_id,
            merchant_id=merchant_id,
            credited_at=now,
            allocation=Allocation(**parts.named()),
        )
        posting = Posting(
            credit_id,
            Cause.CREDIT,
            request.currency,
            format_instant(now),
            (Leg(ledger.SETTLEMENT, -request.amount), *received(merchant_id, parts)),
        )
        store.post(posting, record=made, request_digest=content, funds={merchant_id: funds})
        return made

    return _once(credit_id, content, Credit, attempt, store)


def pay_out(
    party: Party,
    request: PayoutRequest,
    *,
    client_id: str,
    idempotency_key: str,
    store: WalletStore,
    now: datetime,
    ready: Ready | None = None,
) -> Payout:
    """Pay a party out, once for each client and key.

    Raises:
        PayoutExceedsPayable: refunds, deposit or debt still need some of it.
        IdempotencyKeyReused: the key was used for another party or other content.
        Busy: the balances changed each time, or no read of them came through while `ready`;
            nothing was written.
    """
    payout_id = derived_id("po", caller=client_id, operation="payout", key=idempotency_key)
    made = Payout(
        **dict(request), payout_id=payout_id, role=party.role, party_id=party.id, paid_out_at=now
    )
    content = digest(made.model_dump(mode="json", exclude={"payout_id", "paid_out_at"}))

    def attempt() -> Payout:
        funds = {}
        if party.role is Role.MERCHANT:
            funds = {party.id: store.read_funds(party.id, request.currency, ready=ready)}
            waiting = store.waiting_amount(party.id, request.currency)
            payable = funding.payable(funds[party.id], waiting)
            account = ledger.merchant(party.id, Part.AVAILABLE)
        else:
            payable = store.buyer_balance(party.id, request.currency)
            account = ledger.buyer(party.id)
        if request.amount > payable:
            # Since the key was looked up, its own first request may have taken what is missing.
            if store.posted(payout_id):
                raise BalancesChanged
            raise PayoutExceedsPayable(payable=payable, currency=request.currency)
        legs = (Leg(account, -request.amount), Leg(ledger.PAYOUT, request.amount))
        posting = Posting(payout_id, Cause.PAYOUT, request.currency, format_instant(now), legs)
        try:
            store.post(posting, record=made, request_digest=content, funds=funds)
        except InsufficientBalance as error:
            raise BalancesChanged from error
        return made

    return _once(payout_id, content, Payout, attempt, store)


def show(party: Party, *, store: WalletStore, ready: Ready | None = None) -> Wallets:
    """A merchant's balances are of one instant each. Raises Busy: none came while `ready`."""
    if party.role is Role.BUYER:
        return Wallets(role=party.role, wallets=store.buyer_wallets(party.id))
    wallets = [
        wallet_of(currency, store.read_funds(party.id, currency, ready=ready))
        for currency in store.currencies(party.id)
    ]
    return Wallets(role=party.role, wallets=wallets)


def _once[T: Model](
    posting_id: str, content: str, model: type[T], attempt: Callable[[], T], store: WalletStore
) -> T:
    """The posting of this id: made now, or as it was made; never twice."""
    for _ in range(ATTEMPTS):
        earlier = store.posted(posting_id)
        if earlier:
            if earlier[1] != content:
                raise IdempotencyKeyReused
            return model.model_validate(earlier[0])
        try:
            return attempt()
        except (AlreadyPosted, BalancesChanged):
            continue
    raise Busy


def received(merchant_id: str, parts: Parts) -> tuple[Leg, ...]:
    """The merchant's legs of money that comes in."""
    return tuple(
        Leg(ledger.merchant(merchant_id, Part(part)), amount)
        for part, amount in parts.named().items()
    )


def wallet_of(currency: str, funds: Funds) -> Wallet:
    return Wallet(
        currency=currency,
        available=funds.available,
        deposit=funds.deposit,
        deposit_required=funds.deposit_required,
        owed=funds.owed,
        guarantee_left=max(0, funds.headroom),
        frozen=funds.frozen,
    )
