"""The table of `template.yaml` itself, so that tests and deployment cannot differ."""

from typing import TYPE_CHECKING, Any

from tests.contract import template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOCAL_ENGINES_LACK = ("PointInTimeRecoverySpecification", "SSESpecification")
"""Of no effect on what is read and written."""


def create(client: "DynamoDBClient", name: str) -> str:
    declared = template.written()["Resources"]["Table"]["Properties"]
    properties: dict[str, Any] = {
        key: value for key, value in declared.items() if key not in LOCAL_ENGINES_LACK
    }
    properties["StreamSpecification"] = {"StreamEnabled": True, **declared["StreamSpecification"]}
    client.create_table(TableName=name, **properties)
    return name


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
