"""From API Gateway's event to a typed handler, and from each kind of failure to its problem."""

import io
import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from refunds import http
from refunds.errors import AmountExceedsRefundable, Busy
from refunds.fields import Amount, Instant, Label, Model
from refunds.observability import SERVICE, logger
from tests.unit import api
from tests.unit.api import Answer, Context

SECRET = "wang-xiaoming-6222"


class Money(Model):
    amount: Amount
    note: Label | None = None
    at: Instant | None = None


def aws_error(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": SECRET},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "UpdateItem")


def make_app() -> APIGatewayHttpResolver:
    app = http.resolver()

    @app.post("/money")
    def post_money(money: Money) -> Money:
        return money

    @app.post("/keys")
    def post_key(key: http.IdempotencyKey) -> dict[str, str]:
        return {"key": key}

    @app.get("/lists")
    def get_list(limit: http.Limit = None, cursor: http.Cursor = None) -> dict[str, int]:
        return {"limit": http.limit_of(limit), "cursor": len(cursor or "")}

    @app.get("/things/<thing_id>")
    def get_thing(thing_id: http.PathId) -> dict[str, str]:
        return {"thing_id": thing_id}

    @app.get("/arrival")
    def get_arrival() -> dict[str, str]:
        return {"at": http.arrived_at(app).isoformat()}

    @app.post("/failures/<kind>")
    def fail(kind: str) -> None:
        failures: dict[str, Exception] = {
            "busy": Busy(),
            "exceeds": AmountExceedsRefundable(refundable=5, requested=6, currency="CNY"),
            "bug": ValueError(SECRET),
            "throttled": aws_error("ThrottlingException"),
            "conflict": aws_error("TransactionConflictException"),
            "broken": aws_error("InternalServerError", 500),
            "unavailable": aws_error("503", 503),
            "timeout": ReadTimeoutError(endpoint_url="http://table"),
            "unreachable": EndpointConnectionError(endpoint_url="http://table"),
            "denied": aws_error("AccessDeniedException"),
        }
        raise failures[kind]

    @app.get("/wrong")
    def answer_wrongly() -> Money:
        return {"amount": SECRET}  # type: ignore[return-value]

    return app


APP = make_app()


def serve(event: dict[str, Any]) -> Answer:
    return api.answer_of(http.serve(APP, event, Context()))


def post(body: str, path: str = "/money", **headers: str) -> Answer:
    return serve(api.request("POST", path, body=body, headers=headers))


def post_json(body: str) -> Answer:
    return post(body, **{"content-type": "application/json"})


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    product = logging.getLogger(SERVICE)
    product.addHandler(handler)
    yield stream
    product.removeHandler(handler)


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────

GOOD = '{"amount": 100, "note": "不要了"}'


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/vnd.shop+json",
        "application/merge-patch+json;v=1",
    ],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_json_body_is_taken_however_it_is_called_and_handed_over(
    *, kind: str | None, bom: str, encoded: bool
) -> None:
    text = bom + GOOD
    event = api.request(
        "POST",
        "/money",
        body=b64encode(text.encode()).decode() if encoded else text,
        headers={"Content-Type": kind} if kind else {},
    )
    answer = serve(event | {"isBase64Encoded": encoded})
    assert answer.status == 200
    assert answer.body == {"amount": 100, "note": "不要了", "at": None}


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/jsonp",
        "text/json",
    ],
)
def test_a_body_of_another_kind_is_refused_by_its_kind(kind: str) -> None:
    assert post(GOOD, **{"content-type": kind}).code == "unsupported_media_type"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "}",
        "amount=1",
        "{'amount': 1}",
        '{"amount": 1,}',
        '{"amount": NaN}',
        '{"amount": Infinity}',
        '{"amount": -Infinity}',
        '{"amount": 1, "amount": 2}',
        '{"note": {"a": 1, "a": 1}}',
        '{"amount": 1' + "0" * 5000 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"note": "\\ud800"}',
        '{"\\ud800": 1}',
        '{"note": ["\\udc00\\ud800"]}',
        '{"amount": 1} {"amount": 2}',
        "\ufeff\ufeff{}",
        '{"note": "a\nb"}',
    ],
    ids=lambda body: ascii(body[:24]),
)
def test_what_is_not_json_is_refused_as_that(body: str) -> None:
    assert post_json(body).code == "invalid_json"


@pytest.mark.parametrize("body", ["!", "ä", b64encode(b"\xff\xfe{}").decode(), "e30", "e30=e30="])
def test_what_is_no_text_in_base64_is_refused_as_no_json(body: str) -> None:
    event = api.request("POST", "/money", body=body)
    assert serve(event | {"isBase64Encoded": True}).code == "invalid_json"


