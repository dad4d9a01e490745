"""DynamoDB's expressions, as far as the product writes them: conditions, and updates."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

type Attribute = dict[str, Any]
type Item = dict[str, Attribute]

TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+-]|[#:]?\w+)")
NUMBER, TEXT = "N", "S"
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


class Invalid(Exception):
    """What DynamoDB answers with a ValidationException."""


@dataclass(frozen=True, slots=True)
class Given:
    """What an expression is evaluated on."""

    item: Item
    values: Mapping[str, Attribute]
    names: Mapping[str, str]

    def name(self, token: str) -> str:
        return self.names[token] if token.startswith("#") else token

    def attribute(self, token: str) -> Attribute | None:
        if token.startswith(":"):
            return self.values[token]
        return self.item.get(self.name(token))


type Condition = Callable[[Given], bool]
type Value = Callable[[Given], Attribute | None]


def holds(expression: str, given: Given) -> bool:
    return _condition(expression)(given)


def updated(expression: str, given: Given) -> Item:
    """The item after the update; every value is taken from the item before it."""
    after = dict(given.item)
    for change in _update(expression):
        change(given, after)
    return after


def ordered(attribute: Attribute) -> Any:
    """What the order of two attributes of the same type is decided by."""
    [(kind, value)] = attribute.items()
    return int(value) if kind == NUMBER else value.encode() if kind == TEXT else value


def _compare(comparator: str, one: Attribute | None, other: Attribute | None) -> bool:
    if one is None or other is None:
        return False
    if comparator == "=":
        return one == other
    if one.keys() != other.keys():
        return False
    return COMPARED[comparator](ordered(one), ordered(other))


class _Tokens:
    def __init__(self, expression: str) -> None:
        self.left = TOKEN.findall(expression)[::-1]

    def next(self) -> str:
        token: str = self.left.pop()
        return token

    def take(self, *words: str) -> str:
        """The next token if it is one of these, or nothing."""
        return self.next() if self.left and self.left[-1].upper() in words else ""

    def listed(self) -> Iterator[str]:
        """`(a, b, …)`"""
        self.next()
        while True:
            yield self.next()
            if self.next() == ")":
                return


@cache
def _condition(expression: str) -> Condition:
    return _either(_Tokens(expression))


def _either(tokens: _Tokens) -> Condition:
    some = [_both(tokens)]
    while tokens.take("OR"):
        some.append(_both(tokens))
    return some[0] if len(some) == 1 else lambda given: any(each(given) for each in some)


def _both(tokens: _Tokens) -> Condition:
    every = [_one(tokens)]
    while tokens.take("AND"):
        every.append(_one(tokens))
    return every[0] if len(every) == 1 else lambda given: all(each(given) for each in every)


def _one(tokens: _Tokens) -> Condition:
    if tokens.take("("):
        inner = _either(tokens)
        tokens.next()
        return inner
    first = tokens.next()
    match first:
        case "attribute_exists":
            [name] = tokens.listed()
            return lambda given: given.attribute(name) is not None
        case "attribute_not_exists":
            [name] = tokens.listed()
            return lambda given: given.attribute(name) is None
        case "begins_with":
            name, start = tokens.listed()
            return lambda given: _begins(given.attribute(name), given.attribute(start))
    return _comparison(first, tokens)


def _comparison(first: str, tokens: _Tokens) -> Condition:
    if tokens.take("IN"):
        some = [*tokens.listed()]
        return lambda given: given.attribute(first) in [given.attribute(each) for each in some]
    if tokens.take("BETWEEN"):
        low, _, high = tokens.next(), tokens.next(), tokens.next()
        return lambda given: (
            _compare(">=", given.attribute(first), given.attribute(low))
            and _compare("<=", given.attribute(first), given.attribute(high))
        )
    comparator, other = tokens.next(), tokens.next()
    return lambda given: _compare(comparator, given.attribute(first), given.attribute(other))


def _begins(whole: Attribute | None, start: Attribute | None) -> bool:
    if whole is None or start is None:
        return False
    text: str = whole.get(TEXT, "")
    return text.startswith(start[TEXT])


@cache
def _update(expression: str) -> tuple[Callable[[Given, Item], None], ...]:
    tokens, changes = _Tokens(expression), []
    while section := tokens.take("SET", "REMOVE", "ADD"):
        change = {"SET": _set, "REMOVE": _remove, "ADD": _add}[section.upper()]
        changes.append(change(tokens))
        while tokens.take(","):
            changes.append(change(tokens))
    return tuple(changes)


def _set(tokens: _Tokens) -> Callable[[Given, Item], None]:
    name, _, value = tokens.next(), tokens.next(), _operand(tokens)
    sign = tokens.take("+", "-")
    added = _operand(tokens) if sign else None

    def change(given: Given, after: Item) -> None:
        first = value(given)
        if first is None:
            raise Invalid("an attribute that does not exist in the item")
        if added:
            first = _sum(first, added(given), -1 if sign == "-" else 1)
        after[given.name(name)] = first

    return change


def _operand(tokens: _Tokens) -> Value:
    first = tokens.next()
    if first != "if_not_exists":
        return lambda given: given.attribute(first)
    name, otherwise = tokens.listed()
    return lambda given: given.attribute(name) or given.attribute(otherwise)


def _sum(one: Attribute, other: Attribute | None, sign: int) -> Attribute:
    if other is None or one.keys() != {NUMBER} or other.keys() != {NUMBER}:
        raise Invalid("an operand in the update expression has an incorrect data type")
    return {NUMBER: str(int(one[NUMBER]) + sign * int(other[NUMBER]))}


def _remove(tokens: _Tokens) -> Callable[[Given, Item], None]:
    name = tokens.next()

    def change(given: Given, after: Item) -> None:
        after.pop(given.name(name), None)

    return change


def _add(tokens: _Tokens) -> Callable[[Given, Item], None]:
    name, value = tokens.next(), tokens.next()

    def change(given: Given, after: Item) -> None:
        before = given.attribute(name) or {NUMBER: "0"}
        after[given.name(name)] = _sum(before, given.attribute(value), 1)

    return change
