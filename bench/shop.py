"""A shop that is open for refunds, on the whole stack of `make run`, for benches to call."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from local import aws, deploy, story
from local.cast import Actor, Cast, assemble, warm_up
from local.deploy import Outputs
from local.paths import STATE
from local.telling import Api
from local.terminal import data, step
from local.waiting import until
from refunds import table
from refunds.stores.dynamo import Dynamo

PATIENCE = 60.0
WAIT = "RequestToSucceeded"
"""The metric; its values are in the log, in CloudWatch's embedded format."""
TRIES = 20
AMOUNT, PAID = 100, 1_000
FUNDS = 10_000_000
LOG = STATE / "bench-stack.log"


@dataclass(frozen=True)
class Shop:
    """A merchant with a confirmed policy and a full wallet, and a buyer, on a running stack."""

    endpoint: str
    http: httpx.Client
    outputs: Outputs
    cast: Cast
    kept: Dynamo

    def order(self, _: int = 0) -> str:
        now = datetime.now(UTC).isoformat()
        order_id = f"o-{secrets.token_hex(8)}"
        parties = {"merchant_id": self.cast.merchant_id, "buyer_id": self.cast.buyer_id}
        paid = {"amount": PAID, "currency": "CNY", "placed_at": now, "completed_at": now}
        self.call(self.cast.platform, "PUT", f"/orders/{order_id}", parties | paid)
        return order_id

    def request(self, order_id: str) -> str:
        """The id of the refund that was accepted; the order's id is its key."""
        wanted = {"order_id": order_id, "amount": AMOUNT, "goods_condition": "intact"}
        answer = self.call(self.cast.buyer, "POST", "/refunds", wanted, key=order_id)
        refund_id: str = answer["refund_id"]
        return refund_id

    def settled(self, refund_ids: Sequence[str]) -> list[tuple[datetime, datetime]]:
        """(requested at, debit sent at) of each, when all have succeeded. Raises TimeoutError."""
        keys = [table.refund(each) for each in refund_ids]
        found = until(
            lambda: self.kept.get_many(keys),
            lambda seen: all(each["status"] == "succeeded" for each in seen),
            missed=lambda _: TimeoutError(f"not all of {len(keys)} refunds have succeeded"),
            within=PATIENCE,
        )
        return [(_at(each, "requested_at"), _at(each, "succeeded_at")) for each in found]

    def reported(self, count: int, *, since: datetime) -> list[float]:
        """Seconds from request to debited of each, as the debit's function tells them afterwards.

        Raises TimeoutError: there are fewer.
        """
        group = self._log_group("process_debits")
        pages = aws.logs(self.endpoint).get_paginator("filter_log_events")

        def told() -> list[float]:
            found = pages.paginate(logGroupName=group, startTime=int(since.timestamp() * 1000))
            events = (event["message"] for page in found for event in page["events"])
            return [seconds for message in events for seconds in waits_in(message)]

        return until(
            told,
            lambda seen: len(seen) >= count,
            missed=lambda _: TimeoutError(f"not all of {count} refunds were reported"),
            within=PATIENCE,
        )

    def _log_group(self, function: str) -> str:
        name = deploy.function_name(self.endpoint, function)
        known = aws.lambdas(self.endpoint).get_function_configuration(FunctionName=name)
        return known["LoggingConfig"]["LogGroup"]

    def credit(self, amount: int, key: str) -> None:
        path = f"/merchants/{self.cast.merchant_id}/wallet/credits"
        proceeds = {"currency": "CNY", "source": "settlement", "target": "wallet"}
        self.call(self.cast.platform, "POST", path, proceeds | {"amount": amount}, key=key)

    def call(
        self,
        actor: Actor,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str = "",
    ) -> dict[str, Any]:
        """The answer. Raises httpx.HTTPError: it was no success, or there was none."""
        headers = {"Authorization": f"Bearer {actor.token}"}
        if key:
            headers["Idempotency-Key"] = key
        answer = self.http.request(method, self.outputs.api_url + path, headers=headers, json=body)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content


def waits_in(message: str) -> list[float]:
    """Seconds of each refund that a line of the debit function's log reports as debited."""
    if f'"{WAIT}":' not in message:
        return []
    told = json.loads(message)[WAIT]
    return told if isinstance(told, list) else [told]


def patiently[Answer](call: Callable[[], Answer], unanswered: Callable[[], None]) -> Answer:
    """The answer, the same being sent again after 5xx or none, as a client does.

    Raises httpx.HTTPError: it was refused, or `TRIES` times in a row not answered.
    """
    for _ in range(TRIES - 1):
        try:
            return call()
        except httpx.HTTPStatusError as error:
            if error.response.is_client_error:
                raise
        except httpx.TransportError:
            pass
        unanswered()
    return call()


def _at(item: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(item[name])


@contextmanager
def opened(*, funds: int = FUNDS) -> Iterator[Shop]:
    """The stack of `make run`, with a shop that is open for refunds, and so much in its wallet."""
    with aws.start(aws.any_free_port(), log=LOG) as started:
        endpoint = started.endpoint
        with step("sam build, sam deploy"):
            deploy.build()
            outputs = deploy.deploy(endpoint)
        with step("the functions start"):
            cast = assemble(endpoint, outputs)
            warm_up(endpoint, outputs, cast)
        with aws.http(endpoint) as http:
            with data.capture():
                _open_shop(Api(http, outputs.api_url), cast)
            kept = Dynamo(aws.dynamodb(endpoint), outputs.table_name)
            shop = Shop(endpoint, http, outputs, cast, kept)
            shop.credit(funds, "funds")
            yield shop


def _open_shop(api: Api, cast: Cast) -> None:
    story.become_members(api, cast)
    story.become_certified(api, cast)
    story.confirm_policy(api, cast)
