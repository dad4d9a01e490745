"""The client, the forms of items, and the transaction that every store uses."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from itertools import batched, islice
from typing import TYPE_CHECKING, Any, Self

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from refunds.deadline import Ready
from refunds.errors import Busy
from refunds.settings import Settings
from refunds.stores import answers
from refunds.stores.session import session
from refunds.table import DUE_LIST, Key, key_of
from refunds.times import format_instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from pydantic import BaseModel

CLIENT_CONFIG = Config(
    connect_timeout=0.5,
    read_timeout=1.5,
    retries={"mode": "standard", "total_max_attempts": 3},
)
"""At most 9 s for one call with its pauses, below the 10 s of an API function."""

CONFLICT_TRIES = 5
TRY_AGAIN_FOR = 0.5
"""Seconds after which what was answered "not now" is not sent again: a call may still take 9 s."""
MAX_BATCH_GET = 100

type Item = dict[str, Any]
type Values = dict[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@cache
def _client() -> "DynamoDBClient":
    """One for all stores of a function: a client costs more to make than to use."""
    return session().client("dynamodb", config=CLIENT_CONFIG)


def to_item(values: Mapping[str, Any]) -> Item:
    """Attribute values; what is None is not there."""
    return {name: _serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Values:
    """Plain values; a number is an int, for there are no others in the table."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str | bool | bytes | None):
        return value
    if isinstance(value, set):
        return sorted(value)
    return int(value)


def model_of[M: "BaseModel"](model: type[M], values: Values) -> M:
    """An item's model, without the keys and index attributes that only the table needs."""
    return model.model_validate(
        {name: values[name] for name in model.model_fields if name in values}
    )


def once(_: int) -> bool:
    """No other try: for whoever plans anew what was not done, rather than sends the same again."""
    return False


