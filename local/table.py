"""The table of `template.yaml` itself, so that tests, benches and deployment cannot differ."""

from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from local.paths import ROOT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TEMPLATE = ROOT / "template.yaml"
LOCAL_ENGINES_LACK = ("PointInTimeRecoverySpecification", "SSESpecification")
"""Of no effect on what is read and written."""


class _Loader(yaml.SafeLoader):
    """Reads `!Ref X` and its like as `X`: the table's own properties have none of them."""


def _short_form(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    raise TypeError(node)


_Loader.add_multi_constructor("!", _short_form)


@cache
def resources() -> dict[str, Any]:
    text = TEMPLATE.read_text(encoding="utf-8")
    template = yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe loader with our own tags
    found: dict[str, Any] = template["Resources"]
    return found


def declared() -> dict[str, Any]:
    properties: dict[str, Any] = resources()["Table"]["Properties"]
    return properties


def create_table(client: "DynamoDBClient", name: str, *, streamed: bool = True) -> str:
    """The table's name. moto copies a stream's every record with each transaction: better none."""
    properties: dict[str, Any] = {
        key: value
        for key, value in declared().items()
        if key not in {*LOCAL_ENGINES_LACK, "StreamSpecification"}
    }
    if streamed:
        properties["StreamSpecification"] = {
            "StreamEnabled": True,
            **declared()["StreamSpecification"],
        }
    client.create_table(TableName=name, **properties)
    return name
