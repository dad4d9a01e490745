"""The refund policy (R4 to R6): drafted freely, reviewed, confirmed once, and never changed.

none → draft (any number of edits) → confirmed
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from refunds.digests import digest as content_digest
from refunds.errors import (
    InstantRefundOff,
    PolicyAlreadyConfirmed,
    PolicyDraftChanged,
    RefundsError,
)
from refunds.fields import Digest, Id, Instant, Model, Switch, Text


class RefundStatement(Model):
    """退款说明: for what reasons, and how no-reason returns within 7 days are handled."""

    reasons: Text
    handling: Text


class PolicyTerms(Model):
    """What a merchant promises: the switch and the statement."""

    instant_refund: Switch
    statement: RefundStatement

    def digest(self) -> str:
        """SHA-256 of the terms as canonical JSON (RFC 8785), so that anyone can recompute it."""
        return content_digest(self.model_dump())


class PolicyConfirmation(Model):
    digest: Digest


class PolicyStatus(StrEnum):
    NONE = "none"
    DRAFT = "draft"
    CONFIRMED = "confirmed"


class Draft(Model):
    instant_refund: bool
    statement: RefundStatement
    digest: Digest
    updated_at: Instant


class ConfirmedPolicy(Model):
    merchant_id: Id
    instant_refund: bool
    statement: RefundStatement
    digest: Digest
    confirmed_at: Instant


class RefundPolicy(Model):
    """What the merchant sees: nothing yet, the draft to review, or the policy for ever."""

    status: PolicyStatus
    instant_refund: bool = False
    statement: RefundStatement | None = None
    digest: Digest | None = None
    updated_at: Instant | None = None
    confirmed_at: Instant | None = None


class PublicPolicy(Model):
    """The badge for buyers: whether an order placed now would be covered, and since when."""

    merchant_id: Id
    instant_refund: bool
    enabled_since: Instant | None = None
    statement: RefundStatement | None = None
    digest: Digest | None = None


class PolicyStore(Protocol):
    def draft(self, merchant_id: str) -> Draft | None: ...
    def confirmed_policy(self, merchant_id: str) -> ConfirmedPolicy | None: ...
    def suspended(self, merchant_id: str) -> bool: ...
    def put_draft(self, merchant_id: str, draft: Draft) -> None: ...
    def check_standing(self, merchant_id: str) -> None: ...
    def confirm(self, policy: ConfirmedPolicy) -> None: ...


def show(merchant_id: str, *, store: PolicyStore) -> RefundPolicy:
    policy = store.confirmed_policy(merchant_id)
    if policy:
        return _confirmed(policy)
    draft = store.draft(merchant_id)
    if draft:
        return RefundPolicy(status=PolicyStatus.DRAFT, **dict(draft))
    return RefundPolicy(status=PolicyStatus.NONE)


def show_publicly(merchant_id: str, *, store: PolicyStore) -> PublicPolicy:
    policy = store.confirmed_policy(merchant_id)
    if policy is None or store.suspended(merchant_id):
        return PublicPolicy(merchant_id=merchant_id, instant_refund=False)
    return PublicPolicy(
        merchant_id=merchant_id,
        instant_refund=policy.instant_refund,
        enabled_since=policy.confirmed_at,
        statement=policy.statement,
        digest=policy.digest,
    )


def edit(
    merchant_id: str, terms: PolicyTerms, *, store: PolicyStore, now: datetime
) -> RefundPolicy:
    """Replace the draft.

    Raises:
        PolicyAlreadyConfirmed: a policy is final; nothing is written.
    """
    draft = Draft(**dict(terms), digest=terms.digest(), updated_at=now)
    store.put_draft(merchant_id, draft)
    return RefundPolicy(status=PolicyStatus.DRAFT, **dict(draft))


def confirm(
    merchant_id: str, digest: str, *, store: PolicyStore, now: datetime
) -> tuple[RefundPolicy, bool]:
    """Make the reviewed draft final. Returns the policy, and whether this call confirmed it.

    Raises:
        MerchantNotCertified: certification is not in force.
        ShopIncomplete: a shop setting is missing.
        PolicyDraftChanged: `digest` is not that of the draft as it stands.
        InstantRefundOff: the draft's switch is off.
        PolicyAlreadyConfirmed: another policy is already final; nothing is written.
    """
    standing = store.confirmed_policy(merchant_id)
    if standing:
        return _replayed(standing, digest), False
    try:
        policy = _reviewed(merchant_id, digest, store=store, now=now)
        store.confirm(policy)
    except RefundsError:
        # Since it was looked up, a confirmation may have come first: this one's own when it was
        # sent before, or another's of the same draft. Either is its answer.
        winner = store.confirmed_policy(merchant_id)
        if winner is None:
            raise
        return _replayed(winner, digest), False
    return _confirmed(policy), True


def _reviewed(
    merchant_id: str, digest: str, *, store: PolicyStore, now: datetime
) -> ConfirmedPolicy:
    """The draft, if it is what was reviewed. Raises as `confirm` does."""
    store.check_standing(merchant_id)
    draft = store.draft(merchant_id)
    if draft is None or draft.digest != digest:
        raise PolicyDraftChanged(draft_digest=draft.digest if draft else None)
    if not draft.instant_refund:
        raise InstantRefundOff
    return ConfirmedPolicy(
        merchant_id=merchant_id,
        instant_refund=draft.instant_refund,
        statement=draft.statement,
        digest=digest,
        confirmed_at=now,
    )


def _replayed(policy: ConfirmedPolicy, digest: str) -> RefundPolicy:
    if policy.digest != digest:
        raise PolicyAlreadyConfirmed(confirmed_digest=policy.digest)
    return _confirmed(policy)


def _confirmed(policy: ConfirmedPolicy) -> RefundPolicy:
    return RefundPolicy(status=PolicyStatus.CONFIRMED, **policy.model_dump(exclude={"merchant_id"}))
