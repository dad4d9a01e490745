"""Every error a caller can meet, each with its stable `code`; `docs/errors.md` lists them.

`http.py` turns each into an RFC 9457 problem document.
"""

from typing import ClassVar

type Fact = str | int | bool | list[str] | None

UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an item raises that was not written by the product; no answer of AWS is among it."""


class RefundsError(Exception):
    """A refusal with a stable `code`.

    Args:
        detail: this occurrence, in English, without personal data.
        facts: what the decision was made on, for the caller to read.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    title_zh: ClassVar[str]
    rule: ClassVar[str | None] = None
    remedy: ClassVar[str | None] = None

    def __init__(self, detail: str | None = None, **facts: Fact) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.facts = facts


# ── The request itself ──────────────────────────────────────────────────────────────────────────


class InvalidJson(RefundsError):
    code, status = "invalid_json", 400
    title, title_zh = "The body is not valid JSON", "请求体不是有效的 JSON"


class InvalidRequest(RefundsError):
    """`problems` names each field at fault by JSON pointer, and the fault by a stable type."""

    code, status = "invalid_request", 400
    title, title_zh = "A field is missing, unknown or malformed", "字段缺失、未知或格式错误"

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__()
        self.problems = problems


class IdempotencyKeyRequired(RefundsError):
    code, status = "idempotency_key_required", 400
    title = "The header Idempotency-Key must be 1 to 128 printable ASCII characters"
    title_zh = "缺少幂等键: 请求头 Idempotency-Key 须为 1 至 128 个可打印 ASCII 字符"


class InvalidCursor(RefundsError):
    code, status = "invalid_cursor", 400
    title, title_zh = "The cursor does not belong to this caller and query", "游标不属于此查询"


class InvalidRange(RefundsError):
    code, status = "invalid_range", 400
    title, title_zh = "`from` is later than `to`", "起始时间晚于结束时间"


class RoleRequired(RefundsError):
    code, status = "role_required", 400
    title = "You are both a merchant and a buyer: say ?as=merchant or ?as=buyer"
    title_zh = "您同时是商家和买家: 请指明 ?as=merchant 或 ?as=buyer"


class AccessTokenRequired(RefundsError):
    code, status = "access_token_required", 401
    title, title_zh = "Only an access token is accepted", "仅接受访问令牌"


class MembershipRequired(RefundsError):
    code, status = "membership_required", 403
    title, title_zh = "You may not act in this role", "您没有此身份"


class ScopeRequired(RefundsError):
    code, status = "scope_required", 403
    title, title_zh = (
        "This call is for a platform system with the scope",
        "仅限持有权限的平台系统调用",
    )


class RouteNotFound(RefundsError):
    code, status = "route_not_found", 404
    title, title_zh = "There is no such call", "接口不存在"


class UnsupportedMediaType(RefundsError):
    code, status = "unsupported_media_type", 415
    title, title_zh = "The body must be application/json", "请求体须为 application/json"


class IdempotencyKeyReused(RefundsError):
    code, status = "idempotency_key_reused", 422
    title, title_zh = "The key was used for another request", "该幂等键已用于另一请求"
    remedy = "Send a new key with a new request, or the old request with the old key."


class InternalError(RefundsError):
    code, status = "internal_error", 500
    title, title_zh = "Something failed on our side", "系统内部错误"


class ConsoleNotBuilt(RefundsError):
    code, status = "console_not_built", 500
    title, title_zh = "The console was deployed without its build", "控制台尚未构建"
    remedy = "Run `make console`, then deploy again."


class Busy(RefundsError):
    """Whatever was done: the same call, with the same key, may be sent again."""

    code, status = "busy", 503
    title, title_zh = "Too much at once: send the same request again", "系统繁忙, 请重试同一请求"
    remedy = "Send the same request again, with the same Idempotency-Key if it had one."


# ── Things that are not there, or not the caller's ──────────────────────────────────────────────


