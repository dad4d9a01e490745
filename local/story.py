"""The story of one refund, told by the calls of those who take part in it."""

import json
import secrets
import shlex
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from local import aws, books, short_wallet
from local.cast import Actor, Cast, Member
from local.deploy import Outputs
from local.failures import UnexpectedAnswer
from local.telling import (
    READ_THE_LOG,
    Api,
    chapter,
    credit,
    record_order,
    say,
    until_settled,
    yuan,
)
from local.terminal import data

CREDITED = 100_000
PAID_BESIDES = 12_900
PAID_UNDER_WAY = 6_800
REFUNDED = 9_900

SHOP = {
    "name": "青山茶舍 Green Hill Tea",
    "logo_url": "https://shop.example/logo.png",
    "category": "tea",
    "customer_service_phone": "+8657187654321",
    "return_address": {
        "recipient": "青山茶舍售后",
        "phone": "+8657187654321",
        "province": "浙江省",
        "city": "杭州市",
        "street": "龙井路 1 号",
    },
}
APPLICATION = {
    "company_name": "杭州青山茶业有限公司",
    "unified_social_credit_code": "91110000600037341L",
    "legal_representative": "林青",
    "contact": {"name": "林青", "phone": "+8613800000000", "email": "lin@shop.example"},
    "documents": [{"kind": "business_licence", "reference": "licence-2025-001"}],
}
POLICY = {
    "instant_refund": True,
    "statement": {
        "reasons": "交易完成后七天内, 无需任何理由。No reason is needed for seven days.",
        "handling": "商品完好无损即自动退款至钱包。Intact goods are refunded automatically.",
    },
}
REASON = {"reason": "不喜欢 changed my mind"}


def play(endpoint: str, outputs: Outputs, cast: Cast) -> str:
    """Tell the whole story, and return the id of its order.

    Raises:
        UnexpectedAnswer: at the first call that does not answer as told.
    """
    with aws.http(endpoint) as http:
        api = Api(http, outputs.api_url)
        try:
            return _tell(api, cast)
        except KeyError as member:
            raise UnexpectedAnswer(
                f"The last answer above lacks the member {member}.", next_step=READ_THE_LOG
            ) from member


def _tell(api: Api, cast: Cast) -> str:
    become_members(api, cast)
    become_certified(api, cast)
    confirm_policy(api, cast)
    order_id = trade(api, cast)
    before = wallets(api, cast)
    refund = ask_for_refund(api, cast, order_id)
    show_timeline(refund)
    replay_and_refusal(api, cast, order_id, refund)
    show_wallets(before, wallets(api, cast))
    short_wallet.tell(api, cast)
    reconcile_the_books(api, cast)
    return order_id


def become_members(api: Api, cast: Cast) -> None:
    chapter("平台登记谁代表谁 The platform says who acts for whom")
    memberships: list[tuple[Member, dict[str, object]]] = [
        (cast.merchant, {"merchant_id": cast.merchant_id}),
        (cast.buyer, {"buyer_id": cast.buyer_id}),
        (cast.operator, {"operator": True}),
        (cast.newcomer, {"merchant_id": cast.newcomer.acts_for}),
        (cast.approver, {"operator": True}),
    ]
    for member, membership in memberships:
        api.call(cast.platform, "PUT", f"/members/{member.account.subject}", membership)


def become_certified(api: Api, cast: Cast) -> None:
    chapter("开设小店, 通过商家认证 The shop is set up and certified")
    shop = api.call(cast.merchant, "GET", "/shop")
    say(f"还缺 missing: {', '.join(shop['missing'])}")
    api.call(cast.merchant, "PUT", "/shop", SHOP)
    api.call(cast.merchant, "POST", "/certification", APPLICATION, expect=201)
    api.call(cast.operator, "GET", "/certifications?status=submitted")
    decision = {"decision": "certified", "reason": "营业执照已核对 licence checked"}
    api.call(cast.operator, "POST", f"/certifications/{cast.merchant_id}/decision", decision)


def confirm_policy(api: Api, cast: Cast) -> None:
    chapter("结算设置: 核对并确认, 此后不可修改 The policy is reviewed, confirmed, and final")
    api.call(cast.merchant, "PUT", "/refund-policy/draft", POLICY)
    reviewed = api.call(cast.merchant, "GET", "/refund-policy")
    say(f"理由 reasons:  {reviewed['statement']['reasons']}")
    say(f"处理 handling: {reviewed['statement']['handling']}")
    say(f"摘要 digest:   {reviewed['digest']}")
    confirmation = {"digest": reviewed["digest"]}
    api.call(cast.merchant, "POST", "/refund-policy/confirm", confirmation, expect=201)
    final = "policy_already_confirmed"
    api.call(cast.merchant, "PUT", "/refund-policy/draft", POLICY, expect=409, code=final)
    other = {"digest": reviewed["digest"][::-1]}
    api.call(cast.merchant, "POST", "/refund-policy/confirm", other, expect=409, code=final)


