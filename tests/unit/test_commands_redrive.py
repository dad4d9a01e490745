"""`make redrive`: what the operator is shown and asked, and which calls follow."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from commands import api, redrive
from local import running, terminal

if TYPE_CHECKING:
    from collections.abc import Callable

WIDE = 200
"""Columns: no cell of a table is broken in two."""
LETTER = {
    "message_id": "message-1",
    "sent_at": "2026-11-25T01:00:00.000000Z",
    "receives": 6,
    "about": "refund:rf_1",
    "status": "pending",
    "error_type": None,
    "redrivable": True,
    "why_not": None,
}


@dataclass
class Deployment:
    """The API of a deployment that holds dead letters of debits, some of which must stay."""

    good: int = 0
    bad: int = 0
    stopped_by: str | None = None
    first: list[httpx.Response | Exception] = field(default_factory=list)
    """What the first calls are answered, before it answers as it should."""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer token"
        body = json.loads(request.content) if request.content else None
        self.calls.append((request.method, request.url.path, body))
        if self.first:
            match self.first.pop(0):
                case httpx.Response() as answer:
                    return answer
                case error:
                    raise error
        answers: dict[str, Callable[[Any], Any]] = {
            "/dead-letters": lambda _: {"items": [self._queue("debits"), self._queue("orders")]},
            "/dead-letters/debits": lambda _: self._queue("debits") | {"items": [LETTER]},
            "/dead-letters/debits/redrive": self._redrive,
        }
        if request.url.path not in answers:
            return httpx.Response(404, json={"code": "queue_not_found"})
        return httpx.Response(200, json=answers[request.url.path](body))

    def moves(self) -> list[Any]:
        return [body for method, _, body in self.calls if method == "POST"]

    def _queue(self, name: str) -> dict[str, Any]:
        count = self.good + self.bad if name == "debits" else 0
        return {"queue": name, "messages": count, "holds": "a refund", "redriven_to": "a queue"}

    def _redrive(self, body: Any) -> dict[str, Any]:
        moved = 0 if self.stopped_by else min(self.good, body["limit"])
        self.good -= moved
        return {
            "moved": moved,
            "left_here": self.bad,
            "remaining": self.good + self.bad,
            "stopped_by": self.stopped_by,
        }


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    made = Deployment()
    client = httpx.Client

    def mocked(**options: Any) -> httpx.Client:
        return client(transport=httpx.MockTransport(made), **options)

    monkeypatch.setattr(httpx, "Client", mocked)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setenv("API_URL", "https://api.example")
    monkeypatch.setenv("ACCESS_TOKEN", "token")
    monkeypatch.setattr(terminal.data, "width", WIDE)
    return made


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(redrive.app, list(arguments), input=said)


def test_it_shows_what_is_there_asks_and_moves_in_small_steps(deployment: Deployment) -> None:
    deployment.good, deployment.bad = 60, 2
    ended = run(said="y\n")
    assert ended.exit_code == 0, ended.output
    assert "refund:rf_1 pending" in ended.output
    assert deployment.moves() == [{"limit": redrive.STEP}] * 4
    assert "60" in ended.output
    assert (deployment.good, deployment.bad) == (0, 2)


def test_nothing_is_sent_unless_the_answer_is_yes(deployment: Deployment) -> None:
    deployment.good = 1
    for said in ("n\n", "\n", ""):
        assert run(said=said).exit_code == 1
    assert deployment.moves() == []


def test_yes_asks_nothing_and_again_is_harmless(deployment: Deployment) -> None:
    deployment.good = 1
    assert run("debits", "--yes").exit_code == 0
    ended = run("debits", "--yes")
    assert ended.exit_code == 0
    assert "没有死信" in ended.output
    assert deployment.moves() == [{"limit": redrive.STEP}]


def test_a_target_that_takes_no_more_is_a_failure_that_says_so(deployment: Deployment) -> None:
    deployment.good, deployment.stopped_by = 3, "AccessDeniedException"
    ended = run("--yes")
    assert ended.exit_code == 1
    assert "AccessDeniedException" in ended.output
    assert "runbook" in ended.output


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_a_message_with_a_next_step(deployment: Deployment, status: int) -> None:
    deployment.first = [httpx.Response(status, json={"message": "Unauthorized"})]
    ended = run()
    assert ended.exit_code == 1
    assert "令牌被拒绝" in ended.output
    assert "ACCESS_TOKEN" in ended.output
    assert "Traceback" not in ended.output


def test_a_busy_moment_passes(deployment: Deployment) -> None:
    deployment.first = [httpx.Response(503), httpx.Response(429)]
    assert run("--yes").exit_code == 0


def test_another_answer_is_told(deployment: Deployment) -> None:
    ended = run("letters")
    assert ended.exit_code == 1
    assert "queue_not_found" in ended.output
    deployment.first = [httpx.Response(503) for _ in range(api.TRIES)]
    assert "503" in run().output


def test_an_api_that_does_not_answer_is_told(deployment: Deployment) -> None:
    deployment.first = [httpx.ConnectError("?")]
    ended = run()
    assert ended.exit_code == 1
    assert "ConnectError" in ended.output


def test_one_variable_without_the_other_is_told(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACCESS_TOKEN")
    ended = run()
    assert ended.exit_code == 1
    assert "API_URL" in ended.output
    assert deployment.calls == []


def test_where_nothing_runs_it_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "ADDRESS", tmp_path / "running")
    ended = run()
    assert ended.exit_code == 1
    assert "make run" in ended.output
    assert "没有可用的部署" in ended.output
