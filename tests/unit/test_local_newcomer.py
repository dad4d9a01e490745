"""The newcomer's shop gets money and orders: once, and only when its policy is confirmed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from local.accounts import Person
from local.cast import Actor, Cast, Member
from local.newcomer import PAID_BESIDES, PROCEEDS, Supply
from local.telling import PAID


def member(name: str, acts_for: str) -> Member:
    return Member(name, "of-the-story", Person(name, f"{name}-1", "secret"), acts_for)


CAST = Cast(
    platform=Actor("platform", "out-of-date"),
    merchant=member("merchant", "m-1"),
    buyer=member("buyer", "b-1"),
    operator=member("operator", "platform"),
    newcomer=member("newcomer", "m-new-1"),
    approver=member("approver", "platform"),
)


@dataclass
class Product:
    """The calls of the API that are made here, and what they were made with."""

    confirmed: bool = False
    fails: list[str] = field(default_factory=list)
    """What a path begins with that is not served, once each and in this order."""
    credits: dict[str, dict[str, object]] = field(default_factory=dict)
    """By their keys."""
    orders: list[dict[str, object]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if self.fails and path.startswith(self.fails[0]):
            self.fails.pop(0)
            return httpx.Response(503, json={"code": "busy"})
        if path == "/merchants/m-new-1/refund-policy":
            return httpx.Response(200, json={"instant_refund": self.confirmed})
        self.tokens.add(request.headers["authorization"])
        if path == "/merchants/m-new-1/wallet/credits":
            self.credits[request.headers["idempotency-key"]] = json.loads(request.content)
            return httpx.Response(201, json={})
        if path.startswith("/orders/"):
            self.orders.append(json.loads(request.content))
            return httpx.Response(201, json={})
        return httpx.Response(404, json={})


@pytest.fixture
def product() -> Product:
    return Product()


@pytest.fixture
def supply(product: Product) -> Iterator[Supply]:
    with httpx.Client(transport=httpx.MockTransport(product.answer)) as http:
        yield Supply(http, "http://127.0.0.1", CAST, lambda: Actor("platform", "fresh"))


def test_before_the_policy_is_confirmed_nothing_is_given(
    product: Product, supply: Supply, capsys: pytest.CaptureFixture[str]
) -> None:
    supply.look()
    supply.look()
    assert (product.credits, product.orders) == ({}, [])
    assert capsys.readouterr().out == ""


def test_once_it_is_confirmed_the_shop_gets_money_and_the_buyer_two_orders_once(
    product: Product, supply: Supply, capsys: pytest.CaptureFixture[str]
) -> None:
    product.confirmed = True
    before = datetime.now(UTC)
    supply.look()
    supply.look()
    [credit] = product.credits.values()
    assert (credit["amount"], credit["target"]) == (PROCEEDS, "wallet")
    assert [order["amount"] for order in product.orders] == [PAID, PAID_BESIDES]
    for order in product.orders:
        assert (order["merchant_id"], order["buyer_id"]) == ("m-new-1", "b-1")
        assert datetime.fromisoformat(str(order["placed_at"])) >= before
        assert order["completed_at"] is not None
    assert product.tokens == {"Bearer fresh"}
    told = capsys.readouterr().out
    assert "店铺入账 1,000.00 CNY" in told
    assert "The shop has 1,000.00 CNY" in told
    assert "buyer-1" in told


def test_what_is_not_answered_is_asked_again_and_the_money_comes_once(
    product: Product, supply: Supply
) -> None:
    product.confirmed = True
    product.fails = ["/merchants/m-new-1/refund-policy", "/orders/"]
    for _ in range(3):
        supply.look()
    assert product.fails == []
    assert len(product.credits) == 1
    assert [order["amount"] for order in product.orders] == [PAID, PAID_BESIDES]


def test_a_broken_connection_ends_nothing() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    with httpx.Client(transport=httpx.MockTransport(broken)) as http:
        Supply(http, "http://127.0.0.1", CAST, lambda: CAST.platform).look()
