"""Make statements again from the postings, in the table itself: an engineer's command."""

import os

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from local import aws, deploy, running
from local.failures import LocalFailure
from local.terminal import failure, messages
from refunds.errors import Busy
from refunds.statements import Owner
from refunds.stores.rebuilds import PostingMissing, RebuildStore

PARTS_OF_AN_OWNER = 3
ROLES = ("merchant", "buyer")
CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}
)

app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


class NoTable(LocalFailure):
    def __init__(self) -> None:
        super().__init__(
            "没有可用的数据表: 未设置 TABLE_NAME, 本机也没有运行。"
            " No table: TABLE_NAME is not set, and nothing runs here.",
            next_step="set TABLE_NAME and AWS credentials, or run `make run` in another terminal.",
        )


class NotAnOwner(LocalFailure):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"不是账户 Not an owner: {text}",
            next_step="write it as merchant:ID:CNY or buyer:ID:CNY.",
        )


class NothingBooked(LocalFailure):
    def __init__(self, owner: str) -> None:
        super().__init__(
            f"没有任何分录 Nothing was ever booked for {owner}",
            next_step="check its id and currency, letter by letter.",
        )


@app.command()
def rebuild(
    owner: str = typer.Argument("", help="As merchant:ID:CNY; without it, every party's."),
) -> None:
    """Make statements again from the postings. Running it again is harmless."""
    try:
        wanted = [_owner(owner)] if owner else None
        unmade = _rebuild(_store(), wanted)
    except LocalFailure as told:
        failure(told.fact, told.next_step)
        raise typer.Exit(1) from None
    except (BotoCoreError, ClientError) as error:
        failure(
            f"数据库没有应答 The database did not answer: {error}",
            "check the credentials and TABLE_NAME; running this again is harmless.",
        )
        raise typer.Exit(1) from None
    if unmade:
        raise typer.Exit(1)


def _rebuild(store: RebuildStore, wanted: list[Owner] | None) -> int:
    """How many could not be made. Raises NothingBooked: of one that was named."""
    made = unmade = 0
    columns = (SpinnerColumn(), TextColumn("{task.fields[doing]}"), TimeElapsedColumn())
    with Progress(*columns, console=messages) as progress:
        bar = progress.add_task("rebuild", total=None, doing="")
        for each in wanted or store.owners():
            name = ":".join(each)

            def told(entries: int, name: str = name, made: int = made) -> None:
                progress.update(bar, doing=f"{made:,} ✓  {name}: {entries:,} 条 entries")

            try:
                told(0)
                if not store.rebuild(each, told=told) and wanted:
                    raise NothingBooked(name)
                made += 1
            except PostingMissing as error:
                unmade += 1
                failure(f"{name}: 缺少 missing {error}", "restore it (docs/runbook.md), try again.")
            except Busy:
                unmade += 1
                failure(f"{name}: 正忙 others are booked all the time", "run this again.")
        progress.update(bar, doing=f"{made:,} ✓")
    messages.print(f"已重建 statements made again: {made:,}; 未成 not made: {unmade:,}")
    return unmade


def _store() -> RebuildStore:
    """Where TABLE_NAME and the credentials say, or on this machine. Raises NoTable."""
    table = os.environ.get("TABLE_NAME", "")
    if table:
        return RebuildStore(boto3.client("dynamodb", config=CLIENT_CONFIG), table)
    try:
        endpoint = running.endpoint()
    except running.NothingRuns:
        raise NoTable from None
    return RebuildStore(aws.dynamodb(endpoint), deploy.outputs(endpoint).table_name)


def _owner(text: str) -> Owner:
    parts = text.split(":")
    if len(parts) != PARTS_OF_AN_OWNER or parts[0] not in ROLES or not all(parts):
        raise NotAnOwner(text)
    return Owner(*parts)


if __name__ == "__main__":
    app(prog_name="make rebuild")