class MemberNotFound(RefundsError):
    code, status = "member_not_found", 404
    title, title_zh = "There is no such member", "成员不存在"


class CertificationNotFound(RefundsError):
    code, status = "certification_not_found", 404
    title, title_zh = "No certification was submitted", "尚未提交商家认证"


class OrderNotFound(RefundsError):
    code, status = "order_not_found", 404
    title, title_zh = "There is no such order", "订单不存在"


class RefundNotFound(RefundsError):
    code, status = "refund_not_found", 404
    title, title_zh = "There is no such refund", "退款不存在"


class QueueNotFound(RefundsError):
    code, status = "queue_not_found", 404
    title, title_zh = "There is no such dead-letter queue", "死信队列不存在"
    remedy = "GET /dead-letters names them."


# ── Certification and policy ────────────────────────────────────────────────────────────────────


class CertificationStateConflict(RefundsError):
    code, status = "certification_state_conflict", 409
    title, title_zh = "The certification's state does not allow this", "认证状态不允许此操作"
    rule = "none → submitted → certified or refused; refused → submitted; certified ⇄ suspended."
    remedy = "Look at the status: only the steps that leave it are open."


class ReasonRequired(RefundsError):
    code, status = "reason_required", 422
    title, title_zh = "A refusal or suspension needs a reason", "拒绝或暂停须说明原因"


class MerchantNotCertified(RefundsError):
    code, status = "merchant_not_certified", 403
    title, title_zh = "The merchant's certification is not in force", "商家认证未生效"
    rule = "Only a merchant whose certification is in force confirms a policy."
    remedy = "By status: none or refused: submit; submitted: wait; suspended: ask the operator."


class ShopIncomplete(RefundsError):
    code, status = "shop_incomplete", 403
    title, title_zh = "The shop's settings are not complete", "店铺设置不完整"
    rule = "A shop is open when every setting is filled in."
    remedy = "Fill in the missing shop settings."


class PolicyAlreadyConfirmed(RefundsError):
    code, status = "policy_already_confirmed", 409
    title, title_zh = (
        "The refund policy is confirmed and can never change",
        "退款说明已确认, 不可修改",
    )
    rule = "A refund policy is confirmed once, and never changed."
    remedy = "Nothing: the confirmed policy stands."


class PolicyDraftChanged(RefundsError):
    code, status = "policy_draft_changed", 409
    title, title_zh = "The draft is not the one that was reviewed", "草稿与核对的内容不一致"
    rule = "What is confirmed is exactly what was reviewed."
    remedy = "Review the draft as it stands and confirm its digest."


class InstantRefundOff(RefundsError):
    code, status = "instant_refund_off", 422
    title, title_zh = "The draft's instant-refund switch is off", "草稿未开启极速退款"
    rule = "Confirming a policy promises instant refunds."
    remedy = "Switch instant refund on in the draft, review it, and confirm."


# ── Orders and credits ──────────────────────────────────────────────────────────────────────────


class OrderConflict(RefundsError):
    code, status = "order_conflict", 409
    title, title_zh = "The order is already recorded with other content", "订单已记录且内容不同"
    rule = "Each field of an order is written once."
    remedy = "Send the recorded content, or only what is not recorded yet."


class OrderTimesImpossible(RefundsError):
    code, status = "order_times_impossible", 422
    title = "The order's times are not placed_at ≤ completed_at ≤ now"
    title_zh = "订单时间不合理: 须满足 placed_at ≤ completed_at ≤ 当前时间"
    rule = "placed_at ≤ completed_at ≤ now + 60 seconds."
    remedy = "Send the times as they were."


class PayoutExceedsPayable(RefundsError):
    code, status = "payout_exceeds_payable", 422
    title, title_zh = "More than what may be paid out", "超出可提现金额"
    rule = "Paid out is what exceeds debt, the deposit's required level and waiting refunds."
    remedy = "Ask for at most the payable amount."


