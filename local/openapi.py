"""The OpenAPI document of the whole API, from the handlers' own types and contracts.

`make openapi` writes it beside the function that serves it; a test holds it to the code.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.paths import ROOT

DOCUMENT = ROOT / "functions" / "serve_docs" / "openapi.json"
PROBLEM = {"$ref": "#/components/schemas/Problem"}
GATEWAY_MESSAGE = {"$ref": "#/components/schemas/GatewayMessage"}
PEOPLE = {"merchant", "buyer", "party", "operator"}

COMPONENTS: dict[str, Any] = {
    "Problem": {
        "title": "Problem",
        "description": "An RFC 9457 problem document.",
        "type": "object",
        "required": ["type", "title", "title_zh", "status", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "title_zh": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "description": "Stable; docs/errors.md lists them all."},
            "detail": {"type": "string"},
            "rule": {"type": "string", "description": "The rule that refused."},
            "facts": {"type": "object", "description": "What it was decided on."},
            "remedy": {"type": "string", "description": "What would change it."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "type", "message"],
                    "properties": {
                        "pointer": {"type": "string"},
                        "type": {
                            "type": "string",
                            "description": "Stable, as `missing`, `string_too_long`: "
                            "https://docs.pydantic.dev/latest/errors/validation_errors/",
                        },
                        "message": {"type": "string"},
                    },
                },
            },
        },
    },
    "GatewayMessage": {
        "title": "GatewayMessage",
        "description": "What API Gateway itself answers, before any of our code runs.",
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": ["string", "null"]}},
    },
}
SECURITY_SCHEMES = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token; each call names the membership or the scope it needs.",
    }
}
TAGS = {
    "service": "Platform system 系统",
    "merchant": "Merchant 商家",
    "operator": "Operator 运营",
    "buyer": "Buyer 买家",
    "party": "Merchant and buyer 商家和买家",
    "caller": "Any caller 任何已登录者",
    None: "Anyone 任何人",
}
"""By who may call, as docs/api.md has them; any scope is a platform system's."""
JSON = "application/json"
GATEWAY_ANSWERS = {"401", "403", "413", "429", "503"}


def generate() -> str:
    """The document, as JSON text."""
    document = _merged()
    # Relative to the document's own address, so that it holds under whatever stage it is served.
    document["servers"] = [{"url": "./"}]
    document["tags"] = [{"name": name} for name in TAGS.values()]
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    document["components"]["schemas"] |= COMPONENTS
    for path, method, operation in _operations(document):
        _complete(path, method, operation)
    _drop_unused(document["components"]["schemas"], document)
    return json.dumps(_whole_numbers(document), indent=1, ensure_ascii=False) + "\n"


def write() -> Path:
    DOCUMENT.write_text(generate(), encoding="utf-8")
    return DOCUMENT


def _merged() -> dict[str, Any]:
    # The handlers read their settings as they are imported; what is set already stays.
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from aws_lambda_powertools.event_handler.openapi import OpenAPIMerge  # noqa: PLC0415

    merge = OpenAPIMerge(
        title="Instant refunds 极速退款",
        version=_version(),
        openapi_version="3.1.0",
        description="Amounts are minor units (分) of an ISO 4217 currency; times are RFC 3339.",
        on_conflict="error",
    )
    for handler in sorted((ROOT / "functions").glob("*/app.py")):
        if "http.resolver()" in handler.read_text(encoding="utf-8"):
            merge.add_file(handler)
    document: dict[str, Any] = json.loads(merge.get_openapi_json_schema())
    return document


