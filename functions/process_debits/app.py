"""Debit processing: a batch of hints from the queue, one transaction for each merchant in it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from refunds import debits, settlement
from refunds.deadline import Deadline
from refunds.debits import Debit
from refunds.observability import logger, metrics, observed
from refunds.queue import Batch
from refunds.settings import Settings
from refunds.settlement import Outcome
from refunds.stores.debits import DebitStore

TOLERATED = 1
"""Conflicts of one group that are no reason yet for the wallet to grow shards."""

store = DebitStore.from_settings(Settings.from_env())


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    batch = Batch.of(event)
    found, existing = store.debits(sorted(batch.refund_ids))
    outcome = Outcome(failed=batch.refund_ids - existing)
    deadline = Deadline(context.get_remaining_time_in_millis)
    for group in debits.groups(found):
        result = settlement.settle(group, store=store, clock=_now, ready=deadline.ready)
        if result.contended > TOLERATED and deadline.left:
            store.grow(*_wallet(group), now=_now(), ready=deadline.ready)
        if result.short and deadline.left:
            store.suspend_for_funds(*_wallet(group), now=_now(), ready=deadline.ready)
        outcome |= result
    _report(outcome, found, malformed=len(batch.malformed))
    return batch.failures(outcome.failed)


def _wallet(group: Sequence[Debit]) -> tuple[str, str]:
    return group[0].merchant_id, group[0].currency


def _now() -> datetime:
    return datetime.now(UTC)


def _report(outcome: Outcome, found: list[Debit], *, malformed: int) -> None:
    settled = [debit for debit in found if debit.refund_id in outcome.settled]
    metrics.add_metric(name="RefundSucceeded", unit="Count", value=len(settled))
    metrics.add_metric(name="RefundAwaitingFunds", unit="Count", value=len(outcome.waiting))
    for debit in settled:
        took = _now() - datetime.fromisoformat(debit.requested_at)
        metrics.add_metric(name="RequestToSucceeded", unit="Seconds", value=took.total_seconds())
    logger.info(
        "debits_processed",
        settled=sorted(outcome.settled),
        waiting=sorted(outcome.waiting),
        failed=sorted(outcome.failed),
        unknown=sorted(outcome.unknown),
        malformed=malformed,
    )
