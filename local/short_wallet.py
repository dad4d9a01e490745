"""The story's second act: the wallet is low, the buyer does not wait, and the books close."""

import secrets
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from local.cast import Cast
from local.failures import UnexpectedAnswer
from local.telling import (
    CURRENCY,
    PAID,
    READ_THE_LOG,
    REFUND_SECONDS,
    Api,
    chapter,
    credit,
    figure,
    record_order,
    say,
    until_settled,
    yuan,
)
from local.terminal import data
from local.waiting import until

DEPOSIT = 5_000
GUARANTEE_LIMIT = 20_000
PAID_OUT = 85_000
LEFT = 5_100
PROCEEDS = 40_000
SOURCES = {"available": LEFT, "deposit": DEPOSIT, "receivable": PAID - LEFT - DEPOSIT}
ALLOCATION = {
    "receivable": SOURCES["receivable"],
    "deposit": DEPOSIT,
    "available": PROCEEDS - SOURCES["receivable"] - DEPOSIT,
}
POSTINGS = 6


def tell(api: Api, cast: Cast) -> None:
    """Raises UnexpectedAnswer at the first call that does not answer as told."""
    draw_the_wallet_down(api, cast)
    refund_from_three_sources(api, cast)
    repay(api, cast)
    show_statement(statement(api, cast))


def draw_the_wallet_down(api: Api, cast: Cast) -> None:
    chapter("保证金, 垫付额度, 提现 A deposit, a guarantee limit, a payout: little is left")
    limits = {
        "currency": CURRENCY,
        "deposit_required": DEPOSIT,
        "guarantee_limit": GUARANTEE_LIMIT,
    }
    merchant = f"/merchants/{cast.merchant_id}"
    api.call(cast.operator, "PUT", f"{merchant}/limits", limits)
    credit(api, cast, DEPOSIT, source="top_up", target="deposit")
    payout = {"amount": PAID_OUT, "currency": CURRENCY}
    path = f"{merchant}/wallet/payouts"
    api.call(cast.platform, "POST", path, payout, key=secrets.token_hex(8), expect=201)


def refund_from_three_sources(api: Api, cast: Cast) -> None:
    chapter("钱包不足, 买家不必等 The wallet is short, and the buyer does not wait")
    wanted = {"order_id": record_order(api, cast), "goods_condition": "intact"}
    refund = api.call(cast.buyer, "POST", "/refunds", wanted, key=secrets.token_hex(8), expect=202)
    refund = until_settled(api, cast.buyer, refund)
    expect_parts("The refund came from", refund["sources"], SOURCES)
    show_parts("来源 sources", refund["sources"])


def repay(api: Api, cast: Cast) -> None:
    chapter("货款先还垫付, 再补保证金 Proceeds repay the debt, then the deposit, then the wallet")
    made = credit(api, cast, PROCEEDS)
    expect_parts("The credit went to", made["allocation"], ALLOCATION)
    show_parts("去向 allocation", made["allocation"])


def statement(api: Api, cast: Cast) -> list[dict[str, Any]]:
    """The merchant's statement, oldest first, once the stream has brought every posting."""
    chapter("商家账单 The merchant's statement")
    path = f"/wallet/statement?currency={CURRENCY}"
    lines: list[dict[str, Any]] = until(
        lambda: api.call(cast.merchant, "GET", path)["items"],
        lambda seen: len(seen) >= POSTINGS,
        missed=lambda seen: UnexpectedAnswer(
            f"The statement has {len(seen)} of {POSTINGS} postings after {REFUND_SECONDS:.0f} s.",
            next_step=READ_THE_LOG,
        ),
        within=REFUND_SECONDS,
    )
    return lines[::-1]


def show_statement(lines: list[dict[str, Any]]) -> None:
    table = Table("号 no.", "类型 cause", title=f"账单 statement, {CURRENCY}", title_style="")
    for heading in ("可用 available", "保证金 deposit", "待还垫付 owed", "可用余额 balance"):
        table.add_column(heading, justify="right")
    for line in lines:
        changes = (line[f"{part}_change"] for part in ("available", "deposit", "owed"))
        table.add_row(
            str(line["number"]),
            line["cause"],
            *(figure(change, sign="+") if change else "" for change in changes),
            figure(line["available"]),
        )
    data.print(table)


def show_parts(title: str, parts: Mapping[str, int]) -> None:
    say(f"{title}: " + " + ".join(f"{name} {yuan(amount)}" for name, amount in parts.items()))


def expect_parts(fact: str, found: Mapping[str, int], told: Mapping[str, int]) -> None:
    if dict(found) != dict(told):
        raise UnexpectedAnswer(
            f"{fact} {dict(found)}, not {dict(told)}.",
            next_step="compare the postings with the waterfall in docs/ledger.md.",
        )
