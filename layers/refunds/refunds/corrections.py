"""Corrections and reversals: what an operator may move, and who must agree.

A correction is proposed by one operator and approved by another. A reversal takes a refund back
from its buyer after a dispute.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field, StringConstraints

from refunds import funding, ledger, wallets
from refunds.deadline import Ready
from refunds.errors import (
    ApproverIsProposer,
    Busy,
    CorrectionNotFound,
    CorrectionNotOpen,
    IdempotencyKeyReused,
    InsufficientBalance,
    RefundNotFound,
    RefundNotReversible,
)
from refunds.fields import Balance, Currency, Id, Instant, Model, Text
from refunds.funding import Funds
from refunds.ledger import Cause, Leg, Posting
from refunds.refunds import Refund, RefundStatus, reversal_id
from refunds.times import format_instant
from refunds.wallets import ATTEMPTS, BalancesChanged, WalletStore

_ID = "[A-Za-z0-9_-]{1,64}"
ACCOUNT = (
    rf"^(merchant:{_ID}:(available|deposit|receivable)|buyer:{_ID}:available"
    r"|platform:guarantee|external:(settlement|payout))$"
)


def _balanced(legs: tuple["CorrectionLeg", ...]) -> tuple["CorrectionLeg", ...]:
    if sum(leg.amount for leg in legs) != 0:
        raise ValueError("the legs must sum to zero")
    if len({leg.account for leg in legs}) != len(legs):
        raise ValueError("each account may be named once")
    if any(leg.amount == 0 for leg in legs):
        raise ValueError("a leg must move something")
    return legs


class CorrectionLeg(Model):
    account: Annotated[str, StringConstraints(pattern=ACCOUNT)]
    amount: Annotated[int, Field(strict=True, ge=-(10**12), le=10**12)]


class CorrectionRequest(Model):
    currency: Currency
    legs: Annotated[
        tuple[CorrectionLeg, ...], Field(min_length=2, max_length=6), AfterValidator(_balanced)
    ]
    reason: Text


class CorrectionStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class Correction(CorrectionRequest):
    correction_id: Id
    status: CorrectionStatus
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None = None
    decided_at: Instant | None = None


class CorrectionPage(Model):
    items: list[Correction]
    next_cursor: str | None


class ReversalRequest(Model):
    reason: Text


class Reversal(Model):
    refund_id: Id
    merchant_id: Id
    amount: Balance
    currency: Currency
    reason: Text
    reversed_by: str
    reversed_at: Instant


class CorrectionStore(WalletStore, Protocol):
    def correction(self, correction_id: str) -> Correction | None: ...
    def propose(self, correction: Correction) -> bool: ...
    def reject(self, correction: Correction) -> bool: ...
    def approve(self, correction: Correction, posting: Posting, funds: dict[str, Funds]) -> None:
        """Raises CorrectionNotOpen, BalancesChanged, InsufficientBalance."""

    def refund(self, refund_id: str) -> Refund | None: ...
    def reverse(
        self, refund: Refund, posting: Posting, reversal: Reversal, funds: dict[str, Funds]
    ) -> None:
        """Raises RefundNotReversible, BalancesChanged, InsufficientBalance."""


def propose(
    correction_id: str,
    request: CorrectionRequest,
    *,
    operator: str,
    store: CorrectionStore,
    now: datetime,
) -> Correction:
    """Write a correction down for another operator to decide.

    Raises:
        IdempotencyKeyReused: the key that made this id was used for other content.
    """
    proposed = Correction(
        **dict(request),
        correction_id=correction_id,
        status=CorrectionStatus.PROPOSED,
        proposed_by=operator,
        proposed_at=now,
    )
    if store.propose(proposed):
        return proposed
    earlier = store.correction(correction_id)
    if earlier is None or _content(earlier) != _content(request):
        raise IdempotencyKeyReused
    return earlier


def decide(
    correction_id: str,
    *,
    approve: bool,
    operator: str,
    store: CorrectionStore,
    now: datetime,
    ready: Ready | None = None,
) -> Correction:
    """Approve or reject a proposed correction; approving it moves the money, once.

    Whoever decided it so, and asks again, gets the first answer: it may have been lost.

    Raises:
        CorrectionNotFound, CorrectionNotOpen: there is nothing to decide.
        ApproverIsProposer: it takes two.
        InsufficientBalance: an account would go where it may not; nothing is written.
    """
    status = CorrectionStatus.APPROVED if approve else CorrectionStatus.REJECTED
    try:
        return _decide(correction_id, status, operator=operator, store=store, now=now, ready=ready)
    except CorrectionNotOpen:
        earlier = store.correction(correction_id)
        if earlier and (earlier.status, earlier.decided_by) == (status, operator):
            return earlier
        raise


def _decide(
    correction_id: str,
    status: CorrectionStatus,
    *,
    operator: str,
    store: CorrectionStore,
    now: datetime,
    ready: Ready | None,
) -> Correction:
    proposed = _open(correction_id, store)
    decided = proposed.model_copy(
        update={"status": status, "decided_by": operator, "decided_at": now}
    )
    if status is CorrectionStatus.REJECTED:
        while not store.reject(decided):
            _open(correction_id, store)
        return decided
    if operator == proposed.proposed_by:
        raise ApproverIsProposer
    legs = tuple(Leg(leg.account, leg.amount) for leg in proposed.legs)
    posting = Posting(correction_id, Cause.CORRECTION, proposed.currency, format_instant(now), legs)
    for _ in range(ATTEMPTS):
        try:
            store.approve(decided, posting, _funds_of(legs, proposed.currency, store, ready))
        except BalancesChanged:
            continue
        except InsufficientBalance:
            # Approved by another in this moment, it has itself moved what is missing now.
            _open(correction_id, store)
            raise
        return decided
    raise Busy


def reverse(
    refund_id: str, reason: str, *, operator: str, store: CorrectionStore, now: datetime
) -> Reversal:
    """Take a succeeded refund back from its buyer; the merchant's debt is repaid first.

    Whoever did so, and asks again with the same reason, gets the first answer.

    Raises:
        RefundNotFound, RefundNotReversible: it is not there, or has not succeeded.
        InsufficientBalance: the buyer no longer has the money.
    """
    try:
        return _reverse(refund_id, reason, operator=operator, store=store, now=now)
    except RefundNotReversible:
        made = store.posted(reversal_id(refund_id))
        earlier = Reversal.model_validate(made[0]) if made else None
        if earlier and (earlier.reversed_by, earlier.reason) == (operator, reason):
            return earlier
        raise


def _reverse(
    refund_id: str, reason: str, *, operator: str, store: CorrectionStore, now: datetime
) -> Reversal:
    refund = _reversible(refund_id, store)
    reversal = Reversal(
        refund_id=refund_id,
        merchant_id=refund.merchant_id,
        amount=refund.amount,
        currency=refund.currency,
        reason=reason,
        reversed_by=operator,
        reversed_at=now,
    )
    for _ in range(ATTEMPTS):
        funds = store.glance(refund.merchant_id, refund.currency)
        parts = funding.split_credit(refund.amount, funds, to_deposit=False)
        legs = (
            Leg(ledger.buyer(refund.buyer_id), -refund.amount),
            *wallets.received(refund.merchant_id, parts),
        )
        posting = Posting(
            reversal_id(refund_id),
            Cause.REVERSAL,
            refund.currency,
            format_instant(now),
            legs,
        )
        try:
            store.reverse(refund, posting, reversal, {refund.merchant_id: funds})
        except BalancesChanged:
            continue
        except InsufficientBalance:
            # Reversed by another in this moment, it has itself taken what the buyer lacks now.
            _reversible(refund_id, store)
            raise
        return reversal
    raise Busy


def _reversible(refund_id: str, store: CorrectionStore) -> Refund:
    """Raises RefundNotFound, RefundNotReversible."""
    refund = store.refund(refund_id)
    if refund is None:
        raise RefundNotFound
    if refund.status is not RefundStatus.SUCCEEDED:
        raise RefundNotReversible(status=refund.status)
    return refund


def _open(correction_id: str, store: CorrectionStore) -> Correction:
    """Raises CorrectionNotFound, CorrectionNotOpen."""
    correction = store.correction(correction_id)
    if correction is None:
        raise CorrectionNotFound
    if correction.status is not CorrectionStatus.PROPOSED:
        raise CorrectionNotOpen(status=correction.status)
    return correction


def _content(request: CorrectionRequest) -> dict[str, object]:
    return request.model_dump(include=set(CorrectionRequest.model_fields))


def merchants_of(legs: Iterable[Leg | CorrectionLeg]) -> list[str]:
    """Whose accounts a correction moves."""
    accounts = (leg.account.split(":") for leg in legs)
    return sorted({owner for kind, owner, *_ in accounts if kind == "merchant"})


def _funds_of(
    legs: tuple[Leg, ...], currency: str, store: CorrectionStore, ready: Ready | None
) -> dict[str, Funds]:
    merchants = merchants_of(legs)
    for merchant_id in merchants:
        store.open_wallet(merchant_id, currency)
    return {
        merchant_id: store.read_funds(merchant_id, currency, ready=ready)
        for merchant_id in merchants
    }
