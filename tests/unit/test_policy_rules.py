"""The rules of a policy's life, on a store that keeps one merchant's in memory."""

from dataclasses import dataclass
from datetime import datetime

import pytest

from refunds import policies
from refunds.errors import (
    InstantRefundOff,
    MerchantNotCertified,
    PolicyAlreadyConfirmed,
    PolicyDraftChanged,
)
from refunds.policies import (
    ConfirmedPolicy,
    Draft,
    PolicyStatus,
    PolicyTerms,
    PublicPolicy,
    RefundPolicy,
    RefundStatement,
)
from tests.unit.examples import DAY, MERCHANT, NOON, TERMS

OFF = PolicyTerms(instant_refund=False, statement=TERMS.statement)
OTHER = PolicyTerms(
    instant_refund=True, statement=RefundStatement(reasons="无理由", handling="原路退回")
)


@dataclass
class Kept:
    """As the table keeps it: one draft, one policy, confirmed once."""

    kept_draft: Draft | None = None
    kept_policy: ConfirmedPolicy | None = None
    certified: bool = True
    is_suspended: bool = False

    def draft(self, merchant_id: str) -> Draft | None:
        assert merchant_id == MERCHANT
        return self.kept_draft

    def confirmed_policy(self, merchant_id: str) -> ConfirmedPolicy | None:
        assert merchant_id == MERCHANT
        return self.kept_policy

    def suspended(self, merchant_id: str) -> bool:
        assert merchant_id == MERCHANT
        return self.is_suspended

    def put_draft(self, merchant_id: str, draft: Draft) -> None:
        assert merchant_id == MERCHANT
        if self.kept_policy:
            raise PolicyAlreadyConfirmed(confirmed_digest=self.kept_policy.digest)
        self.kept_draft = draft

    def check_standing(self, merchant_id: str) -> None:
        assert merchant_id == MERCHANT
        if not self.certified:
            raise MerchantNotCertified

    def confirm(self, policy: ConfirmedPolicy) -> None:
        if self.kept_policy:
            raise PolicyAlreadyConfirmed(confirmed_digest=self.kept_policy.digest)
        self.kept_policy = policy


@dataclass
class Raced(Kept):
    """Another confirmation commits just before this one."""

    other: PolicyTerms = TERMS

    def confirm(self, policy: ConfirmedPolicy) -> None:
        super().confirm(confirmed(self.other))
        super().confirm(policy)


def confirmed(terms: PolicyTerms, at: datetime = NOON) -> ConfirmedPolicy:
    return ConfirmedPolicy(
        merchant_id=MERCHANT, **dict(terms), digest=terms.digest(), confirmed_at=at
    )


def seen(terms: PolicyTerms, at: datetime = NOON) -> RefundPolicy:
    return RefundPolicy(
        status=PolicyStatus.CONFIRMED, **dict(terms), digest=terms.digest(), confirmed_at=at
    )


def drafted(terms: PolicyTerms) -> Draft:
    return Draft(**dict(terms), digest=terms.digest(), updated_at=NOON)


def test_before_anything_is_written_there_is_nothing_to_see() -> None:
    assert policies.show(MERCHANT, store=Kept()) == RefundPolicy(status=PolicyStatus.NONE)


def test_an_edit_is_seen_as_the_draft_and_the_next_one_replaces_it() -> None:
    store = Kept()
    policies.edit(MERCHANT, OFF, store=store, now=NOON - DAY)
    answer = policies.edit(MERCHANT, TERMS, store=store, now=NOON)
    assert answer == policies.show(MERCHANT, store=store)
    assert answer == RefundPolicy(
        status=PolicyStatus.DRAFT, **dict(TERMS), digest=TERMS.digest(), updated_at=NOON
    )


def test_the_reviewed_draft_is_confirmed_and_is_then_what_everyone_sees() -> None:
    store = Kept(drafted(TERMS))
    answer, new = policies.confirm(MERCHANT, TERMS.digest(), store=store, now=NOON)
    assert new
    assert answer == seen(TERMS) == policies.show(MERCHANT, store=store)
    assert store.kept_policy == confirmed(TERMS)
    assert policies.show_publicly(MERCHANT, store=store) == PublicPolicy(
        merchant_id=MERCHANT,
        instant_refund=True,
        enabled_since=NOON,
        statement=TERMS.statement,
        digest=TERMS.digest(),
    )


def test_an_edit_after_the_confirmation_changes_nothing() -> None:
    store = Kept(drafted(TERMS), confirmed(TERMS))
    with pytest.raises(PolicyAlreadyConfirmed):
        policies.edit(MERCHANT, OTHER, store=store, now=NOON + DAY)
    assert policies.show(MERCHANT, store=store) == seen(TERMS)


def test_the_same_confirmation_again_is_answered_and_is_not_new() -> None:
    store = Kept(drafted(TERMS), confirmed(TERMS), certified=False)
    assert policies.confirm(MERCHANT, TERMS.digest(), store=store, now=NOON + DAY) == (
        seen(TERMS),
        False,
    )


def test_another_confirmation_is_refused_and_told_what_stands() -> None:
    store = Kept(drafted(OTHER), confirmed(TERMS))
    with pytest.raises(PolicyAlreadyConfirmed) as refused:
        policies.confirm(MERCHANT, OTHER.digest(), store=store, now=NOON)
    assert refused.value.facts == {"confirmed_digest": TERMS.digest()}


def test_the_standing_is_checked_before_the_draft() -> None:
    with pytest.raises(MerchantNotCertified):
        policies.confirm(MERCHANT, TERMS.digest(), store=Kept(certified=False), now=NOON)


@pytest.mark.parametrize(
    ("draft", "digest"), [(None, None), (drafted(OTHER), OTHER.digest())], ids=["none", "another"]
)
def test_what_was_not_reviewed_is_not_confirmed(draft: Draft | None, digest: str | None) -> None:
    store = Kept(draft)
    with pytest.raises(PolicyDraftChanged) as refused:
        policies.confirm(MERCHANT, TERMS.digest(), store=store, now=NOON)
    assert refused.value.facts == {"draft_digest": digest}
    assert store.kept_policy is None


def test_a_draft_with_its_switch_off_is_not_confirmed() -> None:
    store = Kept(drafted(OFF))
    with pytest.raises(InstantRefundOff):
        policies.confirm(MERCHANT, OFF.digest(), store=store, now=NOON)
    assert store.kept_policy is None


def test_who_loses_the_race_to_the_same_draft_has_its_answer() -> None:
    store = Raced(drafted(TERMS))
    answer = policies.confirm(MERCHANT, TERMS.digest(), store=store, now=NOON + DAY)
    assert answer == (seen(TERMS), False)


def test_who_loses_the_race_to_another_draft_is_told_so() -> None:
    store = Raced(drafted(TERMS), other=OTHER)
    with pytest.raises(PolicyAlreadyConfirmed) as refused:
        policies.confirm(MERCHANT, TERMS.digest(), store=store, now=NOON)
    assert refused.value.facts == {"confirmed_digest": OTHER.digest()}


@pytest.mark.parametrize(
    "store",
    [Kept(drafted(TERMS)), Kept(kept_policy=confirmed(TERMS), is_suspended=True)],
    ids=["a draft", "suspended"],
)
def test_the_public_sees_a_promise_only_where_an_order_would_be_covered(store: Kept) -> None:
    badge = PublicPolicy(merchant_id=MERCHANT, instant_refund=False)
    assert policies.show_publicly(MERCHANT, store=store) == badge