def in_time(ready: Ready | None) -> None:
    """Asked before each of several calls. Raises Busy: there is no time for another."""
    if ready and not ready(0):
        raise Busy


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a transaction: its kind, its request, and the error of its condition."""

    kind: str
    request: Item
    refusal: Callable[[Values | None], Exception] | None = None

    @property
    def key(self) -> str:
        """The partition key of the item it is about."""
        key: str = self.request["Item" if self.kind == "Put" else "Key"]["pk"]["S"]
        return key


@dataclass(frozen=True)
class Dynamo:
    """What the stores have in common. Reads are consistent wherever a decision follows."""

    client: "DynamoDBClient"
    table: str
    pause: Callable[[float], None] = field(default=time.sleep)
    clock: Callable[[], float] = field(default=time.monotonic)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(_client(), settings.table_name)

    def get(self, key: Key, *, consistent: bool = True) -> Values | None:
        """The item, if it is there. Raises Busy."""
        read = partial(self.client.get_item, TableName=self.table, ConsistentRead=consistent)
        answer = self._send(partial(read, Key=key))
        return from_item(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> list[Values]:
        """Those items that exist, each once, in no order.

        A key may be given twice: two buckets of an index, read one after the other, may both name
        an item that moves between them. Raises Busy when DynamoDB does not keep up.
        """
        found: list[Values] = []
        wanted = {(key["pk"]["S"], key["sk"]["S"]): key for key in keys}
        for chunk in batched(wanted.values(), MAX_BATCH_GET, strict=False):
            found += self._get_chunk(chunk)
        return found

    def put(self, key: Key, values: Values) -> None:
        """Raises Busy."""
        item = {**key, **to_item(values)}
        self._send(partial(self.client.put_item, TableName=self.table, Item=item))

    def update(self, key: Key, expression: str, condition: str | None, values: Values) -> bool:
        """Whether the condition held. `#status` names the one attribute with a reserved name.

        Raises Busy.
        """
        request = self._update(key, expression, condition, values)
        return self._held(partial(self.client.update_item, **request))

    def delete(self, key: Key) -> bool:
        """Whether it was there. Raises Busy."""
        answer = self._send(
            partial(self.client.delete_item, TableName=self.table, Key=key, ReturnValues="ALL_OLD")
        )
        return "Attributes" in answer

    def action_put(
        self,
        key: Key,
        values: Values,
        refusal: Callable[[Values | None], Exception] | None = None,
        condition: str | None = "attribute_not_exists(pk)",
        values_of_condition: Values | None = None,
    ) -> Action:
        request: Item = {"TableName": self.table, "Item": {**key, **to_item(values)}}
        if condition:
            request["ConditionExpression"] = condition
        if values_of_condition:
            request["ExpressionAttributeValues"] = _named(values_of_condition)
        return Action("Put", request, refusal)

    def action_update(
        self,
        key: Key,
        expression: str,
        condition: str | None,
        values: Values,
        refusal: Callable[[Values | None], Exception] | None = None,
    ) -> Action:
        return Action("Update", self._update(key, expression, condition, values), refusal)

    def action_delete(
        self,
        key: Key,
        condition: str,
        values: Values,
        refusal: Callable[[Values | None], Exception] | None = None,
    ) -> Action:
        request: Item = {
            "TableName": self.table,
            "Key": key,
            "ConditionExpression": condition,
        }
        if values:
            request["ExpressionAttributeValues"] = _named(values)
        return Action("Delete", request, refusal)

    def action_check(
        self,
        key: Key,
        condition: str,
        values: Values,
        refusal: Callable[[Values | None], Exception] | None = None,
    ) -> Action:
        request: Item = {"TableName": self.table, "Key": key, "ConditionExpression": condition}
        if values:
            request["ExpressionAttributeValues"] = _named(values)
        return Action("ConditionCheck", request, refusal)

    def transact(self, *actions: Action, ready: Ready | None = None) -> None:
        """All or nothing.

        Raises:
            what the first action whose condition failed says.
            Busy: conflicts or throttling, after a few tries; nothing was written.
        """
        self._send(partial(self._transact, actions), ready=ready)

    def back_off(self, attempt: int) -> None:
        """Full jitter: at most 50 ms, doubling."""
        self.pause(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # spreads load, hides nothing

    def few_tries(self, attempt: int) -> bool:
        """Whether to try again, after a pause, for whoever has no deadline to tell it by."""
        if attempt >= CONFLICT_TRIES:
            return False
        if attempt:
            self.back_off(attempt - 1)
        return True

    def few_tries_while(self, ready: Ready | None) -> Ready:
        """A few tries, and none without time, for whoever has other things to do as well."""
        return lambda attempt: (not ready or ready(0)) and self.few_tries(attempt)

    def put_new(self, key: Key, values: Values) -> bool:
        """Whether it was not there yet. Raises Busy."""
        request = self.action_put(key, values).request
        return self._held(partial(self.client.put_item, **request))

    def query(self, first: Key) -> list[Values]:
        """Every item of a partition whose sort key begins as `first`'s; for short lists only.

        Raises Busy.
        """
        condition, values = "pk = :pk", {":pk": first["pk"]}
        if first["sk"]["S"]:
            condition += " AND begins_with(sk, :sk)"
            values[":sk"] = first["sk"]
        answer = self._send(
            partial(
                self.client.query,
                TableName=self.table,
                ConsistentRead=True,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        )
        return [from_item(item) for item in answer["Items"]]

    def query_all(self, pk: str) -> Iterator[Values]:
        """Every item of a partition, page by page."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
        )
        for page in pages:
            yield from map(from_item, page["Items"])

    def due_keys(self, bucket: str, now: datetime, *, limit: int) -> list[Key]:
        """Keys of a due bucket whose time has come, the longest due first."""
        return list(islice(self.all_due_keys(bucket, now, page=limit), limit))

    def all_due_keys(self, bucket: str, now: datetime, *, page: int) -> Iterator[Key]:
        """The same of all that are due, asked for page by page as they are taken."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=DUE_LIST,
            KeyConditionExpression="due_bucket = :bucket AND due_at <= :at",
            ExpressionAttributeValues={
                ":bucket": {"S": bucket},
                ":at": {"S": format_instant(now)},
            },
            PaginationConfig={"PageSize": page},
        )
        for answer in pages:
            for item in answer["Items"]:
                yield key_of(from_item(item))

    def get_together(
        self, keys: Sequence[Key], *, ready: Ready | None = None
    ) -> list[Values | None]:
        """Items as they were at one instant: a serialisable read.

        While others write them it is read again, as long as `ready` says; a few times without it.
        Raises Busy.
        """
        gets: Any = [{"Get": {"TableName": self.table, "Key": key}} for key in keys]
        answer = self._send(
            partial(self.client.transact_get_items, TransactItems=gets), ready=ready
        )
        return [from_item(each["Item"]) if "Item" in each else None for each in answer["Responses"]]

    def _get_chunk(self, keys: Sequence[Key]) -> Iterator[Values]:
        wanted: Any = {self.table: {"Keys": keys, "ConsistentRead": True}}
        for attempt in range(CONFLICT_TRIES):
            answer = self._send(partial(self.client.batch_get_item, RequestItems=wanted))
            yield from map(from_item, answer["Responses"].get(self.table, []))
            wanted = answer["UnprocessedKeys"]
            if not wanted:
                return
            self.back_off(attempt)
        raise Busy

    def _send[Answer](self, request: Callable[[], Answer], *, ready: Ready | None = None) -> Answer:
        """What DynamoDB answers, once it is not "not now" any more.

        Raises:
            Busy: it was that each time, or there is no time for another try; nothing was written.
        """
        begun, attempt = self.clock(), 0

        def soon(attempt: int) -> bool:
            return self.few_tries(attempt) and self.clock() - begun < TRY_AGAIN_FOR

        while True:
            try:
                return request()
            except ClientError as error:
                if not answers.is_not_now(error):
                    raise
                attempt += 1
                if not (ready or soon)(attempt):
                    raise Busy from error

    def _held(self, write: Callable[[], Any]) -> bool:
        """Whether the write's condition held. Raises Busy."""
        try:
            self._send(write)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _transact(self, actions: Sequence[Action]) -> None:
        try:
            self.client.transact_write_items(TransactItems=actions_of(actions))
        except self.client.exceptions.TransactionCanceledException as error:
            refusal = _refusal(error.response.get("CancellationReasons", []), actions)
            if refusal:
                raise refusal from error
            raise

    def _update(self, key: Key, expression: str, condition: str | None, values: Values) -> Item:
        request: Item = {
            "TableName": self.table,
            "Key": key,
            "UpdateExpression": expression,
        }
        if values:
            request["ExpressionAttributeValues"] = _named(values)
        if condition:
            request["ConditionExpression"] = condition
        if "#status" in f"{expression}{condition}":
            request["ExpressionAttributeNames"] = {"#status": "status"}
        return request


def _named(values: Values) -> Item:
    return {f":{name}": _serialize(value) for name, value in values.items()}


def actions_of(actions: Sequence[Action]) -> Any:
    """The request's form; a failed condition tells what was there."""
    return [{action.kind: _telling(action.request)} for action in actions]


def _telling(request: Item) -> Item:
    if "ConditionExpression" not in request:
        return request
    return {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def refused_actions(
    reasons: Sequence[Any], actions: Sequence[Action]
) -> Iterator[tuple[int, Values | None]]:
    """Reasons, when given, are positional: whose condition failed, with the item as it was."""
    for place, (reason, _) in enumerate(zip(reasons, actions, strict=False)):
        if reason.get("Code") == "ConditionalCheckFailed":
            item = reason.get("Item")
            yield place, from_item(item) if item else None


def _refusal(reasons: Sequence[Any], actions: Sequence[Action]) -> Exception | None:
    for place, item in refused_actions(reasons, actions):
        refusal = actions[place].refusal
        return refusal(item) if refusal else None
    return None
