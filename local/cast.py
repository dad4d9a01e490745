"""Who takes part in the story: accounts that sign in, and the functions that serve them."""

import os
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from local import accounts, aws
from local.accounts import Person
from local.deploy import Outputs

SCOPES = [
    "refunds/members.write",
    "refunds/orders.write",
    "refunds/wallet.credit",
    "refunds/wallet.payout",
]
COLD_STARTS_AT_ONCE = os.cpu_count() or 2
READS = (
    "/shop",
    "/refund-policy",
    "/wallet",
    "/wallet/statement?currency=CNY",
    "/orders",
    "/refunds",
    "/merchants/nobody",
    "/dead-letters",
    "/console/config.json",
)


@dataclass(frozen=True)
class Actor:
    """One of those who take part, and the token they call with."""

    name: str
    token: str


@dataclass(frozen=True)
class Member(Actor):
    """A person who signed in, and whom the platform lets act for somebody."""

    account: Person
    acts_for: str


@dataclass(frozen=True)
class Cast:
    platform: Actor
    merchant: Member
    buyer: Member
    operator: Member
    newcomer: Member
    """A merchant whose shop is empty: for a person to go all the steps in the console."""
    approver: Member
    """Another operator: a correction is not approved by who proposed it."""

    @property
    def merchant_id(self) -> str:
        return self.merchant.acts_for

    @property
    def buyer_id(self) -> str:
        return self.buyer.acts_for

    @property
    def people(self) -> list[Member]:
        return [self.merchant, self.newcomer, self.buyer, self.operator, self.approver]


def assemble(endpoint: str, outputs: Outputs) -> Cast:
    """Accounts and tokens of their own for each telling, so that it can be told again."""
    telling = secrets.token_hex(3)

    def member(name: str, acts_for: str) -> Member:
        account = accounts.create_person(endpoint, outputs, f"{name}-{telling}")
        token = accounts.person_token(endpoint, outputs, account)
        return Member(name, token, account, acts_for)

    return Cast(
        platform=Actor("platform", accounts.service_token(endpoint, outputs, SCOPES)),
        merchant=member("merchant", f"m-{telling}"),
        buyer=member("buyer", f"b-{telling}"),
        operator=member("operator", "platform"),
        newcomer=member("newcomer", f"m-new-{telling}"),
        approver=member("approver", "platform"),
    )


def operator_token(endpoint: str, outputs: Outputs) -> str:
    """A new operator's, for a command that finds the stack of `make run`."""
    account = accounts.create_person(endpoint, outputs, f"operator-{secrets.token_hex(3)}")
    platform = accounts.service_token(endpoint, outputs, ["refunds/members.write"])
    with aws.http(endpoint) as http:
        http.put(
            f"{outputs.api_url}/members/{account.subject}",
            json={"operator": True},
            headers={"Authorization": f"Bearer {platform}"},
        ).raise_for_status()
    return accounts.person_token(endpoint, outputs, account)


def warm_up(endpoint: str, outputs: Outputs, cast: Cast) -> None:
    """Start each function of the story and the console, some at a time: nothing is changed by it.

    A subject that is nobody's yet gets no farther than 403, and an empty batch has no refunds.
    """
    merchant = {"Authorization": f"Bearer {cast.merchant.token}"}
    platform = {"Authorization": f"Bearer {cast.platform.token}"}
    lambdas = aws.lambdas(endpoint)
    sources = lambdas.list_event_source_mappings()["EventSourceMappings"]
    empty = b'{"Records": []}'
    with aws.http(endpoint) as http, ThreadPoolExecutor(COLD_STARTS_AT_ONCE) as pool:
        starts: list[Future[Any]] = [
            *(pool.submit(http.get, outputs.api_url + path, headers=merchant) for path in READS),
            pool.submit(http.delete, f"{outputs.api_url}/members/nobody", headers=platform),
            *(
                pool.submit(lambdas.invoke, FunctionName=source["FunctionArn"], Payload=empty)
                for source in sources
            ),
        ]
        for start in starts:
            start.result()
