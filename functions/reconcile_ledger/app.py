"""Reconciliation: on a schedule, and for an operator to see."""

from datetime import UTC, datetime
from typing import Any

from refunds import http, reconciliation
from refunds.deadline import Deadline
from refunds.errors import ReportNotFound
from refunds.observability import logger, metrics, observed
from refunds.reconciliation import LATEST, Report
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.reconciliation import ReconciliationStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = ReconciliationStore.from_settings(settings)


@app.get("/reconciliation", openapi_extensions=http.contract("operator", ReportNotFound))
def get_reconciliation() -> Report:
    http.caller(app, settings=settings, store=members).operator()
    report = store.report(LATEST)
    if report is None:
        raise ReportNotFound
    return report


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if "requestContext" in event:
        return http.serve(app, event, context)
    # An hour is one run: each call within it goes on where the one before stopped.
    now = datetime.now(UTC)
    report = reconciliation.reconcile(
        f"{now:%Y-%m-%dT%H}",
        store=store,
        clock=lambda: datetime.now(UTC),
        ready=Deadline(context.get_remaining_time_in_millis).ready,
    )
    metrics.add_metric(name="ReconciliationDifferences", unit="Count", value=report.differences)
    logger.info(
        "reconciled",
        run_id=report.run_id,
        ended=report.ended_at is not None,
        looked_at=report.looked_at,
        differences=report.differences,
    )
    return {"differences": report.differences}
