"""Memberships: who may act for whom, and the caller that a token and a membership make."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self

from refunds.errors import (
    AccessTokenRequired,
    MemberNotFound,
    MembershipRequired,
    RoleRequired,
    ScopeRequired,
)
from refunds.fields import Id, Model, Switch
from refunds.settings import Settings


class Role(StrEnum):
    MERCHANT = "merchant"
    BUYER = "buyer"


class Scope(StrEnum):
    """What a platform system may do; the resource server is `refunds`."""

    WRITE_MEMBERS = "refunds/members.write"
    WRITE_ORDERS = "refunds/orders.write"
    CREDIT_WALLETS = "refunds/wallet.credit"
    PAY_OUT = "refunds/wallet.payout"


class Membership(Model):
    """Which merchant and which buyer a person may act for, and whether as an operator."""

    merchant_id: Id | None = None
    buyer_id: Id | None = None
    operator: Switch = False


class Me(Membership):
    """The caller, and for whom they may act."""

    subject: str


NOBODY = Membership()


class MemberStore(Protocol):
    def membership(self, subject: str) -> Membership | None: ...
    def put_membership(self, subject: str, membership: Membership) -> None: ...
    def delete_membership(self, subject: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a transaction: a tenant, and nothing of the person behind it."""

    role: Role
    id: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, proved by an access token.

    A person has a subject and a membership; a machine has scopes. Never both: a person's client
    can not get a service scope, and a machine's client is known by its id as well.
    """

    subject: str
    scopes: frozenset[str] = frozenset()
    membership: Membership = NOBODY

    @classmethod
    def from_claims(
        cls, claims: Mapping[str, Any], *, settings: Settings, store: MemberStore
    ) -> Self:
        """Raises AccessTokenRequired: these are not the claims of a known client's access token."""
        token_use = settings.token_use_claim
        if token_use and claims.get(token_use) != settings.token_use_value:
            raise AccessTokenRequired
        client = str(claims.get(settings.client_id_claim))
        if client in settings.service_client_ids:
            return cls(subject=client, scopes=scopes(claims.get(settings.scope_claim)))
        subject = claims.get(settings.subject_claim)
        if client not in settings.people_client_ids or not isinstance(subject, str):
            raise AccessTokenRequired
        return cls(subject=subject, membership=store.membership(subject) or Membership())

    def me(self) -> Me:
        return Me(subject=self.subject, **self.membership.model_dump())

    def merchant(self) -> str:
        """The merchant this person acts for. Raises MembershipRequired."""
        return self._acting_as(Role.MERCHANT)

    def buyer(self) -> str:
        """The buyer this person acts for. Raises MembershipRequired."""
        return self._acting_as(Role.BUYER)

    def operator(self) -> str:
        """The operator's subject. Raises MembershipRequired."""
        if not self.membership.operator:
            raise MembershipRequired(role="operator")
        return self.subject

    def machine(self, scope: Scope) -> str:
        """The id of the platform system's client. Raises ScopeRequired."""
        if scope not in self.scopes:
            raise ScopeRequired(scope=scope)
        return self.subject

    def party(self, role: Role | None) -> Party:
        """The side this person acts for, where both may call.

        Raises:
            RoleRequired: the person is both and did not say as which.
            MembershipRequired: the person is not what was asked for, or neither.
        """
        roles = [each for each in Role if getattr(self.membership, f"{each}_id")]
        if role is None and len(roles) > 1:
            raise RoleRequired
        chosen = role or (roles[0] if roles else Role.BUYER)
        return Party(chosen, self._acting_as(chosen))

    def _acting_as(self, role: Role) -> str:
        party_id: str | None = getattr(self.membership, f"{role}_id")
        if party_id is None:
            raise MembershipRequired(role=role)
        return party_id


def scopes(claim: object) -> frozenset[str]:
    """Scopes from each form in which issuers and API Gateway hand them over.

    API Gateway's HTTP API turns an array claim into the one text `[a b]`.
    """
    if isinstance(claim, str):
        return frozenset(claim.removeprefix("[").removesuffix("]").split())
    if isinstance(claim, list):
        return frozenset(scope for scope in claim if isinstance(scope, str))
    return frozenset()


def revoke(subject: str, *, store: MemberStore) -> None:
    """Raises MemberNotFound."""
    if not store.delete_membership(subject):
        raise MemberNotFound
