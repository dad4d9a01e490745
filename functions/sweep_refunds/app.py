"""Every minute: send again what stayed pending or waits for money."""

from datetime import UTC, datetime
from typing import Any

from refunds import sweeps
from refunds.deadline import Deadline
from refunds.observability import logger, metrics, observed
from refunds.queue import DebitQueue
from refunds.settings import Settings
from refunds.stores.sweeps import SweepStore

settings = Settings.from_env()
store = SweepStore.from_settings(settings)
queue = DebitQueue.from_settings(settings)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001
    ready = Deadline(context.get_remaining_time_in_millis).ready
    done = sweeps.sweep(store=store, queue=queue, now=datetime.now(UTC), ready=ready)
    metrics.add_metric(name="RefundsDue", unit="Count", value=done.due)
    metrics.add_metric(name="WaitingRefundsDue", unit="Count", value=done.waiting_due)
    metrics.add_metric(name="RefundsResent", unit="Count", value=done.sent)
    metrics.add_metric(name="OldestPendingRefund", unit="Seconds", value=done.oldest_seconds)
    logger.info(
        "swept",
        due=done.due,
        waiting_due=done.waiting_due,
        sent=done.sent,
        oldest_seconds=done.oldest_seconds,
    )