def test_a_pair_of_surrogates_is_one_character() -> None:
    answer = post_json('{"amount": 1, "note": "\\ud83d\\ude00"}')
    assert answer.body["note"] == "\U0001f600"


@pytest.mark.parametrize("body", [None, "", "null", "[]", "1", '"x"', "{}", "[{}]"])
def test_a_body_that_is_no_object_with_the_fields_is_refused_by_its_fields(
    body: str | None,
) -> None:
    answer = serve(api.request("POST", "/money", body=body))
    assert answer.code == "invalid_request"
    assert answer.body["errors"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"amount": 0}', "#/body/amount"),
        ('{"amount": true}', "#/body/amount"),
        ('{"amount": 100.0}', "#/body/amount"),
        ('{"amount": 1e2}', "#/body/amount"),
        ('{"amount": 1e999}', "#/body/amount"),
        ('{"amount": "100"}', "#/body/amount"),
        ('{"amount": [100]}', "#/body/amount"),
        ('{"amount": null}', "#/body/amount"),
        ('{"amount": 1000000000001}', "#/body/amount"),
        ('{"amount": 1' + "0" * 400 + "}", "#/body/amount"),
        ('{"amount": 1, "buyer_id": "b"}', "#/body/buyer_id"),
        ('{"amount": 1, "a/b~c": 1}', "#/body/a~1b~0c"),
        ('{"amount": 1, "at": 1700000000}', "#/body/at"),
        ('{"amount": 1, "at": "2026-03-01T12:00:00"}', "#/body/at"),
    ],
    ids=lambda given: given[:30],
)
def test_a_field_at_fault_is_named_by_its_json_pointer(body: str, pointer: str) -> None:
    answer = post_json(body)
    assert answer.code == "invalid_request"
    assert [each["pointer"] for each in answer.body["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("{}", "missing"),
        ('{"amount": 1, "note": " "}', "string_too_short"),
        (json.dumps({"amount": 1, "note": "x" * 2001}), "string_too_long"),
    ],
    ids=["missing", "string_too_short", "string_too_long"],
)
def test_a_fault_has_the_type_that_programs_go_by(body: str, fault: str) -> None:
    assert [each["type"] for each in post_json(body).body["errors"]] == [fault]


def test_no_problem_quotes_what_was_sent() -> None:
    answer = post_json(json.dumps({"amount": SECRET, "note": SECRET + "\x01", "at": SECRET}))
    assert answer.code == "invalid_request"
    assert len(answer.body["errors"]) == 3
    assert SECRET not in answer.text


# ── Headers, paths and queries ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "key", ["k", "a" * 128, "!~", "with spaces within", '"quoted"', "a,b", "a,,b", "a;b=c", "{}"]
)
@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_an_idempotency_key_is_taken_exactly_as_it_was_sent(key: str, name: str) -> None:
    assert serve(api.request("POST", "/keys", headers={name: key})).body == {"key": key}


@pytest.mark.parametrize(
    "key", ["", " ", "   ", " a", "a ", "a" * 129, "a\tb", "ключ", "a\x7f", "a\n"]
)
def test_a_key_that_is_not_1_to_128_printable_characters_is_required_anew(key: str) -> None:
    answer = serve(api.request("POST", "/keys", headers={"idempotency-key": key}))
    assert answer.code == "idempotency_key_required"


def test_a_key_that_is_not_there_is_required() -> None:
    assert serve(api.request("POST", "/keys")).code == "idempotency_key_required"


@pytest.mark.parametrize(("limit", "size"), [(None, 20), ("1", 1), ("99", 99), ("100", 100)])
def test_a_limit_is_1_to_100_and_20_when_not_given(limit: str | None, size: int) -> None:
    query = {"limit": limit} if limit else {}
    assert serve(api.request("GET", "/lists", query=query)).body["limit"] == size


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "1.0", "1e1", " 1", "1 ", "01", "²", "\uff11", "x", "", "1,2"]
)
def test_any_other_limit_is_refused(limit: str) -> None:
    answer = serve(api.request("GET", "/lists", query={"limit": limit}))
    assert answer.code == "invalid_request"
    assert answer.body["errors"][0]["pointer"] == "#/query/limit"


@pytest.mark.parametrize("cursor", ["", "x" * 1001])
def test_a_cursor_is_neither_empty_nor_endless(cursor: str) -> None:
    answer = serve(api.request("GET", "/lists", query={"cursor": cursor}))
    assert answer.code == "invalid_request"


