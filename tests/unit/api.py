"""API Gateway's events (payload format 2.0), and the context that Lambda hands over with them."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from tests.unit.examples import NOON

type Claims = dict[str, Any]
type Event = dict[str, Any]


def person(subject: str) -> Claims:
    return {"client_id": "people-client", "sub": subject, "token_use": "access", "scope": "openid"}


def machine(*scopes: str) -> Claims:
    return {
        "client_id": "service-client",
        "sub": "service-client",
        "token_use": "access",
        "scope": " ".join(scopes),
    }


@dataclass(frozen=True)
class Context:
    function_name: str = "function"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id: str = "request-1"
    remaining_ms: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str
    body: Any = field(init=False)

    def __post_init__(self) -> None:
        is_json = self.headers.get("content-type", "").endswith("json")
        object.__setattr__(self, "body", json.loads(self.text) if is_json else None)

    @property
    def code(self) -> str | None:
        """The code of a problem; none of what is no problem."""
        if self.headers.get("content-type") != "application/problem+json":
            return None
        assert self.body["status"] == self.status
        assert self.body["type"] == f"urn:instant-refunds:problem:{self.body['code']}"
        code: str = self.body["code"]
        return code


def request(
    method: str,
    path: str,
    *,
    claims: Claims | None = None,
    body: str | dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    at: datetime = NOON,
) -> Event:
    """What API Gateway makes of a request; a body is JSON unless `headers` say otherwise."""
    text = json.dumps(body, ensure_ascii=False) if isinstance(body, dict) else body
    sent = {"content-type": "application/json"} if text is not None and headers is None else {}
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api",
        "domainName": "api.example.com",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "tests",
        },
        "requestId": "request-1",
        "stage": "$default",
        "timeEpoch": int(at.timestamp() * 1000),
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    event: Event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {**sent, **(headers or {})},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = query
    if text is not None:
        event["body"] = text
    return event


def answer_of(returned: dict[str, Any]) -> Answer:
    """What the caller gets; Lambda sends it as UTF-8, so that it must be that."""
    json.dumps(returned, ensure_ascii=False).encode()
    headers = {name.lower(): value for name, value in (returned.get("headers") or {}).items()}
    status = HTTPStatus(returned["statusCode"])
    return Answer(status, headers, returned.get("body") or "")
