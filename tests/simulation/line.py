"""Between botocore and the services: each request waits for its turn, and may meet a fault."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.retries.quota import RetryQuota

from refunds.queue import CLIENT_CONFIG as QUEUE_CONFIG
from refunds.stores.dynamo import CLIENT_CONFIG
from refunds.stores.session import session
from tests.simulation.dynamodb import Refused
from tests.stores import wire


class Fault(Enum):
    """What becomes of one request. The first is the tamest."""

    NONE = "done"
    THROTTLED = "throttled"
    CONFLICT = "conflict"
    FAILED = "failed with 500, not done"
    UNHEARD = "no answer, not done"
    DONE_AND_FAILED = "done, but answered 500"
    DONE_AND_LOST = "done, but its answer is lost"
    OUTAGE = "done, but its answer is lost; no answer to the retries either"
    CRASHED = "the function ended before it"
    DONE_AND_CRASHED = "done, and the function ended"
    LATE = "done; then there is no time left"
    IN_PART = "done in part, and the answer says so"


FAULTS = tuple(Fault)
WEIGHTS = (120, 2, 3, 1, 1, 1, 2, 2, 1, 2, 1, 0)
"""How often each is met at a call."""
WEIGHTS_OF_TRANSACTIONS = (100, 4, 5, 3, 3, 3, 3, 5, 3, 3, 3, 0)
"""More of all: most of the protocol is about what becomes of these."""
WEIGHTS_OF_OTHERS = (20, 2, 0, 2, 3, 1, 1, 4, 1, 1, 0, 0)
"""To a queue more is lost, for whoever sends does not mind."""
IN_PART = {"BatchGetItem": 12, "SendMessageBatch": 60, "PutEvents": 60}
"""How often a batch of several is done in part; of messages and events there are few."""
DONE = {
    Fault.NONE,
    Fault.DONE_AND_FAILED,
    Fault.DONE_AND_LOST,
    Fault.OUTAGE,
    Fault.DONE_AND_CRASHED,
    Fault.LATE,
    Fault.IN_PART,
}


def weights_of(service: str, operation: str, body: Any) -> Sequence[int]:
    if is_batch(operation, body):
        most = WEIGHTS if service == "DynamoDB" else WEIGHTS_OF_OTHERS
        return (*most[:-1], IN_PART[operation])
    if service != "DynamoDB":
        return WEIGHTS_OF_OTHERS
    return WEIGHTS_OF_TRANSACTIONS if operation == "TransactWriteItems" else WEIGHTS


def is_batch(operation: str, body: Any) -> bool:
    """Whether it asks for several things, each of which may be left over."""
    if operation == "BatchGetItem":
        return any(len(wanted["Keys"]) > 1 for wanted in body["RequestItems"].values())
    return operation in IN_PART and len(body["Entries"]) > 1


class Crashed(BaseException):
    """The function ended here: nothing after it is run."""


class Service(Protocol):
    def answer(self, operation: str, body: Any, *, behind: int = 0) -> dict[str, Any]: ...


class Turns(Protocol):
    """Who goes on, and what meets them."""

    def turn(self, service: str, operation: str, body: Mapping[str, Any]) -> tuple[Fault, int]:
        """Waits for the caller's turn; the fault, and by how many commits its read is behind."""

    def told(self, answer: str) -> None: ...


@dataclass(frozen=True)
class Part:
    """Of a request, what is done; and what is said of the rest in the answer."""

    body: Any
    told: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer


def _of_reads(body: Any) -> Part:
    [(table, wanted)] = body["RequestItems"].items()
    done, left = ({table: {**wanted, "Keys": keys}} for keys in _halves(wanted["Keys"]))
    return Part({"RequestItems": done}, lambda answer: answer | {"UnprocessedKeys": left})


def _of_messages(body: Any) -> Part:
    done, left = _halves(body["Entries"])
    failed = [{"Id": each["Id"], "Code": "InternalError", "SenderFault": False} for each in left]
    return Part({**body, "Entries": done}, lambda answer: answer | {"Failed": failed})


def _of_events(body: Any) -> Part:
    done, left = _halves(body["Entries"])
    failed = [{"ErrorCode": "InternalFailure"} for _ in left]
    return Part(
        {**body, "Entries": done},
        lambda answer: {"FailedEntryCount": len(left), "Entries": [*answer["Entries"], *failed]},
    )


def _halves(some: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    half = len(some) // 2
    return some[:half], some[half:]


PARTS = {"BatchGetItem": _of_reads, "SendMessageBatch": _of_messages, "PutEvents": _of_events}
"""Calls that AWS may do in part: their answers say what is left."""


class Line:
    """What the clients' requests go through; the services and the turns are of one schedule."""

    services: Mapping[str, Service]
    turns: Turns

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        service, _, operation = request.headers["X-Amz-Target"].decode().partition(".")
        service = service.partition("_")[0]
        body = json.loads(request.body)
        fault, behind = self.turns.turn(service, operation, body)
        if fault is Fault.CRASHED:
            raise Crashed
        answer = self._refused(fault, operation, body)
        if fault in DONE:
            given = PARTS[operation](body) if fault is Fault.IN_PART else Part(body)
            answer = self._done(service, operation, given, behind)
        if fault is Fault.DONE_AND_CRASHED:
            raise Crashed
        if fault is Fault.DONE_AND_FAILED:
            answer = wire.broken()
        if fault in {Fault.UNHEARD, Fault.DONE_AND_LOST, Fault.OUTAGE}:
            raise ReadTimeoutError(endpoint_url=request.url)
        found = answer(request)
        assert found
        return found

    def _done(self, service: str, operation: str, given: Part, behind: int) -> wire.Fault:
        try:
            answer = self.services[service].answer(operation, given.body, behind=behind)
        except Refused as error:
            codes = [each["Code"] for each in error.body.get("CancellationReasons", ())]
            self.turns.told(" ".join([error.code, *codes]))
            return wire.answer(error.body, status=400)
        return wire.answer(given.told(answer))

    @staticmethod
    def _refused(fault: Fault, operation: str, body: Any) -> wire.Fault:
        """A transaction is throttled by one of its items, as it conflicts by one."""
        if fault not in {Fault.THROTTLED, Fault.CONFLICT}:
            return wire.broken()
        throttled = fault is Fault.THROTTLED
        if "Transact" not in operation:
            code = "ThrottlingException" if throttled else "TransactionConflictException"
            return wire.refused(code)
        others = ["None"] * (len(body["TransactItems"]) - 1)
        return wire.canceled("ThrottlingError" if throttled else "TransactionConflict", *others)


LINE = Line()


def client(service: str) -> BaseClient:
    """The functions' own client and its retries, of which only the wire and the waiting differ.

    Neither signed nor validated, which is half of a call's time and is under test elsewhere.
    """
    config = {"sqs": QUEUE_CONFIG}.get(service, CLIENT_CONFIG)
    bare = config.merge(Config(signature_version=UNSIGNED, parameter_validation=False))
    made: BaseClient = session().client(service, config=bare)  # type: ignore[call-overload]
    events: Any = made.meta.events
    events.register_first("before-send", LINE)
    return made


class Unlimited(RetryQuota):
    """As a client's is whose last faults are long ago: each schedule begins with all of it."""

    def acquire(self, capacity_amount: int) -> bool:  # noqa: ARG002
        return True