@pytest.mark.parametrize("thing", ["a", "A-Z_09", "x" * 64])
def test_an_id_in_a_path_is_taken(thing: str) -> None:
    assert serve(api.request("GET", f"/things/{thing}")).body == {"thing_id": thing}


@pytest.mark.parametrize("thing", ["x" * 65, "a b", "a.b", "a:b", "%C3%A9", "a%23b"])
def test_an_id_of_another_form_is_refused_or_not_found(thing: str) -> None:
    answer = serve(api.request("GET", f"/things/{thing}"))
    assert answer.code in {"invalid_request", "route_not_found"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("DELETE", "/money"), ("GET", "/things/"), ("POST", "/things/a/b")],
)
def test_what_is_no_call_is_not_found(method: str, path: str) -> None:
    answer = serve(api.request(method, path))
    assert (answer.status, answer.code) == (404, "route_not_found")


def test_a_request_arrived_when_api_gateway_says_to_the_millisecond() -> None:
    event = api.request("GET", "/arrival")
    event["requestContext"]["timeEpoch"] = 1_772_366_400_123
    assert serve(event).body == {"at": "2026-03-01T12:00:00.123000+00:00"}


# ── Problems ────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_says_its_rule_the_facts_and_what_would_change_it() -> None:
    answer = serve(api.request("POST", "/failures/exceeds"))
    assert answer.status == 422
    assert answer.code == "amount_exceeds_refundable"
    assert answer.body["facts"] == {"refundable": 5, "requested": 6, "currency": "CNY"}
    assert answer.body["rule"] == AmountExceedsRefundable.rule
    assert answer.body["remedy"] == AmountExceedsRefundable.remedy
    assert answer.body["title_zh"] == AmountExceedsRefundable.title_zh


def test_busy_says_when_to_come_again() -> None:
    answer = serve(api.request("POST", "/failures/busy"))
    assert (answer.status, answer.code) == (503, "busy")
    assert answer.headers["retry-after"] == "1"


def test_a_detail_is_told_and_an_absent_one_is_not() -> None:
    problem = http.problem(Busy("The wallet is in too many transactions."))
    assert json.loads(problem.body or "")["detail"] == "The wallet is in too many transactions."
    assert "detail" not in json.loads(http.problem(Busy()).body or "")


@pytest.mark.parametrize(
    "kind", ["throttled", "conflict", "broken", "unavailable", "timeout", "unreachable"]
)
def test_what_another_try_may_mend_is_a_503_that_says_so(kind: str, log: io.StringIO) -> None:
    answer = serve(api.request("POST", f"/failures/{kind}"))
    assert (answer.status, answer.code) == (503, "busy")
    assert answer.headers["retry-after"] == "1"
    assert SECRET not in log.getvalue()


def test_what_no_other_try_would_mend_is_a_500(log: io.StringIO) -> None:
    answer = serve(api.request("POST", "/failures/denied"))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert SECRET not in log.getvalue()


def test_a_bug_is_a_500_that_tells_the_caller_nothing(log: io.StringIO) -> None:
    answer = serve(api.request("POST", "/failures/bug", claims=api.person(SECRET)))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert SECRET not in answer.text
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    [failure] = [each for each in entries if each["message"] == "unexpected_failure"]
    assert failure["error_type"] == "ValueError"
    assert any(place.startswith("test_http.py:") for place in failure["at"])
    assert SECRET not in log.getvalue()


def test_an_answer_that_is_not_what_the_call_promises_is_our_failure_not_the_caller_s(
    log: io.StringIO,
) -> None:
    answer = serve(api.request("GET", "/wrong"))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "unexpected_failure" in log.getvalue()


def test_an_event_that_is_no_request_at_all_is_still_answered() -> None:
    assert api.answer_of(http.serve(APP, {"version": "2.0"}, Context())).status == 500


def test_no_body_no_header_and_no_token_is_in_the_log(log: io.StringIO) -> None:
    event = api.request(
        "POST",
        "/money",
        claims=api.person(SECRET),
        body={"amount": SECRET},
        headers={"authorization": f"Bearer {SECRET}", "idempotency-key": SECRET},
        query={"cursor": SECRET},
    )
    assert serve(event).code == "invalid_request"
    assert log.getvalue()
    assert SECRET not in log.getvalue()


def test_created_accepted_and_no_content_have_their_status() -> None:
    assert http.created("x").status_code == 201
    assert http.created("x", new=False).status_code == 200
    accepted = http.accepted("x", location="/refunds/rf_1")
    assert (accepted.status_code, accepted.headers["Location"]) == (202, "/refunds/rf_1")
    assert http.no_content().status_code == 204
