"""The running API against its own document: no server error, no answer that it does not name."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.openapi import DOCUMENT
from tests.integration.world import SCOPES, Caller, Scene, World, unique

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
"""Of each call, with each kind of ids."""

document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
schema = schemathesis.openapi.from_dict(document)
schema.config.phases.coverage.enabled = False
schema.config.generation.update(with_security_parameters=False)


@dataclass(frozen=True)
class Stage:
    scene: Scene
    ids: dict[str, str]
    callers: dict[str | None, Caller | None]


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    scene = world.scene(amount=1_000_000)
    refund_id = world.accepted(scene.buyer, scene.order_id, 5)
    world.settled(scene.buyer, refund_id)
    ids = {
        "merchant_id": scene.merchant.id,
        "buyer_id": scene.buyer.id,
        "order_id": scene.order_id,
        "refund_id": refund_id,
        "subject": world.person().subject,
        "digest": world.ok(scene.merchant, "GET", "/refund-policy")["digest"],
    }
    callers: dict[str | None, Caller | None] = dict.fromkeys(SCOPES, world.platform)
    callers |= {"merchant": scene.merchant, "buyer": scene.buyer, "party": scene.buyer}
    callers |= {"operator": world.operator, "caller": scene.buyer, None: None}
    return Stage(scene, ids, callers)


@pytest.mark.parametrize("ids", ["any", "existing"])
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_names(
    case: Case[Any], world: World, stage: Stage, ids: str
) -> None:
    if ids == "existing":
        case.path_parameters = with_existing(case.path_parameters, stage.ids)
        case.body = with_existing(case.body, stage.ids)
    caller = stage.callers[who_may_call(case.path, case.method)]
    headers = {"Authorization": f"Bearer {caller.token}"} if caller else {}
    if "Idempotency-Key" in (case.headers or {}) and ids == "existing":
        headers["Idempotency-Key"] = unique("key")
    answer = case.call(base_url=world.outputs.api_url, headers=headers, timeout=60)
    case.validate_response(answer, checks=CHECKS)


def who_may_call(path: str, method: str) -> str | None:
    security = document["paths"][path][method.lower()]["security"]
    return security[0]["accessToken"][0] if security else None


def with_existing(values: Any, ids: dict[str, str]) -> Any:
    """The same, each id in it that of a thing which is there."""
    if not isinstance(values, dict):
        return values
    return {name: ids.get(name, value) for name, value in values.items()}
