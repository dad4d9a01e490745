"""The functions around the ledger, as API Gateway, the stream and the clock call them."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl

import pytest

from refunds import http, reconciliation, table
from refunds.certification import DecisionRequest, Verdict
from refunds.errors import Busy
from refunds.reconciliation import PAUSE
from refunds.refunds import RefundStatus
from refunds.stores.dynamo import CONFLICT_TRIES
from refunds.stores.merchants import MerchantStore
from refunds.stores.refunds import RefundStore
from tests.stores import wire
from tests.unit import examples
from tests.unit.api import Answer, Claims, Context
from tests.unit.cloud import (
    BUYER,
    OPERATOR,
    OTHER_OPERATOR,
    PLATFORM,
    SELLER,
    Cloud,
    correct_ledger,
    fan_out_changes,
    manage_wallet,
    operate_merchants,
    process_debits,
    read_statement,
    reconcile_ledger,
    request_refund,
    tend_wallets,
)
from tests.unit.examples import MERCHANT

M = f"/merchants/{MERCHANT}"


def post(cloud: Cloud, function: Any, path: str, claims: Claims = OPERATOR, **more: Any) -> Answer:
    return cloud.call(function, "POST", path, claims, **more)


def credit(cloud: Cloud, amount: int, key: str = "c", target: str = "wallet") -> Answer:
    body = {"amount": amount, "currency": "CNY", "source": "settlement", "target": target}
    return post(cloud, manage_wallet, f"{M}/wallet/credits", PLATFORM, body=body, key=key)


def accept(cloud: Cloud, number: int = 1, amount: int = 100) -> str:
    store = cloud.store(RefundStore)
    refund = examples.refund(refund_id=f"rf_{number}", order_id=f"order-{number}", amount=amount)
    store.put_order(examples.order(order_id=refund.order_id))
    store.accept(refund)
    return json.dumps({"refund_id": refund.refund_id})


def operate(cloud: Cloud, method: str, action: str, body: dict[str, Any] | None = None) -> Answer:
    return cloud.call(operate_merchants, method, M + action, OPERATOR, body=body)


def limits(cloud: Cloud, guarantee: int, deposit: int = 0) -> Answer:
    wanted = {"currency": "CNY", "deposit_required": deposit, "guarantee_limit": guarantee}
    return operate(cloud, "PUT", "/limits", wanted)


def status_of(cloud: Cloud, number: int = 1) -> RefundStatus:
    refund = cloud.store(RefundStore).refund(f"rf_{number}")
    assert refund
    return refund.status


def certify(cloud: Cloud) -> None:
    store = cloud.store(MerchantStore)
    assert store.submit(MERCHANT, examples.APPLICATION, now=examples.NOON)
    certified = DecisionRequest(decision=Verdict.CERTIFIED)
    assert store.decide(MERCHANT, certified, operator="op", now=examples.NOON)


# ── The operator ────────────────────────────────────────────────────────────────────────────────


def test_a_guarantee_limit_wakes_what_waits_and_the_debt_is_shown_to_both_sides(
    cloud: Cloud,
) -> None:
    certify(cloud)
    message = accept(cloud)
    assert cloud.deliver(message) == set()
    seen = operate(cloud, "GET", "").body
    [empty] = seen["wallets"]
    assert (seen["certification"], empty["available"]) == ("suspended", 0)
    waiting = cloud.call(
        operate_merchants, "GET", f"{M}/waiting-refunds", OPERATOR, query={"currency": "CNY"}
    )
    assert [each["waits_for"] for each in waiting.body["items"]] == ["funds"]
    assert limits(cloud, 500).body["waiting_refunds"] == 1
    woken = cloud.messages()
    assert cloud.deliver(*woken) == set()
    assert status_of(cloud) is RefundStatus.SUCCEEDED
    refund = cloud.call(request_refund, "GET", "/refunds/rf_1", BUYER).body
    assert refund["sources"] == {"receivable": 100}
    [wallet] = operate(cloud, "GET", "").body["wallets"]
    assert (wallet["owed"], wallet["guarantee_left"], wallet["shards"]) == (100, 400, 1)
    lowered = limits(cloud, 30).body
    assert (lowered["owed"], lowered["guarantee_left"], lowered["guarantee_limit"]) == (100, 0, 30)
    assert limits(cloud, 500).body["guarantee_limit"] == 500
    tend_wallets.lambda_handler({}, Context())
    assert operate(cloud, "GET", "").body["certification"] == "suspended"
    assert credit(cloud, 100).body["allocation"] == {
        "receivable": 100,
        "deposit": 0,
        "available": 0,
    }


def test_a_merchant_that_is_covered_again_is_restored(cloud: Cloud) -> None:
    certify(cloud)
    message = accept(cloud)
    cloud.deliver(message)
    assert operate(cloud, "GET", "").body["suspension_causes"] == ["funds"]
    credit(cloud, 100)
    cloud.deliver(*cloud.messages())
    tend_wallets.lambda_handler({}, Context())
    seen = operate(cloud, "GET", "").body
    assert (seen["certification"], seen["suspension_causes"]) == ("certified", [])


def test_freezing_stops_debits_and_unfreezing_wakes_them(cloud: Cloud) -> None:
    credit(cloud, 500)
    message = accept(cloud)
    assert operate(cloud, "POST", "/freeze", {"currency": "CNY"}).body["frozen"] is True
    cloud.deliver(message)
    assert status_of(cloud) is RefundStatus.AWAITING_FUNDS
    assert operate(cloud, "POST", "/unfreeze", {"currency": "CNY"}).body["frozen"] is False
    assert cloud.deliver(*cloud.messages()) == set()
    assert status_of(cloud) is RefundStatus.SUCCEEDED


def test_an_operator_spreads_a_wallet_over_shards(cloud: Cloud) -> None:
    credit(cloud, 10)
    answer = operate(cloud, "PUT", "/shards", {"currency": "CNY", "shards": 4})
    assert (answer.status, answer.body["shards"], answer.body["available"]) == (200, 4, 10)
    for wrong in (0, 17, 2.0, "2"):
        refused = operate(cloud, "PUT", "/shards", {"currency": "CNY", "shards": wrong})
        assert refused.code == "invalid_request"
    assert operate(cloud, "POST", "/freeze", {"currency": "CNY"}).status == 200
    assert operate(cloud, "PUT", "/shards", {"currency": "CNY", "shards": 2}).code == (
        "wallet_frozen"
    )


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [
        ("POST", "/freeze", {"currency": "CNY"}),
        ("PUT", "/shards", {"currency": "CNY", "shards": 3}),
        ("GET", "", None),
    ],
)
def test_an_operator_s_call_on_a_hot_wallet_goes_on_while_the_function_has_time(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, method: str, action: str, body: Any
) -> None:
    credit(cloud, 10)
    monkeypatch.setattr(http, "Deadline", lambda _: Patient())
    operation = "TransactWriteItems" if body else "TransactGetItems"
    hot = [wire.canceled("TransactionConflict")] * 20
    with wire.faulty(operate_merchants.store.client, operation, *hot) as line:
        assert operate(cloud, method, action, body).status == 200
    assert len(line.sent) > len(hot)


def test_a_hot_wallet_s_balance_is_asked_for_while_the_function_has_time(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    credit(cloud, 10)
    monkeypatch.setattr(http, "Deadline", lambda _: Patient())
    hot = [wire.canceled("TransactionConflict")] * 20
    with wire.faulty(manage_wallet.store.client, "TransactGetItems", *hot):
        answer = cloud.call(manage_wallet, "GET", "/wallet", SELLER)
    assert [each["available"] for each in answer.body["wallets"]] == [10]


class Patient:
    """A deadline far away, and no pause that takes time."""

    def ready(self, _: int) -> bool:
        return True


def test_the_upkeep_says_what_it_could_not_tend(
    cloud: Cloud, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    certify(cloud)
    cloud.deliver(accept(cloud))
    refused = wire.refused("AccessDeniedException")
    with wire.faulty(tend_wallets.store.client, "UpdateItem", refused):
        tend_wallets.lambda_handler({}, Context())
    assert '"UpkeepSkipped":[1.0]' in capsys.readouterr().out
    [logged] = [each for each in caplog.records if each.getMessage() == "tended"]
    assert vars(logged)["skipped"] == {MERCHANT: "AccessDeniedException"}


def test_a_wallet_whose_transactions_conflict_grows_and_pays_all_the_same(cloud: Cloud) -> None:
    credit(cloud, 1000)
    conflict = wire.canceled("TransactionConflict")
    for number in range(2):
        message = accept(cloud, number)
        with wire.faulty(process_debits.store.client, "TransactWriteItems", *[conflict] * 2):
            assert cloud.deliver(message) == set()
        assert status_of(cloud, number) is RefundStatus.SUCCEEDED
    [wallet] = operate(cloud, "GET", "").body["wallets"]
    assert (wallet["shards"], wallet["available"]) == (2, 800), "not twice within seconds"


@pytest.mark.parametrize(
    ("operation", "after"), [("GetItem", 0), ("UpdateItem", 0), ("BatchGetItem", 1)]
)
def test_a_batch_that_settled_is_acknowledged_even_when_its_wallet_cannot_grow(
    cloud: Cloud, operation: str, after: int
) -> None:
    credit(cloud, 1000)
    message = accept(cloud)
    client = process_debits.store.client
    # What a warm function knows of the shards is not read again.
    process_debits.store.known[MERCHANT, "CNY"] = (1, float("inf"))
    conflict = wire.canceled("TransactionConflict")
    with (
        wire.faulty(client, "TransactWriteItems", *[conflict] * 2),
        wire.faulty(
            client, operation, *[wire.fine] * after, wire.refused("AccessDeniedException")
        ) as line,
    ):
        assert cloud.deliver(message) == set()
    assert len(line.sent) > after
    process_debits.store.known.clear()
    assert status_of(cloud) is RefundStatus.SUCCEEDED


@dataclass(frozen=True)
class LateAfter(Context):
    """No time is left once so many requests have been sent."""

    line: wire.Line = field(default_factory=lambda: wire.Line(iter(())))
    requests: int = 0

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms if len(self.line.sent) < self.requests else 0


def deliver_late(message: str, line: wire.Line, requests: int) -> dict[str, Any]:
    records = [{"messageId": "0", "body": message}]
    context = LateAfter(line=line, requests=requests)
    return process_debits.lambda_handler({"Records": records}, context)


def test_without_time_for_it_a_wallet_does_not_grow(cloud: Cloud) -> None:
    credit(cloud, 1000)
    message, conflicts = accept(cloud), [wire.canceled("TransactionConflict")] * 2
    with wire.faulty(process_debits.store.client, "TransactWriteItems", *conflicts) as line:
        assert deliver_late(message, line, 3) == {"batchItemFailures": []}
    assert status_of(cloud) is RefundStatus.SUCCEEDED
    [wallet] = operate(cloud, "GET", "").body["wallets"]
    assert wallet["shards"] == 1


def test_without_time_for_it_a_merchant_is_not_suspended(cloud: Cloud) -> None:
    """The next refund that waits tries again."""
    certify(cloud)
    message = accept(cloud)
    with wire.faulty(process_debits.store.client, "UpdateItem") as line:
        assert deliver_late(message, line, 1) == {"batchItemFailures": []}
    assert status_of(cloud) is RefundStatus.AWAITING_FUNDS
    assert operate(cloud, "GET", "").body["suspension_causes"] == []
    cloud.deliver(message)
    assert operate(cloud, "GET", "").body["suspension_causes"] == ["funds"]


def test_a_batch_settles_though_the_number_of_shards_cannot_be_read(cloud: Cloud) -> None:
    credit(cloud, 1000)
    message = accept(cloud)
    process_debits.store.known.clear()
    fault = wire.refused("AccessDeniedException")
    with wire.faulty(process_debits.store.client, "GetItem", fault):
        assert cloud.deliver(message) == set()
    assert status_of(cloud) is RefundStatus.SUCCEEDED


# ── Corrections and reversals ───────────────────────────────────────────────────────────────────

CORRECTION = {
    "currency": "CNY",
    "legs": [
        {"account": f"merchant:{MERCHANT}:available", "amount": 70},
        {"account": "external:settlement", "amount": -70},
    ],
    "reason": "核对",
}


def test_a_correction_takes_two_operators(cloud: Cloud) -> None:
    proposed = post(cloud, correct_ledger, "/corrections", body=CORRECTION, key="k")
    assert (proposed.status, proposed.body["status"]) == (201, "proposed")
    again = post(cloud, correct_ledger, "/corrections", body=CORRECTION, key="k")
    assert again.body == proposed.body
    path = f"/corrections/{proposed.body['correction_id']}"
    assert post(cloud, correct_ledger, f"{path}/approve").code == "approver_is_proposer"
    approved = post(cloud, correct_ledger, f"{path}/approve", OTHER_OPERATOR)
    assert (approved.body["status"], approved.body["decided_by"]) == ("approved", "operator-2")
    again = post(cloud, correct_ledger, f"{path}/approve", OTHER_OPERATOR)
    assert (again.status, again.body) == (200, approved.body)
    late = post(cloud, correct_ledger, f"{path}/reject", OTHER_OPERATOR)
    assert (late.code, late.body["facts"]) == ("correction_not_open", {"status": "approved"})
    assert cloud.call(manage_wallet, "GET", "/wallet", SELLER).body["wallets"][0]["available"] == 70
    other = post(cloud, correct_ledger, "/corrections", body=CORRECTION, key="k2").body
    rejected = post(cloud, correct_ledger, f"/corrections/{other['correction_id']}/reject")
    assert rejected.body["status"] == "rejected"

    def listed(status: str) -> list[str]:
        page = cloud.call(
            correct_ledger, "GET", "/corrections", OPERATOR, query={"status": status}
        ).body
        return [each["correction_id"] for each in page["items"]]

    assert listed("approved") == [proposed.body["correction_id"]]
    assert listed("rejected") == [other["correction_id"]]
    assert listed("proposed") == []


@pytest.mark.parametrize(
    "legs",
    [
        [],
        [("external:settlement", 5)],
        [("external:settlement", 5), ("external:payout", -4)],
        [("external:settlement", 5), ("external:settlement", -5)],
        [("external:settlement", 5), ("external:payout", -5), ("platform:guarantee", 0)],
        [("external:settlement", 5), ("bank:vault", -5)],
        [("external:settlement", 5), ("buyer:b 1:available", -5)],
    ],
)
def test_legs_that_are_no_posting_are_not_proposed(
    cloud: Cloud, legs: list[tuple[str, int]]
) -> None:
    before = cloud.items()
    named = [{"account": account, "amount": amount} for account, amount in legs]
    body = CORRECTION | {"legs": named}
    assert post(cloud, correct_ledger, "/corrections", body=body, key="k").code == "invalid_request"
    assert cloud.items() == before


def test_a_refund_is_reversed_once(cloud: Cloud) -> None:
    credit(cloud, 100)
    cloud.deliver(accept(cloud))
    path = "/refunds/rf_1/reversal"
    reversed_ = post(cloud, correct_ledger, path, body={"reason": "纠纷"})
    assert (reversed_.status, reversed_.body["reversed_by"]) == (201, "operator")
    same = post(cloud, correct_ledger, path, body={"reason": "纠纷"})
    assert (same.status, same.body) == (201, reversed_.body)
    again = post(cloud, correct_ledger, path, OTHER_OPERATOR, body={"reason": "纠纷"})
    assert (again.code, again.body["facts"]) == ("refund_not_reversible", {"status": "reversed"})
    unknown = post(cloud, correct_ledger, "/refunds/rf_9/reversal", body={"reason": "x"})
    assert unknown.code == "refund_not_found"
    view = cloud.call(request_refund, "GET", "/refunds/rf_1", BUYER).body
    assert [each["status"] for each in view["timeline"]] == ["pending", "succeeded", "reversed"]


def waiting_for(cloud: Cloud, amount: int) -> str:
    """A refund that the merchant cannot pay; its message has been worked on."""
    message = accept(cloud, 2, amount=amount)
    assert cloud.deliver(message) == set()
    assert status_of(cloud, 2) is RefundStatus.AWAITING_FUNDS
    assert cloud.messages() == []
    return message


def test_a_reversal_wakes_what_waits_for_the_merchant_s_money(cloud: Cloud) -> None:
    credit(cloud, 100)
    cloud.deliver(accept(cloud))
    message = waiting_for(cloud, 100)
    post(cloud, correct_ledger, "/refunds/rf_1/reversal", body={"reason": "纠纷"})
    assert cloud.messages() == [message]
    assert cloud.deliver(message) == set()
    assert status_of(cloud, 2) is RefundStatus.SUCCEEDED


def test_a_correction_wakes_what_waits_once_it_is_approved(cloud: Cloud) -> None:
    credit(cloud, 30)
    message = waiting_for(cloud, 100)
    proposed = post(cloud, correct_ledger, "/corrections", body=CORRECTION, key="k").body
    assert cloud.messages() == [], "nothing has moved yet"
    path = f"/corrections/{proposed['correction_id']}/approve"
    assert post(cloud, correct_ledger, path, OTHER_OPERATOR).status == 200
    assert cloud.messages() == [message]
    assert cloud.deliver(message) == set()
    assert status_of(cloud, 2) is RefundStatus.SUCCEEDED


# ── Payouts ─────────────────────────────────────────────────────────────────────────────────────


def test_merchant_and_buyer_are_paid_out_what_they_may_have(cloud: Cloud) -> None:
    credit(cloud, 300)
    limits(cloud, 0, deposit=50)
    cloud.deliver(accept(cloud))
    body = {"amount": 150, "currency": "CNY"}
    for _ in range(2):
        paid = post(cloud, manage_wallet, f"{M}/wallet/payouts", PLATFORM, body=body, key="p")
        assert (paid.status, paid.body["role"], paid.body["amount"]) == (201, "merchant", 150)
    more = post(cloud, manage_wallet, f"{M}/wallet/payouts", PLATFORM, body=body, key="p2")
    assert (more.code, more.body["facts"]["payable"]) == ("payout_exceeds_payable", 0)
    path = f"/buyers/{examples.BUYER}/payouts"
    assert post(cloud, manage_wallet, path, PLATFORM, body=body, key="b").code == (
        "payout_exceeds_payable"
    )
    paid = post(cloud, manage_wallet, path, PLATFORM, body=body | {"amount": 100}, key="b2")
    assert (paid.status, paid.body["party_id"]) == (201, examples.BUYER)


# ── The stream ──────────────────────────────────────────────────────────────────────────────────


def stream(cloud: Cloud, before: list[dict[str, Any]]) -> dict[str, Any]:
    """What the table's stream tells of all that changed since."""
    old = {(item["pk"]["S"], item["sk"]["S"]): item for item in before}
    new = {(item["pk"]["S"], item["sk"]["S"]): item for item in cloud.items()}
    images = [
        {"OldImage": old.get(key), "NewImage": new.get(key)}
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    return {
        "Records": [
            {
                "eventID": "c4ca4238a0b923820dcc509a6f75849b",
                "eventSource": "aws:dynamodb",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1709294400,
                    **{name: item for name, item in image.items() if item},
                },
            }
            for image in images
        ]
    }


