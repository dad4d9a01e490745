"""Refund request intake: preview, request, read, list, cancel."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import eligibility, http, intake, paging, refunds
from refunds.errors import (
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    InvalidCursor,
    OrderNotFound,
    RefundNotCancelable,
    RefundNotFound,
    RoleRequired,
)
from refunds.members import Party, Role
from refunds.observability import logger, metrics, observed
from refunds.queue import DebitQueue
from refunds.refunds import (
    RefundInquiry,
    RefundPage,
    RefundPreview,
    RefundRequest,
    RefundStatus,
    RefundView,
)
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.refunds import RefundStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = RefundStore.from_settings(settings)
queue = DebitQueue.from_settings(settings)


@app.post(
    "/refunds/preview",
    openapi_extensions=http.contract("buyer", OrderNotFound, *eligibility.REFUSALS),
)
def preview_refund(inquiry: RefundInquiry) -> RefundPreview:
    buyer = http.caller(app, settings=settings, store=members).buyer()
    return intake.preview(buyer, inquiry, store=store, arrived_at=http.arrived_at(app))


@app.post(
    "/refunds",
    status_code=202,
    openapi_extensions=http.contract(
        "buyer", IdempotencyKeyRequired, IdempotencyKeyReused, OrderNotFound, *eligibility.REFUSALS
    ),
)
def request_refund(key: http.IdempotencyKey, wanted: RefundRequest) -> Response[RefundView]:
    buyer = http.caller(app, settings=settings, store=members).buyer()
    refund, new = intake.request(buyer, key, wanted, store=store, arrived_at=http.arrived_at(app))
    if new:
        metrics.add_metric(name="RefundAccepted", unit="Count", value=1)
    if refund.status is RefundStatus.PENDING:
        # Also for a replay: the first request may have ended before its message was sent.
        sent = queue.send([(refund.refund_id, refund.merchant_id)])
        logger.info("refund_accepted", refund_id=refund.refund_id, new=new, enqueued=bool(sent))
    return http.accepted(refunds.view(refund), location=f"/refunds/{refund.refund_id}")


@app.get("/refunds", openapi_extensions=http.contract("party", RoleRequired, InvalidCursor))
def list_refunds(
    role: http.As = None,
    status: RefundStatus | None = None,
    cursor: http.Cursor = None,
    limit: http.Limit = None,
) -> RefundPage:
    party = http.caller(app, settings=settings, store=members).party(role)
    query = {"list": "refunds", "role": party.role.value, "id": party.id, "status": status}
    page = store.refunds(
        party, status, after=paging.decode(cursor, **query), limit=http.limit_of(limit)
    )
    return RefundPage(
        items=[refunds.view(refund) for refund in page.items],
        next_cursor=paging.encode(page.after, **query),
    )


@app.get(
    "/refunds/<refund_id>", openapi_extensions=http.contract("party", RoleRequired, RefundNotFound)
)
def get_refund(refund_id: http.PathId, role: http.AsAny = None) -> RefundView:
    if role == "operator":
        http.operator(app, settings=settings, store=members)
        return refunds.view(intake.existing(store.refund(refund_id)))
    party = http.caller(app, settings=settings, store=members).party(role)
    return refunds.view(intake.owned(store.refund(refund_id), party))


@app.post(
    "/refunds/<refund_id>/cancel",
    openapi_extensions=http.contract("buyer", RefundNotFound, RefundNotCancelable),
)
def cancel_refund(refund_id: http.PathId) -> RefundView:
    buyer = http.caller(app, settings=settings, store=members).buyer()
    party = Party(Role.BUYER, buyer)
    return refunds.view(intake.cancel(refund_id, party, store=store, now=datetime.now(UTC)))


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
