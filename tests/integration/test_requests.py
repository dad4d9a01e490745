"""What a request for a refund may say, and how it may be said (D2 to D5, D9, D10, D14)."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from refunds import table
from tests.integration.world import FUNDS, Party, Scene, World, http_event, problem, unique

INVALID = (400, "invalid_request")
NOT_JSON = (400, "invalid_json")
NO_KEY = (400, "idempotency_key_required")
REUSED = (422, "idempotency_key_reused")
TOO_MUCH = (422, "amount_exceeds_refundable")
PAID = 1000


@pytest.fixture(scope="module")
def refused(world: World) -> Iterator[Scene]:
    """One order for all requests of which nothing must come."""
    scene = world.scene(amount=PAID)
    yield scene
    world.all_debits_done()
    assert world.balance(scene.merchant) == FUNDS
    assert world.balance(scene.buyer) == 0


@pytest.fixture(scope="module")
def shop(world: World) -> Scene:
    """One merchant and buyer for requests that need an order of their own, and no more."""
    return world.scene()


@pytest.fixture
def order_id(world: World, shop: Scene) -> str:
    return world.order(shop.merchant.id, shop.buyer.id, PAID)


def assert_nothing_came_of_it(world: World, scene: Scene) -> None:
    assert world.refunds(scene.buyer) == []
    assert world.row(table.order(scene.order_id))["refundable"] == PAID


# ── Amounts ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "amount",
    [
        *("0", "-0", "-1", "-1000", str(10**12 + 1), "1" + "0" * 400),
        *("30.40", "19.9", "0.1", "100.0", "1e2", "1E+2", "99.99999999999999999"),
        *("true", "false", '"100"', '"１００"', '"²"', '"1e2"', "[100]", '{"value": 100}', '""'),  # noqa: RUF001
    ],
)
@pytest.mark.parametrize("path", ["/refunds", "/refunds/preview"])
def test_an_amount_is_a_whole_number_from_1_or_the_request_is_refused(
    world: World, refused: Scene, path: str, amount: str
) -> None:
    """D2, D9, D10: nothing is coerced, cut off or taken for "not given"."""
    body = f'{{"order_id": "{refused.order_id}", "goods_condition": "intact", "amount": {amount}}}'
    answer = post(world, refused.buyer, body, path=path)
    assert problem(answer) == INVALID
    assert [each["pointer"] for each in answer.json()["errors"]] == ["#/body/amount"]
    assert_nothing_came_of_it(world, refused)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "100,0", "0x64", "0100", "+1"])
def test_what_json_has_no_number_for_is_no_json(world: World, refused: Scene, amount: str) -> None:
    """D9."""
    body = f'{{"order_id": "{refused.order_id}", "goods_condition": "intact", "amount": {amount}}}'
    assert problem(post(world, refused.buyer, body)) == NOT_JSON
    assert_nothing_came_of_it(world, refused)


@pytest.mark.parametrize("amount", ["0", "-5", "1.5", "true", '"100"', "null", "1e3"])
def test_no_other_money_is_guessed_either(world: World, refused: Scene, amount: str) -> None:
    """D9, D10: a credit and an order read amounts by the same rule."""
    credit = f'{{"amount": {amount}, "currency": "CNY", "source": "top_up", "target": "wallet"}}'
    path = f"/merchants/{refused.merchant.id}/wallet/credits"
    headers = {"Content-Type": "application/json"}
    answer = world.call(
        world.platform, "POST", path, content=credit, headers=headers, key=unique("credit")
    )
    assert problem(answer) == INVALID
    order = (
        f'{{"merchant_id": "m", "buyer_id": "b", "amount": {amount}, "currency": "CNY",'
        ' "placed_at": "2026-01-01T00:00:00Z"}'
    )
    path = f"/orders/{unique('o')}"
    assert problem(world.call(world.platform, "PUT", path, content=order, headers=headers)) == (
        INVALID
    )
    assert_nothing_came_of_it(world, refused)


@pytest.mark.parametrize("amount", [None, "null"])
def test_no_amount_and_null_both_ask_for_all_that_is_left(
    world: World, shop: Scene, order_id: str, amount: str | None
) -> None:
    """D2: as `docs/api.md` says."""
    said = f', "amount": {amount}' if amount else ""
    body = f'{{"order_id": "{order_id}", "goods_condition": "intact"{said}}}'
    answer = post(world, shop.buyer, body)
    assert answer.status_code == 202
    assert answer.json()["amount"] == PAID


@pytest.mark.parametrize("parts", [[333], [999], [400, 599]])
def test_all_that_is_left_after_part_refunds_is_refunded_once(
    world: World, scene: Scene, parts: list[int]
) -> None:
    """D3."""
    for part in parts:
        world.settled(scene.buyer, world.accepted(scene.buyer, scene.order_id, part))
    rest = world.ask(scene.buyer, scene.order_id)
    assert rest.status_code == 202
    assert rest.json()["amount"] == PAID - sum(parts)
    world.settled(scene.buyer, rest.json()["refund_id"])

    once_more = world.ask(scene.buyer, scene.order_id)

    assert problem(once_more) == TOO_MUCH
    assert once_more.json()["facts"]["refundable"] == 0
    assert world.balance(scene.buyer) == PAID
    assert world.balance(scene.merchant) == 100_000 - PAID


@pytest.mark.parametrize(
    "query",
    [
        *("limit=²", "limit=１", "limit=0", "limit=-1", "limit=101", "limit=1.0", "limit=1e1"),  # noqa: RUF001
        *("limit=", "limit=true", "limit=%201", "limit=1%00", "cursor=", "as=operator"),
    ],
)
@pytest.mark.parametrize("path", ["/orders", "/refunds"])
def test_a_query_is_as_documented_or_refused(
    world: World, refused: Scene, path: str, query: str
) -> None:
    """D10."""
    assert problem(world.call(refused.buyer, "GET", f"{path}?{query}")) == INVALID


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_id", 7),
        ("order_id", "a/b"),
        ("order_id", "o" * 65),
        ("order_id", "ｏ１"),  # noqa: RUF001
        ("goods_condition", True),
        ("goods_condition", "Intact"),
        ("goods_condition", ["intact"]),
        ("reason", 5),
        ("reason", "x" * 2001),
        ("reason", "bell \x07"),
        ("evidence", "photo"),
        ("evidence", [1]),
        ("evidence", ["photo"] * 11),
        ("evidence", ["x" * 513]),
        ("buyer_id", "somebody"),
        ("merchant_id", "somebody"),
        ("status", "succeeded"),
        ("currency", "JPY"),
    ],
)
def test_a_field_is_of_its_type_and_known_or_the_request_is_refused(
    world: World, refused: Scene, field: str, value: object
) -> None:
    """D10, D19: and identity never comes from a body."""
    fields = {field: value}
    order_id = fields.pop("order_id", refused.order_id)
    body = {"order_id": order_id, "goods_condition": "intact", **fields}
    answer = world.call(refused.buyer, "POST", "/refunds", body, key=unique("key"))
    assert problem(answer) == INVALID
    assert_nothing_came_of_it(world, refused)


# ── The key ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", [None, b"", b"k" * 129, "鑰匙".encode(), b"caf\xe9"])
def test_without_a_key_nothing_is_answered_from_anybody_s_record(
    world: World, refused: Scene, key: bytes | None
) -> None:
    """D4: two buyers without a key meet the same refusal, and never each other."""
    stranger = world.buyer()
    strange_order = world.order(refused.merchant.id, stranger.id)
    for buyer, order_id in [(refused.buyer, refused.order_id), (stranger, strange_order)]:
        body = {"order_id": order_id, "goods_condition": "intact"}
        assert problem(world.call(buyer, "POST", "/refunds", body, key=key)) == NO_KEY
        assert world.refunds(buyer) == []
    assert_nothing_came_of_it(world, refused)


@pytest.mark.parametrize(
    "key", ["", " ", "     ", "\t", " a", "a ", "a\tb", "a\x7fb", "a\nb", "鑰匙"]
)
def test_a_key_that_no_client_could_send_is_no_key(world: World, refused: Scene, key: str) -> None:
    """D4: as API Gateway might hand it over."""
    event = http_event(
        "POST",
        "/refunds",
        json.dumps({"order_id": refused.order_id, "goods_condition": "intact"}),
        headers={"content-type": "application/json", "idempotency-key": key},
        context=authorized(world, refused.buyer),
    )
    answer = world.invoke("request_refund", event)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == NO_KEY
    assert_nothing_came_of_it(world, refused)


def test_two_buyers_may_use_the_same_key(world: World, scene: Scene) -> None:
    """D4: a key's scope is its caller's own requests."""
    neighbour = world.buyer()
    order_id = world.order(scene.merchant.id, neighbour.id)
    key = unique("key")
    mine = world.ask(scene.buyer, scene.order_id, 10, key=key).json()
    theirs = world.ask(neighbour, order_id, 20, key=key).json()
    assert mine["refund_id"] != theirs["refund_id"]
    assert (mine["amount"], theirs["amount"]) == (10, 20)
    assert [each["refund_id"] for each in world.refunds(neighbour)] == [theirs["refund_id"]]


@pytest.mark.parametrize("key", ["!", "k" * 128, "a b", '"quoted"', "~" * 3, "#;,=%20"])
def test_any_printable_key_is_a_key(world: World, refused: Scene, key: str) -> None:
    """To the refusal that comes next: of goods that are not there."""
    assert problem(world.ask(refused.buyer, "no-such-order", key=key)) == (404, "order_not_found")


A_REQUEST = '{"order_id":"ORDER","amount":100,"goods_condition":"intact","reason":"A"}'


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (A_REQUEST, "Idempotency-Key"),
        (A_REQUEST, "IDEMPOTENCY-KEY"),
        (A_REQUEST, "idempotency-key"),
        (A_REQUEST.replace(",", "\r\n\t , ").replace(":", " : "), "Idempotency-Key"),
        (A_REQUEST.replace('"A"', '"\\u0041"'), "Idempotency-Key"),
        (A_REQUEST.replace('"A"', '" A "'), "Idempotency-Key"),
        (A_REQUEST.replace("}", ',"evidence":[]}'), "Idempotency-Key"),
        (
            '{"reason":"A","goods_condition":"intact","amount":100,"order_id":"ORDER"}',
            "Idempotency-Key",
        ),
    ],
)
def test_the_same_request_said_otherwise_is_the_same_request(
    world: World, shop: Scene, order_id: str, body: str, header: str
) -> None:
    """D5."""
    key = unique("key")
    first = world.ask(shop.buyer, order_id, 100, key=key, reason="A")
    again = post(world, shop.buyer, body.replace("ORDER", order_id), key=key, header=header)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["refund_id"] == first.json()["refund_id"]
    assert again.headers["location"] == f"/refunds/{first.json()['refund_id']}"
    assert world.refundable(shop.buyer, order_id) == PAID - 100


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 101},
        {"amount": None},
        {"goods_condition": "damaged"},
        {"reason": "a"},
        {"reason": None},
        {"evidence": ["photo"]},
        {"order_id": "another-order"},
    ],
    ids=json.dumps,
)
def test_a_key_used_for_other_content_is_refused(
    world: World, shop: Scene, order_id: str, other: dict[str, object]
) -> None:
    """D5: before any rule, so also once the order has nothing left."""
    key = unique("key")
    wanted = {"order_id": order_id, "amount": PAID, "goods_condition": "intact", "reason": "A"}
    first = world.call(shop.buyer, "POST", "/refunds", wanted, key=key)
    assert first.status_code == 202
    before = world.refund(shop.buyer, first.json()["refund_id"])
    assert problem(world.call(shop.buyer, "POST", "/refunds", wanted | other, key=key)) == REUSED
    after = world.refund(shop.buyer, first.json()["refund_id"])
    assert {name: after[name] for name in wanted} == {name: before[name] for name in wanted}


def test_a_replay_tells_the_status_as_it_is_now(world: World, scene: Scene) -> None:
    key = unique("key")
    refund_id = world.ask(scene.buyer, scene.order_id, 10, key=key).json()["refund_id"]
    world.settled(scene.buyer, refund_id)
    again = world.ask(scene.buyer, scene.order_id, 10, key=key)
    assert again.status_code == 202
    assert again.json()["status"] == "succeeded"


def test_a_refusal_for_the_goods_is_kept_under_its_key(world: World, scene: Scene) -> None:
    key = unique("key")
    said = {"goods_condition": "damaged", "reason": "torn", "evidence": ["photo-1"]}
    first = world.ask(scene.buyer, scene.order_id, 10, key=key, **said)
    again = world.ask(scene.buyer, scene.order_id, 10, key=key, **said)
    assert problem(first) == problem(again) == (422, "goods_not_intact")
    refund_id = first.json()["facts"]["refund_id"]
    assert again.json()["facts"]["refund_id"] == refund_id
    kept = world.refund(scene.buyer, refund_id)
    assert (kept["status"], kept["reason"], kept["evidence"]) == ("refused", "torn", ["photo-1"])
    assert world.refundable(scene.buyer, scene.order_id) == PAID


# ── The body's form ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Form:
    """How a body may come, and what it is answered: `None` is a refund."""

    content_type: str | None
    prefix: bytes = b""
    refused: tuple[int, str] | None = None


FORMS = [
    Form("application/json"),
    Form("application/json; charset=utf-8"),
    Form("APPLICATION/JSON"),
    Form(None),
    Form("application/vnd.x+json"),
    Form("application/json", prefix=b"\xef\xbb\xbf"),
    Form("application/vnd.x+json", prefix=b"\xef\xbb\xbf"),
    Form("application/json", prefix=b"\r\n\t "),
    Form("text/plain", refused=(415, "unsupported_media_type")),
    Form("application/x-www-form-urlencoded", refused=(415, "unsupported_media_type")),
    Form("application/octet-stream", refused=(415, "unsupported_media_type")),
    Form("application/json", prefix=b"\xff\xfe", refused=NOT_JSON),
    Form("application/json", prefix=b"\x00", refused=NOT_JSON),
    Form("application/json", prefix=b"[", refused=NOT_JSON),
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_body_is_read_the_same_way_however_it_is_handed_over(
    world: World, shop: Scene, order_id: str, form: Form
) -> None:
    """D14: over HTTP, and as API Gateway hands it over in base64."""
    said = {"order_id": order_id, "amount": 10, "goods_condition": "intact"}
    body = form.prefix + json.dumps(said).encode()
    headers = {"Content-Type": form.content_type} if form.content_type else {}
    sent = [
        world.call(shop.buyer, "POST", "/refunds", content=body, headers=headers, key=unique("key"))
        for _ in range(2)
    ]
    invoked = world.invoke(
        "request_refund",
        http_event(
            "POST",
            "/refunds",
            b64encode(body).decode(),
            isBase64Encoded=True,
            headers={name.lower(): value for name, value in headers.items()}
            | {"idempotency-key": unique("key")},
            context=authorized(world, shop.buyer),
        ),
    )

    answers = [(answer.status_code, answer.json()) for answer in sent]
    answers.append((invoked["statusCode"], json.loads(invoked["body"])))

    if form.refused:
        assert {(status, content["code"]) for status, content in answers} == {form.refused}
    else:
        assert {(status, content["amount"]) for status, content in answers} == {(202, 10)}


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"text"', "7", '{"a": 1, "a": 1}', '"\\ud800"', "[" * 10_000]
)
def test_a_body_that_is_no_object_is_refused(world: World, refused: Scene, body: str) -> None:
    answer = post(world, refused.buyer, body)
    assert problem(answer)[0] == 400
    assert_nothing_came_of_it(world, refused)


def post(
    world: World,
    buyer: Party,
    body: str,
    *,
    key: str | None = None,
    header: str = "Idempotency-Key",
    path: str = "/refunds",
) -> httpx.Response:
    """The very bytes of a body, as JSON."""
    headers = {
        "Content-Type": "application/json",
        header: key or unique("key"),
    }
    return world.call(buyer, "POST", path, content=body.encode(), headers=headers)


def authorized(world: World, person: Party) -> dict[str, object]:
    claims = {
        "sub": person.subject,
        "client_id": world.outputs.people_client_id,
        "token_use": "access",
    }
    return {"authorizer": {"jwt": {"claims": claims, "scopes": None}}}
