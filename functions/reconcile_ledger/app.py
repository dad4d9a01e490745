"""Reconciliation: on a schedule, and by an operator who wants to see it now."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from refunds import http, reconciliation
from refunds.deadline import Deadline
from refunds.errors import ReportNotFound
from refunds.observability import logger, metrics, observed
from refunds.reconciliation import Report
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.reconciliation import ReconciliationStore

RUN_EVERY = timedelta(hours=1)
"""How often the schedule begins a run; an operator begins one whenever none is under way."""
SECONDS_OF_A_CALL = 12.0
"""What an operator's call works for: well below the 30 s in which API Gateway wants an answer."""

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = ReconciliationStore.from_settings(settings)


@app.get("/reconciliation", openapi_extensions=http.contract("operator", ReportNotFound))
def get_reconciliation() -> Report:
    http.operator(app, settings=settings, store=members)
    report = store.report()
    if report is None:
        raise ReportNotFound
    return report


@app.post("/reconciliation", openapi_extensions=http.contract("operator"))
def go_on_with_reconciliation() -> Report:
    http.operator(app, settings=settings, store=members)
    until = time.monotonic() + SECONDS_OF_A_CALL
    report = reconciliation.reconcile(
        store=store, clock=_now, ready=lambda _: time.monotonic() < until
    )
    _measure(report)
    return report


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if "requestContext" in event:
        return http.serve(app, event, context)
    report = reconciliation.reconcile(
        store=store,
        clock=_now,
        ready=Deadline(context.get_remaining_time_in_millis).ready,
        not_before=RUN_EVERY,
    )
    _measure(report)
    return {"differences": report.differences}


def _measure(report: Report) -> None:
    """What was found as soon as anything is; that nothing is, only when the run has ended."""
    found = {
        "ReconciliationDifferences": report.differences,
        "ReconciliationUnsettled": report.unsettled,
        "ReconciliationMoving": report.moving,
    }
    for name, count in found.items():
        if count or report.ended_at:
            metrics.add_metric(name=name, unit="Count", value=count)
    ended = report.ended_at is not None
    metrics.add_metric(name="ReconciliationEnded", unit="Count", value=int(ended))
    metrics.add_metric(name="GapsFilled", unit="Count", value=report.filled)
    logger.info(
        "reconciled",
        run_id=report.run_id,
        ended=ended,
        looked_at=report.looked_at,
        differences=report.differences,
        filled=report.filled,
        moving=report.moving,
        unsettled=report.unsettled,
        suspects=len(report.suspects),
    )


def _now() -> datetime:
    return datetime.now(UTC)
