"""Reconcile the books: goes on with the run under way or begins one, and shows what it finds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from commands.api import Api
from local import books
from local.failures import LocalFailure
from local.terminal import data, failure, messages

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)  # they hold a token


@app.command()
def reconcile() -> None:
    """Recompute every account, look at every invariant: 0 only if nothing differs."""
    try:
        with Api.of_environment() as api:
            report = _run(api)
    except LocalFailure as told:
        failure(told.fact, told.next_step)
        raise typer.Exit(1) from None
    except httpx.HTTPError as error:
        failure(
            f"API 没有应答 The API did not answer: {type(error).__name__}",
            "check API_URL and the network; running this again goes on where it stopped.",
        )
        raise typer.Exit(1) from None
    _show(report)


def _run(api: Api) -> books.Report:
    with _progress() as (progress, bar):

        def go_on() -> books.Report:
            return api.call("POST", "/reconciliation")

        def told(report: books.Report) -> None:
            progress.update(bar, completed=report["looked_at"], doing=_doing(report))

        return books.reconcile(go_on, told)


@contextmanager
def _progress() -> Iterator[tuple[Progress, TaskID]]:
    """How many items there are is not known before the end: the bar says how many are done."""
    columns = (
        TextColumn("对账 reconciliation"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TextColumn("{task.fields[doing]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=messages) as progress:
        bar = progress.add_task("reconciliation", total=None, doing="")
        yield progress, bar
        progress.update(bar, total=progress.tasks[bar].completed)


def _doing(report: books.Report) -> str:
    if report["looks_again_at"]:
        waiting = len(report["suspects"])
        return f"再看 looks again at {waiting}, {report['looks_again_at'][11:19]} UTC"
    return f"差异 differences: {report['differences']}"


def _show(report: books.Report) -> None:
    balanced = books.show_totals(report)
    books.show_differences(report)
    facts: dict[str, Any] = {
        "开始 began": report["began_at"],
        "已查 looked at": report["looked_at"],
        "补记 gaps filled": report["filled"],
        "变动中 moving": report["moving"],
        "未复查 left to the next run": report["unsettled"],
        "差异 differences": report["differences"],
    }
    for name, value in facts.items():
        data.print(f"{name}: {value}", markup=False)
    if report["differences"] or not balanced:
        failure("账目不平 The books differ.", "read docs/runbook.md#the-books-differ.")
        raise typer.Exit(1)
    messages.print("✓ 账目相符, 各币种合计为零 The books agree: each sum is zero.", style="green")


if __name__ == "__main__":
    app(prog_name="make reconcile")
