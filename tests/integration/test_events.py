"""What other systems hear on the product's bus: each transition, as docs/events says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import pytest

from local.event_schemas import FOLDER
from refunds import table
from tests.integration.world import APPLICATION, Json, Scene, World, unique, until

RULE = {"source": ["instant-refunds"]}


@dataclass
class Ear:
    """A queue behind a rule of the bus, as a consumer of the events would have."""

    world: World
    queue_url: str
    heard: list[Json] = field(default_factory=list)

    def all(self, word: str) -> list[Json]:
        """Every event so far that names this id."""
        self.heard += map(json.loads, self.world.taken_from(self.queue_url))
        return [each for each in self.heard if word in json.dumps(each["detail"])]

    def names(self, word: str) -> list[str]:
        return sorted(each["detail-type"] for each in self.all(word))

    def once(self, word: str, *names: str) -> dict[str, Json]:
        """The details by name, once just these have come."""
        until(lambda: self.names(word), lambda seen: set(seen) >= {*names})
        events = self.all(word)
        for each in events:
            assert_documented(each)
        assert sorted(each["detail-type"] for each in events) == sorted(names)
        return {each["detail-type"]: each["detail"] for each in events}


@pytest.fixture(scope="module")
def ear(world: World) -> Iterator[Ear]:
    with listening(world) as queue_url:
        yield Ear(world, queue_url)


@contextmanager
def listening(world: World) -> Iterator[str]:
    name, bus = unique("consumer"), world.outputs.event_bus_name
    queue_url = world.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = world.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    world.events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(RULE))
    world.events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": name, "Arn": arn}])
    try:
        yield queue_url
    finally:
        world.events.remove_targets(Rule=name, EventBusName=bus, Ids=[name])
        world.events.delete_rule(Name=name, EventBusName=bus)
        world.sqs.delete_queue(QueueUrl=queue_url)


@pytest.fixture(scope="module")
def certified(world: World, ear: Ear) -> Scene:
    """Certified, and its policy confirmed, while somebody listens; with no money."""
    assert ear.heard == []
    return world.scene(funds=0)


def test_a_merchant_s_way_to_a_policy_is_told(world: World, ear: Ear, certified: Scene) -> None:
    merchant = certified.merchant
    told = ear.once(
        merchant.id, "CertificationSubmitted", "MerchantCertified", "RefundPolicyConfirmed"
    )
    confirmed = told["RefundPolicyConfirmed"]
    policy = world.ok(merchant, "GET", "/refund-policy")
    assert confirmed == {
        "version": 1,
        "event_id": f"{merchant.id}.RefundPolicyConfirmed",
        "occurred_at": policy["confirmed_at"],
        "merchant_id": merchant.id,
        "digest": policy["digest"],
    }
    for name in ("CertificationSubmitted", "MerchantCertified"):
        assert told[name]["merchant_id"] == merchant.id
        assert told[name]["event_id"].startswith(f"{merchant.id}.{name}.")


def test_a_refused_certification_is_told(world: World, ear: Ear) -> None:
    merchant = world.newcomer()
    world.ok(merchant, "POST", "/certification", APPLICATION, status=201)
    world.decide(merchant.id, "refused", "illegible")
    ear.once(merchant.id, "CertificationSubmitted", "CertificationRefused")


def test_a_refund_that_waits_is_paid_and_reversed_is_told_at_each_step(
    world: World, ear: Ear, certified: Scene
) -> None:
    scene = certified
    order_id = world.order(scene.merchant.id, scene.buyer.id, 1000)
    refund_id = world.accepted(scene.buyer, order_id, 300)
    world.suspended(scene.merchant.id, "funds")
    waiting = ear.once(refund_id, "RefundAccepted", "RefundAwaitingFunds")
    world.limit(scene.merchant.id, guarantee=200)
    world.credit(scene.merchant.id, 100)
    world.settled(scene.buyer, refund_id)
    ear.once(refund_id, *waiting, "RefundSucceeded")
    reason = {"reason": "a dispute"}
    world.ok(world.operator, "POST", f"/refunds/{refund_id}/reversal", reason, status=201)
    told = ear.once(refund_id, *waiting, "RefundSucceeded", "RefundReversed")

    refund = world.refund(scene.buyer, refund_id)
    at = {each["status"]: each["at"] for each in refund["timeline"]}
    common = {
        "version": 1,
        "refund_id": refund_id,
        "order_id": order_id,
        "merchant_id": scene.merchant.id,
        "buyer_id": scene.buyer.id,
        "amount": 300,
        "currency": "CNY",
        "refundable": 700,
    }
    beyond: dict[str, tuple[str, Json]] = {
        "RefundAccepted": ("pending", {}),
        "RefundAwaitingFunds": ("awaiting_funds", {"waits_for": "funds"}),
        "RefundSucceeded": ("succeeded", {"sources": {"available": 100, "receivable": 200}}),
        "RefundReversed": ("reversed", {}),
    }
    for name, (status, more) in beyond.items():
        stamp = {"event_id": f"{refund_id}.{name}", "occurred_at": at[status]}
        assert told[name] == {**common, **stamp, **more}

    # The reversal has repaid the debt, and nothing waits.
    world.tend(scene.merchant.id)
    world.suspended(scene.merchant.id)
    standing = ["MerchantSuspended", "MerchantRestored"]
    until(lambda: ear.names(scene.merchant.id), lambda names: {*names} >= {*standing})
    [suspended] = [
        each["detail"]
        for each in ear.all(scene.merchant.id)
        if each["detail-type"] == "MerchantSuspended"
    ]
    assert suspended["causes"] == ["funds"]


def test_an_operator_s_suspension_is_told_and_its_end(world: World, ear: Ear) -> None:
    merchant = world.certified_merchant()
    world.decide(merchant.id, "suspended", "complaints")
    world.decide(merchant.id, "certified")
    world.decide(merchant.id, "suspended", "complaints again")
    wanted = ["CertificationSubmitted", "MerchantCertified", *["MerchantSuspended"] * 2]
    wanted.append("MerchantRestored")
    until(lambda: ear.names(merchant.id), lambda names: len(names) >= len(wanted))
    events = ear.all(merchant.id)
    assert sorted(each["detail-type"] for each in events) == sorted(wanted)
    assert len({each["detail"]["event_id"] for each in events}) == len(wanted)
    for each in events:
        assert_documented(each)
        if each["detail-type"] == "MerchantSuspended":
            assert each["detail"]["causes"] == ["operator"]


def test_what_is_canceled_or_refused_is_told(world: World, ear: Ear) -> None:
    scene = world.scene(funds=0)
    canceled = world.accepted(scene.buyer, scene.order_id, 400)
    world.becomes(scene.buyer, canceled, "awaiting_funds")
    ear.once(canceled, "RefundAccepted", "RefundAwaitingFunds")
    world.ok(scene.buyer, "POST", f"/refunds/{canceled}/cancel")
    told = ear.once(canceled, "RefundAccepted", "RefundAwaitingFunds", "RefundCanceled")
    assert (told["RefundCanceled"]["amount"], told["RefundCanceled"]["refundable"]) == (400, 1000)
    assert told["RefundAccepted"]["refundable"] == 600

    answer = world.ask(scene.buyer, scene.order_id, 250, goods_condition="used", reason="a stain")
    refused_id = answer.json()["facts"]["refund_id"]
    refused = ear.once(refused_id, "RefundRefused")["RefundRefused"]
    assert (refused["amount"], refused["refundable"]) == (250, 1000)
    assert "a stain" not in json.dumps(refused)  # no personal data, no words


def test_what_is_sent_again_has_the_same_id(world: World, ear: Ear) -> None:
    """The stream brings a batch again after a failure; the consumer tells by the id."""
    scene = world.scene()
    refund_id = world.accepted(scene.buyer, scene.order_id, 100)
    world.settled(scene.buyer, refund_id)
    told = ear.once(refund_id, "RefundAccepted", "RefundSucceeded")
    lines = world.booked(scene.merchant, postings=2)

    again = stream_event(world, refund_id)
    for _ in range(2):
        world.invoke("fan_out_changes", again)

    until(lambda: ear.names(refund_id), lambda names: names.count("RefundSucceeded") >= 3)
    repeated = [
        each["detail"] for each in ear.all(refund_id) if each["detail-type"] == "RefundSucceeded"
    ]
    assert repeated == [told["RefundSucceeded"]] * 3
    assert world.statement(scene.merchant) == lines


def stream_event(world: World, refund_id: str) -> Json:
    """The stream's record of how this refund succeeded."""
    key = table.refund(refund_id)
    new = world.dynamodb.get_item(TableName=world.outputs.table_name, Key=key)["Item"]
    old = {name: value for name, value in new.items() if name not in {"sources", "succeeded_at"}}
    return {
        "Records": [
            {
                "eventID": unique("event"),
                "eventName": "MODIFY",
                "eventSource": "aws:dynamodb",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1795564800.0,
                    "Keys": key,
                    "OldImage": {**old, "status": {"S": "pending"}},
                    "NewImage": new,
                },
            }
        ]
    }


def assert_documented(event: Json) -> None:
    assert event["source"] == "instant-refunds"
    path = FOLDER / f"{event['detail-type']}.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    jsonschema_rs.validate(schema, event["detail"])
    assert event["detail"].keys() == set(schema["properties"])
