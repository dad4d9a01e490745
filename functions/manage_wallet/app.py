"""Wallets: credits by the platform, and each side's own balances."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import http, wallets
from refunds.errors import (
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    PayoutExceedsPayable,
    RoleRequired,
)
from refunds.members import Party, Role, Scope
from refunds.observability import observed
from refunds.queue import DebitQueue
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.wallets import WalletStore
from refunds.wallets import Credit, CreditRequest, Payout, PayoutRequest, Wallets

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = WalletStore.from_settings(settings)
queue = DebitQueue.from_settings(settings)


@app.post(
    "/merchants/<merchant_id>/wallet/credits",
    status_code=201,
    openapi_extensions=http.contract(
        Scope.CREDIT_WALLETS, IdempotencyKeyRequired, IdempotencyKeyReused
    ),
)
def credit_wallet(
    merchant_id: http.PathId, key: http.IdempotencyKey, request: CreditRequest
) -> Response[Credit]:
    client = http.caller(app, settings=settings, store=members).machine(Scope.CREDIT_WALLETS)
    credit = wallets.credit(
        merchant_id,
        request,
        client_id=client,
        idempotency_key=key,
        store=store,
        now=datetime.now(UTC),
    )
    queue.wake(merchant_id, credit.currency, store=store)
    return http.created(credit)


@app.post(
    "/merchants/<merchant_id>/wallet/payouts",
    status_code=201,
    openapi_extensions=http.contract(
        Scope.PAY_OUT, IdempotencyKeyRequired, IdempotencyKeyReused, PayoutExceedsPayable
    ),
)
def pay_out_merchant(
    merchant_id: http.PathId, key: http.IdempotencyKey, request: PayoutRequest
) -> Response[Payout]:
    return _pay_out(Party(Role.MERCHANT, merchant_id), key, request)


@app.post(
    "/buyers/<buyer_id>/payouts",
    status_code=201,
    openapi_extensions=http.contract(
        Scope.PAY_OUT, IdempotencyKeyRequired, IdempotencyKeyReused, PayoutExceedsPayable
    ),
)
def pay_out_buyer(
    buyer_id: http.PathId, key: http.IdempotencyKey, request: PayoutRequest
) -> Response[Payout]:
    return _pay_out(Party(Role.BUYER, buyer_id), key, request)


@app.get("/wallet", openapi_extensions=http.contract("party", RoleRequired))
def get_wallet(role: http.As = None) -> Wallets:
    party = http.caller(app, settings=settings, store=members).party(role)
    return wallets.show(party, store=store, ready=http.ready(app))


def _pay_out(party: Party, key: str, request: PayoutRequest) -> Response[Payout]:
    client = http.caller(app, settings=settings, store=members).machine(Scope.PAY_OUT)
    payout = wallets.pay_out(
        party,
        request,
        client_id=client,
        idempotency_key=key,
        store=store,
        now=datetime.now(UTC),
        ready=http.ready(app),
    )
    return http.created(payout)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
