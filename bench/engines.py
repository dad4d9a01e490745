"""The engines that a bench runs on, each started for it on loopback and gone afterwards."""

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from local import aws, engine
from local.failures import CommandFailed
from local.paths import ROOT, STATE
from local.terminal import messages, step

MINISTACK, AWS_ENGINE = "MiniStack", "AWS's own engine"


def each(*names: str) -> Iterator[tuple[str, str]]:
    """(name, endpoint) of one after the other; one that can't be had is named and left out."""
    for name in names:
        with ExitStack() as stack:
            try:
                with step(f"{name} starts"):
                    endpoint = stack.enter_context(_started(name))
            except CommandFailed as error:
                messages.print(f"NOT RUN on {name}. {error}", style="red", markup=False)
                continue
            yield name, endpoint


def versions(names: Iterable[str]) -> str:
    """Of those that were run."""
    pinned = (ROOT / "requirements-local.txt").read_text(encoding="utf-8")
    [ministack] = re.findall(r"^ministack==(\S+)", pinned, re.MULTILINE)
    known = {
        MINISTACK: f"{MINISTACK} {ministack}",
        AWS_ENGINE: f"{AWS_ENGINE}: {engine.PACKAGE} {engine.VERSION}, in memory",
    }
    return "; ".join(known[name] for name in names)


@contextmanager
def _started(name: str) -> Iterator[str]:
    STATE.mkdir(exist_ok=True)
    if name == MINISTACK:
        with aws.start(aws.any_free_port(), log=STATE / "bench-aws.log") as started:
            yield started.endpoint
    else:
        with engine.start(log=STATE / "bench-engine.log") as endpoint:
            yield endpoint
