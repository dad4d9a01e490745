"""The refund policy: drafted, reviewed, and confirmed once for ever (R4 to R6)."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import http, policies
from refunds.errors import (
    InstantRefundOff,
    MerchantNotCertified,
    PolicyAlreadyConfirmed,
    PolicyDraftChanged,
    ShopIncomplete,
)
from refunds.observability import metrics, observed
from refunds.policies import PolicyConfirmation, PolicyTerms, PublicPolicy, RefundPolicy
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.policies import PolicyStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = PolicyStore.from_settings(settings)


@app.get("/refund-policy", openapi_extensions=http.contract("merchant"))
def get_refund_policy() -> RefundPolicy:
    merchant = http.caller(app, settings=settings, store=members).merchant()
    return policies.show(merchant, store=store)


@app.put(
    "/refund-policy/draft", openapi_extensions=http.contract("merchant", PolicyAlreadyConfirmed)
)
def put_refund_policy_draft(terms: PolicyTerms) -> RefundPolicy:
    merchant = http.caller(app, settings=settings, store=members).merchant()
    return policies.edit(merchant, terms, store=store, now=datetime.now(UTC))


@app.post(
    "/refund-policy/confirm",
    status_code=201,
    openapi_extensions=http.contract(
        "merchant",
        PolicyAlreadyConfirmed,
        MerchantNotCertified,
        ShopIncomplete,
        PolicyDraftChanged,
        InstantRefundOff,
        repeatable=True,
    ),
)
def confirm_refund_policy(confirmation: PolicyConfirmation) -> Response[RefundPolicy]:
    merchant = http.caller(app, settings=settings, store=members).merchant()
    policy, new = policies.confirm(
        merchant, confirmation.digest, store=store, now=datetime.now(UTC)
    )
    if new:
        metrics.add_metric(name="RefundPolicyConfirmed", unit="Count", value=1)
    return http.created(policy, new=new)


@app.get("/merchants/<merchant_id>/refund-policy", openapi_extensions=http.contract(None))
def get_public_refund_policy(merchant_id: http.PathId) -> PublicPolicy:
    return policies.show_publicly(merchant_id, store=store)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
