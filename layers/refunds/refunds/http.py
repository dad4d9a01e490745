"""HTTP: from API Gateway's event to a typed handler, and from a result or an error to an answer."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BeforeValidator, Field

from refunds import members, paging
from refunds.deadline import Deadline, Ready
from refunds.errors import (
    Busy,
    IdempotencyKeyRequired,
    InternalError,
    InvalidJson,
    InvalidRequest,
    RefundsError,
    RouteNotFound,
    UnsupportedMediaType,
)
from refunds.fields import Id, Subject
from refunds.members import Caller, MemberStore, Role
from refunds.observability import log_failure, logger, metrics
from refunds.settings import Settings
from refunds.stores.answers import may_pass

PROBLEM_JSON = "application/problem+json"
PROBLEM_TYPE = "urn:instant-refunds:problem:"
IDEMPOTENCY_KEY = "idempotency-key"

type Event = dict[str, Any]

PathId = Annotated[Id, Path()]
PathSubject = Annotated[Subject, BeforeValidator(unquote), Path()]
"""API Gateway hands `%7C` over as it came."""
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]([ -~]{0,126}[!-~])?$",
        description="1 to 128 printable ASCII characters; names this request for ever.",
    ),
]
As = Annotated[Role | None, Query(alias="as", description="For a caller who is both.")]
AsAny = Annotated[
    Role | Literal["operator"] | None,
    Query(alias="as", description="For a caller who is both; an operator says `operator`."),
]
Cursor = Annotated[str | None, Query(min_length=1, max_length=1000)]
Limit = Annotated[
    Annotated[str, Field(pattern=r"^([1-9][0-9]?|100)$")] | None,
    Query(description="1 to 100; 20 when not given."),
]


def resolver() -> APIGatewayHttpResolver:
    """A resolver that validates requests, and answers every error as a problem document."""
    app = APIGatewayHttpResolver(enable_validation=True, json_body_deserializer=_strict_json)
    app.exception_handler(RefundsError)(problem)
    app.exception_handler(RequestValidationError)(_invalid)
    app.not_found(lambda _: problem(RouteNotFound()))
    return app


def contract(
    caller: str | None,
    *problems: type[RefundsError],
    repeatable: bool = False,
    media_type: str = "application/json",
) -> dict[str, Any]:
    """What a call's document says beyond its types: who may call, and each problem it may answer.

    `caller` is `merchant`, `buyer`, `party` (either), `operator`, a scope, `caller` (any access
    token), or none for anyone; a `repeatable` call answers 200 for what was there already; what is
    answered has the `media_type`. `local/openapi.py` makes the OpenAPI document of it, and adds the
    problems that any call may answer.
    """
    codes = [each.code for each in problems]
    return {
        "x-caller": caller,
        "x-problems": codes,
        "x-repeatable": repeatable,
        "x-media-type": media_type,
    }


def serve(app: APIGatewayHttpResolver, event: Event, context: Any) -> dict[str, Any]:
    """Answer an HTTP API event (payload format 2.0). Never raises."""
    try:
        answer = app.resolve(_with_text_body(event), context)
    except RefundsError as error:
        return _bare(problem(error))
    except (ClientError, BotoCoreError) as error:
        # Throttled, or no answer in time: whatever was done, the same request may be sent again.
        return _bare(problem(Busy()) if may_pass(error) else _failed(error))
    except Exception as error:  # noqa: BLE001  # the last guard: logged, counted, and answered
        return _bare(_failed(error))
    # A body of null is none in the format, but breaks the local AWS; an empty one is the same.
    return {**answer, "body": answer["body"] or ""}


def caller(app: APIGatewayHttpResolver, *, settings: Settings, store: MemberStore) -> Caller:
    """Who calls. Raises AccessTokenRequired."""
    authorizer = app.current_event.raw_event["requestContext"].get("authorizer", {})
    claims = authorizer.get("jwt", {}).get("claims", {})
    return members.Caller.from_claims(claims, settings=settings, store=store)


def operator(app: APIGatewayHttpResolver, *, settings: Settings, store: MemberStore) -> str:
    """The operator who calls, by name in the log: whatever an operator does or sees is there.

    Raises:
        AccessTokenRequired, MembershipRequired: it is not one.
    """
    subject = caller(app, settings=settings, store=store).operator()
    event = app.current_event
    logger.info("operator_acts", operator=subject, method=event.http_method, route=event.path)
    return subject


def arrived_at(app: APIGatewayHttpResolver) -> datetime:
    """When API Gateway received the request."""
    milliseconds = app.current_event.raw_event["requestContext"]["timeEpoch"]
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def ready(app: APIGatewayHttpResolver) -> Ready:
    """Whether there is time for another try, within the function's."""
    return Deadline(app.lambda_context.get_remaining_time_in_millis).ready


