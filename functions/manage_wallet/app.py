"""Wallets: credits by the platform, and each side's own balances."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response
from botocore.exceptions import BotoCoreError, ClientError

from refunds import http, wallets
from refunds.errors import IdempotencyKeyRequired, IdempotencyKeyReused, RoleRequired
from refunds.members import Scope
from refunds.observability import log_failure, observed
from refunds.queue import DebitQueue
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.wallets import WalletStore
from refunds.wallets import Credit, CreditRequest, CreditTarget, Wallets

MAX_WOKEN = 100
"""Waiting refunds that one credit wakes; the sweeper finds the others."""

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
    if credit.target is CreditTarget.WALLET:
        _wake(merchant_id, credit.currency)
    return http.created(credit)


@app.get("/wallet", openapi_extensions=http.contract("party", RoleRequired))
def get_wallet(role: http.As = None) -> Wallets:
    party = http.caller(app, settings=settings, store=members).party(role)
    return wallets.show(party, store=store)


def _wake(merchant_id: str, currency: str) -> None:
    """Send the refunds that wait for this money; a hint, so that its loss only delays them."""
    try:
        waiting = store.waiting(merchant_id, currency, limit=MAX_WOKEN)
    except (BotoCoreError, ClientError) as error:
        log_failure(error)
        return
    queue.send((refund_id, merchant_id) for refund_id in waiting)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
