"""The table's stream: each posting into the statements, each transition onto the event bus."""

from datetime import UTC, datetime
from typing import Any

from refunds import changes
from refunds.observability import logger, metrics, observed
from refunds.settings import Settings
from refunds.stores.changes import ChangeStore, EventBus, change_of

settings = Settings.from_env()
store = ChangeStore.from_settings(settings)
bus = EventBus.from_settings(settings)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001
    # Whatever fails, the stream brings the whole batch again, halved: nothing is booked twice.
    done = changes.fan_out(
        map(change_of, event["Records"]), store=store, bus=bus, now=datetime.now(UTC)
    )
    metrics.add_metric(name="PostingsBooked", unit="Count", value=done.booked)
    metrics.add_metric(name="EventsEmitted", unit="Count", value=done.emitted)
    logger.info("fanned_out", booked=done.booked, emitted=done.emitted)
