"""Just enough of IAM's evaluation to say what a function may do to an item of the table.

Of IAM's rules it knows those that the template uses: a matching Deny wins over any Allow, and what
no Allow matches is refused. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from tests.contract import template

TABLE = {"Fn::GetAtt": ["Table", "Arn"]}
OF_LAMBDA_ITSELF = [
    f"arn:aws:iam::aws:policy/{name}"
    for name in (
        "AWSXrayWriteOnlyAccess",
        "service-role/AWSLambdaBasicExecutionRole",
        "service-role/AWSLambdaDynamoDBExecutionRole",
        "service-role/AWSLambdaSQSQueueExecutionRole",
    )
]
"""What SAM adds to a role, for logs, traces, the queue or stream it reads: none reads an item."""


class Decision(Enum):
    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed"


@dataclass(frozen=True)
class Call:
    """One action on items of the table, on its own or inside a transaction."""

    action: str
    leading_keys: frozenset[str]
    """All of those that one request has for the action: AWS does not say whether a transaction is
    asked for its items one by one or all at once, and whoever may have all may have each."""
    enclosing: str | None = None
    index: str | None = None


def of_function(name: str, call: Call) -> Decision:
    """By the function's logical id."""
    return decide(_statements(name), call)


def actions_of_function(name: str) -> set[str]:
    """What its role allows on anything, by the function's logical id."""
    allowed = [each for each in _statements(name) if each["Effect"] == "Allow"]
    return {action for each in allowed for action in _listed(each["Action"])}


def _statements(name: str) -> list[dict[str, Any]]:
    resources = template.processed()["Resources"]
    [role, *_] = resources[name]["Properties"]["Role"]["Fn::GetAtt"]
    return statements_of(resources[role], resources)


def decide(statements: list[dict[str, Any]], call: Call) -> Decision:
    effects = {each["Effect"] for each in statements if _matches(each, call)}
    if "Deny" in effects:
        return Decision.DENIED
    return Decision.ALLOWED if "Allow" in effects else Decision.NOT_ALLOWED


def statements_of(role: dict[str, Any], resources: dict[str, Any]) -> list[dict[str, Any]]:
    """Every statement of a role: its own, and those of the template's managed policies on it."""
    return [*_documents(role, resources)]


def _documents(role: dict[str, Any], resources: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Properties"].get("Policies", []):
        yield from _listed(policy["PolicyDocument"]["Statement"])
    for arn in role["Properties"].get("ManagedPolicyArns", []):
        if arn in OF_LAMBDA_ITSELF:
            continue
        document = resources[arn["Ref"]]["Properties"]["PolicyDocument"]
        yield from _listed(document["Statement"])


def _matches(statement: dict[str, Any], call: Call) -> bool:
    assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys()
    actions = _listed(statement["Action"])
    if not any(fnmatchcase(f"dynamodb:{call.action}".lower(), each.lower()) for each in actions):
        return False
    asked = {"Fn::Sub": f"${{Table.Arn}}/index/{call.index}"} if call.index else TABLE
    if not any(resource in (asked, "*") for resource in _listed(statement["Resource"])):
        return False
    return all(
        _CONDITIONS[operator](wanted, _context(name, call))
        for operator, keys in statement.get("Condition", {}).items()
        for name, wanted in keys.items()
    )


def _context(name: str, call: Call) -> list[str]:
    match name:
        case "dynamodb:LeadingKeys":
            return [*call.leading_keys]
        case "dynamodb:EnclosingOperation":
            return [call.enclosing] if call.enclosing else []
    raise AssertionError(f"a condition key that this test does not know: {name}")


def _like(wanted: Any, value: str) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in _listed(wanted))


_CONDITIONS: dict[str, Callable[[Any, list[str]], bool]] = {
    "ForAllValues:StringLike": lambda wanted, found: all(_like(wanted, each) for each in found),
    "ForAnyValue:StringLike": lambda wanted, found: any(_like(wanted, each) for each in found),
    # A negated operator holds when the key is absent.
    "StringNotEquals": lambda wanted, found: all(each not in _listed(wanted) for each in found),
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
