"""Whatever an operator does or sees is in the log, by name."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from refunds import http
from tests.unit import cloud as clouds
from tests.unit.api import Claims
from tests.unit.cloud import OPERATOR, SELLER, Cloud, request_refund

FREEZE = {"currency": "CNY"}
LEGS = [
    {"account": "buyer:b:available", "amount": 1},
    {"account": "platform:guarantee", "amount": -1},
]
BODIES: dict[str, dict[str, Any]] = {
    "POST /certifications/x/decision": {"decision": "certified"},
    "POST /corrections": {"currency": "CNY", "reason": "x", "legs": LEGS},
    "POST /refunds/x/reversal": {"reason": "x"},
    "PUT /merchants/x/limits": FREEZE | {"deposit_required": 0, "guarantee_limit": 0},
    "POST /merchants/x/freeze": FREEZE,
    "POST /merchants/x/unfreeze": FREEZE,
    "PUT /merchants/x/shards": FREEZE | {"shards": 1},
    "POST /dead-letters/x/redrive": {"limit": 1},
}


QUERIES = {
    "GET /merchants/x/waiting-refunds": {"currency": "CNY"},
    "GET /refunds/x": {"as": "operator"},
}


def operators_routes() -> Iterator[tuple[ModuleType, str]]:
    for name in clouds.__all__:
        function = getattr(clouds, name)
        app = getattr(function, "app", None)
        if not isinstance(app, type(http.resolver())):
            continue
        for route in app._static_routes + app._dynamic_routes:  # noqa: SLF001  # no public list
            if (route.openapi_extensions or {}).get("x-caller") == "operator":
                path = "/".join("x" if "<" in step else step for step in route.path.split("/"))
                yield function, f"{route.method} {path}"


ROUTES = [*operators_routes(), (request_refund, "GET /refunds/x")]
"""The last is for both sides as well."""


@pytest.mark.parametrize(("function", "call"), ROUTES, ids=[call for _, call in ROUTES])
def test_what_an_operator_calls_is_in_the_log_with_the_operator_s_name(
    cloud: Cloud, function: ModuleType, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    method, path = call.split(" ")

    def acts(claims: Claims) -> tuple[str | None, list[tuple[str, str, str]]]:
        caplog.clear()
        answer = cloud.call(
            function,
            method,
            path,
            claims,
            body=BODIES.get(call),
            key="key-1",
            query=QUERIES.get(call),
        )
        lines = [vars(each) for each in caplog.records if each.message == "operator_acts"]
        return answer.code, [(each["operator"], each["method"], each["route"]) for each in lines]

    code, logged = acts(OPERATOR)
    assert logged == [("operator", method, path)], code
    assert acts(SELLER) == ("membership_required", [])


def test_every_call_with_a_body_or_a_query_is_one_of_these() -> None:
    assert BODIES.keys() | QUERIES.keys() <= {call for _, call in ROUTES}
