"""Who calls: what a token's claims and a membership make of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from refunds import members
from refunds.errors import (
    AccessTokenRequired,
    MemberNotFound,
    MembershipRequired,
    RoleRequired,
    ScopeRequired,
)
from refunds.members import Caller, Membership, Party, Role, Scope
from refunds.settings import Settings

SETTINGS = Settings.from_env()
PERSON = {"client_id": "people-client", "sub": "wang", "token_use": "access", "scope": "openid"}
MACHINE = {
    "client_id": "service-client",
    "sub": "service-client",
    "token_use": "access",
    "scope": "refunds/wallet.credit refunds/orders.write",
}
BOTH = Membership(merchant_id="m", buyer_id="b")


@dataclass
class Memberships:
    known: dict[str, Membership] = field(default_factory=dict)

    def membership(self, subject: str) -> Membership | None:
        return self.known.get(subject)

    def put_membership(self, subject: str, membership: Membership) -> None:
        self.known[subject] = membership

    def delete_membership(self, subject: str) -> bool:
        return self.known.pop(subject, None) is not None


def caller(
    claims: Mapping[str, Any],
    membership: Membership | None = None,
    settings: Settings = SETTINGS,
) -> Caller:
    store = Memberships({"wang": membership} if membership else {})
    return Caller.from_claims(claims, settings=settings, store=store)


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changed",
    [
        {"token_use": "id"},
        {"token_use": None},
        {"token_use": ["access"]},
        {"client_id": "another-client"},
        {"client_id": None},
        {"client_id": ""},
        {"client_id": ["people-client"]},
        {"sub": None},
        {"sub": ["wang"]},
    ],
)
def test_only_an_access_token_of_a_known_client_is_taken(changed: dict[str, Any]) -> None:
    with pytest.raises(AccessTokenRequired):
        caller(PERSON | changed)


def test_no_claims_at_all_are_no_access_token() -> None:
    with pytest.raises(AccessTokenRequired):
        caller({})


def test_an_issuer_without_a_claim_for_the_token_s_use_is_served_too() -> None:
    settings = replace(SETTINGS, token_use_claim="")
    claims = {name: value for name, value in PERSON.items() if name != "token_use"}
    assert caller(claims, settings=settings).subject == "wang"


def test_the_names_of_the_claims_are_the_issuer_s_own() -> None:
    settings = replace(SETTINGS, client_id_claim="azp", subject_claim="uid", token_use_claim="typ")
    claims = {"azp": "people-client", "uid": "wang", "typ": "access", "sub": "li"}
    assert caller(claims, BOTH, settings).merchant() == "m"


@pytest.mark.parametrize("variable", ["PEOPLE_CLIENT_IDS", "SERVICE_CLIENT_IDS"])
def test_a_list_of_clients_that_is_empty_knows_no_client_not_even_one_without_a_name(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "")
    with pytest.raises(AccessTokenRequired):
        caller(PERSON | {"client_id": ""}, settings=Settings.from_env())


def test_several_clients_may_be_named_with_or_without_spaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEOPLE_CLIENT_IDS", "web, app")
    for client in ("web", "app"):
        claims = PERSON | {"client_id": client}
        assert caller(claims, settings=Settings.from_env()).subject == "wang"


def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCOPE_CLAIM")
    with pytest.raises(KeyError, match="SCOPE_CLAIM"):
        Settings.from_env()


# ── Machines ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "claim",
    [
        "refunds/wallet.credit refunds/orders.write",
        "[refunds/wallet.credit refunds/orders.write]",
        ["refunds/wallet.credit", "refunds/orders.write"],
        "refunds/orders.write  refunds/wallet.credit",
    ],
)
def test_each_form_of_a_scope_claim_says_the_same(claim: object) -> None:
    machine = caller(MACHINE | {"scope": claim})
    assert machine.scopes == {"refunds/wallet.credit", "refunds/orders.write"}
    assert machine.machine(Scope.CREDIT_WALLETS) == "service-client"


@pytest.mark.parametrize(
    "claim",
    [
        "refunds/wallet.credit2",
        "[refunds/wallet.credit2]",
        ["refunds/wallet.credit2"],
        "xrefunds/wallet.credit",
        "refunds/wallet.credit,refunds/orders.write",
        "refunds/wallet",
        "REFUNDS/WALLET.CREDIT",
        [["refunds/wallet.credit"]],
        {"refunds/wallet.credit": True},
        "",
        "[]",
        None,
        7,
    ],
)
def test_a_scope_that_only_looks_like_the_one_needed_does_not_do(claim: object) -> None:
    with pytest.raises(ScopeRequired) as refused:
        caller(MACHINE | {"scope": claim}).machine(Scope.CREDIT_WALLETS)
    assert refused.value.facts == {"scope": "refunds/wallet.credit"}


def test_a_person_never_holds_a_service_scope_whatever_the_token_says() -> None:
    person = caller(PERSON | {"scope": MACHINE["scope"]}, BOTH)
    with pytest.raises(ScopeRequired):
        person.machine(Scope.CREDIT_WALLETS)


def test_a_machine_is_nobody_s_member_even_when_its_subject_is_one() -> None:
    machine = caller(MACHINE | {"sub": "wang"}, Membership(merchant_id="m", operator=True))
    with pytest.raises(MembershipRequired):
        machine.merchant()
    with pytest.raises(MembershipRequired):
        machine.operator()


# ── Memberships and roles ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("membership", "asked", "party"),
    [
        (Membership(merchant_id="m"), None, Party(Role.MERCHANT, "m")),
        (Membership(buyer_id="b"), None, Party(Role.BUYER, "b")),
        (BOTH, Role.MERCHANT, Party(Role.MERCHANT, "m")),
        (BOTH, Role.BUYER, Party(Role.BUYER, "b")),
    ],
)
def test_a_member_acts_for_the_party_it_is(
    membership: Membership, asked: Role | None, party: Party
) -> None:
    assert caller(PERSON, membership).party(asked) == party


def test_a_person_who_is_both_must_say_as_which() -> None:
    with pytest.raises(RoleRequired):
        caller(PERSON, BOTH).party(None)


@pytest.mark.parametrize("asked", [None, Role.MERCHANT, Role.BUYER])
@pytest.mark.parametrize("membership", [None, Membership(), Membership(operator=True)])
def test_a_person_without_a_membership_acts_for_nobody(
    membership: Membership | None, asked: Role | None
) -> None:
    with pytest.raises(MembershipRequired):
        caller(PERSON, membership).party(asked)


def test_a_role_that_is_not_held_is_refused_by_its_name() -> None:
    person = caller(PERSON, Membership(buyer_id="b"))
    with pytest.raises(MembershipRequired) as as_merchant:
        person.party(Role.MERCHANT)
    assert as_merchant.value.facts == {"role": "merchant"}
    with pytest.raises(MembershipRequired) as as_operator:
        person.operator()
    assert as_operator.value.facts == {"role": "operator"}
    assert person.buyer() == "b"


def test_an_operator_is_known_by_the_subject() -> None:
    assert caller(PERSON, Membership(operator=True)).operator() == "wang"


def test_a_revoked_membership_is_gone_and_cannot_be_revoked_again() -> None:
    store = Memberships({"wang": BOTH})
    members.revoke("wang", store=store)
    with pytest.raises(MembershipRequired):
        Caller.from_claims(PERSON, settings=SETTINGS, store=store).merchant()
    with pytest.raises(MemberNotFound):
        members.revoke("wang", store=store)


@pytest.mark.parametrize("operator", ["yes", 1, "true", None])
def test_nobody_becomes_an_operator_by_a_value_that_is_no_truth_value(operator: object) -> None:
    with pytest.raises(ValueError, match="operator"):
        Membership.model_validate({"operator": operator})
