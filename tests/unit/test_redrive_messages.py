"""Dead letters as an operator meets them over HTTP, and what follows from sending them again."""

import json
from typing import Any

import pytest

from refunds import table
from refunds.statements import Owner
from refunds.stores.changes import EventBus
from refunds.stores.letters import ChangeTarget, LetterQueue
from refunds.stores.refunds import RefundStore
from tests.stores import wire
from tests.unit import examples
from tests.unit.api import Answer, Claims, Context
from tests.unit.cloud import (
    OPERATOR,
    PLATFORM,
    SELLER,
    SETTINGS,
    Cloud,
    fan_out_changes,
    redrive_messages,
)
from tests.unit.test_process_debits import available, fund, message, received
from tests.unit.test_redrive import ORDER_EVENT, lambda_s_record

URLS = {
    "debits": SETTINGS.debit_dead_letter_queue_url,
    "orders": SETTINGS.order_dead_letter_queue_url,
    "changes": SETTINGS.change_dead_letter_queue_url,
}
BUS = EventBus.from_settings(SETTINGS).client
LAMBDA = ChangeTarget.from_env().client
SQS = LetterQueue.at(SETTINGS.debit_dead_letter_queue_url).client


def park(cloud: Cloud, queue: str, *bodies: object) -> None:
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        cloud.sqs.send_message(QueueUrl=URLS[queue], MessageBody=text)


def get(cloud: Cloud, path: str = "", claims: Claims = OPERATOR) -> Answer:
    return cloud.call(redrive_messages, "GET", f"/dead-letters{path}", claims)


def redrive(cloud: Cloud, queue: str, claims: Claims = OPERATOR, **body: object) -> Answer:
    path = f"/dead-letters/{queue}/redrive"
    return cloud.call(redrive_messages, "POST", path, claims, body=body)


def outcome(answer: Answer) -> tuple[int, int, int, str | None]:
    assert answer.status == 200, answer.text
    body = answer.body
    return body["moved"], body["left_here"], body["remaining"], body["stopped_by"]


def accept(cloud: Cloud) -> None:
    store = cloud.store(RefundStore)
    store.put_order(examples.order())
    store.accept(examples.refund())


def test_every_queue_says_how_many_it_holds_and_where_they_would_go(cloud: Cloud) -> None:
    park(cloud, "debits", message("rf_1"), "{")
    items = get(cloud).body["items"]
    assert {each["queue"]: each["messages"] for each in items} == {
        "debits": 2,
        "orders": 0,
        "changes": 0,
    }
    assert all(each["holds"] and each["redriven_to"] for each in items)


def test_a_letter_for_a_missing_refund_goes_once_the_refund_is_there(cloud: Cloud) -> None:
    fund(cloud, 1000)
    park(cloud, "debits", message("rf_1"), "李雷")
    told = {each["why_not"]: each["about"] for each in get(cloud, "/debits").body["items"]}
    assert told == {"refund_not_found": "refund:rf_1", "malformed": None}
    assert outcome(redrive(cloud, "debits")) == (0, 2, 2, None)
    accept(cloud)
    shown = get(cloud, "/debits")
    assert "李雷" not in shown.text
    [each] = [each for each in shown.body["items"] if each["redrivable"]]
    assert (each["about"], each["status"]) == ("refund:rf_1", "pending")
    assert outcome(redrive(cloud, "debits")) == (1, 1, 1, None)
    assert outcome(redrive(cloud, "debits")) == (0, 1, 1, None)
    assert cloud.deliver(*cloud.messages()) == set()
    assert (available(cloud), received(cloud)) == (900, 100)


def test_a_crash_between_sending_and_deleting_doubles_a_message_and_no_money(
    cloud: Cloud,
) -> None:
    accept(cloud)
    fund(cloud, 1000)
    park(cloud, "debits", message("rf_1"))
    with wire.faulty(SQS, "DeleteMessageBatch", wire.lost, wire.lost):
        assert redrive(cloud, "debits").code == "busy"
    hidden = SQS.get_queue_attributes(
        QueueUrl=URLS["debits"], AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]["ApproximateNumberOfMessagesNotVisible"]
    assert hidden == "1"
    assert cloud.deliver(*cloud.messages()) == set()
    park(cloud, "debits", message("rf_1"))  # as the hidden one, when it is seen again
    assert outcome(redrive(cloud, "debits"))[0] == 1
    assert cloud.deliver(*cloud.messages()) == set()
    assert (available(cloud), received(cloud)) == (900, 100)


def test_two_letters_of_one_refund_are_one_message(cloud: Cloud) -> None:
    accept(cloud)
    park(cloud, "debits", message("rf_1"), message("rf_1"))
    assert outcome(redrive(cloud, "debits")) == (2, 0, 0, None)
    assert cloud.enqueued() == ["rf_1"]


