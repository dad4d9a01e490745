"""The debit queue. A message is a hint: it names a refund, and nothing else is taken from it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, Protocol, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from refunds.debits import refund_named
from refunds.errors import Busy
from refunds.observability import log_failure
from refunds.settings import Settings
from refunds.stores.session import session

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

CLIENT_CONFIG = Config(
    connect_timeout=0.5,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 2},
)
"""At most 3 s and a short pause: a lost message delays a refund by the sweep, and loses nothing."""
MAX_BATCH = 10
MAX_WOKEN = 100
"""Waiting refunds that one credit, limit or unfreezing wakes; their next try finds the others."""
HELD: tuple["QueueAttributeNameType", ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)


class WaitingStore(Protocol):
    def waiting_ids(self, merchant_id: str, currency: str, *, limit: int) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class DebitQueue:
    client: "SQSClient"
    url: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        client = session().client("sqs", config=CLIENT_CONFIG)
        return cls(client, settings.debit_queue_url)

    def send(self, refunds: Iterable[tuple[str, str]]) -> frozenset[str]:
        """Send a message for each (refund id, merchant id); the ids of those that were taken.

        Never raises: what was not sent, the sweeper sends again. Stops at the first batch of
        which nothing was taken, so that a queue that hangs costs the caller one call's time.
        """
        sent: set[str] = set()
        for batch in batched(refunds, MAX_BATCH, strict=False):
            taken = self._send_batch(batch)
            if not taken:
                break
            sent.update(taken)
        return frozenset(sent)

    def wake(self, merchant_id: str, currency: str, *, store: WaitingStore) -> None:
        """Send what waits for this merchant's money, the oldest first.

        Never raises: it is a hint, so that its loss only delays them to their next try.
        """
        try:
            waiting = store.waiting_ids(merchant_id, currency, limit=MAX_WOKEN)
        except (ClientError, BotoCoreError, Busy) as error:
            log_failure(error)
            return
        self.send((refund_id, merchant_id) for refund_id in waiting)

    def depth(self) -> int | None:
        """About how many messages it holds: to be received, or being worked on.

        None when it does not say. Never raises.
        """
        try:
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[*HELD])
        except (ClientError, BotoCoreError) as error:
            log_failure(error)
            return None
        return sum(int(answer["Attributes"][each]) for each in HELD)

    def _send_batch(self, refunds: tuple[tuple[str, str], ...]) -> list[str]:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {
                "Id": str(number),
                "MessageBody": json.dumps({"refund_id": refund_id}),
                "MessageGroupId": merchant_id,
            }
            for number, (refund_id, merchant_id) in enumerate(refunds)
        ]
        try:
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            log_failure(error)
            return []
        return [refunds[int(taken["Id"])][0] for taken in answer.get("Successful", [])]


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one invocation, by the refund they name; a refund may be named twice."""

    messages: Mapping[str, frozenset[str]]
    malformed: frozenset[str]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        messages: defaultdict[str, set[str]] = defaultdict(set)
        malformed = set()
        for record in event["Records"]:
            refund_id = refund_named(record.get("body", ""))
            if refund_id:
                messages[refund_id].add(record["messageId"])
            else:
                malformed.add(record["messageId"])
        by_refund = {refund_id: frozenset(ids) for refund_id, ids in messages.items()}
        return cls(by_refund, frozenset(malformed))

    @property
    def refund_ids(self) -> frozenset[str]:
        return frozenset(self.messages)

    def failures(self, failed: Iterable[str]) -> dict[str, list[dict[str, str]]]:
        """The partial batch response: what SQS delivers again, and in the end parks in the DLQ.

        A refund that no message named, for it joined from those that wait, has its own next try.
        """
        named = (self.messages.get(refund_id, frozenset()) for refund_id in failed)
        ids = self.malformed.union(*named)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(ids)]}
