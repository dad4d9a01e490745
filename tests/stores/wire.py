"""Faults where they happen: between botocore and the service, below any code of the product."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from refunds.errors import RefundsError

FAILURES = (RefundsError, ClientError, BotoCoreError)
"""What may come out of the product when its requests meet faults; all else is wrong in itself."""

type Fault = Callable[[Any], AWSResponse | None]


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answer(body: dict[str, Any], status: int = 200) -> Fault:
    """An answer of the service."""
    content = json.dumps(body).encode()
    return lambda request: AWSResponse(request.url, status, HTTPHeaders(), _Raw(content))


def refused(code: str, **more: Any) -> Fault:
    """An error of the service."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return answer({"__type": kind, "message": code, **more}, status=400)


def canceled(*codes: str) -> Fault:
    """A transaction canceled, for a reason each action."""
    reasons = [{"Code": code, "Message": code} for code in codes]
    return refused("TransactionCanceledException", CancellationReasons=reasons)


def broken(status: int = 500) -> Fault:
    """The service's own failure."""
    return answer({"__type": "InternalServerError", "message": "?"}, status=status)


def lost(request: Any) -> AWSResponse | None:
    """No answer within the time; whether the request was carried out, nobody knows."""
    raise ReadTimeoutError(endpoint_url=request.url)


def done_but_lost(client: BaseClient) -> Fault:
    """The service carries it out, and only its answer is lost."""

    def fault(request: Any) -> AWSResponse | None:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        with suppress(ClientError), _untouched():
            client._make_api_call(operation, json.loads(request.body))  # type: ignore[attr-defined]  # noqa: SLF001
        return lost(request)

    return fault


def meanwhile(do: Callable[[], object]) -> Fault:
    """Someone else is faster: the request goes on its way after that."""

    def fault(_: Any) -> None:
        with _untouched():
            do()

    return fault


def fine(_: Any) -> AWSResponse | None:
    """No fault: the request goes on its way."""
    return None


_passing: set[int] = set()
"""Threads whose requests meet no faults now."""


@contextmanager
def _untouched() -> Iterator[None]:
    thread = get_ident()
    _passing.add(thread)
    try:
        yield
    finally:
        _passing.discard(thread)


@dataclass
class Line:
    """The requests of one operation on their way, and what becomes of each."""

    faults: Iterator[Fault]
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, request: Any, **_: Any) -> AWSResponse | None:
        if get_ident() in _passing:
            return None
        self.sent.append(json.loads(request.body))
        response = next(self.faults, fine)(request)
        if response:
            # moto hears of every request and would carry it out: this one is not for it.
            request.url = "http://nowhere.invalid/"
        return response


@contextmanager
def faulty(client: BaseClient, operation: str, *faults: Fault) -> Iterator[Line]:
    """The next requests of this operation meet these faults in turn; the later ones none."""
    line = Line(iter(faults))
    events: Any = client.meta.events
    event = f"before-send.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    events.register_first(event, line)
    try:
        yield line
    finally:
        events.unregister(event, line)
