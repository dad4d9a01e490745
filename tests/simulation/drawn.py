"""What the machine draws: requests as the product makes them, of few items and small amounts."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from refunds import table
from refunds.stores.debits import AS_READ, FUNDED, FUNDED_AND_NOT_HELD, OPEN_STILL, OPEN_VALUES
from refunds.stores.dynamo import to_item

type Call = tuple[str, dict[str, Any]]

NAMES = ("r0", "r1", "r2", "r3")
REFUNDS = st.sampled_from(NAMES)
AMOUNTS = st.integers(0, 3)
TIMES = st.sampled_from(("2024-03-01", "2024-03-02", "2024-03-03"))
LATER = "2024-03-04"
STATUSES = st.sampled_from(("pending", "awaiting_funds", "succeeded"))
SHARDS = st.integers(0, 1)
NUMBERS = st.integers(0, 3)
ENTRIES = "STATEMENT#m"


def condition_of(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"ExpressionAttributeValues": {f":{k}": v for k, v in to_item(values).items()}}


def keys(partition: str, sort: str = "", **values: str | None) -> dict[str, Any]:
    """A key condition; the sort key's part is left out where one of its values is."""
    whole = sort and None not in values.values()
    return {
        "KeyConditionExpression": f"{partition} AND {sort}" if whole else partition,
        **condition_of({name: value for name, value in values.items() if value is not None}),
    }


def wallet(shard: int) -> table.Key:
    return table.wallet("m", "CNY", shard)


def _puts(
    name: str, status: str, amount: int, at: str, *, lists: bool, new: bool
) -> dict[str, Any]:
    return {
        "Item": {
            **table.refund(name),
            **to_item(
                {
                    "refund_id": name,
                    "status": status,
                    "amount": amount,
                    "merchant_id": "m",
                    "buyer_id": "b",
                    "currency": "CNY",
                    "requested_at": at,
                    "waiting_list": "list" if lists else None,
                    "due_bucket": "0" if lists else None,
                    "due_at": at if lists else None,
                }
            ),
        },
        **({"ConditionExpression": "attribute_not_exists(pk)"} if new else {}),
    }


puts = st.builds(_puts, REFUNDS, STATUSES, AMOUNTS, TIMES, lists=st.booleans(), new=st.booleans())
lists = st.tuples(
    *(
        st.builds(
            _puts, st.just(name), STATUSES, AMOUNTS, TIMES, lists=st.just(True), new=st.just(True)
        )
        for name in NAMES
    )
)
"""Each refund once, so that the indexes have something to tell."""


def _enters(at: str, number: int, amount: int, *, new: bool) -> dict[str, Any]:
    place = {"pk": {"S": ENTRIES}, "sk": {"S": f"{at}#{number}"}}
    return {
        "Item": {**place, **to_item({"number": number, "amount": amount})},
        **({"ConditionExpression": "attribute_not_exists(pk)"} if new else {}),
    }


enters = st.builds(_enters, TIMES, NUMBERS, AMOUNTS, new=st.booleans())
entries = st.lists(enters, min_size=3, max_size=6)
"""Of one partition, so that its order and its pages have something to tell."""
opens = st.builds(
    lambda shard, available, marks: {
        "Item": {**wallet(shard), **to_item({"available": available, **marks})},
    },
    SHARDS,
    AMOUNTS,
    st.sampled_from(({}, {"frozen": True}, {"held": True})),
)


def _settles(name: str, amount: int) -> dict[str, Any]:
    return {
        "Key": table.refund(name),
        "UpdateExpression": "SET #status = :succeeded, succeeded_at = :now, sources = :sources "
        "REMOVE due_bucket, due_at, waits_for, waiting_list",
        "ConditionExpression": AS_READ,
        "ExpressionAttributeNames": {"#status": "status"},
        **condition_of(
            {
                **OPEN_VALUES,
                "succeeded": "succeeded",
                "now": "2024-03-04",
                "sources": {"available": amount},
                "m": "m",
                "b": "b",
                "c": "CNY",
                "amount": amount,
            }
        ),
    }


def _waits(name: str, at: str) -> dict[str, Any]:
    return {
        "Key": table.refund(name),
        "UpdateExpression": "SET #status = :awaiting, waits_for = :f, due_at = :due_at, "
        "waiting_list = :list, awaiting_funds_at = if_not_exists(awaiting_funds_at, :now)",
        "ConditionExpression": OPEN_STILL,
        "ExpressionAttributeNames": {"#status": "status"},
        **condition_of(
            {**OPEN_VALUES, "f": "funds", "due_at": at, "list": "list", "now": f"{at}T12"}
        ),
    }


def _draws(shard: int, amount: int, condition: str | None) -> dict[str, Any]:
    return {
        "Key": wallet(shard),
        "UpdateExpression": "SET available = available - :amount",
        **({"ConditionExpression": condition} if condition else {}),
        **condition_of({"amount": amount}),
    }


def _adds(shard: int, amount: int) -> dict[str, Any]:
    return {
        "Key": wallet(shard),
        "UpdateExpression": "ADD available :amount",
        **condition_of({"amount": amount}),
    }


def _marks(shard: int, *, on: bool) -> dict[str, Any]:
    return {
        "Key": wallet(shard),
        "UpdateExpression": "SET frozen = :on" if on else "REMOVE frozen",
        "ConditionExpression": "attribute_exists(pk)",
        **(condition_of({"on": True}) if on else {}),
    }


updates = st.one_of(
    st.builds(_settles, REFUNDS, AMOUNTS),
    st.builds(_waits, REFUNDS, TIMES),
    st.builds(_draws, SHARDS, AMOUNTS, st.sampled_from((FUNDED, FUNDED_AND_NOT_HELD))),
    st.builds(_adds, SHARDS, AMOUNTS),
    st.builds(lambda shard, on: _marks(shard, on=on), SHARDS, st.booleans()),
)
from_nothing = st.builds(_draws, SHARDS, AMOUNTS, st.none())
deletes = st.builds(
    lambda shard, seen: {
        "Key": wallet(shard),
        "ConditionExpression": "available = :seen OR attribute_exists(held)",
        **condition_of({"seen": seen}),
    },
    SHARDS,
    AMOUNTS,
)
checks = st.builds(
    lambda shard, low, high: {
        "Key": wallet(shard),
        "ConditionExpression": "available BETWEEN :low AND :high AND attribute_not_exists(frozen)",
        **condition_of({"low": low, "high": low + high}),
    },
    SHARDS,
    AMOUNTS,
    AMOUNTS,
)
actions = st.one_of(
    (puts | enters).map(lambda request: ("Put", request)),
    updates.map(lambda request: ("Update", request)),
    deletes.map(lambda request: ("Delete", request)),
    checks.map(lambda request: ("ConditionCheck", request)),
)
