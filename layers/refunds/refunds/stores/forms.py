"""The forms of items: plain values, and DynamoDB's typed ones.

The table has text, whole numbers, true and false, lists, maps, and nothing else.
"""

from collections.abc import Mapping
from typing import Any

type Item = dict[str, Any]
type Values = dict[str, Any]


def to_item(values: Mapping[str, Any]) -> Item:
    """Attribute values; what is None is not there."""
    return {name: typed(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Values:
    """Plain values; a number is an int, for there are no others in the table."""
    return {name: _plain(value) for name, value in item.items()}


def typed(value: Any) -> Item:
    """Raises TypeError: a value of a kind that the table does not have, as a float."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": str(value)}
        case Mapping():
            return {"M": {name: typed(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [typed(each) for each in value]}
    raise TypeError(type(value).__qualname__)


def _plain(attribute: Mapping[str, Any]) -> Any:
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            return int(value)
        case "M":
            return from_item(value)
        case "L":
            return [_plain(each) for each in value]
        case "NULL":
            return None
    return value
