"""Certification 商家认证 (R2), and the suspensions that end the coverage of later orders.

    none → submitted → certified | refused;  refused → submitted;  certified → suspended → certified

A merchant is suspended while any cause is in force; each cause is lifted only by what set it.
A suspension never takes away the refund of an order that was covered when it was placed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field, StringConstraints
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as StdnumError

from refunds.errors import CertificationNotFound, CertificationStateConflict, ReasonRequired
from refunds.fields import Id, Instant, Label, Model, Phone, Reference, Text
from refunds.standing import Cause, Status


class Verdict(StrEnum):
    CERTIFIED = "certified"
    REFUSED = "refused"
    SUSPENDED = "suspended"


class DocumentKind(StrEnum):
    BUSINESS_LICENCE = "business_licence"
    LEGAL_REPRESENTATIVE_ID = "legal_representative_id"
    TRADEMARK = "trademark"
    OTHER = "other"


def _valid_uscc(code: str) -> str:
    """GB 32100-2015: 18 characters, the last a check character."""
    try:
        return str(uscc.validate(code))
    except StdnumError as error:
        raise ValueError("must be a unified social credit code (GB 32100-2015)") from error


class Contact(Model):
    name: Label
    phone: Phone
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$")]


class Document(Model):
    kind: DocumentKind
    reference: Reference


def _with_business_licence(documents: list[Document]) -> list[Document]:
    if all(document.kind is not DocumentKind.BUSINESS_LICENCE for document in documents):
        raise ValueError("must include a business_licence")
    return documents


class Application(Model):
    """What a merchant submits to be certified."""

    company_name: Label
    unified_social_credit_code: Annotated[
        str, StringConstraints(pattern=r"^[0-9A-Z]{18}$"), AfterValidator(_valid_uscc)
    ]
    legal_representative: Label
    contact: Contact
    documents: Annotated[
        list[Document],
        Field(min_length=1, max_length=20),
        AfterValidator(_with_business_licence),
    ]


class DecisionRequest(Model):
    decision: Verdict
    reason: Text | None = None


class Certification(Model):
    """A merchant's certification as it stands."""

    merchant_id: Id
    status: Status
    application: Application
    submitted_at: Instant
    decision: Verdict | None = None
    reason: Text | None = None
    decided_at: Instant | None = None
    suspended_since: Instant | None = None
    suspension_causes: tuple[Cause, ...] = ()


class CertificationPage(Model):
    items: list[Certification]
    next_cursor: str | None


class CertificationStore(Protocol):
    def certification(self, merchant_id: str) -> Certification | None: ...
    def submit(self, merchant_id: str, application: Application, *, now: datetime) -> bool: ...
    def decide(
        self, merchant_id: str, decision: DecisionRequest, *, operator: str, now: datetime
    ) -> bool: ...
    def suspend(
        self, merchant_id: str, cause: Cause, reason: str, *, by: str, now: datetime
    ) -> bool: ...
    def lift(self, merchant_id: str, cause: Cause, *, by: str, now: datetime) -> bool: ...


def show(merchant_id: str, *, store: CertificationStore) -> Certification:
    """Raises CertificationNotFound."""
    certification = store.certification(merchant_id)
    if certification is None:
        raise CertificationNotFound
    return certification


def submit(
    merchant_id: str, application: Application, *, store: CertificationStore, now: datetime
) -> Certification:
    """Submit, or submit again after a refusal.

    Raises:
        CertificationStateConflict: one is submitted or decided already.
    """
    if not store.submit(merchant_id, application, now=now):
        raise CertificationStateConflict(status=show(merchant_id, store=store).status)
    return show(merchant_id, store=store)


def decide(
    merchant_id: str,
    decision: DecisionRequest,
    *,
    operator: str,
    store: CertificationStore,
    now: datetime,
) -> Certification:
    """Certify, refuse or suspend; certifying a suspended merchant lifts the operator's cause.

    Raises:
        ReasonRequired: a refusal or suspension says no reason.
        CertificationNotFound: nothing was ever submitted.
        CertificationStateConflict: the state machine has no such step from here.
    """
    if decision.decision is not Verdict.CERTIFIED and decision.reason is None:
        raise ReasonRequired
    standing = show(merchant_id, store=store)
    if not _apply(standing, decision, operator=operator, store=store, now=now):
        raise CertificationStateConflict(status=show(merchant_id, store=store).status)
    return show(merchant_id, store=store)


def _apply(
    standing: Certification,
    decision: DecisionRequest,
    *,
    operator: str,
    store: CertificationStore,
    now: datetime,
) -> bool:
    merchant_id = standing.merchant_id
    match standing.status, decision.decision:
        case Status.SUBMITTED, Verdict.CERTIFIED | Verdict.REFUSED:
            return store.decide(merchant_id, decision, operator=operator, now=now)
        case Status.CERTIFIED | Status.SUSPENDED, Verdict.SUSPENDED:
            reason = decision.reason or ""
            return store.suspend(merchant_id, Cause.OPERATOR, reason, by=operator, now=now)
        case Status.SUSPENDED, Verdict.CERTIFIED:
            return store.lift(merchant_id, Cause.OPERATOR, by=operator, now=now)
    return False
