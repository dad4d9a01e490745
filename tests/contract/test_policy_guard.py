"""No function can change a confirmed policy, and one alone can put it, inside its transaction."""

from typing import Any

import pytest

from tests.contract import iam, template

CHANGES = (
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "PartiQLInsert",
    "PartiQLUpdate",
    "PartiQLDelete",
)
READS = ("GetItem", "BatchGetItem", "Query", "Scan", "ConditionCheckItem", "PartiQLSelect")
CONFIRMED = "POLICY#m-1"
ENCLOSING = (None, "TransactWriteItems")

RESOURCES: dict[str, Any] = template.processed()["Resources"]
FUNCTIONS = sorted(template.functions())
CONFIRMING = "SubmitPolicyFunction"


def decide(function: str, action: str, enclosing: str | None, key: str = CONFIRMED) -> iam.Decision:
    return iam.of_function(function, iam.Call(action, frozenset({key}), enclosing))


@pytest.mark.parametrize("enclosing", ENCLOSING)
@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_role_is_explicitly_denied_to_change_a_confirmed_policy(
    function: str, action: str, enclosing: str | None
) -> None:
    assert decide(function, action, enclosing) is iam.Decision.DENIED


@pytest.mark.parametrize("enclosing", ENCLOSING)
@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each != CONFIRMING])
def test_every_other_role_is_explicitly_denied_to_put_one(
    function: str, enclosing: str | None
) -> None:
    assert decide(function, "PutItem", enclosing) is iam.Decision.DENIED


def test_the_confirming_function_may_put_one_only_inside_a_transaction() -> None:
    assert decide(CONFIRMING, "PutItem", "TransactWriteItems") is iam.Decision.ALLOWED
    assert decide(CONFIRMING, "PutItem", None) is iam.Decision.DENIED
    assert decide(CONFIRMING, "PutItem", "BatchWriteItem") is iam.Decision.DENIED


def test_the_guard_leaves_the_draft_and_every_other_item_free() -> None:
    for enclosing in ENCLOSING:
        assert decide(CONFIRMING, "PutItem", enclosing, "DRAFT#m-1") is iam.Decision.ALLOWED
    assert decide("ProcessDebitsFunction", "UpdateItem", None, "REFUND#r") is iam.Decision.ALLOWED


@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_functions_that_need_a_policy_may_read_it(function: str, action: str) -> None:
    readers = {
        ("SubmitPolicyFunction", "GetItem"),
        ("SubmitPolicyFunction", "ConditionCheckItem"),
        ("RecordOrdersFunction", "GetItem"),
        ("ReconcileLedgerFunction", "Scan"),
    }
    allowed = decide(function, action, None) is iam.Decision.ALLOWED
    assert allowed == ((function, action) in readers)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_of_ours_names_every_action_or_every_resource(function: str) -> None:
    for policy in RESOURCES[f"{function}Role"]["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert "*" not in str(statement["Action"])
            assert statement["Resource"] != "*"
