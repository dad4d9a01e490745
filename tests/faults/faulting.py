"""Which call meets which fault, as microburst's rules.

Each call of the product carries a header that says which function makes it, what it calls, and
which of its calls of this kind it is: `process_debits dynamodb.TransactWriteItems 2;`. All tries
of botocore for one call carry the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from tests.faults.proxy import CALL, Rule

ATTEMPT = "amz-sdk-request"
ATTEMPTS = 3
"""Tries of botocore for one call of the database."""
HELD_MS = 3000
"""How long the proxy says nothing; longer than any client of a hasty function waits."""
MOST_ACTIONS = 40
"""Actions of the largest transaction that a case may meet."""
WRITES = ("PutItem", "UpdateItem", "DeleteItem")
TRANSACTIONS = ("TransactWriteItems", "TransactGetItems")


class Fault(StrEnum):
    THROTTLED = "throttled"
    BROKEN = "500"
    TIMED_OUT = "timed-out"
    """Nothing was done, and nothing is said."""
    LOST = "lost"
    """All was done, and the answer is lost."""
    RESET = "reset"
    CONFLICT = "conflict"
    """Another transaction has an item in hand."""
    HOT = "hot-item"
    """Of one item of a transaction, more is asked than its partition gives."""


ERRORS = {
    Fault.THROTTLED: {
        "dynamodb": ("ProvisionedThroughputExceededException", 400),
        "sqs": ("RequestThrottled", 403),
        "events": ("ThrottlingException", 400),
        "lambda": ("TooManyRequestsException", 429),
    },
    Fault.BROKEN: {
        "dynamodb": ("InternalServerError", 500),
        "sqs": ("InternalError", 500),
        "events": ("InternalException", 500),
        "lambda": ("ServiceException", 500),
    },
    Fault.CONFLICT: {"dynamodb": ("TransactionConflictException", 400)},
}
REASONS = {Fault.CONFLICT: "TransactionConflict", Fault.HOT: "ThrottlingError"}
"""Why a transaction is canceled, where it says so action by action."""
UNANSWERED: dict[Fault, Rule] = {
    Fault.TIMED_OUT: {"timeout_ms": HELD_MS},
    Fault.LOST: {"response": {"abort_bytes": 0}},
    Fault.RESET: {"reset": True},
}


class Where(StrEnum):
    ONCE = "once"
    """Each call's first try, so that botocore sends it again."""
    FIRST = "first"
    """All tries of the first call."""
    LAST = "last"
    EVERY_OTHER = "every-other"
    ALL = "all"


@dataclass(frozen=True)
class Call:
    function: str
    service: str
    operation: str

    @classmethod
    def named(cls, name: str) -> Self:
        function, _, called = name.partition(" ")
        return cls(function, *called.split("."))

    def __str__(self) -> str:
        return f"{self.function} {self.service}.{self.operation}"

    def meets(self, fault: Fault) -> bool:
        match fault:
            case Fault.CONFLICT:
                return self.operation in WRITES + TRANSACTIONS
            case Fault.HOT:
                return self.operation in TRANSACTIONS
            case _:
                return True


@dataclass(frozen=True)
class Case:
    """`calls` together is what a short run does; one at a time, and a failure has one cause."""

    calls: tuple[Call, ...]
    fault: Fault
    where: Where
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name or self.calls[0]} {self.fault} {self.where}".replace(" ", "/")

    @property
    def hasty(self) -> bool:
        """Whether the functions' clients should not wait for long."""
        return self.fault is Fault.TIMED_OUT

    def rules(self, made: Mapping[str, int]) -> list[Rule]:
        """`made` is how often each call is made when there is no fault."""
        return [
            effect | self._place(call, made[str(call)])
            for call in self.calls
            for effect in self._effects(call)
        ]

    def _place(self, call: Call, last: int) -> Rule:
        place: Rule = {"operation": call.operation, "headers": self._headers(call, last)}
        if self.where is Where.EVERY_OTHER:
            place["sequence"] = {"fail": ATTEMPTS, "pass": 1}
        return place

    def _headers(self, call: Call, last: int) -> dict[str, str]:
        match self.where:
            case Where.FIRST:
                return {CALL: f"{call} 1;"}
            case Where.LAST:
                return {CALL: f"{call} {last};"}
            case Where.ALL | Where.EVERY_OTHER:
                return {CALL: f"{call} "}
            case Where.ONCE:
                return {CALL: f"{call} ", ATTEMPT: "attempt=1;"}

    def _effects(self, call: Call) -> list[Rule]:
        if self.fault in REASONS and call.operation in TRANSACTIONS:
            return _canceled(call, REASONS[self.fault])
        if self.fault in UNANSWERED:
            return [{"service": call.service} | UNANSWERED[self.fault]]
        return [_error(call, *ERRORS[self.fault][call.service])]


def _error(call: Call, code: str, status: int, **fields: Any) -> Rule:
    error = {"code": code, "status": status, "fields": fields or None}
    return {"service": call.service, "error": error}


def _canceled(call: Call, code: str) -> list[Rule]:
    """As AWS says it: a reason for each action, in their order. The last one's item is at fault.

    A rule's answer is fixed, and so there is one rule for each number of actions.
    """
    reason = {"Code": code, "Message": "The item is not to be had for the moment"}
    return [
        _error(
            call,
            "TransactionCanceledException",
            400,
            CancellationReasons=[{"Code": "None"}] * (actions - 1) + [reason],
        )
        | {"body": f"length(TransactItems) == `{actions}`"}
        for actions in range(1, MOST_ACTIONS + 1)
    ]