def limit_of(limit: str | None) -> int:
    return int(limit) if limit else paging.DEFAULT_LIMIT


def created[T](body: T, *, new: bool = True) -> Response[T]:
    """201 for what this request made, 200 for what was there already."""
    return Response(
        status_code=HTTPStatus.CREATED if new else HTTPStatus.OK,
        content_type=content_types.APPLICATION_JSON,
        body=body,
    )


def no_content() -> Response[None]:
    return Response(status_code=HTTPStatus.NO_CONTENT, content_type=None, body=None)


def accepted[T](body: T, *, location: str) -> Response[T]:
    return Response(
        status_code=HTTPStatus.ACCEPTED,
        content_type=content_types.APPLICATION_JSON,
        headers={"Location": location},
        body=body,
    )


def problem(error: RefundsError) -> Response[str]:
    """The RFC 9457 problem document of an error."""
    kind = type(error)
    body: dict[str, Any] = {
        "type": PROBLEM_TYPE + kind.code,
        "title": kind.title,
        "title_zh": kind.title_zh,
        "status": kind.status,
        "code": kind.code,
    }
    optional = {
        "detail": error.detail,
        "rule": kind.rule,
        "facts": error.facts,
        "remedy": kind.remedy,
        "errors": error.problems if isinstance(error, InvalidRequest) else None,
    }
    body |= {name: value for name, value in optional.items() if value}
    metrics.add_metric(name=f"Problem.{kind.code}", unit="Count", value=1)
    logger.info("problem", code=kind.code, status=kind.status)
    headers = {"Retry-After": "1"} if kind.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(
        status_code=kind.status,
        content_type=PROBLEM_JSON,
        headers=headers,
        body=json.dumps(body, ensure_ascii=False),
    )


def _with_text_body(event: Event) -> Event:
    """The event with its body as plain text and called JSON, whichever way it came.

    API Gateway hands a body over in base64 unless its type is text or JSON.
    """
    if not event.get("body"):
        return event
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind and kind != content_types.APPLICATION_JSON and not kind.endswith("+json"):
        raise UnsupportedMediaType
    body: str = event["body"]
    if event.get("isBase64Encoded"):
        try:
            body = b64decode(body, validate=True).decode()
        except ValueError as error:  # of the characters, of their number, or of the text in them
            raise InvalidJson from error
    headers["content-type"] = content_types.APPLICATION_JSON
    text = body.removeprefix("\ufeff")
    return {**event, "headers": headers, "body": text, "isBase64Encoded": False}


def _strict_json(text: str) -> Any:
    """JSON as RFC 8259 has it: no NaN, no name twice, and no text that is not Unicode."""
    try:
        parsed = json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
        # Half a surrogate pair, also behind an escape: no answer could name what holds it.
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidJson from error
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a name twice")
    return unique


def _invalid(error: RequestValidationError) -> Response[str]:
    found = error.errors()
    places = [[str(part) for part in each["loc"]] for each in found]
    if any(place[0] == "response" for place in places):
        return _failed(error)
    if any(place[:1] == ["header"] and place[-1].lower() == IDEMPOTENCY_KEY for place in places):
        return problem(IdempotencyKeyRequired())
    problems = [
        {"pointer": _pointer(place), "type": each["type"], "message": each["msg"]}
        for place, each in zip(places, found, strict=True)
    ]
    return problem(InvalidRequest(problems))


def _failed(error: Exception) -> Response[str]:
    """What failed on our side, an answer that is not what the call promises included."""
    log_failure(error)
    metrics.add_metric(name="InternalError", unit="Count", value=1)
    return problem(InternalError())


def _pointer(place: list[str]) -> str:
    """A JSON pointer (RFC 6901) to a place in the request."""
    return "/".join(["#", *(name.replace("~", "~0").replace("/", "~1") for name in place)])


def _bare(response: Response[str]) -> dict[str, Any]:
    return {
        "statusCode": response.status_code,
        "headers": {"Content-Type": response.content_type, **response.headers},
        "body": response.body,
        "isBase64Encoded": False,
    }
