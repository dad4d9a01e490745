"""The operator's view of a merchant: limits, freezing, shards, waiting refunds."""

from datetime import UTC, datetime
from typing import Any

from refunds import http, operations, refunds
from refunds.errors import WalletChanged, WalletFrozen
from refunds.fields import Currency
from refunds.observability import observed
from refunds.operations import (
    MAX_WAITING_SHOWN,
    FreezeRequest,
    LimitsRequest,
    MerchantOverview,
    OperatedWallet,
    ShardsRequest,
)
from refunds.queue import DebitQueue
from refunds.refunds import RefundPage
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.operations import OperationStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = OperationStore.from_settings(settings)
queue = DebitQueue.from_settings(settings)
CHANGES = http.contract("operator", WalletChanged)


@app.get("/merchants/<merchant_id>", openapi_extensions=http.contract("operator"))
def get_merchant(merchant_id: http.PathId) -> MerchantOverview:
    http.operator(app, settings=settings, store=members)
    return operations.show(merchant_id, store=store, ready=http.ready(app))


@app.put("/merchants/<merchant_id>/limits", openapi_extensions=CHANGES)
def put_limits(merchant_id: http.PathId, limits: LimitsRequest) -> OperatedWallet:
    http.operator(app, settings=settings, store=members)
    changed = operations.limit(merchant_id, limits, store=store)
    queue.wake(merchant_id, limits.currency, store=store)
    return changed


@app.post("/merchants/<merchant_id>/freeze", openapi_extensions=CHANGES)
def freeze_merchant(merchant_id: http.PathId, request: FreezeRequest) -> OperatedWallet:
    http.operator(app, settings=settings, store=members)
    return _freeze(merchant_id, request, frozen=True)


@app.post("/merchants/<merchant_id>/unfreeze", openapi_extensions=CHANGES)
def unfreeze_merchant(merchant_id: http.PathId, request: FreezeRequest) -> OperatedWallet:
    http.operator(app, settings=settings, store=members)
    changed = _freeze(merchant_id, request, frozen=False)
    queue.wake(merchant_id, request.currency, store=store)
    return changed


@app.put(
    "/merchants/<merchant_id>/shards", openapi_extensions=http.contract("operator", WalletFrozen)
)
def put_shards(merchant_id: http.PathId, wanted: ShardsRequest) -> OperatedWallet:
    http.operator(app, settings=settings, store=members)
    return operations.reshard(
        merchant_id, wanted, store=store, now=datetime.now(UTC), ready=http.ready(app)
    )


@app.get("/merchants/<merchant_id>/waiting-refunds", openapi_extensions=http.contract("operator"))
def list_waiting_refunds(merchant_id: http.PathId, currency: Currency) -> RefundPage:
    http.operator(app, settings=settings, store=members)
    waiting = store.waiting_refunds(merchant_id, currency, limit=MAX_WAITING_SHOWN)
    return RefundPage(items=[refunds.view(refund) for refund in waiting], next_cursor=None)


def _freeze(merchant_id: str, request: FreezeRequest, *, frozen: bool) -> OperatedWallet:
    return operations.freeze(
        merchant_id, request.currency, frozen=frozen, store=store, ready=http.ready(app)
    )


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