def test_while_the_debit_queue_takes_nothing_the_letters_stay(cloud: Cloud) -> None:
    accept(cloud)
    park(cloud, "debits", message("rf_1"))
    cloud.sqs.delete_queue(QueueUrl=SETTINGS.debit_queue_url)
    assert outcome(redrive(cloud, "debits")) == (0, 1, 1, "NotTaken")


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────


def test_an_order_s_event_goes_to_its_bus_as_it_was(cloud: Cloud) -> None:
    park(cloud, "orders", ORDER_EVENT, lambda_s_record(ORDER_EVENT), {"detail": {}})
    taken = wire.answer({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}, {"EventId": "2"}]})
    with wire.faulty(BUS, "PutEvents", taken) as line:
        assert outcome(redrive(cloud, "orders")) == (2, 1, 1, None)
    [sent] = line.sent
    for entry in sent["Entries"]:
        assert entry["EventBusName"] == SETTINGS.event_bus_name
        assert (entry["Source"], entry["DetailType"]) == ("marketplace.orders", "OrderCompleted")
        assert json.loads(entry["Detail"]) == ORDER_EVENT["detail"]


def test_an_event_that_the_bus_did_not_take_stays_and_its_neighbour_goes(cloud: Cloud) -> None:
    park(cloud, "orders", ORDER_EVENT, ORDER_EVENT)
    half = wire.answer(
        {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttling"}, {"EventId": "2"}]}
    )
    with wire.faulty(BUS, "PutEvents", half):
        assert outcome(redrive(cloud, "orders")) == (1, 1, 1, None)


@pytest.mark.parametrize(
    ("fault", "stopped_by"),
    [
        (wire.refused("AccessDeniedException"), "AccessDeniedException"),
        (wire.lost, "ReadTimeoutError"),
        (wire.answer({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "?"}]}), "NotTaken"),
    ],
)
def test_a_bus_that_fails_is_named_and_keeps_its_letters(
    cloud: Cloud, fault: wire.Fault, stopped_by: str
) -> None:
    park(cloud, "orders", ORDER_EVENT)
    with wire.faulty(BUS, "PutEvents", fault, fault, fault):
        assert outcome(redrive(cloud, "orders")) == (0, 1, 1, stopped_by)


# ── Changes ─────────────────────────────────────────────────────────────────────────────────────


def change(pk: str, sk: str, **image: Any) -> dict[str, Any]:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    images = {"Keys": key, "ApproximateCreationDateTime": 1709294400.0, "NewImage": key | image}
    return {"eventID": "1", "eventSource": "aws:dynamodb", "dynamodb": images}


def credited(amount: int = 5, *, posting_id: str = "cr_1") -> dict[str, Any]:
    def leg(account: str, amount: int) -> dict[str, Any]:
        return {"M": {"account": {"S": account}, "amount": {"N": str(amount)}}}

    return change(
        f"POSTING#{posting_id}",
        "POSTING",
        posting_id={"S": posting_id},
        cause={"S": "credit"},
        currency={"S": "CNY"},
        posted_at={"S": "2024-03-01T12:00:00.000000Z"},
        legs={
            "L": [
                leg("external:settlement", -5),
                leg(f"merchant:{examples.MERCHANT}:available", amount),
            ]
        },
    )


OWNER = Owner("merchant", examples.MERCHANT, "CNY")
POISON = [
    credited(6, posting_id="cr_poison"),
    change("POSTING#cr_2", "POSTING", posting_id={"S": "cr_2"}),
    change("REFUND#rf_9", "REFUND", status={"S": "lost"}, order_id={"S": "order-1"}),
    change("POLICY#m", "POLICY", confirmed_at={"S": "yesterday"}, digest={"S": "?"}),
    {"eventID": "1", "dynamodb": {"NewImage": {"pk": {"S": "POSTING#x"}}}},
    {"eventID": "1"},
]


def fan_out(*records: dict[str, Any], **more: Any) -> dict[str, int]:
    event = {"Records": list(records), **more}
    return fan_out_changes.lambda_handler(event, Context())


def invoked(request: Any) -> Any:
    """The function itself, in place of Lambda."""
    answer = fan_out_changes.lambda_handler(json.loads(request.body), Context())
    return wire.answer(answer)(request)