def fan_out(event: dict[str, Any], *faults: wire.Fault) -> list[dict[str, Any]]:
    """The events that were put on the bus."""
    put = wire.answer({"FailedEntryCount": 0, "Entries": []})
    client = fan_out_changes.bus.client
    with wire.faulty(client, "PutEvents", *(faults or [put] * 9)) as line:
        fan_out_changes.lambda_handler(event, Context())
    return [entry for sent in line.sent for entry in sent["Entries"]]


def statement(cloud: Cloud, claims: Claims = SELLER, path: str = "", **query: Any) -> Answer:
    asked: dict[str, str] = {"currency": "CNY", **query}
    return cloud.call(read_statement, "GET", f"/wallet/statement{path}", claims, query=asked)


def test_each_change_is_booked_once_and_told_as_often_as_the_stream_tells_it(
    cloud: Cloud,
) -> None:
    before = cloud.items()
    credit(cloud, 250)
    messages = [accept(cloud, 1), accept(cloud, 2, 200)]
    accepted = fan_out(stream(cloud, before))
    assert sorted(each["DetailType"] for each in accepted) == ["RefundAccepted"] * 2
    before = cloud.items()
    cloud.deliver(*messages)
    event = stream(cloud, before)
    told = fan_out(event)
    assert {each["DetailType"] for each in told} == {"RefundSucceeded", "RefundAwaitingFunds"}
    for each in told:
        assert (each["Source"], each["EventBusName"]) == ("instant-refunds", "events")
        detail = json.loads(each["Detail"])
        assert detail["event_id"].startswith(f"{detail['refund_id']}.")
        assert detail["refundable"] == 1000 - detail["amount"]
    booked = cloud.items()
    assert fan_out(event) == told
    assert cloud.items() == booked
    lines = statement(cloud).body["items"]
    assert [(each["number"], each["available_change"], each["available"]) for each in lines] == [
        (2, -100, 150),
        (1, 250, 250),
    ]
    [line] = statement(cloud, BUYER).body["items"]
    assert (line["cause"], line["available"]) == ("refund", 100)


