"""What callers ask for: requests with a key each, sent again until they are answered."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from functools import partial
from http import HTTPStatus
from typing import Any

from refunds.digests import derived_id
from refunds.members import Scope
from refunds.refunds import refund_id
from tests.simulation.choices import Choices
from tests.unit import api
from tests.unit.api import Answer, Claims

CURRENCY = "CNY"
MERCHANTS, BUYERS = ("m0", "m1"), ("b0", "b1")
OPERATOR, PLATFORM = api.person("operator"), api.machine(*Scope)
AMOUNTS = (100, 60, 150, 30, 300)
PAID = 300
"""What each order was: refunds of 300 and more cannot all be accepted."""
OLD = timedelta(hours=23)

MOST = 6
OLD_ONE = 5


class Kind(IntEnum):
    REFUND = 0
    CANCEL = 1
    CREDIT = 2
    PAYOUT = 3
    PAYOUT_OF_BUYER = 4
    FREEZE = 5
    UNFREEZE = 6
    SHARDS = 7
    LIMITS = 8


KINDS = (12, 6, 6, 1, 1, 1, 2, 4, 1)
"""How often each is asked for."""

type Body = dict[str, Any]


@dataclass
class Request:
    function: str
    method: str
    path: str
    claims: Claims
    body: Body | None = None
    key: str | None = None
    made: str = ""
    """The id of what it makes, once it is made."""
    age: timedelta = timedelta()
    answer: Answer | None = None
    """The first that says what became of it."""

    def __str__(self) -> str:
        said = " ".join(f"{name}={value}" for name, value in (self.body or {}).items())
        return f"{self.method} {self.path} {said} {self.made}".strip()


@dataclass
class Script:
    choices: Choices
    refunds: list[str] = field(default_factory=list)

    def requests(self) -> list[Request]:
        made = [self._request(0)]
        while len(made) < MOST and self.choices.weighted((1, 2)):
            made.append(self._request(len(made)))
        return made

    def _request(self, number: int) -> Request:
        """Each takes as many choices, so that one can be taken out of a failing schedule."""
        choices = self.choices
        kind, merchant = choices.weighted(KINDS), MERCHANTS[choices.weighted((4, 1))]
        buyer, amount, other = choices.one_of(BUYERS), choices.one_of(AMOUNTS), choices.below(6)
        key, currency = f"k{number}", {"currency": CURRENCY}
        sum_of_money = {**currency, "amount": amount}
        operated = f"/merchants/{merchant}"
        target = ("wallet", "deposit")[other % 2]
        credit = {**sum_of_money, "source": "settlement", "target": target}
        limits = {"deposit_required": 100 * (other % 2), "guarantee_limit": 100 * other}
        shards = {**currency, "shards": (1, 2, 4)[other % 3]}
        others = {
            Kind.CREDIT: partial(_of_wallet, f"{operated}/wallet/credits", credit, key),
            Kind.PAYOUT: partial(_of_wallet, f"{operated}/wallet/payouts", sum_of_money, key),
            Kind.PAYOUT_OF_BUYER: partial(
                _of_wallet, f"/buyers/{buyer}/payouts", sum_of_money, key
            ),
            Kind.FREEZE: partial(_of_operator, "POST", f"{operated}/freeze", currency),
            Kind.UNFREEZE: partial(_of_operator, "POST", f"{operated}/unfreeze", currency),
            Kind.SHARDS: partial(_of_operator, "PUT", f"{operated}/shards", shards),
            Kind.LIMITS: partial(_of_operator, "PUT", f"{operated}/limits", {**currency, **limits}),
        }
        if kind in others:
            return others[Kind(kind)]()
        if kind == Kind.CANCEL and self.refunds:
            canceled = self.refunds[other % len(self.refunds)]
            # Another's is not there for this buyer: that is an answer as well.
            path = f"/refunds/{canceled}/cancel"
            return Request("request_refund", "POST", path, api.person(buyer))
        return self._refund(buyer, merchant, amount, key, old=other == OLD_ONE)

    def _refund(self, buyer: str, merchant: str, amount: int, key: str, *, old: bool) -> Request:
        made = refund_id(buyer, key)
        self.refunds.append(made)
        body = {
            "order_id": f"o-{merchant}-{buyer}",
            "amount": amount,
            "goods_condition": "intact",
        }
        return Request(
            "request_refund",
            "POST",
            "/refunds",
            api.person(buyer),
            body,
            key=key,
            made=made,
            age=OLD if old else timedelta(),
        )


def _of_wallet(path: str, body: Body, key: str) -> Request:
    kind, operation = ("cr", "credit") if path.endswith("credits") else ("po", "payout")
    made = derived_id(kind, caller="service-client", operation=operation, key=key)
    return Request("manage_wallet", "POST", path, PLATFORM, body, key=key, made=made)


def _of_operator(method: str, path: str, body: Body) -> Request:
    return Request("operate_merchants", method, path, OPERATOR, body)


def posted(requests: list[Request]) -> Iterator[str]:
    """The ids of the postings that the answers tell of."""
    for request in requests:
        succeeded = request.answer and request.answer.status < HTTPStatus.BAD_REQUEST
        if succeeded and request.made.startswith(("cr_", "po_")):
            yield request.made
