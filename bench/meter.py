"""What the requests of one client consume, as the engine answers it."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

METERED = (
    "BatchGetItem",
    "GetItem",
    "PutItem",
    "Query",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
)
type ItemKey = tuple[str, str]

WRITES = {"PutItem", "TransactWriteItems", "UpdateItem"}


@dataclass
class Consumed:
    """Units of DynamoDB: written to the table, written to its indexes, and read; and the time."""

    requests: float = 0.0
    table_writes: float = 0.0
    index_writes: float = 0.0
    reads: float = 0.0
    milliseconds: float = 0.0
    written: Counter[ItemKey] = field(default_factory=Counter)
    """How often each item was sent in a transaction."""

    def __truediv__(self, count: int) -> "Consumed":
        return Consumed(
            self.requests / count,
            self.table_writes / count,
            self.index_writes / count,
            self.reads / count,
            self.milliseconds / count,
        )


class Meter:
    """Asks for the consumed capacity with each request, and adds up what is answered."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self._now = Consumed()
        events: Any = client.meta.events
        for operation in METERED:
            events.register(f"provide-client-params.dynamodb.{operation}", self._ask)
            events.register(f"after-call.dynamodb.{operation}", self._count)

    @contextmanager
    def measured(self) -> Iterator[Consumed]:
        """What is consumed while inside."""
        self._now, began = Consumed(), time.perf_counter()
        yield self._now
        self._now.milliseconds = (time.perf_counter() - began) * 1000

    def _ask(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        self._now.written.update(map(key_of, params.get("TransactItems", [])))
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def _count(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        self._now.requests += 1
        told = parsed.get("ConsumedCapacity", [])
        for each in told if isinstance(told, list) else [told]:
            indexes = each.get("GlobalSecondaryIndexes", {}).values()
            in_indexes = sum(index["CapacityUnits"] for index in indexes)
            if model.name in WRITES:
                self._now.index_writes += in_indexes
                self._now.table_writes += each["CapacityUnits"] - in_indexes
            else:
                self._now.reads += each["CapacityUnits"]


def key_of(action: Mapping[str, Any]) -> ItemKey:
    """Of the item that one action of a transaction is about."""
    [(kind, request)] = action.items()
    key = request["Item" if kind == "Put" else "Key"]
    return key["pk"]["S"], key["sk"]["S"]


def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of a stored item, by the rule of DynamoDB's developer guide ("Item sizes")."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            return (len(str(content).strip("-0")) + 1) // 2 + 1 + str(content).startswith("-")
        case "BOOL" | "NULL":
            return 1
        case "M":
            return 3 + sum(len(name.encode()) + _size(each) + 1 for name, each in content.items())
        case "L":
            return 3 + sum(_size(each) + 1 for each in content)
    raise NotImplementedError(kind)
