"""Every route of the template, tried by every kind of caller."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from tests.contract import template
from tests.integration.world import (
    APPLICATION,
    SCOPES,
    SHOP,
    TERMS,
    Caller,
    Party,
    Person,
    Scene,
    World,
    unique,
)

type Answer = tuple[int, str | None]

UNAUTHORIZED: Answer = (401, None)  # by API Gateway, in its own form
NOT_ACCESS: Answer = (401, "access_token_required")
NO_MEMBER: Answer = (403, "membership_required")
NO_SCOPE: Answer = (403, "scope_required")
OK: Answer = (200, None)

ORDER_GONE: Answer = (404, "order_not_found")
REFUND_GONE: Answer = (404, "refund_not_found")


@dataclass(frozen=True)
class Route:
    """Who may call, what they are answered, and what the same kind of caller elsewhere is."""

    caller: str
    welcome: Answer
    stranger: Answer
    body: dict[str, Any] | None = None
    query: dict[str, str] | None = None


MEMBERS, ORDERS, CREDITS, PAYOUTS = SCOPES
AMOUNT = {"amount": 5, "currency": "CNY", "source": "top_up", "target": "wallet"}
REFUND = {"order_id": "{order_id}", "amount": 10, "goods_condition": "intact"}
ORDER = {
    "merchant_id": "{merchant_id}",
    "buyer_id": "{buyer_id}",
    "amount": 1000,
    "currency": "CNY",
    "placed_at": "2026-01-01T00:00:00Z",
}
DIGEST = {"digest": "{digest}"}
CONFIRMED: Answer = (409, "policy_already_confirmed")
OTHER_ORDER: Answer = (409, "order_conflict")
NO_ROUTE: Answer = (404, "route_not_found")
MADE: Answer = (201, None)
DECIDED: Answer = (409, "certification_state_conflict")
UNCERTIFIED: Answer = (403, "merchant_not_certified")
REVERSED: Answer = (409, "refund_not_reversible")
SETTLED: Answer = (409, "refund_not_cancelable")
UNSUBMITTED: Answer = (404, "certification_not_found")
NO_CORRECTION: Answer = (404, "correction_not_found")
CNY = {"currency": "CNY"}
PAYOUT: dict[str, Any] = {"amount": 1, "currency": "CNY"}
LIMITS = {"currency": "CNY", "deposit_required": 0, "guarantee_limit": 100}
SHARDS = {"currency": "CNY", "shards": 1}
REASON = {"reason": "as decided"}
CORRECTION = {
    "currency": "CNY",
    "legs": [
        {"account": "merchant:{merchant_id}:available", "amount": -1},
        {"account": "external:settlement", "amount": 1},
    ],
    "reason": "credited once too often",
}
CERTIFY = {"decision": "certified", "reason": "checked"}

# A machine has no strangers: what a scope allows, it allows for every tenant; so for operators.
# fmt: off
ROUTES = {
    "PUT /members/{subject}":              Route(MEMBERS, OK, OK, {"buyer_id": "{buyer_id}"}),
    "DELETE /members/{subject}":           Route(MEMBERS, (204, None), (404, "member_not_found")),
    "GET /shop":                           Route("merchant", OK, OK),
    "PUT /shop":                           Route("merchant", OK, OK, SHOP),
    "GET /certification":                  Route("merchant", OK, UNSUBMITTED),
    "POST /certification":                 Route("merchant", DECIDED, MADE, APPLICATION),
    "GET /certifications":                 Route("operator", OK, OK),
    "POST /certifications/{merchant_id}/decision": Route("operator", DECIDED, DECIDED, CERTIFY),
    "GET /refund-policy":                  Route("merchant", OK, OK),
    "PUT /refund-policy/draft":            Route("merchant", CONFIRMED, OK, TERMS),
    "POST /refund-policy/confirm":         Route("merchant", OK, UNCERTIFIED, DIGEST),
    "GET /merchants/{merchant_id}/refund-policy": Route("anyone", OK, OK),
    "PUT /orders/{order_id}":              Route(ORDERS, OTHER_ORDER, OTHER_ORDER, ORDER),
    "GET /orders":                         Route("party", OK, OK),
    "GET /orders/{order_id}":              Route("party", OK, ORDER_GONE),
    "POST /merchants/{merchant_id}/wallet/credits": Route(CREDITS, MADE, MADE, AMOUNT),
    "GET /wallet":                         Route("party", OK, OK),
    "GET /wallet/statement":               Route("party", OK, OK, query=CNY),
    "GET /wallet/statement.csv":           Route("party", OK, OK, query=CNY),
    "GET /wallet/statement/months":        Route("party", OK, OK, query=CNY),
    "POST /merchants/{merchant_id}/wallet/payouts": Route(PAYOUTS, MADE, MADE, PAYOUT),
    "POST /buyers/{buyer_id}/payouts":     Route(PAYOUTS, MADE, MADE, PAYOUT),
    "GET /merchants/{merchant_id}":        Route("operator", OK, OK),
    "PUT /merchants/{merchant_id}/limits": Route("operator", OK, OK, LIMITS),
    "POST /merchants/{merchant_id}/freeze": Route("operator", OK, OK, CNY),
    "POST /merchants/{merchant_id}/unfreeze": Route("operator", OK, OK, CNY),
    "PUT /merchants/{merchant_id}/shards": Route("operator", OK, OK, SHARDS),
    "GET /merchants/{merchant_id}/waiting-refunds": Route("operator", OK, OK, query=CNY),
    "POST /corrections":                   Route("operator", MADE, MADE, CORRECTION),
    "GET /corrections":                    Route("operator", OK, OK),
    "POST /corrections/{correction_id}/approve": Route("operator", NO_CORRECTION, NO_CORRECTION),
    "POST /corrections/{correction_id}/reject": Route("operator", NO_CORRECTION, NO_CORRECTION),
    "POST /reconciliation":                Route("operator", OK, OK),
    "GET /reconciliation":                 Route("operator", OK, OK),
    "GET /dead-letters":                   Route("operator", OK, OK),
    "GET /dead-letters/{queue}":           Route("operator", OK, OK),
    "POST /dead-letters/{queue}/redrive":  Route("operator", OK, OK, {"limit": 1}),
    "POST /refunds/preview":               Route("buyer", OK, ORDER_GONE, REFUND),
    "POST /refunds":                       Route("buyer", (202, None), ORDER_GONE, REFUND),
    "GET /refunds":                        Route("party", OK, OK),
    "GET /refunds/{refund_id}":            Route("party", OK, REFUND_GONE),
    "POST /refunds/{refund_id}/cancel":    Route("buyer", SETTLED, REFUND_GONE),
    "POST /refunds/{refund_id}/reversal":  Route("operator", MADE, REVERSED, REASON),
    "GET /docs":                           Route("anyone", OK, OK),
    "GET /openapi.json":                   Route("anyone", OK, OK),
    "$default":                            Route("anyone", NO_ROUTE, NO_ROUTE),
}
# fmt: on
TENANTS = [route for route, row in ROUTES.items() if row.caller not in {*SCOPES, "operator"}]


def test_every_route_of_the_template_is_tried_here() -> None:
    resources = template.written()["Resources"]
    routes = template.of_type("AWS::ApiGatewayV2::Route", resources).values()
    assert set(ROUTES) == {route["Properties"]["RouteKey"] for route in routes}


@pytest.mark.parametrize("route", ROUTES)
def test_a_token_that_is_none_opens_no_route(
    world: World, stage: "Stage", impostors: dict[str, Caller | None], route: str
) -> None:
    row, request = ROUTES[route], stage.request(route)
    expected = dict.fromkeys(impostors, UNAUTHORIZED) | {"ID token": NOT_ACCESS}
    if row.caller == "anyone":
        expected = dict.fromkeys(impostors, row.welcome)

    answers = {name: told(request(world, caller)) for name, caller in impostors.items()}

    assert answers == expected
    assert stage.rows() == stage.untouched


@pytest.mark.parametrize("route", ROUTES)
def test_a_caller_of_another_kind_is_refused_by_every_route(
    world: World, stage: "Stage", others: dict[str, Caller], route: str
) -> None:
    row, request = ROUTES[route], stage.request(route)
    refused = {
        name: caller
        for name, caller in others.items()
        if row.caller not in {"anyone", *MAY_CALL_AS[name]}
    }
    if row.caller in SCOPES:
        refused["machine without the scope"] = stage.without_scope[row.caller]
    expected = NO_SCOPE if row.caller in SCOPES else NO_MEMBER

    answers = {name: told(request(world, caller)) for name, caller in refused.items()}

    assert answers == dict.fromkeys(refused, expected)
    assert stage.rows() == stage.untouched


MAY_CALL_AS = {
    "member of nobody": (),
    "merchant": ("merchant", "party"),
    "buyer": ("buyer", "party"),
    "operator": ("operator",),
    "machine": SCOPES,
}


@pytest.mark.parametrize("route", TENANTS)
def test_another_tenant_sees_and_moves_only_what_is_their_own(
    world: World, stage: "Stage", route: str
) -> None:
    row, request = ROUTES[route], stage.request(route)
    for caller in stage.strangers(row.caller):
        answer = request(world, caller)
        assert told(answer) == row.stranger
        if row.caller != "anyone":
            for secret in (stage.scene.merchant.id, stage.scene.buyer.id, stage.refund_id):
                assert secret not in answer.text
    assert stage.rows() == stage.untouched


@pytest.mark.parametrize("route", ROUTES)
def test_whom_a_route_is_for_is_let_in(world: World, own_stage: "Stage", route: str) -> None:
    row, request = ROUTES[route], own_stage.request(route)
    answers = [told(request(world, caller)) for caller in own_stage.welcome(row.caller)]
    assert answers == [row.welcome] * len(answers)
    assert answers


# ── The stage: one tenant's things, and everybody who might want them ───────────────────────────


@dataclass(frozen=True)
class Stage:
    world: World
    scene: Scene
    refund_id: str
    member: Person
    digest: str
    without_scope: dict[str, Caller]
    strange_merchant: Party
    strange_buyer: Party
    untouched: list[dict[str, Any]]

    @classmethod
    def of(cls, world: World) -> "Stage":
        scene = world.scene()
        member = world.person(buyer_id=scene.buyer.id)
        refund_id = world.accepted(scene.buyer, scene.order_id, 10)
        world.settled(scene.buyer, refund_id)
        world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, PAYOUT["amount"]))
        world.booked(scene.merchant, postings=3)
        world.booked(scene.buyer, postings=2)
        stage = cls(
            world=world,
            scene=scene,
            refund_id=refund_id,
            member=member,
            digest=world.ok(scene.merchant, "GET", "/refund-policy")["digest"],
            without_scope={
                scope: world.machine(*(each for each in SCOPES if each != scope))
                for scope in SCOPES
            },
            strange_merchant=world.newcomer(),
            strange_buyer=world.buyer(),
            untouched=[],
        )
        return replace(stage, untouched=stage.rows())

    def rows(self) -> list[dict[str, Any]]:
        return self.world.rows_naming(
            self.scene.merchant.id, self.scene.buyer.id, self.member.subject
        )

    def request(self, route: str) -> Callable[[World, Caller | None], httpx.Response]:
        method, _, path = route.partition(" ")
        row = ROUTES[route]
        if route == "$default":
            method, path = "GET", "/no-such-path"
        filled = self._filled(path)
        body = json.loads(self._filled(json.dumps(row.body))) if row.body else None

        def send(world: World, caller: Caller | None) -> httpx.Response:
            return world.call(caller, method, filled, body, key=unique("key"), params=row.query)

        return send

    def welcome(self, caller: str) -> list[Caller | None]:
        merchant, buyer = self.scene.merchant, self.scene.buyer
        everyone: dict[str, list[Caller | None]] = {
            "merchant": [merchant],
            "buyer": [buyer],
            "party": [merchant, buyer],
            "operator": [self.world.operator],
            "anyone": [None],
        }
        return everyone.get(caller, [self.world.platform])

    def strangers(self, caller: str) -> list[Caller | None]:
        merchant, buyer = self.strange_merchant, self.strange_buyer
        everyone: dict[str, list[Caller | None]] = {
            "merchant": [merchant],
            "buyer": [buyer],
            "party": [merchant, buyer],
            "anyone": [merchant, buyer],
        }
        return everyone[caller]

    def _filled(self, text: str) -> str:
        values = {
            "subject": self.member.subject,
            "merchant_id": self.scene.merchant.id,
            "buyer_id": self.scene.buyer.id,
            "order_id": self.scene.order_id,
            "refund_id": self.refund_id,
            "digest": self.digest,
            "correction_id": "co_unknown",
            "queue": "debits",
        }
        return re.sub(r"\{(\w+)\}", lambda name: values[name[1]], text)


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    return Stage.of(world)


@pytest.fixture(scope="module")
def own_stage(world: World) -> Stage:
    """For the calls that are let in: some of them change what they touch."""
    world.invoke("reconcile_ledger", {})
    return Stage.of(world)


@pytest.fixture(scope="module")
def others(world: World, stage: Stage) -> dict[str, Caller]:
    """Genuine callers, each of one kind, none of them of the stage's tenants."""
    return {
        "member of nobody": world.person(),
        "merchant": stage.strange_merchant,
        "buyer": stage.strange_buyer,
        "operator": world.operator,
        "machine": world.platform,
    }


