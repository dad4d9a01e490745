"""The stream's records, and where their consequences go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import batched
from typing import TYPE_CHECKING, Any, Self

from botocore.config import Config

from refunds import events, table
from refunds.changes import Change
from refunds.errors import Busy
from refunds.events import Event
from refunds.ledger import Posting
from refunds.settings import Settings
from refunds.stores.dynamo import from_item
from refunds.stores.entries import posting_of
from refunds.stores.session import session
from refunds.stores.statements import StatementStore
from refunds.times import format_instant

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

CLIENT_CONFIG = Config(
    connect_timeout=0.5, read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 3}
)
MAX_ENTRIES = 10


class ChangeStore(StatementStore):
    @staticmethod
    def posting_of(item: Mapping[str, Any]) -> Posting | None:
        return posting_of(dict(item))

    def refundable(self, order_id: str) -> int:
        """What is left to refund of an order, in minor units."""
        order = self.get(table.order(order_id)) or {}
        left: int = order.get("refundable", 0)
        return left


@dataclass(frozen=True, slots=True)
class EventBus:
    client: "EventBridgeClient"
    name: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        return cls(_client(), settings.event_bus_name)

    def put(self, emitted: Sequence[Event]) -> None:
        """All of them, or Busy: then the stream brings them again."""
        for batch in batched(emitted, MAX_ENTRIES, strict=False):
            told = [
                (events.SOURCE, type(event).__name__, event.model_dump_json()) for event in batch
            ]
            if not all(self.put_each(told)):
                raise Busy

    def put_each(self, told: Sequence[tuple[str, str, str]]) -> list[bool]:
        """Whether each of up to 10 (source, detail type, detail as JSON) was taken, in order."""
        answer = self.client.put_events(
            Entries=[
                {
                    "Source": source,
                    "DetailType": kind,
                    "Detail": detail,
                    "EventBusName": self.name,
                }
                for source, kind, detail in told
            ]
        )
        return ["ErrorCode" not in each for each in answer["Entries"]]


def change_of(record: Mapping[str, Any]) -> Change:
    """A stream record as one change."""
    images = record["dynamodb"]
    seen = datetime.fromtimestamp(images["ApproximateCreationDateTime"], UTC)
    return Change(
        old=from_item(images["OldImage"]) if "OldImage" in images else None,
        new=from_item(images["NewImage"]) if "NewImage" in images else None,
        changed_at=format_instant(seen),
        change_id=record["eventID"],
    )


@cache
def _client() -> "EventBridgeClient":
    return session().client("events", config=CLIENT_CONFIG)
