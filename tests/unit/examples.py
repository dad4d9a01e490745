"""Things as they are on an ordinary day; each test changes only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from refunds.certification import Application
from refunds.debits import Debit
from refunds.orders import Coverage, Order, OrderRecord
from refunds.policies import ConfirmedPolicy, PolicyTerms
from refunds.refunds import GoodsCondition, Refund, RefundRequest, RefundStatus
from refunds.shops import ShopSettings
from refunds.times import format_instant

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
MERCHANT = "merchant-1"
BUYER = "buyer-1"
ORDER = "order-1"
USCC = "91110000600037341L"
"""A unified social credit code whose check character is right."""

TERMS = PolicyTerms.model_validate(
    {
        "instant_refund": True,
        "statement": {"reasons": "七天无理由退货", "handling": "商品完好无损即退款"},
    }
)
COVERED = Coverage(policy_digest=TERMS.digest(), policy_confirmed_at=NOON - 30 * DAY)
APPLICATION = Application.model_validate(
    {
        "company_name": "北京示例贸易有限公司",
        "unified_social_credit_code": USCC,
        "legal_representative": "王小明",
        "contact": {"name": "李雷", "phone": "+86 10 12345678", "email": "li@example.com"},
        "documents": [{"kind": "business_licence", "reference": "s3://documents/licence.pdf"}],
    }
)
SHOP = ShopSettings.model_validate(
    {
        "name": "示例小店",
        "logo_url": "https://example.com/logo.png",
        "category": "服饰",
        "customer_service_phone": "400 123 4567",
        "return_address": {
            "recipient": "仓库",
            "phone": "010 12345678",
            "province": "北京",
            "city": "北京",
            "street": "示例路 1 号",
        },
    }
)


def order_record(**changed: Any) -> OrderRecord:
    given = {
        "merchant_id": MERCHANT,
        "buyer_id": BUYER,
        "amount": 1000,
        "currency": "CNY",
        "placed_at": NOON - 2 * DAY,
        "completed_at": NOON - DAY,
    }
    return OrderRecord.model_validate(given | changed)


def order(**changed: Any) -> Order:
    """Covered, completed a day ago, and nothing of it refunded yet."""
    given: dict[str, Any] = {
        **dict(order_record()),
        "order_id": ORDER,
        "refundable": changed.get("amount", 1000),
        "coverage": COVERED,
    }
    return Order.model_validate(given | changed)


def wanted(**changed: Any) -> RefundRequest:
    given = {"order_id": ORDER, "amount": 100, "goods_condition": GoodsCondition.INTACT}
    return RefundRequest.model_validate(given | changed)


def refund(**changed: Any) -> Refund:
    """Just accepted."""
    given = {
        "refund_id": "rf_1",
        "order_id": ORDER,
        "merchant_id": MERCHANT,
        "buyer_id": BUYER,
        "amount": 100,
        "currency": "CNY",
        "status": RefundStatus.PENDING,
        "goods_condition": GoodsCondition.INTACT,
        "reason": "不需要了",
        "evidence": (),
        "request_digest": wanted().digest(),
        "requested_at": NOON,
        "due_at": NOON + timedelta(minutes=1),
    }
    return Refund.model_validate(given | changed)


def debit(refund_id: str = "rf_1", **changed: Any) -> Debit:
    given = {
        "refund_id": refund_id,
        "merchant_id": MERCHANT,
        "buyer_id": BUYER,
        "currency": "CNY",
        "amount": 100,
        "requested_at": format_instant(NOON),
    }
    return Debit(**{**given, **changed})


def confirmed_policy(**changed: Any) -> ConfirmedPolicy:
    given = {
        **dict(TERMS),
        "merchant_id": MERCHANT,
        "digest": TERMS.digest(),
        "confirmed_at": NOON - 30 * DAY,
    }
    return ConfirmedPolicy.model_validate(given | changed)