def _version() -> str:
    """The project's own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version: str = project["version"]
    return version


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    suffix = re.sub(r"\W", "_", path) + f"_{method}"
    operation["operationId"] = operation["operationId"].removesuffix(suffix)
    operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "header":
            parameter["name"] = "Idempotency-Key"
    caller = operation.get("x-caller")
    operation["tags"] = [TAGS.get(caller, TAGS["service"])]
    operation["security"] = [{"accessToken": [caller]}] if caller else []
    success = [status for status in operation["responses"] if status < "400"]
    operation["responses"] = {status: operation["responses"][status] for status in success}
    if operation.get("x-repeatable"):
        operation["responses"]["200"] = operation["responses"]["201"]
    for answer in operation["responses"].values():
        answer["content"] = {operation["x-media-type"]: answer["content"][JSON]}
    if no_content := operation["responses"].get("204"):
        no_content.pop("content", None)
    operation["responses"] |= _problem_answers(caller, operation)
    for extension in ("x-caller", "x-problems", "x-repeatable", "x-media-type"):
        operation.pop(extension, None)


def _problem_answers(caller: str | None, operation: dict[str, Any]) -> dict[str, Any]:
    codes: dict[str, list[Any]] = {status: [] for status in ("429", "500", "503")}
    for error in [*_common(caller, operation), *_own(operation)]:
        codes.setdefault(str(error.status), []).append(error)
    return {status: _answer(status, errors) for status, errors in sorted(codes.items())}


def _answer(status: str, errors: list[Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if errors:
        enum = {"properties": {"code": {"enum": [error.code for error in errors]}}}
        content["application/problem+json"] = {"schema": {"allOf": [PROBLEM, enum]}}
    if status in GATEWAY_ANSWERS:
        content[JSON] = {"schema": GATEWAY_MESSAGE}
    said = [f"`{error.code}`: {error.title}." for error in errors]
    return {"description": " ".join(said) or "From API Gateway itself.", "content": content}


def _common(caller: str | None, operation: dict[str, Any]) -> Iterator[Any]:
    """The problems that any call of this kind may answer, in the order they are checked."""
    from refunds import errors  # noqa: PLC0415  # needs the settings, as above

    if "requestBody" in operation:
        yield from (errors.UnsupportedMediaType, errors.InvalidJson)
    if "requestBody" in operation or operation.get("parameters"):
        yield errors.InvalidRequest
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", [])):
        yield errors.RouteNotFound  # of an id with characters that no path of the API has
    if caller:
        yield errors.AccessTokenRequired
    if caller and caller != "caller":
        yield errors.MembershipRequired if caller in PEOPLE else errors.ScopeRequired
    yield from (errors.InternalError, errors.Busy)


def _own(operation: dict[str, Any]) -> Iterator[Any]:
    from refunds import errors  # noqa: PLC0415

    known = {error.code: error for error in vars(errors).values() if hasattr(error, "code")}
    return (known[code] for code in operation.get("x-problems", []))


def _drop_unused(schemas: dict[str, Any], document: dict[str, Any]) -> None:
    while unused := {
        name for name in schemas if f'"#/components/schemas/{name}"' not in json.dumps(document)
    }:
        for name in unused:
            del schemas[name]


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


SETTINGS = dict.fromkeys(
    (
        "TABLE_NAME",
        "DEBIT_QUEUE_URL",
        "DEBIT_DEAD_LETTER_QUEUE_URL",
        "ORDER_DEAD_LETTER_QUEUE_URL",
        "CHANGE_DEAD_LETTER_QUEUE_URL",
        "FAN_OUT_CHANGES_ALIAS",
        "EVENT_BUS_NAME",
        "PEOPLE_CLIENT_IDS",
        "SERVICE_CLIENT_IDS",
        "CLIENT_ID_CLAIM",
        "SUBJECT_CLAIM",
        "SCOPE_CLAIM",
        "TOKEN_USE_CLAIM",
        "TOKEN_USE_VALUE",
        "SIGN_IN_ISSUER",
        "SIGN_IN_URL",
        "CONSOLE_CLIENT_ID",
        "CONSOLE_SCOPES",
        "CONSOLE_ORIGINS",
    ),
    "unused",
) | {"AWS_DEFAULT_REGION": "us-east-1"}

if __name__ == "__main__":
    print(write())
