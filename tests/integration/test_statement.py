"""Each side's statement (D15, D16): every movement once, numbered, whatever goes on meanwhile."""

import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from io import StringIO
from itertools import batched, pairwise
from typing import Any
from urllib.parse import parse_qsl

import pytest

from refunds import table
from refunds.statements import Owner
from refunds.stores.dynamo import to_item
from tests.integration.world import FUNDS, Json, Party, Scene, World, problem

REFUNDS = 60
MORE = 12
AT_A_TIME = 4
COLUMNS = [
    "number",
    "booked_at",
    "posted_at",
    "posting_id",
    "cause",
    "available_change",
    "deposit_change",
    "owed_change",
    "available",
    "deposit",
    "owed",
]


@pytest.fixture(scope="module")
def traded(world: World) -> Scene:
    """A merchant and a buyer with many refunds settled in few batches: of equal times."""
    scene = world.scene(amount=10_000)
    with world.debits_paused():
        refund_ids = ask_for(world, scene, REFUNDS)
        messages = world.messages_for(*refund_ids)
    world.send_debits(*messages)
    for party in (scene.buyer, scene.merchant):
        world.booked(party, postings=REFUNDS)
    return scene


def test_pages_show_every_movement_once_while_more_are_made(world: World, traded: Scene) -> None:
    """D15: for both sides, with small pages, and the lists of refunds as well."""
    merchant, buyer = traded.merchant, traded.buyer
    before = len(world.refunds(buyer))
    with ThreadPoolExecutor(1) as pool:
        more = pool.submit(ask_for, world, traded, MORE)
        for party in (merchant, buyer):
            assert_sound(world.statement(party, limit=7))
            listed = walk(world, party, "/refunds", limit=11)
            assert len(listed) == len({each["refund_id"] for each in listed})
            assert len(listed) >= before
            asked = [each["timeline"][0]["at"] for each in listed]
            assert asked == sorted(asked, reverse=True)
        refund_ids = more.result()

    for refund_id in refund_ids:
        world.settled(buyer, refund_id)
    total = before + MORE
    for party, postings, balance in [
        (buyer, total, world.balance(buyer)),
        (merchant, total + 1, world.balance(merchant)),
    ]:
        lines = world.booked(party, postings=postings, limit=9)
        assert_sound(lines)
        assert len(lines) == postings
        assert lines[0]["available"] == balance
        refunds = walk(world, party, "/refunds", limit=13)
        ids = [line["posting_id"] for line in lines if line["cause"] == "refund"]
        assert sorted(ids) == sorted(each["refund_id"] for each in refunds)
    assert world.balance(merchant) + world.balance(buyer) == FUNDS


def test_the_same_times_are_on_many_lines(world: World, traded: Scene) -> None:
    """Else the test above would not have tried what a cursor of times alone would lose."""
    booked = [line["booked_at"] for line in world.statement(traded.merchant)]
    assert len(set(booked)) < len(booked)


def test_months_sum_what_their_lines_say(world: World, traded: Scene) -> None:
    for party in (traded.merchant, traded.buyer):
        lines = world.statement(party)
        months = world.ok(party, "GET", "/wallet/statement/months?currency=CNY")
        assert months["currency"] == "CNY"
        assert [each["month"] for each in months["items"]] == sorted(
            {line["booked_at"][:7] for line in lines}, reverse=True
        )
        for month in months["items"]:
            changes = [
                line["available_change"]
                for line in lines
                if line["booked_at"].startswith(month["month"])
            ]
            assert month["entries"] == len(changes)
            assert month["credited"] == sum(change for change in changes if change > 0)
            assert month["debited"] == -sum(change for change in changes if change < 0)
        assert world.ok(party, "GET", "/wallet/statement/months?currency=JPY")["items"] == []


# ── From and to ─────────────────────────────────────────────────────────────────────────────────


def test_a_range_begins_at_from_and_ends_before_to(world: World, traded: Scene) -> None:
    lines = world.statement(traded.merchant)
    times = sorted({line["booked_at"] for line in lines})
    start, end = times[1], times[-1]
    for query, wanted in [
        ({"from": start, "to": end}, [each for each in lines if start <= each["booked_at"] < end]),
        ({"from": end}, [each for each in lines if each["booked_at"] >= end]),
        ({"to": start}, [each for each in lines if each["booked_at"] < start]),
        ({"from": start, "to": start}, []),
        ({"to": "0001-01-01T00:00:00Z"}, []),
        ({"from": "9999-12-31T23:59:59Z"}, []),
    ]:
        assert world.statement(traded.merchant, limit=17, **query) == wanted


