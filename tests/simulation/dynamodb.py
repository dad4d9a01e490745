"""DynamoDB in this process: one table in a dictionary, the operations that the product calls.

What it answers is held to AWS's own engine by `test_engine.py`. A copy of all of it is one copy of
a dictionary, and a call takes microseconds: moto takes a tenth of a second for a transaction.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from local.table import declared
from tests.simulation.expressions import Given, Invalid, Item, holds, ordered, updated

type Name = tuple[str, str]
type Body = Mapping[str, Any]
type Answer = dict[str, Any]

MAX_ACTIONS = 100
KEYS = ("pk", "sk")
FAILED = "ConditionalCheckFailed"


class Refused(Exception):
    """An error that the service answers."""

    def __init__(self, code: str, message: str = "", **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.body: dict[str, Any] = {
            "__type": f"com.amazonaws.dynamodb.v20120810#{code}",
            "message": message,
        }
        self.body |= more


@dataclass(frozen=True, slots=True)
class Change:
    """One item before and after a commit."""

    name: Name
    old: Item | None
    new: Item | None


type Commit = tuple[Change, ...]


def _indexes() -> dict[str, tuple[str, str]]:
    """Of each index, its partition key and its sort key."""
    return {
        index["IndexName"]: (
            index["KeySchema"][0]["AttributeName"],
            index["KeySchema"][1]["AttributeName"],
        )
        for index in declared()["GlobalSecondaryIndexes"]
    }


@dataclass
class DynamoDB:
    items: dict[Name, Item] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    """Every commit, the last one at the end."""
    tokens: dict[str, Body] = field(default_factory=dict)
    """Transactions that are done, by their ClientRequestToken."""
    committed: Callable[[Commit], None] = lambda _: None
    indexes: Mapping[str, tuple[str, str]] = field(default_factory=_indexes)

    def answer(self, operation: str, body: Body, *, behind: int = 0) -> Answer:
        """Raises Refused. What need not be consistent is read as it was `behind` commits ago."""
        try:
            return self.OPERATIONS[operation](self, body, behind)
        except Invalid as error:
            raise Refused("ValidationException", str(error)) from error

    def as_of(self, behind: int) -> dict[Name, Item]:
        """All items as they were so many commits ago."""
        if not behind or not self.commits:
            return self.items
        found = dict(self.items)
        for commit in reversed(self.commits[-behind:]):
            for change in commit:
                if change.old is None:
                    found.pop(change.name, None)
                else:
                    found[change.name] = change.old
        return found

    def _commit(self, *changes: Change) -> None:
        real = tuple(change for change in changes if change.old != change.new)
        for change in real:
            if change.new is None:
                del self.items[change.name]
            else:
                self.items[change.name] = change.new
        if real:
            self.commits.append(real)
            self.committed(real)

    # ── Reads ────────────────────────────────────────────────────────────────────────────────

    def _get_item(self, body: Body, behind: int) -> Answer:
        items = self.items if body.get("ConsistentRead") else self.as_of(behind)
        return _found(items, body["Key"])

    def _batch_get_item(self, body: Body, behind: int) -> Answer:
        [(table, wanted)] = body["RequestItems"].items()
        names = [name_of(key) for key in wanted["Keys"]]
        if len(set(names)) < len(names):
            raise Invalid("Provided list of item keys contains duplicates")
        items = self.items if wanted.get("ConsistentRead") else self.as_of(behind)
        found = [items[name] for name in names if name in items]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _transact_get_items(self, body: Body, _: int) -> Answer:
        gets = [each["Get"] for each in body["TransactItems"]]
        return {"Responses": [_found(self.items, get["Key"]) for get in gets]}

    def _query(self, body: Body, behind: int) -> Answer:
        index = body.get("IndexName")
        partition, sort = self.indexes[index] if index else KEYS
        values, names = body["ExpressionAttributeValues"], body.get("ExpressionAttributeNames", {})
        expression = body["KeyConditionExpression"]
        items = self.items if body.get("ConsistentRead") else self.as_of(behind)
        found = [
            item
            for item in items.values()
            if partition in item and sort in item and holds(expression, Given(item, values, names))
        ]
        keys = dict.fromkeys((*KEYS, partition, sort))
        backwards = not body.get("ScanIndexForward", True)
        page = _page(found, (sort, *KEYS), body, keys, backwards=backwards)
        if index:
            page["Items"] = [{key: item[key] for key in keys} for item in page["Items"]]
        return page

    def _scan(self, body: Body, behind: int) -> Answer:
        items = self.items if body.get("ConsistentRead") else self.as_of(behind)
        return _page([*items.values()], KEYS, body, dict.fromkeys(KEYS), backwards=False)

    # ── Writes ───────────────────────────────────────────────────────────────────────────────

    def _write(self, kind: str, body: Body) -> Answer:
        change = self._change(kind, body)
        if change is None:
            raise Refused(f"{FAILED}Exception", "The conditional request failed")
        self._commit(change)
        told = change.old and body.get("ReturnValues") == "ALL_OLD"
        return {"Attributes": change.old} if told else {}

    def _put_item(self, body: Body, _: int) -> Answer:
        return self._write("Put", body)

    def _update_item(self, body: Body, _: int) -> Answer:
        return self._write("Update", body)

    def _delete_item(self, body: Body, _: int) -> Answer:
        return self._write("Delete", body)

    def _transact_write_items(self, body: Body, _: int) -> Answer:
        actions = [action for each in body["TransactItems"] for action in each.items()]
        if len(actions) > MAX_ACTIONS:
            raise Invalid("Member must have length less than or equal to 100")
        names = [name_of(request.get("Item") or request["Key"]) for _, request in actions]
        if len(set(names)) < len(names):
            raise Invalid("Transaction request cannot include multiple operations on one item")
        token = body.get("ClientRequestToken")
        if token in self.tokens:
            if self.tokens[token] != body["TransactItems"]:
                raise Refused("IdempotentParameterMismatchException")
            return {}
        changes, reasons = [], []
        for kind, request in actions:
            try:
                change = self._change(kind, request)
            except Invalid as error:
                reasons.append({"Code": "ValidationError", "Message": str(error)})
                continue
            reasons.append({"Code": "None"} if change else self._reason(request))
            changes += [change] if change else []
        if len(changes) < len(actions):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons [{codes}]"
            raise Refused("TransactionCanceledException", message, CancellationReasons=reasons)
        if token:
            self.tokens[token] = body["TransactItems"]
        self._commit(*changes)
        return {}

    def _reason(self, request: Body) -> Answer:
        reason = {"Code": FAILED, "Message": "The conditional request failed"}
        if request.get("ReturnValuesOnConditionCheckFailure") != "ALL_OLD":
            return reason
        return reason | _found(self.items, request.get("Item") or request["Key"])

    def _change(self, kind: str, body: Body) -> Change | None:
        """What it would change; nothing when its condition does not hold."""
        key = body.get("Item") or body["Key"]
        name = name_of(key)
        old = self.items.get(name)
        names = body.get("ExpressionAttributeNames", {})
        given = Given(old or {}, body.get("ExpressionAttributeValues", {}), names)
        condition = body.get("ConditionExpression")
        if condition and not holds(condition, given):
            return None
        match kind:
            case "Put":
                new = dict(body["Item"])
            case "Update":
                new = {**body["Key"], **updated(body["UpdateExpression"], given)}
            case "Delete":
                return Change(name, old, None)
            case _:
                return Change(name, old, old)
        return Change(name, old, new)

    OPERATIONS: ClassVar[Mapping[str, Callable[..., Answer]]] = {
        "GetItem": _get_item,
        "BatchGetItem": _batch_get_item,
        "TransactGetItems": _transact_get_items,
        "Query": _query,
        "Scan": _scan,
        "PutItem": _put_item,
        "UpdateItem": _update_item,
        "DeleteItem": _delete_item,
        "TransactWriteItems": _transact_write_items,
    }


def name_of(key: Mapping[str, Any]) -> Name:
    return key["pk"]["S"], key["sk"]["S"]


def _found(items: Mapping[Name, Item], key: Body) -> Answer:
    item = items.get(name_of(key))
    return {"Item": item} if item else {}


def _page(
    found: list[Item], by: tuple[str, ...], body: Body, keys: Mapping[str, None], *, backwards: bool
) -> Answer:
    def place(item: Item) -> tuple[Any, ...]:
        return tuple(ordered(item[name]) for name in by)

    def after(item: Item) -> bool:
        if "ExclusiveStartKey" not in body:
            return True
        start = place(body["ExclusiveStartKey"])
        return place(item) < start if backwards else place(item) > start

    left = sorted(filter(after, found), key=place, reverse=backwards)
    limit = body.get("Limit")
    if not limit or len(left) < limit:
        return {"Items": left, "Count": len(left)}
    last = left[limit - 1]
    page = {"Items": left[:limit], "Count": limit}
    return {**page, "LastEvaluatedKey": {key: last[key] for key in keys}}


class Direct:
    """A client of it that takes no time: for what is prepared and checked, and is not under test.

    It has only what the stores call there, and its errors are `Refused`.
    """

    def __init__(self, service: DynamoDB) -> None:
        self.service = service

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        operation = "".join(part.title() for part in name.split("_"))
        return lambda **body: self.service.answer(operation, body)

    def get_paginator(self, _: str) -> "Direct":
        return self

    def paginate(self, *, PaginationConfig: Any = None, **body: Any) -> Iterator[Answer]:  # noqa: ARG002, N803
        """One page of everything."""
        yield self.service.answer("Query", body)
