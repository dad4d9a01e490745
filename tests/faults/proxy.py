"""microburst before the local AWS: whatever passes may meet a fault, at the wire."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from local import aws, processes

RULES = "/_microburst/rules"
CALL = "x-refunds-call"
"""The header by which the rules know a call."""

type Rule = dict[str, Any]


@dataclass(frozen=True)
class Proxy:
    endpoint: str
    control: httpx.Client

    fired: Counter[str] = field(default_factory=Counter)
    """How often a fault was met, by the header that its rule looks for."""

    def obey(self, rules: Sequence[Rule]) -> None:
        """Instead of those before."""
        for rule in self.control.get(RULES).json():
            self.fired[rule["headers"][CALL]] += rule["fired_count"]
        self.control.post(RULES, json=list(rules)).raise_for_status()


@contextmanager
def start(upstream: str, *, log: Path) -> Iterator[Proxy]:
    port = aws.any_free_port()
    endpoint = f"http://{aws.HOST}:{port}"
    command = [sys.executable, "-m", "microburst", "--upstream", upstream, "--port", str(port)]
    with (
        aws.http(endpoint) as control,
        processes.served(
            command,
            lambda: _answers(control),
            env=processes.environment(),
            log=log,
            seconds=aws.START_SECONDS,
            doing="The fault proxy",
            next_step="mend what the lines above name.",
        ),
    ):
        yield Proxy(endpoint, control)


def _answers(control: httpx.Client) -> bool:
    try:
        return control.get("/_microburst/health").is_success
    except httpx.TransportError:
        return False
