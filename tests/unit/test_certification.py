"""What may be submitted, and every step of the state machine."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from stdnum.cn import uscc

from refunds import certification
from refunds.certification import (
    Application,
    Certification,
    DecisionRequest,
    Verdict,
)
from refunds.errors import CertificationNotFound, CertificationStateConflict, ReasonRequired
from refunds.standing import Cause, Status
from tests.unit.examples import APPLICATION, MERCHANT, NOON, USCC

LICENCE = {"kind": "business_licence", "reference": "s3://documents/licence.pdf"}
OTHER = {"kind": "other", "reference": "s3://documents/other.pdf"}


def application(**changed: Any) -> Application:
    return Application.model_validate(APPLICATION.model_dump(mode="json") | changed)


# ── The application ─────────────────────────────────────────────────────────────────────────────


@given(st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_only_the_right_check_character_makes_a_credit_code(last: str) -> None:
    code = USCC[:-1] + last
    if last == uscc.calc_check_digit(USCC[:-1]):
        assert application(unified_social_credit_code=code).unified_social_credit_code == USCC
    else:
        with pytest.raises(ValidationError, match="GB 32100-2015"):
            application(unified_social_credit_code=code)


@pytest.mark.parametrize(
    "code",
    [
        USCC[:-1],
        USCC + "0",
        USCC.lower(),
        f" {USCC}",
        f"{USCC}\n",
        "91110000600037341I",  # a letter that the standard leaves out
        "\uff19" + USCC[1:],  # full-width
        "",
        911100006000373410,
        None,
    ],
)
def test_a_credit_code_has_exactly_its_18_characters(code: object) -> None:
    with pytest.raises(ValidationError):
        application(unified_social_credit_code=code)


def test_two_neighbours_exchanged_in_a_credit_code_are_noticed() -> None:
    with pytest.raises(ValidationError):
        application(unified_social_credit_code="91110000600037431L")


@pytest.mark.parametrize("documents", [[], [OTHER], [OTHER] * 21, [LICENCE] * 21])
def test_the_documents_are_1_to_20_with_a_business_licence(documents: list[Any]) -> None:
    with pytest.raises(ValidationError):
        application(documents=documents)


def test_a_licence_anywhere_among_the_documents_is_enough() -> None:
    assert len(application(documents=[*[OTHER] * 19, LICENCE]).documents) == 20


@pytest.mark.parametrize(
    "changed",
    [
        {"company_name": " "},
        {"company_name": "x" * 101},
        {"legal_representative": "a\tb\x00"},
        {"contact": {"name": "a", "phone": "call me", "email": "a@b.cn"}},
        {"contact": {"name": "a", "phone": "010 12345678", "email": "a b@c.cn"}},
        {"contact": {"name": "a", "phone": "010 12345678", "email": "a@b@c.cn"}},
        {"bank_account": "1"},
    ],
)
def test_a_malformed_or_unknown_field_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        application(**changed)


# ── The state machine ───────────────────────────────────────────────────────────────────────────


@dataclass
class Records:
    """A certification store of one merchant, with the real one's conditions."""

    standing: Certification | None = None
    written: list[str] = field(default_factory=list)

    def certification(self, merchant_id: str) -> Certification | None:
        assert merchant_id == MERCHANT
        return self.standing

    def submit(self, merchant_id: str, application: Application, *, now: datetime) -> bool:
        if self.standing and self.standing.status is not Status.REFUSED:
            return False
        self.standing = Certification(
            merchant_id=merchant_id,
            status=Status.SUBMITTED,
            application=application,
            submitted_at=now,
        )
        return True

    def decide(
        self,
        merchant_id: str,
        decision: DecisionRequest,
        *,
        operator: str,
        now: datetime,
    ) -> bool:
        return self._move(
            merchant_id,
            Status.SUBMITTED,
            Status(decision.decision),
            operator,
            decision=decision.decision,
            reason=decision.reason,
            decided_at=now,
        )

    def suspend(
        self, merchant_id: str, cause: Cause, reason: str, *, by: str, now: datetime
    ) -> bool:
        assert reason
        return self._move(
            merchant_id,
            Status.CERTIFIED,
            Status.SUSPENDED,
            by,
            suspension_causes=(cause,),
            suspended_since=now,
        )

    def lift(self, merchant_id: str, cause: Cause, *, by: str, now: datetime) -> bool:  # noqa: ARG002
        if self.standing is None or self.standing.suspension_causes != (cause,):
            return False
        return self._move(
            merchant_id,
            Status.SUSPENDED,
            Status.CERTIFIED,
            by,
            suspension_causes=(),
            suspended_since=None,
        )

    def _move(
        self, merchant_id: str, leaves: Status, enters: Status, by: str, **changed: Any
    ) -> bool:
        assert merchant_id == MERCHANT
        if self.standing is None or self.standing.status is not leaves:
            return False
        self.standing = self.standing.model_copy(update={"status": enters, **changed})
        self.written.append(by)
        return True


def standing(status: Status) -> Records:
    causes = (Cause.OPERATOR,) if status is Status.SUSPENDED else ()
    return Records(
        Certification(
            merchant_id=MERCHANT,
            status=status,
            application=APPLICATION,
            submitted_at=NOON,
            suspension_causes=causes,
        )
    )


def decide(records: Records, verdict: Verdict, reason: str | None = "因为") -> Certification:
    return certification.decide(
        MERCHANT,
        DecisionRequest(decision=verdict, reason=reason),
        operator="op",
        store=records,
        now=NOON,
    )


ALLOWED = {
    (Status.SUBMITTED, Verdict.CERTIFIED): Status.CERTIFIED,
    (Status.SUBMITTED, Verdict.REFUSED): Status.REFUSED,
    (Status.CERTIFIED, Verdict.SUSPENDED): Status.SUSPENDED,
    (Status.SUSPENDED, Verdict.CERTIFIED): Status.CERTIFIED,
}


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("status", Status)
def test_a_decision_is_a_step_of_the_state_machine_or_changes_nothing(
    status: Status, verdict: Verdict
) -> None:
    records = standing(status)
    before = records.standing
    if (status, verdict) in ALLOWED:
        assert decide(records, verdict).status is ALLOWED[status, verdict]
        assert records.written == ["op"]
        return
    with pytest.raises(CertificationStateConflict) as refused:
        decide(records, verdict)
    assert refused.value.facts == {"status": status}
    assert records.standing == before


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.SUSPENDED])
def test_a_refusal_or_suspension_says_its_reason(verdict: Verdict) -> None:
    with pytest.raises(ReasonRequired):
        decide(standing(Status.SUBMITTED), verdict, reason=None)


def test_certifying_needs_no_reason() -> None:
    assert (
        decide(standing(Status.SUBMITTED), Verdict.CERTIFIED, reason=None).status
        is Status.CERTIFIED
    )


def test_nothing_is_decided_before_something_is_submitted() -> None:
    with pytest.raises(CertificationNotFound):
        decide(Records(), Verdict.CERTIFIED)
    with pytest.raises(CertificationNotFound):
        certification.show(MERCHANT, store=Records())


def test_a_first_submission_and_one_after_a_refusal_are_taken() -> None:
    for records in (Records(), standing(Status.REFUSED)):
        submitted = certification.submit(MERCHANT, APPLICATION, store=records, now=NOON)
        assert submitted.status is Status.SUBMITTED


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.REFUSED}))
def test_a_submission_is_not_taken_twice(status: Status) -> None:
    with pytest.raises(CertificationStateConflict) as refused:
        certification.submit(MERCHANT, APPLICATION, store=standing(status), now=NOON)
    assert refused.value.facts == {"status": status}
