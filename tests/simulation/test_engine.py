"""The DynamoDB in this process, held to AWS's own engine: the same calls, the same answers.

What the machine draws is what the product sends: its conditions, its updates, its queries.
"""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import uuid4

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from refunds import table
from tests.simulation.drawn import (
    ENTRIES,
    LATER,
    REFUNDS,
    SHARDS,
    TIMES,
    Call,
    actions,
    deletes,
    enters,
    entries,
    from_nothing,
    keys,
    lists,
    opens,
    puts,
    updates,
    wallet,
)
from tests.simulation.dynamodb import DynamoDB, Name, Refused, name_of
from tests.stores.engines import Stores

SORTED_BY = {table.WAITING_LIST: "requested_at", table.DUE_LIST: "due_at"}
"""What an index is sorted by; the table itself is by `sk`."""
LIMITS = st.integers(0, 4).map(lambda limit: {"Limit": limit} if limit else {})
"""Of a page, or of none."""


def _about(action: Call) -> Name:
    """The product names no item twice in a transaction. AWS refuses that before it looks at any
    condition, and its engine afterwards.
    """
    return name_of(action[1].get("Item") or action[1]["Key"])


class Machine(RuleBasedStateMachine):
    """Each rule is one call, made on both engines."""

    theirs: ClassVar[Stores]

    def __init__(self) -> None:
        super().__init__()
        self.ours = DynamoDB()
        self.tokens: list[tuple[str, list[Any]]] = []

    @initialize(some=lists, entered=entries)
    def begin(self, some: tuple[dict[str, Any], ...], entered: list[dict[str, Any]]) -> None:
        """Their table is emptied: to make one takes longer than a run. The lists begin filled."""
        client, name = self.theirs.client, self.theirs.table
        for item in client.scan(TableName=name)["Items"]:
            client.delete_item(TableName=name, Key={"pk": item["pk"], "sk": item["sk"]})
        for request in (*some, *entered):
            self.put(request)

    @rule(request=st.one_of(puts, opens, enters))
    def put(self, request: dict[str, Any]) -> None:
        self.call("put_item", request)

    @rule(request=st.one_of(updates, from_nothing))
    def update(self, request: dict[str, Any]) -> None:
        self.call("update_item", request)

    @rule(request=deletes, telling=st.booleans())
    def delete(self, request: dict[str, Any], *, telling: bool) -> None:
        self.call("delete_item", {**request, **({"ReturnValues": "ALL_OLD"} if telling else {})})

    @rule(some=st.lists(actions, min_size=1, max_size=4, unique_by=_about), telling=st.booleans())
    def transact(self, some: list[Call], *, telling: bool) -> None:
        items = [{kind: self._of_transaction(request, telling=telling)} for kind, request in some]
        token = uuid4().hex
        self.tokens.append((token, items))
        self.call("transact_write_items", {"TransactItems": items, "ClientRequestToken": token})

    @rule(data=st.data(), otherwise=st.booleans())
    def transact_again(self, data: st.DataObject, *, otherwise: bool) -> None:
        """The same token: done once; or another transaction under it."""
        if not self.tokens:
            return
        token, items = data.draw(st.sampled_from(self.tokens))
        if otherwise:
            items = data.draw(st.sampled_from(self.tokens))[1]
        self.call("transact_write_items", {"TransactItems": items, "ClientRequestToken": token})

    @rule(names=st.lists(REFUNDS, min_size=1, max_size=4), shard=SHARDS)
    def read_together(self, names: list[str], shard: int) -> None:
        wanted = [wallet(shard), *map(table.refund, dict.fromkeys(names))]
        gets = [{"Get": {"TableName": self.theirs.table, "Key": key}} for key in wanted]
        self.call("transact_get_items", {"TransactItems": gets})

    @rule(names=st.lists(REFUNDS, min_size=1, max_size=4))
    def read_many(self, names: list[str]) -> None:
        wanted = {"Keys": [table.refund(name) for name in names], "ConsistentRead": True}
        self.call("batch_get_item", {"RequestItems": {self.theirs.table: wanted}})

    @rule(name=REFUNDS)
    def read_one(self, name: str) -> None:
        self.call("get_item", {"Key": table.refund(name), "ConsistentRead": True})

    @rule(before=st.none() | TIMES | st.just(LATER), limit=LIMITS, backwards=st.booleans())
    def what_waits(self, before: str | None, limit: dict[str, int], *, backwards: bool) -> None:
        self.pages(
            {
                "IndexName": table.WAITING_LIST,
                **keys(
                    "waiting_list = :list", "requested_at < :before", list="list", before=before
                ),
                "ScanIndexForward": not backwards,
                **limit,
            }
        )

    @rule(at=TIMES | st.just(LATER), limit=LIMITS)
    def what_is_due(self, at: str, limit: dict[str, int]) -> None:
        self.pages(
            {
                "IndexName": table.DUE_LIST,
                **keys("due_bucket = :bucket", "due_at <= :at", bucket="0", at=at),
                **limit,
            }
        )

    @rule(low=TIMES, high=TIMES, limit=LIMITS, backwards=st.booleans())
    def what_was_due_between(
        self, low: str, high: str, limit: dict[str, int], *, backwards: bool
    ) -> None:
        """As lists of an index are asked for a span of time."""
        if low <= high:
            between = "due_at BETWEEN :low AND :high"
            self.pages(
                {
                    "IndexName": table.DUE_LIST,
                    **keys("due_bucket = :bucket", between, bucket="0", low=low, high=high),
                    "ScanIndexForward": not backwards,
                    **limit,
                }
            )

    @rule(name=REFUNDS, start=st.sampled_from((None, "R", "REFUND", "S")))
    def a_partition(self, name: str, start: str | None) -> None:
        request = keys("pk = :pk", "begins_with(sk, :start)", pk=f"REFUND#{name}", start=start)
        self.pages({**request, "ConsistentRead": True})

    @rule(low=TIMES, high=TIMES | st.just(LATER), limit=LIMITS, backwards=st.booleans())
    def entries_between(
        self, low: str, high: str, limit: dict[str, int], *, backwards: bool
    ) -> None:
        if low <= high:
            self.pages(
                {
                    **keys("pk = :pk", "sk BETWEEN :low AND :high", pk=ENTRIES, low=low, high=high),
                    "ConsistentRead": True,
                    "ScanIndexForward": not backwards,
                    **limit,
                }
            )

    @rule(limit=LIMITS, backwards=st.booleans())
    def all_entries(self, limit: dict[str, int], *, backwards: bool) -> None:
        self.pages(
            {
                **keys("pk = :pk", pk=ENTRIES),
                "ConsistentRead": True,
                "ScanIndexForward": not backwards,
                **limit,
            }
        )

    @rule(limit=LIMITS)
    def everything(self, limit: dict[str, int]) -> None:
        self._agree(walked, "scan", {"ConsistentRead": True, **limit})

    def teardown(self) -> None:
        """In the end both hold the same."""
        self.call("scan", {"ConsistentRead": True})

    # ── Both, and what must be equal ─────────────────────────────────────────────────────────

    def pages(self, request: dict[str, Any]) -> None:
        self._agree(walked, "query", request)

    def call(self, name: str, request: dict[str, Any]) -> None:
        self._agree(answered, name, request)

    def _agree(self, told: Callable[..., Any], name: str, request: dict[str, Any]) -> None:
        operation = "".join(part.title() for part in name.split("_"))
        tabled = {"TableName": self.theirs.table} if _names_a_table(name) else {}
        theirs = told(getattr(self.theirs.client, name), **tabled, **request)
        ours = told(lambda **body: self.ours.answer(operation, body), **request)
        assert ours == theirs

    def _of_transaction(self, request: dict[str, Any], *, telling: bool) -> dict[str, Any]:
        told = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if telling else {}
        if "ConditionExpression" not in request:
            told = {}
        return {"TableName": self.theirs.table, **request, **told}


