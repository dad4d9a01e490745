"""How the story is told: each call is printed, and the first unexpected answer ends it."""

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from local.cast import Actor, Cast
from local.failures import UnexpectedAnswer
from local.terminal import data
from local.waiting import until

CURRENCY = "CNY"
PAID = 29_900
REFUND_SECONDS = 20.0
READ_THE_LOG = "read the functions' lines at the end of .local/aws.log."


class Api:
    """Calls the product over HTTP, prints each call, and stops at the first unexpected answer."""

    def __init__(self, http: httpx.Client, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    def call(
        self,
        actor: Actor,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        key: str | None = None,
        expect: int = 200,
        code: str | None = None,
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {actor.token}"}
        if key:
            headers["Idempotency-Key"] = key
        began = time.perf_counter()
        answer = self._http.request(method, self._base_url + path, headers=headers, json=body)
        milliseconds = (time.perf_counter() - began) * 1000
        line = (
            f"  {actor.name:<9} {method:<5} {path:<52} {answer.status_code} {milliseconds:5.0f} ms"
        )
        data.print(line, markup=False, style="" if answer.status_code == expect else "red")
        content: dict[str, Any] = answer.json() if answer.content else {}
        if answer.status_code != expect or (code and content.get("code") != code):
            raise UnexpectedAnswer(
                f"{method} {path} answered {answer.status_code}: {answer.text}\n"
                f"The story expects {expect}{f' {code}' if code else ''}.",
                next_step=READ_THE_LOG,
            )
        if code:
            data.print(f"    {code}: {content.get('detail', content.get('title'))}", markup=False)
        return content


def until_settled(api: Api, buyer: Actor, refund: dict[str, Any]) -> dict[str, Any]:
    """The refund once it has succeeded.

    Raises:
        UnexpectedAnswer: it has not, after `REFUND_SECONDS`.
    """
    began = time.perf_counter()
    settled = until(
        lambda: api.call(buyer, "GET", f"/refunds/{refund['refund_id']}"),
        lambda seen: seen["status"] == "succeeded",
        missed=lambda seen: UnexpectedAnswer(
            f"The refund is still {seen['status']} after {REFUND_SECONDS:.0f} s.",
            next_step=READ_THE_LOG,
        ),
        within=REFUND_SECONDS,
    )
    say(f"{time.perf_counter() - began:.2f} s 完成 from request to succeeded")
    return settled


def record_order(api: Api, cast: Cast, paid: int = PAID, *, completed: bool = True) -> str:
    """A transaction, just placed and completed if it is; its id."""
    now = datetime.now(UTC).isoformat()
    order_id = f"o-{secrets.token_hex(4)}"
    order = {
        "merchant_id": cast.merchant_id,
        "buyer_id": cast.buyer_id,
        "amount": paid,
        "currency": CURRENCY,
        "placed_at": now,
        "completed_at": now if completed else None,
    }
    api.call(cast.platform, "PUT", f"/orders/{order_id}", order, expect=201)
    return order_id


def credit(
    api: Api,
    cast: Cast,
    amount: int,
    *,
    source: str = "settlement",
    target: str = "wallet",
    key: str | None = None,
) -> dict[str, Any]:
    """Money for the merchant, once for each key; without one, once more."""
    body = {"amount": amount, "currency": CURRENCY, "source": source, "target": target}
    path = f"/merchants/{cast.merchant_id}/wallet/credits"
    key = key or secrets.token_hex(8)
    return api.call(cast.platform, "POST", path, body, key=key, expect=201)


def chapter(title: str) -> None:
    data.print(f"\n{title}", style="bold", markup=False)


def say(line: str) -> None:
    data.print(f"    {line}", markup=False)


def yuan(minor: int, *, sign: str = "") -> str:
    return f"{figure(minor, sign=sign)} {CURRENCY}"


def figure(minor: int, *, sign: str = "") -> str:
    return f"{minor / 100:{sign},.2f}"