def test_an_offset_says_the_same_instant_in_another_place(world: World, traded: Scene) -> None:
    """D16: the plus of an offset as %2B, as the documentation has it."""
    lines = world.statement(traded.merchant)
    middle = lines[len(lines) // 2]["booked_at"]
    in_china = datetime.fromisoformat(middle).astimezone(timezone(timedelta(hours=8)))
    wanted = [line for line in lines if line["booked_at"] >= middle]
    shifted = world.statement(traded.merchant, **{"from": in_china.isoformat()})
    assert shifted == wanted


@pytest.mark.parametrize("path", ["/wallet/statement", "/wallet/statement.csv"])
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=2026-09-21T12:00:00", "invalid_request"),
        ("to=2026-09-21T12:00:00", "invalid_request"),
        ("from=2026-09-21T12:00:00+08:00", "invalid_request"),  # the plus is a space
        ("from=2026-09-21", "invalid_request"),
        ("from=1790000000", "invalid_request"),
        ("from=x", "invalid_request"),
        ("from=", "invalid_request"),
        ("from=2026-02-30T12:00:00Z", "invalid_request"),
        ("from=2026-09-21T12:00:60Z", "invalid_request"),
        ("from=0001-01-01T00:00:00%2B14:00", "invalid_request"),
        ("to=9999-12-31T23:59:59-01:00", "invalid_request"),
        ("from=2026-09-21T12:00:00Z&to=2026-09-21T11:59:59.999999Z", "invalid_range"),
        ("from=2026-09-21T12:00:00%2B08:00&to=2026-09-21T03:59:59Z", "invalid_range"),
        ("cursor=x", "invalid_cursor"),
        ("cursor=WyJ4IiwieCJd", "invalid_cursor"),
        ("cursor=", "invalid_request"),
    ],
)
def test_a_range_or_cursor_that_says_nothing_is_refused(
    world: World, traded: Scene, path: str, query: str, code: str
) -> None:
    """D16: with entries there; never a failure, never eight hours shifted in silence."""
    refused = world.call(traded.merchant, "GET", f"{path}?currency=CNY&{query}")
    assert problem(refused) == (400, code)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "currency=",
        "currency=cny",
        "currency=XXX",
        "currency=CNY&limit=0",
        "currency=CNY&limit=²",
    ],
)
def test_a_statement_is_of_one_currency_in_pages_of_a_hundred_at_most(
    world: World, traded: Scene, query: str
) -> None:
    refused = world.call(traded.merchant, "GET", f"/wallet/statement?{query}")
    assert problem(refused) == (400, "invalid_request")


# ── Whose ───────────────────────────────────────────────────────────────────────────────────────


def test_a_cursor_is_good_only_for_its_caller_and_query(world: World, traded: Scene) -> None:
    merchant, buyer = traded.merchant, traded.buyer
    page = world.ok(merchant, "GET", "/wallet/statement?currency=CNY&limit=3")
    cursor, asked = page["next_cursor"], "/wallet/statement?currency=CNY"
    stranger = world.newcomer()
    both = world.person(merchant_id=merchant.id, buyer_id=buyer.id)
    for caller, query in [
        (buyer, asked),
        (stranger, asked),
        (both, f"{asked}&as=buyer"),
        (merchant, "/wallet/statement?currency=JPY"),
        (merchant, f"{asked}&from=2020-01-01T00:00:00Z"),
        (merchant, f"{asked}&to=2999-01-01T00:00:00Z"),
        (merchant, "/refunds?limit=3"),
        (merchant, "/orders?limit=3"),
    ]:
        refused = world.call(caller, "GET", f"{query}&cursor={cursor}")
        assert problem(refused) == (400, "invalid_cursor"), query
    colleague = world.person(merchant_id=merchant.id)
    rest = [
        world.ok(caller, "GET", f"{asked}&limit=5&cursor={cursor}{role}")
        for caller, role in [(merchant, ""), (colleague, ""), (both, "&as=merchant")]
    ]
    assert rest[0] == rest[1] == rest[2]
    assert rest[0]["items"][0]["number"] == page["items"][-1]["number"] - 1


def test_everybody_sees_their_own_statement_alone(world: World, traded: Scene) -> None:
    stranger = world.newcomer()
    for path in ("/wallet/statement", "/wallet/statement/months"):
        assert world.ok(stranger, "GET", f"{path}?currency=CNY")["items"] == []
    text = world.call(stranger, "GET", "/wallet/statement.csv?currency=CNY").text
    assert text.splitlines() == [",".join(COLUMNS)]
    for path in ("/wallet/statement", "/wallet/statement.csv", "/wallet/statement/months"):
        for caller in (world.operator, world.platform, world.person()):
            refused = world.call(caller, "GET", f"{path}?currency=CNY")
            assert problem(refused) == (403, "membership_required")
        for role, caller in [("buyer", traded.merchant), ("merchant", traded.buyer)]:
            refused = world.call(caller, "GET", f"{path}?currency=CNY&as={role}")
            assert problem(refused) == (403, "membership_required")
        both = world.person(merchant_id=traded.merchant.id, buyer_id=traded.buyer.id)
        unsaid = world.call(both, "GET", f"{path}?currency=CNY")
        assert problem(unsaid) == (400, "role_required")


