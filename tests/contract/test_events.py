"""An event's schema is that of its model, and a page says when each is sent."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest

from local import event_schemas
from refunds import events

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
SUCCEEDED = events.RefundSucceeded(
    event_id="rf_1.RefundSucceeded",
    occurred_at=NOW,
    refund_id="rf_1",
    order_id="o-1",
    merchant_id="m-1",
    buyer_id="b-1",
    amount=300,
    currency="CNY",
    refundable=0,
    sources={"available": 100, "receivable": 200},
)


def test_the_schemas_are_those_of_the_code() -> None:
    written = {
        path.name: path.read_text(encoding="utf-8") for path in event_schemas.FOLDER.glob("*.json")
    }
    assert written == event_schemas.generate(), "run `make openapi`"


@pytest.mark.parametrize("event", events.ALL, ids=lambda event: event.__name__)
def test_every_schema_is_a_valid_one(event: type[events.Event]) -> None:
    jsonschema_rs.meta.validate(_schema(event))


def test_an_event_as_it_is_sent_is_what_its_schema_says() -> None:
    _validate(json.loads(SUCCEEDED.model_dump_json()))


def test_a_consumer_may_meet_a_member_that_the_schema_does_not_know() -> None:
    _validate({**json.loads(SUCCEEDED.model_dump_json()), "later": True})


@pytest.mark.parametrize("member", sorted(events.RefundSucceeded.model_fields))
def test_an_event_without_one_of_its_members_is_none(member: str) -> None:
    sent = json.loads(SUCCEEDED.model_dump_json())
    del sent[member]
    with pytest.raises(jsonschema_rs.ValidationError):
        _validate(sent)


def test_the_page_lists_every_event_in_order() -> None:
    page = (event_schemas.FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.json\)", page, re.MULTILINE)
    assert listed == [(event.__name__, event.__name__) for event in events.ALL]


def _validate(sent: dict[str, Any]) -> None:
    jsonschema_rs.validate(_schema(events.RefundSucceeded), sent)


def _schema(event: type[events.Event]) -> dict[str, Any]:
    path = event_schemas.FOLDER / f"{event.__name__}.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema
