"""The API is one thing in five places: routes, handlers, document, errors page and errors."""

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from local import openapi
from refunds import errors, http
from tests.contract import template

ROOT = template.ROOT
RESOURCES: dict[str, Any] = template.written()["Resources"]
ERRORS = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.RefundsError) and hasattr(each, "code")
]
OUTSIDE_THE_DOCUMENT = {
    "GET /docs",
    "GET /openapi.json",
    "GET /console",
    "GET /console/",
    "GET /console/config.json",
    "GET /console/{proxy+}",
    "$default",
}


def test_the_document_is_that_of_the_code() -> None:
    assert openapi.DOCUMENT.read_text(encoding="utf-8") == openapi.generate(), "run `make openapi`"


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(document()).validate()


def test_every_route_of_the_template_is_a_handler_of_the_same_function_and_the_reverse() -> None:
    deployed = {
        (_function_of(route), route["RouteKey"])
        for route in _routes()
        if route["RouteKey"] != "$default"
    }
    assert deployed == set(_handled())


def test_every_route_but_the_undocumented_ones_is_in_the_document() -> None:
    documented = {
        f"{method.upper()} {path}"
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert documented == {route["RouteKey"] for route in _routes()} - OUTSIDE_THE_DOCUMENT


def test_a_call_needs_a_token_exactly_where_the_document_says_so() -> None:
    for route in _routes():
        if route["RouteKey"] in OUTSIDE_THE_DOCUMENT:
            assert route["AuthorizationType"] == "NONE"
            continue
        method, path = route["RouteKey"].split(" ")
        secured = bool(document()["paths"][path][method.lower()]["security"])
        assert secured == (route["AuthorizationType"] == "JWT"), route["RouteKey"]


def test_every_code_is_one_error_s_alone() -> None:
    codes = [each.code for each in ERRORS]
    assert len(codes) == len(set(codes))


def test_the_errors_page_lists_every_code_in_order_with_its_status_and_titles() -> None:
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|(.*)$", page, re.MULTILINE)
    listed = [(code, int(status)) for code, status, _ in rows]
    assert listed == [(each.code, each.status) for each in ERRORS]
    for (code, _, rest), error in zip(rows, ERRORS, strict=True):
        assert error.title in rest, code
        assert error.title_zh in rest, code


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: each.code)
def test_every_error_says_what_it_means_in_both_languages(error: type[errors.RefundsError]) -> None:
    assert error.title
    assert re.search(r"[\u4e00-\u9fff]", error.title_zh)
    assert re.fullmatch(r"[a-z_]+", error.code)
    assert 400 <= error.status < 600


def document() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))
    return parsed


def _routes() -> list[dict[str, Any]]:
    return [
        each["Properties"]
        for each in template.of_type("AWS::ApiGatewayV2::Route", RESOURCES).values()
    ]


def _function_of(route: dict[str, Any]) -> str:
    integration = re.search(r"\{(\w+)\}", route["Target"]["Fn::Sub"])
    assert integration
    uri = RESOURCES[integration[1]]["Properties"]["IntegrationUri"]
    function: str = uri["Ref"].removesuffix(".Alias")
    return template.folder_of(RESOURCES[function])


def _handled() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "functions").glob("*/app.py")):
        module = importlib.import_module(f"functions.{path.parent.name}.app")
        app = getattr(module, "app", None)
        if isinstance(app, type(http.resolver())):
            for route in app._static_routes + app._dynamic_routes:  # noqa: SLF001  # no public list
                greedy = route.openapi_path.replace(".+", "{proxy+}")
                yield path.parent.name, f"{route.method} {greedy}"