class InsufficientBalance(RefundsError):
    code, status = "insufficient_balance", 422
    title, title_zh = "An account does not hold enough", "账户余额不足"
    rule = "No merchant's or buyer's account goes below zero, and no debt beyond its limit."
    remedy = "Move at most what the account holds."


class ReportNotFound(RefundsError):
    code, status = "report_not_found", 404
    title, title_zh = "Nothing was reconciled yet", "尚无对账报告"


class CorrectionNotFound(RefundsError):
    code, status = "correction_not_found", 404
    title, title_zh = "There is no such correction", "更正不存在"


class CorrectionNotOpen(RefundsError):
    code, status = "correction_not_open", 409
    title, title_zh = "The correction is already decided", "更正已处理"


class ApproverIsProposer(RefundsError):
    code, status = "approver_is_proposer", 403
    title, title_zh = "A correction is approved by another operator", "更正须由另一位运营人员批准"
    remedy = "Let another operator look at it and approve it."


class WalletChanged(RefundsError):
    code, status = "wallet_changed", 409
    title, title_zh = "The wallet changed meanwhile: try again", "钱包已变动, 请重试"


class WalletFrozen(RefundsError):
    code, status = "wallet_frozen", 409
    title, title_zh = "The wallet is frozen: unfreeze it first", "钱包已冻结, 请先解冻"


# ── Refusals of a refund, in the order they are checked ─────────────────────────────────────────


class PolicyNotConfirmed(RefundsError):
    code, status = "policy_not_confirmed", 422
    title = "The merchant had not confirmed instant refund when the order was placed"
    title_zh = "下单时商家尚未确认极速退款"
    rule = "An order is covered when the merchant's policy was confirmed before it was placed."
    remedy = "Nothing for this order; ask the merchant for an ordinary return."


class MerchantSuspended(RefundsError):
    code, status = "merchant_suspended", 422
    title = "The merchant was suspended when the order was placed"
    title_zh = "下单时商家的极速退款已被暂停"
    rule = "An order is covered when no suspension of the merchant was in force as it was placed."
    remedy = "Nothing for this order; ask the merchant for an ordinary return."


class TransactionNotCompleted(RefundsError):
    code, status = "transaction_not_completed", 422
    title, title_zh = "The transaction is not completed yet", "交易尚未完成"
    rule = "A refund may be asked for once the transaction is completed, for 7 days."
    remedy = "Ask again once the transaction is completed."


class RefundWindowClosed(RefundsError):
    code, status = "refund_window_closed", 422
    title, title_zh = "The 7 days after completion are over", "交易完成后 7 天的退款期已过"
    rule = "A refund may be asked for while arrival ≤ completion + 604,800 seconds."
    remedy = "Nothing for instant refund; ask the merchant for an ordinary return."


class GoodsNotIntact(RefundsError):
    code, status = "goods_not_intact", 422
    title, title_zh = "The goods are not intact", "货物非完好无损"
    rule = "Only intact goods are refunded without a reason."
    remedy = "If the goods are intact, ask again with a new Idempotency-Key."


class AmountExceedsRefundable(RefundsError):
    code, status = "amount_exceeds_refundable", 422
    title, title_zh = "More than what is left to refund of this order", "超出订单可退金额"
    rule = "The refunds of an order never sum to more than was paid for it."
    remedy = "Ask for at most what is refundable; when that is 0, all is refunded or about to be."


class RefundNotCancelable(RefundsError):
    code, status = "refund_not_cancelable", 409
    title, title_zh = "The refund is already final", "退款已终结, 不可取消"
    rule = "Only a refund that is pending or awaits funds can be canceled."


class RefundNotReversible(RefundsError):
    code, status = "refund_not_reversible", 409
    title, title_zh = "Only a refund that succeeded can be reversed", "仅可撤销已成功的退款"
