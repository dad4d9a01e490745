"""Send dead letters again: shows what it will do, asks, does it in small steps."""

from typing import Annotated, Any

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from commands.api import Api
from local.failures import LocalFailure
from local.terminal import data, failure, messages

STEP = 25
"""Letters that one call moves: few enough for it to answer soon."""
NOT_REDRIVABLE = {
    "malformed": "格式错误 malformed",
    "refund_not_found": "无此退款 no such refund",
    "positions_only": "仅有位置, 由对账补记 positions only: reconciliation books what is missing",
}

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)  # they hold a token


@app.command()
def redrive(
    queue: Annotated[str, typer.Argument(help="debits, orders or changes; without it, all.")] = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send dead letters again. Running it again is harmless."""
    try:
        with Api.of_environment() as api:
            _redrive(api, queue, yes=yes)
    except LocalFailure as told:
        failure(told.fact, told.next_step)
        raise typer.Exit(1) from None
    except httpx.HTTPError as error:
        failure(
            f"API 没有应答 The API did not answer: {type(error).__name__}",
            "check API_URL and the network; running this again is harmless.",
        )
        raise typer.Exit(1) from None


def _redrive(api: Api, queue: str, *, yes: bool) -> None:
    queues = _chosen(api, queue)
    _show_queues(queues)
    filled = [each["queue"] for each in queues if each["messages"]]
    if not filled:
        messages.print("✓ 没有死信 There are no dead letters.", style="green")
        return
    for each in filled:
        _show_letters(each, api.call("GET", f"/dead-letters/{each}")["items"])
    if not yes and not typer.confirm("重新投递? Send them again?", err=True):
        messages.print("未做任何操作 Nothing was sent.")
        raise typer.Exit(1)
    _show_outcome({each: _move(api, each) for each in filled})


def _chosen(api: Api, queue: str) -> list[dict[str, Any]]:
    """All queues, or the one that is named: the API itself says when there is none of that name."""
    if queue:
        return [api.call("GET", f"/dead-letters/{queue}")]
    items: list[dict[str, Any]] = api.call("GET", "/dead-letters")["items"]
    return items


def _move(api: Api, queue: str) -> dict[str, Any]:
    """Step by step, until as many were sent as were there, or none of the rest can be."""
    moved, total = 0, None
    columns = (TextColumn(queue), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=messages) as progress:
        bar = progress.add_task(queue, total=None)
        while True:
            step = api.call("POST", f"/dead-letters/{queue}/redrive", {"limit": STEP})
            moved += step["moved"]
            total = total or moved + step["remaining"]
            progress.update(bar, completed=moved, total=total)
            if not step["moved"] or moved >= total or step["stopped_by"]:
                return step | {"moved": moved}


def _show_queues(queues: list[dict[str, Any]]) -> None:
    table = Table(
        "队列 queue", "条数 messages", "内容 holds", "去向 sent to", title="死信 Dead letters"
    )
    for each in queues:
        table.add_row(each["queue"], str(each["messages"]), each["holds"], each["redriven_to"])
    data.print(table)


def _show_letters(queue: str, letters: list[dict[str, Any]]) -> None:
    table = Table(
        "关于 about", "时间 sent at", "次数 received", "错误 error", "重新投递 redrive", title=queue
    )
    for each in letters:
        about = " ".join(filter(None, (each["about"], each["status"])))
        table.add_row(
            about or each["message_id"],
            each["sent_at"],
            str(each["receives"]),
            each["error_type"] or "",
            NOT_REDRIVABLE.get(each["why_not"], each["why_not"]) if each["why_not"] else "✓",
        )
    data.print(table)


def _show_outcome(outcomes: dict[str, dict[str, Any]]) -> None:
    table = Table("队列 queue", "已投递 sent", "留下 left", "剩余 remaining", "中止 stopped by")
    for queue, each in outcomes.items():
        numbers = (str(each[name]) for name in ("moved", "left_here", "remaining"))
        table.add_row(queue, *numbers, each["stopped_by"] or "")
    data.print(table)
    stopped_by = {each["stopped_by"] for each in outcomes.values() if each["stopped_by"]}
    if stopped_by:
        raise LocalFailure(
            f"目标不再接收 A target took no more: {', '.join(sorted(stopped_by))}",
            next_step="mend what it names (docs/runbook.md#dead-letters), then run this again.",
        )
    messages.print("✓ 完成; 可再次运行 Done; running it again is harmless.", style="green")


if __name__ == "__main__":
    app(prog_name="make redrive")
