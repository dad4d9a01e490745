"""What is in a table, as stored and as the product reads it."""

from typing import TYPE_CHECKING, Any

from refunds.stores.dynamo import from_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def items(client: "DynamoDBClient", name: str) -> list[dict[str, Any]]:
    """All of a small table, as stored."""
    found: list[dict[str, Any]] = []
    start: Any = {}
    while True:
        answer = client.scan(TableName=name, ConsistentRead=True, **start)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def item(client: "DynamoDBClient", name: str, key: Any) -> dict[str, Any] | None:
    """One item, as stored."""
    found: dict[str, Any] | None = client.get_item(
        TableName=name, Key=key, ConsistentRead=True
    ).get("Item")
    return found


def plain_items(client: "DynamoDBClient", name: str) -> list[dict[str, Any]]:
    """All of a small table, as the product reads it."""
    return [from_item(item) for item in items(client, name)]
