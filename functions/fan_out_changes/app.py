"""The table's stream: each posting into the statements, each transition onto the event bus."""

from datetime import UTC, datetime
from typing import Any

from refunds import changes
from refunds.observability import log_failure, logger, metrics, observed
from refunds.settings import Settings
from refunds.stores.changes import ChangeStore, EventBus, change_of
from refunds.stores.letters import LetterQueue

settings = Settings.from_env()
store = ChangeStore.from_settings(settings)
bus = EventBus.from_settings(settings)
letters = LetterQueue.at(settings.change_dead_letter_queue_url)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ARG001
    # Whatever fails, the stream brings the batch again, halved, until what fails is alone: nothing
    # is booked twice.
    done = changes.fan_out(
        event["Records"], read=change_of, store=store, bus=bus, now=datetime.now(UTC)
    )
    for each in done.poisoned:
        log_failure(each.error)
    # Last, so that a batch that fails parks nothing; a redriven letter is in its queue already.
    if not event.get("redriven"):
        letters.park(done.poisoned)
    metrics.add_metric(name="PostingsBooked", unit="Count", value=done.booked)
    metrics.add_metric(name="EventsEmitted", unit="Count", value=done.emitted)
    metrics.add_metric(name="ChangesPoisoned", unit="Count", value=len(done.poisoned))
    logger.info("fanned_out", booked=done.booked, emitted=done.emitted, poisoned=len(done.poisoned))
    return {"poisoned": len(done.poisoned)}
