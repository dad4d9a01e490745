"""What a request of DynamoDB asks of IAM, as AWS reads it off the wire."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.contract.iam import Call

IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "ConditionCheck": "ConditionCheckItem",
}
_PARTITION = re.compile(r"(#?\w+) = (:\w+)")
"""What a query's key condition begins with."""


def asked(operation: str, body: dict[str, Any]) -> Iterator[Call]:
    """Each action of the request, with all of its partitions.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    match operation:
        case "TransactWriteItems" | "TransactGetItems":
            keys = defaultdict(set)
            for [(kind, action)] in (each.items() for each in body["TransactItems"]):
                keys[IN_TRANSACTIONS[kind]].add(_partition(action))
            for action, partitions in keys.items():
                yield Call(action, frozenset(partitions), operation)
        case "BatchGetItem":
            [table] = body["RequestItems"].values()
            yield Call(operation, frozenset(key["pk"]["S"] for key in table["Keys"]))
        case "Query":
            found = _PARTITION.match(body["KeyConditionExpression"])
            assert found
            value = body["ExpressionAttributeValues"][found[2]]["S"]
            yield Call(operation, frozenset({value}), index=body.get("IndexName"))
        case "Scan":
            yield Call(operation, frozenset(), index=body.get("IndexName"))
        case _:
            yield Call(operation, frozenset({_partition(body)}))


def _partition(action: dict[str, Any]) -> str:
    partition: str = (action.get("Key") or action["Item"])["pk"]["S"]
    return partition
