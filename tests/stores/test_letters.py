"""Dead-letter queues, on moto's SQS and on the local AWS's."""

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from local import aws
from refunds.changes import Poisoned
from refunds.letters import Letter, Parcel
from refunds.queue import DebitQueue
from refunds.redrive import HIDDEN_SECONDS
from refunds.stores.letters import QUEUE_CONFIG, DebitTarget, LetterQueue, RedriveStore
from tests.stores.engines import LOCAL_AWS, MOTO, Stores
from tests.stores.market import accept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient


@pytest.fixture(params=[MOTO, LOCAL_AWS])
def sqs(request: pytest.FixtureRequest) -> "Iterator[SQSClient]":
    if request.param == MOTO:
        with mock_aws():
            yield boto3.client("sqs", config=QUEUE_CONFIG)
    else:
        endpoint = aws.require_loopback(request.getfixturevalue("local_aws"))
        yield boto3.client("sqs", endpoint_url=endpoint, config=QUEUE_CONFIG)


@pytest.fixture
def queue(sqs: "SQSClient") -> LetterQueue:
    return LetterQueue(sqs, sqs.create_queue(QueueName=f"Letters-{uuid4().hex}")["QueueUrl"])


def put(queue: LetterQueue, *bodies: str) -> None:
    for body in bodies:
        queue.client.send_message(QueueUrl=queue.url, MessageBody=body)


def received(queue: LetterQueue, count: int = 10) -> list[Letter]:
    return queue.receive(count, hidden_seconds=HIDDEN_SECONDS)


def test_what_is_received_is_hidden_counted_and_put_back_at_once(queue: LetterQueue) -> None:
    put(queue, "1", "2", "3")
    letters = received(queue)
    assert sorted(each.body for each in letters) == ["1", "2", "3"]
    assert received(queue) == []
    assert queue.count() == 3
    queue.put_back(letters)
    again = received(queue)
    assert {each.message_id for each in again} == {each.message_id for each in letters}
    assert {each.receives for each in again} == {2}


def test_no_more_are_received_than_asked_for(queue: LetterQueue) -> None:
    put(queue, *"12345")
    assert len(received(queue, 2)) == 2
    assert len(received(queue, 10)) == 3


def test_only_what_is_deleted_is_gone(queue: LetterQueue) -> None:
    put(queue, *(str(number) for number in range(12)))
    letters = received(queue) + received(queue)
    gone = queue.delete(letters[:11])
    assert gone == {each.message_id for each in letters[:11]}
    assert queue.count() == 1
    assert queue.delete([]) == frozenset()


def test_a_record_is_parked_whole_with_the_type_of_its_error(queue: LetterQueue) -> None:
    record = {"dynamodb": {"NewImage": {"pk": {"S": "退款"}}}}
    queue.park([Poisoned(record, KeyError("what nobody may read"))])
    [letter] = received(queue)
    assert json.loads(letter.body) == record
    assert letter.error_type == "KeyError"
    put(queue, "{}")
    assert received(queue)[0].error_type is None


def test_a_debit_is_sent_for_its_merchant_and_alone(sqs: "SQSClient") -> None:
    debits = LetterQueue(sqs, sqs.create_queue(QueueName=f"Debits-{uuid4().hex}")["QueueUrl"])
    letters = LetterQueue(sqs, sqs.create_queue(QueueName=f"Letters-{uuid4().hex}")["QueueUrl"])
    put(letters, *['{"refund_id": "rf_1"}'] * 2)
    parcels = [Parcel(each, content=("rf_1", "m")) for each in received(letters)]
    sent = DebitTarget(DebitQueue(sqs, debits.url)).send(parcels)
    assert sent.taken == {each.letter.message_id for each in parcels}
    assert [each.body for each in received(debits)] == ['{"refund_id": "rf_1"}']


def test_only_refunds_that_exist_are_known(stores: Stores) -> None:
    accept(stores, 1)
    store = RedriveStore(stores.client, stores.table)
    standings = store.standings(["rf_1", "rf_2"])
    assert standings.keys() == {"rf_1"}
    assert standings["rf_1"].status == "pending"
    assert store.standings([]) == {}
