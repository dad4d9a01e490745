"""Corrections, proposed by one operator and approved by another, and reversals of refunds."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import corrections, http, paging
from refunds.corrections import (
    Correction,
    CorrectionPage,
    CorrectionRequest,
    CorrectionStatus,
    Reversal,
    ReversalRequest,
)
from refunds.digests import derived_id
from refunds.errors import (
    ApproverIsProposer,
    CorrectionNotFound,
    CorrectionNotOpen,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidCursor,
    RefundNotFound,
    RefundNotReversible,
)
from refunds.observability import observed
from refunds.queue import DebitQueue
from refunds.settings import Settings
from refunds.stores.corrections import CorrectionStore
from refunds.stores.members import MemberStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = CorrectionStore.from_settings(settings)
queue = DebitQueue.from_settings(settings)


@app.post(
    "/corrections",
    status_code=201,
    openapi_extensions=http.contract("operator", IdempotencyKeyRequired, IdempotencyKeyReused),
)
def propose_correction(
    key: http.IdempotencyKey, request: CorrectionRequest
) -> Response[Correction]:
    operator = _operator()
    correction_id = derived_id("co", caller=operator, operation="correction", key=key)
    proposed = corrections.propose(
        correction_id, request, operator=operator, store=store, now=datetime.now(UTC)
    )
    return http.created(proposed)


@app.get("/corrections", openapi_extensions=http.contract("operator", InvalidCursor))
def list_corrections(
    status: CorrectionStatus = CorrectionStatus.PROPOSED,
    cursor: http.Cursor = None,
    limit: http.Limit = None,
) -> CorrectionPage:
    _operator()
    query = {"list": "corrections", "status": status.value}
    page = store.corrections(
        status, after=paging.decode(cursor, **query), limit=http.limit_of(limit)
    )
    return CorrectionPage(items=page.items, next_cursor=paging.encode(page.after, **query))


@app.post(
    "/corrections/<correction_id>/approve",
    openapi_extensions=http.contract(
        "operator", CorrectionNotFound, CorrectionNotOpen, ApproverIsProposer, InsufficientBalance
    ),
)
def approve_correction(correction_id: http.PathId) -> Correction:
    approved = _decide(correction_id, approve=True)
    for merchant_id in corrections.merchants_of(approved.legs):
        queue.wake(merchant_id, approved.currency, store=store)
    return approved


@app.post(
    "/corrections/<correction_id>/reject",
    openapi_extensions=http.contract("operator", CorrectionNotFound, CorrectionNotOpen),
)
def reject_correction(correction_id: http.PathId) -> Correction:
    return _decide(correction_id, approve=False)


@app.post(
    "/refunds/<refund_id>/reversal",
    status_code=201,
    openapi_extensions=http.contract(
        "operator", RefundNotFound, RefundNotReversible, InsufficientBalance
    ),
)
def reverse_refund(refund_id: http.PathId, request: ReversalRequest) -> Response[Reversal]:
    reversal = corrections.reverse(
        refund_id, request.reason, operator=_operator(), store=store, now=datetime.now(UTC)
    )
    queue.wake(reversal.merchant_id, reversal.currency, store=store)
    return http.created(reversal)


def _decide(correction_id: str, *, approve: bool) -> Correction:
    return corrections.decide(
        correction_id,
        approve=approve,
        operator=_operator(),
        store=store,
        now=datetime.now(UTC),
        ready=http.ready(app),
    )


def _operator() -> str:
    return http.operator(app, settings=settings, store=members)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