def test_events_that_the_bus_did_not_take_are_told_again(cloud: Cloud) -> None:
    before = cloud.items()
    accept(cloud)
    event = stream(cloud, before)
    refused = wire.answer({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttling"}]})
    with pytest.raises(Busy):
        fan_out(event, refused)
    assert len(fan_out(event)) == 1


def test_a_busy_statement_holds_up_neither_its_neighbours_nor_any_event(cloud: Cloud) -> None:
    credit(cloud, 250)
    message = accept(cloud)
    before = cloud.items()
    cloud.deliver(message)
    event = stream(cloud, before)
    put = wire.answer({"FailedEntryCount": 0, "Entries": []})
    busy = [wire.canceled("ConditionalCheckFailed")] * CONFLICT_TRIES
    with (
        wire.faulty(fan_out_changes.store.client, "TransactWriteItems", *busy),
        wire.faulty(fan_out_changes.bus.client, "PutEvents", put) as line,
        pytest.raises(Busy),
    ):
        fan_out_changes.lambda_handler(event, Context())
    [told] = [entry["DetailType"] for sent in line.sent for entry in sent["Entries"]]
    assert told == "RefundSucceeded"
    lines = [statement(cloud, claims).body["items"] for claims in (SELLER, BUYER)]
    assert sorted(map(len, lines)) == [0, 1]
    fan_out(event)
    lines = [statement(cloud, claims).body["items"] for claims in (SELLER, BUYER)]
    assert sorted(map(len, lines)) == [1, 1]


def test_a_deletion_is_no_event_and_no_posting(cloud: Cloud) -> None:
    credit(cloud, 5)
    before = cloud.items()
    for item in before:
        key = {"pk": item["pk"], "sk": item["sk"]}
        cloud.dynamodb.delete_item(TableName=fan_out_changes.store.table, Key=key)
    assert fan_out(stream(cloud, before)) == []
    assert cloud.items() == []


# ── Statements ──────────────────────────────────────────────────────────────────────────────────


def within(start: str, end: str) -> dict[str, Any]:
    return {"from": start, "to": end}


def booked(cloud: Cloud, count: int = 5) -> None:
    before = cloud.items()
    for number in range(1, count + 1):
        credit(cloud, number, f"c{number}")
    fan_out(stream(cloud, before))


def test_a_statement_is_read_in_pages_by_its_own_party(cloud: Cloud) -> None:
    booked(cloud)
    first = statement(cloud, limit="3").body
    assert [each["number"] for each in first["items"]] == [5, 4, 3]
    second = statement(cloud, limit="3", cursor=first["next_cursor"]).body
    assert [each["number"] for each in second["items"]] == [2, 1]
    assert second["next_cursor"] is None
    assert statement(cloud, BUYER, cursor=first["next_cursor"]).code == "invalid_cursor"
    moved = statement(cloud, cursor=first["next_cursor"], to="2030-01-01T00:00:00Z")
    assert moved.code == "invalid_cursor"
    assert statement(cloud, BUYER).body["items"] == []
    assert statement(cloud, currency="JPY").body["items"] == []


def test_a_statement_is_asked_for_by_range(cloud: Cloud) -> None:
    booked(cloud)
    today = datetime.now(UTC)
    day = timedelta(days=1)

    def count(start: datetime, end: datetime) -> int:
        answer = statement(cloud, **within(start.isoformat(), end.isoformat()))
        return len(answer.body["items"])

    assert count(today - day, today + day) == 5
    assert count(today + day, today + 2 * day) == 0
    assert count(today - 2 * day, today - day) == 0
    wrong = statement(cloud, **within("2024-02-01T00:00:00Z", "2024-01-01T00:00:00Z"))
    assert wrong.code == "invalid_range"


def test_months_are_totalled(cloud: Cloud) -> None:
    booked(cloud)
    answer = statement(cloud, path="/months").body
    [month] = answer["items"]
    assert (answer["currency"], month["entries"], month["credited"], month["debited"]) == (
        "CNY",
        5,
        15,
        0,
    )


def test_a_statement_is_downloaded_as_csv_and_goes_on_at_its_link(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked(cloud)
    monkeypatch.setattr(read_statement, "CSV_ROWS", 3)
    query: dict[str, Any] = {"from": "2020-01-01T00:00:00+00:00"}
    first = statement(cloud, path=".csv", **query)
    assert first.headers["content-type"] == "text/csv; charset=utf-8"
    target, relation = first.headers["link"].split(">; ")
    assert relation == 'rel="next"'
    next_query: dict[str, Any] = dict(parse_qsl(target.removeprefix("<?")))
    rest = statement(cloud, path=".csv", **next_query)
    assert "link" not in rest.headers
    numbers = [
        row["number"] for answer in (first, rest) for row in csv.DictReader(StringIO(answer.text))
    ]
    assert numbers == ["5", "4", "3", "2", "1"]


# ── Reconciliation ──────────────────────────────────────────────────────────────────────────────


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """What the reconciliation takes for now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconcile_ledger, "_now", lambda: moment)
        yield


def test_reconciliation_runs_on_its_schedule_and_an_operator_sees_its_report(
    cloud: Cloud,
) -> None:
    asked = ("GET", "/reconciliation", OPERATOR)
    assert cloud.call(reconcile_ledger, *asked).code == "report_not_found"
    booked(cloud)
    assert reconcile_ledger.lambda_handler({}, Context(remaining_ms=1)) == {"differences": 0}
    assert cloud.call(reconcile_ledger, *asked).code == "report_not_found", "no time, no page"
    wallet = table.wallet(MERCHANT, "CNY")
    cloud.dynamodb.update_item(
        TableName=reconcile_ledger.store.table,
        Key=wallet,
        UpdateExpression="ADD available :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    began_at = datetime.now(UTC)
    with at(began_at):
        assert reconcile_ledger.lambda_handler({}, Context()) == {"differences": 0}
    report = cloud.call(reconcile_ledger, *asked).body
    assert (report["ended_at"], len(report["suspects"])) == (None, 1)
    with at(began_at + PAUSE):
        assert reconcile_ledger.lambda_handler({}, Context()) == {"differences": 1}
    report = cloud.call(reconcile_ledger, *asked).body
    assert report["ended_at"]
    assert report["named"] == [
        {
            "kind": "balance_differs",
            "subject": f"merchant:{MERCHANT}:available:CNY",
            "expected": 15,
            "found": 16,
        }
    ]
    with at(began_at + reconcile_ledger.RUN_EVERY - PAUSE):
        assert reconcile_ledger.lambda_handler({}, Context()) == {"differences": 1}
    assert cloud.call(reconcile_ledger, *asked).body == report
    with at(began_at + reconcile_ledger.RUN_EVERY):
        reconcile_ledger.lambda_handler({}, Context())
    assert cloud.call(reconcile_ledger, *asked).body["run_id"] != report["run_id"]


def test_what_a_run_could_not_prove_is_measured(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_SUSPECTS", 1)
    for number in range(1, 3):
        credit(cloud, number, f"c{number}")
    with at(datetime.now(UTC)):
        reconcile_ledger.lambda_handler({}, Context())
    measured = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [each["ReconciliationUnsettled"] for each in measured] == [[2.0]]
    assert [each["ReconciliationEnded"] for each in measured] == [[0.0]]
    assert "ReconciliationMoving" not in measured[0], "that nothing moved is said at the end"


def test_an_operator_s_call_goes_on_with_the_run_or_begins_one_and_fills_gaps(
    cloud: Cloud,
) -> None:
    asked = ("POST", "/reconciliation", OPERATOR)
    for number in range(1, 4):
        credit(cloud, number, f"c{number}")
    soon = datetime.now(UTC)
    with at(soon):
        begun = cloud.call(reconcile_ledger, *asked).body
        assert (begun["filled"], begun["ended_at"], len(begun["suspects"])) == (0, None, 4)
        assert cloud.call(reconcile_ledger, *asked).body == begun, "it is not time to look again"
    with at(soon + PAUSE):
        ended = cloud.call(reconcile_ledger, *asked).body
        assert (ended["run_id"], bool(ended["ended_at"])) == (begun["run_id"], True)
        assert (ended["filled"], ended["differences"]) == (3, 0)
        again = cloud.call(reconcile_ledger, *asked).body
    assert again["run_id"] != begun["run_id"]
    assert (again["filled"], again["differences"]) == (0, 0)
    assert again["totals"] == {"CNY": {"external:settlement": -6, "merchant:available": 6}}
