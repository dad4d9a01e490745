"""Reconciliation as a person sees it: how far it is, what every account holds, what differs."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from local.terminal import data

type Report = Mapping[str, Any]

LONGEST_WAIT_SECONDS = 65.0
"""A little longer than the pause between two looks."""


def reconcile(go_on: Callable[[], Report], told: Callable[[Report], None]) -> Report:
    """Go on with the run under way, or a new one, until it has ended; `told` hears each report."""
    while True:
        report = go_on()
        told(report)
        if report["ended_at"]:
            return report
        if report["looks_again_at"]:
            time.sleep(_seconds_until(report["looks_again_at"]))


def show_totals(report: Report) -> bool:
    """What each kind of account holds, by currency. Whether every sum is zero."""
    balanced = True
    for currency, accounts in sorted(report["totals"].items()):
        table = Table("账户 account", title=f"账本 The ledger, {currency}", show_footer=True)
        table.add_column("最小单位 minor units", justify="right")
        for account, amount in sorted(accounts.items()):
            table.add_row(account, f"{amount:+,}")
        total = sum(accounts.values())
        table.columns[0].footer = "合计 sum"
        table.columns[1].footer = f"{total:,}"
        data.print(table)
        balanced = balanced and total == 0
    return balanced


def show_differences(report: Report) -> None:
    if not report["named"]:
        return
    table = Table("种类 kind", "对象 subject", title="差异 Differences")
    for heading in ("应为 expected", "实为 found"):
        table.add_column(heading, justify="right")
    for each in report["named"]:
        table.add_row(each["kind"], each["subject"], f"{each['expected']:,}", f"{each['found']:,}")
    data.print(table)
    unnamed = report["differences"] - len(report["named"])
    if unnamed:
        data.print(f"… 还有 and {unnamed:,} more")


def _seconds_until(moment: str) -> float:
    left = (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()
    return min(max(left, 1.0), LONGEST_WAIT_SECONDS)
