"""The product on this machine, on a local AWS. Nothing here is deployed."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Annotated, NoReturn

import httpx
import typer
from botocore.exceptions import BotoCoreError, ClientError

from local import accounts, aws, containers, deploy, newcomer, running, story
from local.cast import SCOPES, Actor, Cast, assemble, warm_up
from local.deploy import Outputs
from local.failures import CommandFailed, LocalFailure
from local.paths import EVENTS, STATE
from local.terminal import failure, messages, step

app = typer.Typer(
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they hold tokens
)
LOG = STATE / "aws.log"
LOOK_SECONDS = 2.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Where it listens, on loopback. Default: 4566, or a free one."
    ),
]


STOPPED = "已停止 Stopped; nothing is left running."


class Stopped(SystemExit):
    """The person, or the system, asked this program to end."""


@dataclass(frozen=True)
class Stage:
    """Where the story was played, with whom, and about which order."""

    endpoint: str
    outputs: Outputs
    cast: Cast
    order_id: str


@app.command()
def run(port: Port = None) -> None:
    """Deploy to a local AWS, play the story, stay until Ctrl-C."""
    with told_to_the_person():
        with on_stage(port) as stage:
            running.show(stage.endpoint, stage.outputs, stage.cast, stage.order_id)
            with running.announced(stage.endpoint), aws.http(stage.endpoint) as http:
                messages.print("\nCtrl-C 结束 ends it.", style="bold")
                _stay(stage.endpoint, _supply(http, stage))
        messages.print(STOPPED)


@app.command()
def demo(port: Port = None) -> None:
    """Deploy to a local AWS, play the story, end: 0 only if every step went as told."""
    with told_to_the_person(), on_stage(port):
        messages.print("\n✓ 全部符合预期 Every step went as told.", style="green")


@app.command()
def invoke(
    function: Annotated[str, typer.Argument(help="The function's folder, as process_debits.")],
    *,
    skip_pull_image: Annotated[
        bool, typer.Option("--skip-pull-image", help="Use the image that is here.")
    ] = False,
) -> None:
    """Run one function in a container on events/FUNCTION.json, against the running stack."""
    with told_to_the_person():
        containers.invoke(function, running.endpoint(), skip_pull_image=skip_pull_image)


@app.command()
def invoke_all(
    *,
    skip_pull_image: Annotated[
        bool, typer.Option("--skip-pull-image", help="Use the image that is here.")
    ] = False,
) -> None:
    """Run every function in a container on its own event, against a stack of its own."""
    with told_to_the_person(), aws.start(None, log=LOG) as local_aws:
        deploy.build()
        deploy.deploy(local_aws.endpoint)
        for event in sorted(EVENTS.glob("*.json")):
            with step(f"sam local invoke {event.stem}"):
                containers.invoke(event.stem, local_aws.endpoint, skip_pull_image=skip_pull_image)


@contextmanager
def on_stage(port: int | None) -> Iterator[Stage]:
    """A local AWS with the product deployed and the story played; gone when left."""
    messages.print(f"日志 logs: {STATE}", style="dim", markup=False)
    with ExitStack() as stack:
        with step("启动本地 AWS The local AWS starts"):
            endpoint = stack.enter_context(aws.start(port, log=LOG)).endpoint
        with step("构建 sam build"):
            deploy.build()
        with step("部署 sam deploy"):
            outputs = deploy.deploy(endpoint)
        with step("登录 Demonstration accounts sign in"):
            cast = assemble(endpoint, outputs)
        with step("预热 The functions start"):
            warm_up(endpoint, outputs, cast)
        order_id = story.play(endpoint, outputs, cast)
        yield Stage(endpoint, outputs, cast, order_id)


def _supply(http: httpx.Client, stage: Stage) -> newcomer.Supply:
    def platform() -> Actor:
        token = accounts.service_token(stage.endpoint, stage.outputs, SCOPES)
        return replace(stage.cast.platform, token=token)

    return newcomer.Supply(http, stage.outputs.api_url, stage.cast, platform)


def _stay(endpoint: str, supply: newcomer.Supply) -> None:
    """Return when the person ends it; an end of the local AWS by itself is a failure."""
    try:
        while aws.is_ready(endpoint):
            supply.look()
            time.sleep(LOOK_SECONDS)
    except Stopped:
        messages.print("正在停止 Stopping …")
        return
    raise CommandFailed(
        "The local AWS has ended by itself.",
        next_step=f"read the end of {LOG}, then start again with `make run`.",
    )


@contextmanager
def told_to_the_person() -> Iterator[None]:
    """A failure becomes its message and exit status 1; a signal to end unwinds every block."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, _stop)
    try:
        yield
    except Stopped:
        messages.print(STOPPED)
        raise
    except LocalFailure as told:
        failure(told.fact, told.next_step)
        raise typer.Exit(1) from None
    except (BotoCoreError, ClientError, httpx.HTTPError) as error:
        failure(f"The local AWS did not answer as it should: {error}", f"read the end of {LOG}.")
        raise typer.Exit(1) from None


def _stop(signum: int, _frame: FrameType | None) -> NoReturn:
    for more in STOP_SIGNALS:
        signal.signal(more, signal.SIG_IGN)
    raise Stopped(128 + signum)
