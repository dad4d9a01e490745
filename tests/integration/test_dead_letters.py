"""Dead letters over HTTP: parked, seen, sent again, and every refund settled once."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from commands import redrive as command
from local import running
from refunds import table
from refunds.statements import Owner
from tests.integration.test_order_events import completed
from tests.integration.world import Json, Scene, World, unique, until

LETTERS = {
    "debits": "DebitDeadLetterQueue",
    "orders": "OrderDeadLetterQueue",
    "changes": "ChangeDeadLetterQueue",
}


@pytest.fixture(autouse=True)
def emptied(world: World) -> None:
    """Other tests park letters too, and leave them."""
    for queue in LETTERS.values():
        world.sqs.purge_queue(QueueUrl=world.queue_url(queue))


def park(world: World, queue: str, *bodies: object) -> None:
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        world.sqs.send_message(QueueUrl=world.queue_url(LETTERS[queue]), MessageBody=text)


def shown(world: World, queue: str) -> list[Json]:
    items: list[Json] = world.ok(world.operator, "GET", f"/dead-letters/{queue}")["items"]
    return items


def redrive(world: World, queue: str, **body: object) -> tuple[int, int, int]:
    path = f"/dead-letters/{queue}/redrive"
    done = world.ok(world.operator, "POST", path, body)
    assert done["stopped_by"] is None
    return done["moved"], done["left_here"], done["remaining"]


def test_what_failed_five_times_is_seen_sent_again_and_settled_once(
    world: World, scene: Scene
) -> None:
    """Two are parked by the queue itself; the third is of a refund that can be debited by now."""
    missing, malformed = json.dumps({"refund_id": unique("rf")}), unique("no-message")
    with world.redelivering_after(1):
        world.send_debits(missing, malformed)
        until(lambda: counts(world)["debits"], lambda count: count == 2)
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id, 300)
        [body] = world.messages_for(refund_id)
        park(world, "debits", body, body)
        letters = {each["about"]: each for each in shown(world, "debits")}
        assert {name: each["why_not"] for name, each in letters.items()} == {
            f"refund:{json.loads(missing)['refund_id']}": "refund_not_found",
            None: "malformed",
            f"refund:{refund_id}": None,
        }
        assert letters[f"refund:{refund_id}"]["status"] == "pending"
        assert redrive(world, "debits") == (2, 2, 2)
        assert redrive(world, "debits") == (0, 2, 2)
    world.settled(scene.buyer, refund_id)
    park(world, "debits", body)
    assert redrive(world, "debits") == (1, 2, 2)
    world.all_debits_done()
    assert world.balance(scene.buyer) == 300
    assert malformed not in json.dumps(shown(world, "debits"))


def test_the_command_sends_them_again_to_the_stack_that_runs_here(
    world: World, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id, 200)
        park(world, "debits", *world.messages_for(refund_id), "{")
    monkeypatch.setattr(running, "ADDRESS", tmp_path / "running")
    with running.announced(world.stack.endpoint):
        for moved in ("1", "0"):
            ended = CliRunner().invoke(command.app, ["--yes"], env={"COLUMNS": "200"})
            assert ended.exit_code == 0, ended.output
            assert re.search(rf"debits\W+{moved}\W+1\W+1\W", ended.output), ended.output
    world.settled(scene.buyer, refund_id)


def counts(world: World) -> dict[str, int]:
    items = world.ok(world.operator, "GET", "/dead-letters")["items"]
    return {each["queue"]: each["messages"] for each in items}


def test_an_order_s_event_is_recorded_once_it_can_be(world: World, scene: Scene) -> None:
    event = {"source": "marketplace.orders", "detail-type": "OrderCompleted"}
    good, bad = completed(scene, unique("o")), completed(scene, unique("o")) | {"amount": 0}
    park(world, "orders", event | {"detail": good}, event | {"detail": bad})
    assert {each["about"]: each["redrivable"] for each in shown(world, "orders")} == {
        f"order:{good['order_id']}": True,
        f"order:{bad['order_id']}": False,
    }
    assert redrive(world, "orders") == (1, 1, 1)
    until(lambda: world.row(table.order(good["order_id"])), bool)
    assert world.row(table.order(bad["order_id"])) == {}


def posting(posting_id: str, merchant_id: str, credited: int) -> Json:
    def leg(account: str, amount: int) -> Json:
        return {"M": {"account": {"S": account}, "amount": {"N": str(amount)}}}

    return {
        "pk": {"S": f"POSTING#{posting_id}"},
        "sk": {"S": "POSTING"},
        "posting_id": {"S": posting_id},
        "cause": {"S": "credit"},
        "currency": {"S": "CNY"},
        "posted_at": {"S": "2026-11-25T00:00:00.000000Z"},
        "legs": {
            "L": [
                leg("external:settlement", -5),
                leg(f"merchant:{merchant_id}:available", credited),
            ]
        },
    }


def test_a_poison_change_is_parked_by_the_stream_and_holds_up_no_later_one(world: World) -> None:
    merchant_id, poison, good = unique("m"), unique("cr"), unique("cr")
    owner = Owner("merchant", merchant_id, "CNY")
    for posting_id, credited in ((poison, 6), (good, 5)):
        item: Any = posting(posting_id, merchant_id, credited)
        world.dynamodb.put_item(TableName=world.outputs.table_name, Item=item)
    until(lambda: world.row(table.booked(owner, good)), bool)
    [letter] = until(lambda: shown(world, "changes"), bool)
    assert letter["about"] == f"item:POSTING#{poison}:POSTING"
    assert (letter["error_type"], letter["redrivable"]) == ("ValueError", True)
    assert redrive(world, "changes") == (0, 1, 1)
    world.dynamodb.delete_item(
        TableName=world.outputs.table_name, Key=table.posting(poison)
    )  # the table is every test's


def test_a_parked_change_is_booked_once_the_code_can(world: World) -> None:
    merchant_id, posting_id = unique("m"), unique("cr")
    image = posting(posting_id, merchant_id, 5)
    key = {"pk": image["pk"], "sk": image["sk"]}
    record = {
        "eventID": unique("event"),
        "eventSource": "aws:dynamodb",
        "dynamodb": {"ApproximateCreationDateTime": 1, "Keys": key, "NewImage": image},
    }
    positions = {"DDBStreamBatchInfo": {"shardId": "shard-1", "batchSize": 1}}
    park(world, "changes", record, record, positions)
    assert redrive(world, "changes", limit=10) == (2, 1, 1)
    assert [each["why_not"] for each in shown(world, "changes")] == ["positions_only"]
    head = world.row(table.statement_head(Owner("merchant", merchant_id, "CNY")))
    assert head["last_number"] == 1


def test_another_queue_is_not_found(world: World) -> None:
    answer = world.call(world.operator, "GET", "/dead-letters/letters")
    assert (answer.status_code, answer.json()["code"]) == (404, "queue_not_found")