def trade(api: Api, cast: Cast) -> str:
    chapter("货款入账, 交易完成 Proceeds arrive, a transaction completes")
    credit(api, cast, CREDITED)
    order_id = record_order(api, cast)
    # For the buyer to try in the console: one that can be refunded, and one that can't be yet.
    record_order(api, cast, PAID_BESIDES)
    record_order(api, cast, PAID_UNDER_WAY, completed=False)
    return order_id


def ask_for_refund(api: Api, cast: Cast, order_id: str) -> dict[str, Any]:
    chapter("买家申请极速退款 The buyer asks for an instant refund")
    wanted = refund_of(order_id)
    api.call(cast.buyer, "POST", "/refunds/preview", wanted)
    refund = api.call(
        cast.buyer, "POST", "/refunds", wanted | REASON, key=key_of(order_id), expect=202
    )
    return until_settled(api, cast.buyer, refund)


def replay_and_refusal(api: Api, cast: Cast, order_id: str, refund: Mapping[str, Any]) -> None:
    chapter("再按一次也只退一次; 货物须完好 A second click pays nothing; goods must be intact")
    wanted = refund_of(order_id)
    again = api.call(
        cast.buyer, "POST", "/refunds", wanted | REASON, key=key_of(order_id), expect=202
    )
    if again["refund_id"] != refund["refund_id"]:
        raise UnexpectedAnswer(
            f"The same key made another refund, {again['refund_id']}.",
            next_step="mend the intake: the key alone decides the refund's id.",
        )
    say(f"同一笔退款 the same refund: {again['refund_id']}")
    damaged = wanted | {"goods_condition": "damaged", "evidence": ["photo-001"]}
    api.call(
        cast.buyer,
        "POST",
        "/refunds",
        damaged,
        key=secrets.token_hex(8),
        expect=422,
        code="goods_not_intact",
    )


def wallets(api: Api, cast: Cast) -> dict[str, int]:
    """What each party has, in minor units."""
    chapter("钱包 Wallets")
    return {
        actor.name: sum(
            wallet["available"] for wallet in api.call(actor, "GET", "/wallet")["wallets"]
        )
        for actor in (cast.merchant, cast.buyer)
    }


def reconcile_the_books(api: Api, cast: Cast) -> None:
    chapter("对账: 每笔入账, 合计为零 The books are reconciled, and every sum is zero")
    report = books.reconcile(
        lambda: api.call(cast.operator, "POST", "/reconciliation"),
        lambda each: say(f"已查 looked at {each['looked_at']}, 差异 differs {each['differences']}"),
    )
    balanced = books.show_totals(report)
    if report["differences"] or not balanced:
        books.show_differences(report)
        raise UnexpectedAnswer("The books differ.", next_step="read docs/runbook.md.")


def refund_of(order_id: str) -> dict[str, object]:
    return {"order_id": order_id, "amount": REFUNDED, "goods_condition": "intact"}


def key_of(order_id: str) -> str:
    return f"refund-of-{order_id}"


def show_timeline(refund: Mapping[str, Any]) -> None:
    table = Table("状态 status", "时间 at", title=f"退款 {refund['refund_id']}", title_style="")
    for entry in refund["timeline"]:
        table.add_row(entry["status"], entry["at"])
    data.print(table)


def show_wallets(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    table = Table("钱包 wallet")
    for heading in ("之前 before", "之后 after", "变化 change"):
        table.add_column(heading, justify="right")
    for name, amount in before.items():
        table.add_row(name, yuan(amount), yuan(after[name]), yuan(after[name] - amount, sign="+"))
    data.print(table)
    moved = {name: after[name] - amount for name, amount in before.items()}
    if moved != {"merchant": -REFUNDED, "buyer": REFUNDED}:
        raise UnexpectedAnswer(
            f"The wallets moved by {moved}, not by {REFUNDED} from merchant to buyer.",
            next_step="compare the posting of the refund with the two balances.",
        )


def curl_lines(outputs: Outputs, cast: Cast, order_id: str) -> list[str]:
    """Commands to paste: a look at each party's own things, and one more refund."""

    def curl(actor: Actor, path: str, *more: str) -> str:
        url = shlex.quote(outputs.api_url + path)
        return " ".join(
            ["curl -s", url, f'-H "Authorization: Bearer ${actor.name.upper()}"', *more]
        )

    more = {"order_id": order_id, "amount": 100, "goods_condition": "intact"}
    body = f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(more))}"
    return [
        curl(cast.buyer, "/refunds", f"-H 'Idempotency-Key: {secrets.token_hex(4)}'", body),
        curl(cast.buyer, "/refunds"),
        curl(cast.merchant, "/orders"),
        curl(cast.merchant, "/wallet"),
        curl(cast.operator, "/certifications?status=submitted"),
    ]
