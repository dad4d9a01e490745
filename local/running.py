"""What a person needs of a running stack: shown once, and kept for the other commands."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.table import Table

from local import aws
from local.cast import Cast
from local.deploy import Outputs
from local.failures import LocalFailure
from local.paths import STATE
from local.story import curl_lines
from local.terminal import data

ADDRESS = STATE / "running"


class NothingRuns(LocalFailure):
    def __init__(self) -> None:
        super().__init__(
            "本机没有运行 No local AWS is running.",
            next_step="run `make run` in another terminal, then again.",
        )


@contextmanager
def announced(endpoint: str) -> Iterator[None]:
    """While inside, `endpoint()` of any other process answers this endpoint."""
    ADDRESS.write_text(endpoint, encoding="ascii")
    try:
        yield
    finally:
        # Another stack that was started from here since is the one to be found.
        if ADDRESS.exists() and ADDRESS.read_text(encoding="ascii") == endpoint:
            ADDRESS.unlink()


def endpoint() -> str:
    """Raises NothingRuns."""
    address = ADDRESS.read_text(encoding="ascii") if ADDRESS.exists() else ""
    if not address or not aws.is_ready(address):
        raise NothingRuns
    return address


def show(endpoint: str, outputs: Outputs, cast: Cast, order_id: str) -> None:
    data.print("\n令牌 Tokens, good for an hour: paste these, then the lines below", style="bold")
    for actor in (cast.platform, *cast.people):
        data.print(f"export {actor.name.upper()}={actor.token}", markup=False)
    data.print("\n可直接粘贴 Ready to paste", style="bold")
    for line in curl_lines(outputs, cast, order_id):
        data.print(line, markup=False)
    data.print("\n地址 URLs", style="bold")
    for name, url in (
        ("console 控制台", outputs.console_url),
        ("API", outputs.api_url),
        ("docs", f"{outputs.api_url}/docs"),
        ("sign-in", f"{outputs.hosted_ui_url}/oauth2/authorize"),
        ("AWS", endpoint),
    ):
        # Not in a table: no address may be cut to the width of a terminal.
        data.print(f"  {name:<14} {url}", markup=False)
    people = Table("账号 account", "密码 password", "代表 acts for", title="账号 Accounts")
    people.title_justify = "left"
    for member in cast.people:
        people.add_row(member.account.username, member.account.password, member.acts_for)
    data.print(people)
    for line in (
        "在控制台登录 Sign in to the console with any of them.",
        "newcomer 的店铺是空的, 可自行走完四步 (由 operator 审核);",
        "之后货款自动入账, buyer 有该店两笔订单可退。",
        "newcomer's shop is empty, to go the four steps by yourself (operator decides);",
        "then money comes in by itself, and buyer has two orders to refund.",
    ):
        data.print(line, markup=False)