# ── To download ─────────────────────────────────────────────────────────────────────────────────


def test_what_is_downloaded_is_what_the_pages_say(world: World, traded: Scene) -> None:
    for party in (traded.merchant, traded.buyer):
        answer = world.call(party, "GET", "/wallet/statement.csv?currency=CNY")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "link" not in answer.headers
        lines = world.statement(party)
        assert rows(answer.text) == [as_text(line) for line in lines]
        assert answer.text.splitlines()[0] == ",".join(COLUMNS)
        start = lines[10]["booked_at"]
        part = world.call(
            party, "GET", "/wallet/statement.csv", params={"currency": "CNY", "from": start}
        )
        wanted = world.statement(party, **{"from": start})
        assert rows(part.text) == [as_text(line) for line in wanted]


def test_a_long_download_goes_on_where_its_link_header_says(world: World) -> None:
    buyer = world.buyer()
    with long_statement(world, buyer, entries=5003):
        query = {"currency": "CNY", "to": "2026-01-02T00:00:00+00:00"}
        answer = world.call(buyer, "GET", "/wallet/statement.csv", params=query)
        first = rows(answer.text)
        assert [row["number"] for row in (first[0], first[-1])] == ["5003", "4"]
        target, relation = answer.headers["link"].split("; ")
        assert relation == 'rel="next"'
        assert target.startswith("<?")
        going_on = parse_qsl(target[2:-1], strict_parsing=True)
        assert query.items() <= dict(going_on).items()
        rest = world.call(buyer, "GET", f"/wallet/statement.csv{target[1:-1]}")
        assert [row["number"] for row in rows(rest.text)] == ["3", "2", "1"]
        assert "link" not in rest.headers


@contextmanager
def long_statement(world: World, buyer: Party, *, entries: int) -> Iterator[None]:
    """While inside, the buyer has so many entries, of a month long ago."""
    owner, name = Owner("buyer", buyer.id, "CNY"), world.outputs.table_name
    booked_at = "2026-01-01T00:00:00.000000Z"
    balances = {"available": 0, "deposit": 0, "receivable": 0}
    items: list[Any] = [
        {
            **table.statement_month(owner, "2026-01"),
            **to_item({"entries": entries, "credited": entries, "debited": 0}),
        }
    ]
    items += [
        {
            **table.statement_entry(owner, booked_at, number),
            **to_item(
                {
                    "number": number,
                    "booked_at": booked_at,
                    "posting_id": f"rf_{number}",
                    "cause": "refund",
                    "posted_at": booked_at,
                    "change": {**balances, "available": 1},
                    "balances": {**balances, "available": number},
                }
            ),
        }
        for number in range(1, entries + 1)
    ]
    try:
        for chunk in batched(items, 25, strict=False):
            puts: list[Any] = [{"PutRequest": {"Item": item}} for item in chunk]
            world.dynamodb.batch_write_item(RequestItems={name: puts})
        yield
    finally:
        for chunk in batched(items, 25, strict=False):
            keys = [{"pk": item["pk"], "sk": item["sk"]} for item in chunk]
            deletes: list[Any] = [{"DeleteRequest": {"Key": key}} for key in keys]
            world.dynamodb.batch_write_item(RequestItems={name: deletes})


def ask_for(world: World, scene: Scene, count: int) -> list[str]:
    """So many refunds of 1, 2, 3 …, a few at a time."""

    def ask(amount: int) -> str:
        return world.accepted(scene.buyer, scene.order_id, amount)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(ask, range(1, count + 1)))


def assert_sound(lines: list[Json]) -> None:
    """Newest first, each number once, each posting once, each balance what the line before made."""
    assert [line["number"] for line in lines] == list(range(len(lines), 0, -1))
    assert len({line["posting_id"] for line in lines}) == len(lines)
    booked = [line["booked_at"] for line in lines]
    assert booked == sorted(booked, reverse=True)
    beginning = {"available": 0, "deposit": 0, "owed": 0}
    for after, before in pairwise([*lines, beginning]):
        for part in beginning:
            assert after[part] == before[part] + after[f"{part}_change"]


def walk(world: World, party: Party, path: str, **query: int) -> list[Json]:
    items: list[Json] = []
    params: dict[str, Any] = dict(query)
    while True:
        page = world.ok(party, "GET", path, params=params)
        assert len(page["items"]) <= query["limit"]
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def as_text(line: Json) -> dict[str, str]:
    return {name: str(value) for name, value in line.items()}