@pytest.fixture(scope="module")
def impostors(world: World, stage: Stage) -> dict[str, Caller | None]:
    """Tokens of the stage's own people that are not good, and none at all."""
    merchant = stage.scene.merchant
    header, claims, signature = merchant.token.split(".")
    forged = encoded({**decoded(claims), "sub": world.operator.subject})
    unsigned = encoded({**decoded(header), "alg": "none"})
    return {
        "nobody": None,
        "no token": Caller(token="garbage"),
        "other claims under the signature": Caller(token=f"{header}.{forged}.{signature}"),
        "no signature": Caller(token=f"{unsigned}.{claims}."),
        "expired": expired(world),
        "another client's": anothers_client(world),
        "ID token": Caller(token=merchant.id_token),
    }


def expired(world: World) -> Caller:
    """A person's access token, good in all but its time."""
    with validity(world, seconds=1):
        person = world.person()
    world.ok(world.platform, "PUT", f"/members/{person.subject}", {"merchant_id": unique("m")})
    claims = decoded(person.token.split(".")[1])
    assert claims["client_id"] == world.outputs.people_client_id
    assert claims["token_use"] == "access"
    time.sleep(max(0, claims["exp"] - time.time()))
    return person


@contextmanager
def validity(world: World, *, seconds: int) -> Iterator[None]:
    """While inside, people's tokens are short-lived: shorter than AWS itself allows."""
    client = {
        "UserPoolId": world.outputs.user_pool_id,
        "ClientId": world.outputs.people_client_id,
    }
    change = world.cognito.update_user_pool_client
    units = {"AccessToken": "seconds"}
    change(**client, AccessTokenValidity=seconds, TokenValidityUnits=units)  # type: ignore[arg-type]
    try:
        yield
    finally:
        change(**client, AccessTokenValidity=3600, TokenValidityUnits=units)  # type: ignore[arg-type]


def anothers_client(world: World) -> Caller:
    """A token of the same pool for a third application, which this API does not serve."""
    created = world.cognito.create_user_pool_client(
        UserPoolId=world.outputs.user_pool_id,
        ClientName=unique("another"),
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code"],
        AllowedOAuthScopes=["openid"],
        CallbackURLs=["http://localhost:8400/callback"],
        SupportedIdentityProviders=["COGNITO"],
    )
    client_id = created["UserPoolClient"]["ClientId"]
    return world.person(replace(world.outputs, people_client_id=client_id), operator=True)


def told(answer: httpx.Response) -> Answer:
    """Status and code; the code is none in a success and in what API Gateway itself answers."""
    problem = answer.headers.get("content-type") == "application/problem+json"
    return answer.status_code, answer.json()["code"] if problem else None


def decoded(part: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return content


def encoded(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
