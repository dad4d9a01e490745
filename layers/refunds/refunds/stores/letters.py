"""Dead-letter queues, and where their letters are sent again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import batched
from typing import TYPE_CHECKING, Any, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from refunds import table
from refunds.changes import Poisoned
from refunds.letters import Letter, Parcel, Standing
from refunds.queue import HELD, DebitQueue
from refunds.redrive import Sent
from refunds.settings import fan_out_changes_alias
from refunds.stores import answers
from refunds.stores.changes import EventBus
from refunds.stores.dynamo import Dynamo
from refunds.stores.session import session

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

QUEUE_CONFIG = Config(
    connect_timeout=0.5, read_timeout=2.5, retries={"mode": "standard", "total_max_attempts": 2}
)
"""At most 7 s, with the second that a receive waits."""
INVOKE_CONFIG = Config(
    connect_timeout=0.5, read_timeout=8.5, retries={"mode": "standard", "total_max_attempts": 1}
)
"""At most 9 s. Not sent again by itself: its letter is still there."""
WAIT_SECONDS = 1
"""A receive that waits asks every server of the queue, and so misses no letter."""
MAX_BATCH = 10
ERROR_TYPE = "error_type"


@dataclass(frozen=True, slots=True)
class LetterQueue:
    client: "SQSClient"
    url: str

    @classmethod
    def at(cls, url: str) -> Self:
        return cls(_queues(), url)

    def park(self, poisoned: Iterable[Poisoned]) -> None:
        """Keep each record whole, with the type of its error. Raises what SQS refuses."""
        for each in poisoned:
            self.client.send_message(
                QueueUrl=self.url,
                MessageBody=json.dumps(each.record),
                MessageAttributes={
                    ERROR_TYPE: {"DataType": "String", "StringValue": type(each.error).__name__}
                },
            )

    def count(self) -> int:
        """About how many there are, those included that somebody is looking at."""
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[*HELD])
        return sum(int(count) for count in answer["Attributes"].values())

    def receive(self, count: int, *, hidden_seconds: int) -> list[Letter]:
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=count,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            MessageAttributeNames=[ERROR_TYPE],
        )
        return [_letter(each) for each in answer.get("Messages", [])]

    def delete(self, letters: Sequence[Letter]) -> frozenset[str]:
        """The ids of those that are gone."""
        gone: set[str] = set()
        for batch in batched(letters, MAX_BATCH, strict=False):
            answer = self.client.delete_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": each.handle}
                    for number, each in enumerate(batch)
                ],
            )
            gone.update(batch[int(each["Id"])].message_id for each in answer.get("Successful", []))
        return frozenset(gone)

    def put_back(self, letters: Sequence[Letter]) -> None:
        """Let others see them at once; those that are not put back come by themselves, later."""
        for batch in batched(letters, MAX_BATCH, strict=False):
            self.client.change_message_visibility_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": each.handle, "VisibilityTimeout": 0}
                    for number, each in enumerate(batch)
                ],
            )


class RedriveStore(Dynamo):
    def standings(self, refund_ids: Iterable[str]) -> dict[str, Standing]:
        """Those of the refunds that exist."""
        found = self.get_many([table.refund(each) for each in refund_ids])
        return {each["refund_id"]: Standing(each["merchant_id"], each["status"]) for each in found}


@dataclass(frozen=True, slots=True)
class DebitTarget:
    queue: DebitQueue
    at_once: int = MAX_BATCH

    def send(self, parcels: Sequence[Parcel]) -> Sent:
        """A refund that several letters name is sent once."""
        sent = self.queue.send(dict.fromkeys(each.content for each in parcels))
        taken = frozenset(each.letter.message_id for each in parcels if each.content[0] in sent)
        return Sent(taken, None if taken else "NotTaken")


@dataclass(frozen=True, slots=True)
class OrderTarget:
    bus: EventBus
    at_once: int = MAX_BATCH

    def send(self, parcels: Sequence[Parcel]) -> Sent:
        told = [
            (
                each.content["source"],
                each.content["detail-type"],
                json.dumps(each.content["detail"]),
            )
            for each in parcels
        ]
        try:
            answered = self.bus.put_each(told)
        except (ClientError, BotoCoreError) as error:
            return Sent(frozenset(), answers.code_of(error))
        pairs = zip(parcels, answered, strict=True)
        taken = frozenset(each.letter.message_id for each, ok in pairs if ok)
        return Sent(taken, None if taken else "NotTaken")


@dataclass(frozen=True, slots=True)
class ChangeTarget:
    client: "LambdaClient"
    function: str
    at_once: int = 1

    @classmethod
    def from_env(cls) -> Self:
        return cls(_lambdas(), fan_out_changes_alias())

    def send(self, parcels: Sequence[Parcel]) -> Sent:
        """Only what the function has done is taken; what fails again stays its letter."""
        taken: set[str] = set()
        for each in parcels:
            try:
                done = self._done(each.content)
            except (ClientError, BotoCoreError) as error:
                return Sent(frozenset(taken), answers.code_of(error))
            if done:
                taken.add(each.letter.message_id)
        return Sent(frozenset(taken))

    def _done(self, record: Any) -> bool:
        event = {"Records": [record], "redriven": True}
        answer = self.client.invoke(
            FunctionName=self.function,
            InvocationType="RequestResponse",
            Payload=json.dumps(event).encode(),
        )
        said = json.loads(answer["Payload"].read())
        return not answer.get("FunctionError") and bool(said == {"poisoned": 0})


def _letter(message: "MessageTypeDef") -> Letter:
    system = message["Attributes"]
    attributes = message.get("MessageAttributes", {})
    return Letter(
        message_id=message["MessageId"],
        handle=message["ReceiptHandle"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        receives=int(system["ApproximateReceiveCount"]),
        error_type=attributes[ERROR_TYPE].get("StringValue") if attributes else None,
    )


@cache
def _queues() -> "SQSClient":
    return session().client("sqs", config=QUEUE_CONFIG)


@cache
def _lambdas() -> "LambdaClient":
    return session().client("lambda", config=INVOKE_CONFIG)
