"""Shop settings and certification: the merchant fills in and submits, an operator decides."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import certification, http, paging, shops
from refunds.certification import (
    Application,
    Certification,
    CertificationPage,
    DecisionRequest,
)
from refunds.errors import (
    CertificationNotFound,
    CertificationStateConflict,
    InvalidCursor,
    ReasonRequired,
)
from refunds.observability import observed
from refunds.settings import Settings
from refunds.shops import Shop, ShopSettings
from refunds.standing import Status
from refunds.stores.members import MemberStore
from refunds.stores.merchants import MerchantStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = MerchantStore.from_settings(settings)


@app.get("/shop", openapi_extensions=http.contract("merchant"))
def get_shop() -> Shop:
    merchant = http.caller(app, settings=settings, store=members).merchant()
    return shops.show(merchant, store=store)


@app.put("/shop", openapi_extensions=http.contract("merchant"))
def put_shop(shop: ShopSettings) -> Shop:
    merchant = http.caller(app, settings=settings, store=members).merchant()
    return shops.change(merchant, shop, store=store)


@app.get("/certification", openapi_extensions=http.contract("merchant", CertificationNotFound))
def get_certification() -> Certification:
    merchant = http.caller(app, settings=settings, store=members).merchant()
    return certification.show(merchant, store=store)


@app.post(
    "/certification",
    status_code=201,
    openapi_extensions=http.contract("merchant", CertificationStateConflict),
)
def submit_certification(application: Application) -> Response[Certification]:
    merchant = http.caller(app, settings=settings, store=members).merchant()
    submitted = certification.submit(merchant, application, store=store, now=datetime.now(UTC))
    return http.created(submitted)


@app.get("/certifications", openapi_extensions=http.contract("operator", InvalidCursor))
def list_certifications(
    status: Status = Status.SUBMITTED, cursor: http.Cursor = None, limit: http.Limit = None
) -> CertificationPage:
    http.operator(app, settings=settings, store=members)
    query = {"list": "certifications", "status": status.value}
    page = store.certifications(
        status, after=paging.decode(cursor, **query), limit=http.limit_of(limit)
    )
    return CertificationPage(items=page.items, next_cursor=paging.encode(page.after, **query))


@app.post(
    "/certifications/<merchant_id>/decision",
    openapi_extensions=http.contract(
        "operator", ReasonRequired, CertificationNotFound, CertificationStateConflict
    ),
)
def decide_certification(merchant_id: http.PathId, decision: DecisionRequest) -> Certification:
    operator = http.operator(app, settings=settings, store=members)
    return certification.decide(
        merchant_id, decision, operator=operator, store=store, now=datetime.now(UTC)
    )


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