@pytest.mark.parametrize("poison", POISON, ids=range(len(POISON)))
def test_a_poison_change_is_parked_whole_and_holds_up_no_other(
    cloud: Cloud, poison: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert fan_out(poison, credited()) == {"poisoned": 1}
    assert cloud.item(table.booked(OWNER, "cr_1"))
    [parked] = cloud.sqs.receive_message(
        QueueUrl=URLS["changes"], MessageAttributeNames=["All"], VisibilityTimeout=0
    )["Messages"]
    assert json.loads(parked["Body"]) == poison
    error_type = parked["MessageAttributes"]["error_type"]["StringValue"]
    [failed] = [vars(each) for each in caplog.records if each.message == "unexpected_failure"]
    assert failed["error_type"] == error_type
    assert "exc_info" not in failed or failed["exc_info"] is None
    [shown] = get(cloud, "/changes").body["items"]
    assert (shown["error_type"], shown["redrivable"]) == (error_type, "dynamodb" in poison)


def test_a_statement_that_can_not_be_read_parks_its_own_changes_and_holds_up_no_other(
    cloud: Cloud,
) -> None:
    """Raised, it would come again for as long as the stream has it, and stop the rest."""
    other = Owner("merchant", "merchant-2", "CNY")
    cloud.dynamodb.put_item(
        TableName=fan_out_changes.store.table, Item={**table.statement_head(other)}
    )
    theirs = json.loads(json.dumps(credited(posting_id="cr_2")).replace(OWNER.id, other.id))
    assert fan_out(theirs, credited()) == {"poisoned": 1}
    assert cloud.item(table.booked(OWNER, "cr_1"))
    [shown] = get(cloud, "/changes").body["items"]
    assert (shown["error_type"], shown["redrivable"]) == ("KeyError", True)


def test_what_may_pass_by_itself_parks_nothing_and_comes_again(cloud: Cloud) -> None:
    accepted = change("REFUND#rf_1", "REFUND", status={"S": "pending"}, order_id={"S": "order-1"})
    with (
        wire.faulty(fan_out_changes.store.client, "GetItem", wire.refused("AccessDenied")),
        pytest.raises(fan_out_changes.store.client.exceptions.ClientError),
    ):
        fan_out(POISON[0], accepted)
    assert get(cloud, "/changes").body["messages"] == 0


def test_a_change_that_can_be_processed_now_is_booked_once_and_its_letter_is_gone(
    cloud: Cloud,
) -> None:
    park(cloud, "changes", credited(), credited())
    with wire.faulty(LAMBDA, "Invoke", invoked, invoked) as line:
        assert outcome(redrive(cloud, "changes")) == (2, 0, 0, None)
    assert all(sent["redriven"] and len(sent["Records"]) == 1 for sent in line.sent)
    head = cloud.item(table.statement_head(OWNER))
    assert head
    assert head["last_number"]["N"] == "1"


def test_a_change_that_fails_again_stays_one_letter(cloud: Cloud) -> None:
    positions = {"DDBStreamBatchInfo": {"shardId": "shard-1"}}
    park(cloud, "changes", POISON[0], positions)
    with wire.faulty(LAMBDA, "Invoke", invoked):
        assert outcome(redrive(cloud, "changes")) == (0, 2, 2, None)
    assert {each["why_not"] for each in get(cloud, "/changes").body["items"]} == {
        None,
        "positions_only",
    }


def test_a_function_that_failed_or_did_not_answer_keeps_its_letter(cloud: Cloud) -> None:
    park(cloud, "changes", credited())
    with wire.faulty(LAMBDA, "Invoke", wire.answer({"errorType": "Busy", "errorMessage": "?"})):
        assert outcome(redrive(cloud, "changes")) == (0, 1, 1, None)
    with wire.faulty(LAMBDA, "Invoke", wire.lost):
        assert outcome(redrive(cloud, "changes")) == (0, 1, 1, "ReadTimeoutError")


# ── Who, and what ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/dead-letters"),
        ("GET", "/dead-letters/debits"),
        ("POST", "/dead-letters/debits/redrive"),
    ],
)
def test_dead_letters_are_for_operators(cloud: Cloud, method: str, path: str) -> None:
    body: dict[str, Any] | None = {} if method == "POST" else None
    for claims in (SELLER, PLATFORM):
        answer = cloud.call(redrive_messages, method, path, claims, body=body)
        assert answer.code == "membership_required"


def test_another_queue_is_not_found(cloud: Cloud) -> None:
    assert get(cloud, "/letters").code == "queue_not_found"
    assert redrive(cloud, "letters").code == "queue_not_found"


@pytest.mark.parametrize("limit", [0, 1001, "5", None])
def test_a_limit_is_a_number_from_1_to_1000(cloud: Cloud, limit: object) -> None:
    assert redrive(cloud, "debits", limit=limit).code == "invalid_request"


def test_a_redrive_moves_its_limit_and_names_the_operator(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    accept(cloud)
    park(cloud, "debits", *[message("rf_1")] * 3)
    assert outcome(redrive(cloud, "debits", limit=2)) == (2, 0, 1, None)
    [acted] = [vars(each) for each in caplog.records if each.message == "operator_acts"]
    assert (acted["operator"], acted["route"]) == ("operator", "/dead-letters/debits/redrive")