def _names_a_table(name: str) -> bool:
    return not name.startswith(("transact", "batch"))


def answered(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """The answer, or the error, in one form; texts of errors are nobody's to rely on."""
    try:
        answer = dict(call(**request))
    except ClientError as error:
        response: Any = error.response
        reasons = response.get("CancellationReasons", [])
        return _refusal(response["Error"]["Code"], reasons)
    except Refused as error:
        return _refusal(error.code, error.body.get("CancellationReasons", []))
    for name in ("ResponseMetadata", "ScannedCount", "Count", "ConsumedCapacity"):
        answer.pop(name, None)
    if "KeyConditionExpression" in request:
        sorted_by = SORTED_BY.get(request.get("IndexName", ""), "sk")
        answer["Order"] = [item[sorted_by] for item in answer["Items"]]
    return _in_order(answer)


def walked(read: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """All pages of a query or scan, by its own keys: which of the items without an order among
    them ends a page is left open.
    """
    found: dict[str, Any] = {"Items": [], "Order": [], "Sizes": []}
    start: dict[str, Any] = {}
    while True:
        page = answered(read, **request, **start)
        if "Items" not in page:
            return page
        found["Items"] += page["Items"]
        found["Order"] += page.get("Order", [])
        found["Sizes"].append(len(page["Items"]))
        if "LastEvaluatedKey" not in page:
            return _in_order(found)
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _refusal(code: str, reasons: list[Any]) -> dict[str, Any]:
    told = [{name: each[name] for name in ("Code", "Item") if name in each} for each in reasons]
    return {"code": code, "reasons": told}


def _in_order(answer: dict[str, Any]) -> dict[str, Any]:
    """A scan and a batch are in no order; of an index, equal sort keys are in none.

    What a query's sort keys are, one after the other, is beside it.
    """
    if "Items" in answer:
        answer["Items"] = sorted(answer["Items"], key=name_of)
    for name, items in answer.get("Responses", {}).items() if _is_batch(answer) else ():
        answer["Responses"][name] = sorted(items, key=name_of)
    return answer


def _is_batch(answer: dict[str, Any]) -> bool:
    return isinstance(answer.get("Responses"), dict)


def test_the_dynamodb_in_this_process_answers_as_aws_s_engine_does(theirs: Stores) -> None:
    # A call of theirs takes a while: the steps that differ first are short enough.
    agree(theirs, examples=20, steps=30, derandomize=True, phases=(Phase.generate,))


def agree(theirs: Stores, *, examples: int, steps: int, **how: Any) -> None:
    """Raises AssertionError: an answer of theirs differs, or what is stored in the end."""
    Machine.theirs = theirs
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            **how,
        ),
    )
