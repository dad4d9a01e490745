"""`make reconcile`: it goes on until the run has ended, and shows what it found."""

import time
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from commands import api, reconcile
from local import books, running

REPORT: dict[str, Any] = {
    "run_id": "2026-11-25T01:00:00.000000Z",
    "began_at": "2026-11-25T01:00:00.000000Z",
    "ended_at": "2026-11-25T01:00:09.000000Z",
    "looked_at": 1200,
    "differences": 0,
    "named": [],
    "filled": 2,
    "moving": 0,
    "unsettled": 0,
    "totals": {"CNY": {"external:settlement": -15_000, "merchant:available": 15_000}},
    "suspects": [],
    "looks_again_at": None,
}
DIFFERENCE = {
    "kind": "balance_differs",
    "subject": "merchant:m-1:available:CNY",
    "expected": 2600,
    "found": 2500,
}


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def run(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any]) -> Result:
    left = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/reconciliation")
        return httpx.Response(200, json=next(left))

    client = httpx.Client(base_url="https://api.example", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(api.Api, "of_environment", classmethod(lambda cls: cls(client)))
    result = CliRunner().invoke(reconcile.app)
    assert next(left, None) is None
    return result


def test_it_goes_on_until_the_run_has_ended_and_waits_when_there_is_something_to_wait_for(
    monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    begun = REPORT | {"ended_at": None, "looked_at": 600}
    waits = begun | {"looks_again_at": "2020-01-01T00:00:00.000000Z", "suspects": [{}]}
    result = run(monkeypatch, begun, waits, REPORT)
    assert result.exit_code == 0
    assert slept == [1.0]
    for shown in ("external:settlement", "-15,000", "+15,000", "CNY"):
        assert shown in result.output


def test_differences_are_shown_and_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, REPORT | {"differences": 3, "named": [DIFFERENCE]})
    assert result.exit_code == 1
    for shown in (DIFFERENCE["subject"], "2,600", "2,500", "and 2 more"):
        assert str(shown) in result.output


def test_a_sum_that_is_not_zero_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    totals = {"CNY": {"external:settlement": -15_000, "merchant:available": 15_001}}
    assert run(monkeypatch, REPORT | {"totals": totals}).exit_code == 1


def test_without_a_deployment_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_URL", raising=False)
    monkeypatch.delenv("ACCESS_TOKEN", raising=False)

    def nothing() -> str:
        raise running.NothingRuns

    monkeypatch.setattr(running, "endpoint", nothing)
    assert CliRunner().invoke(reconcile.app).exit_code == 1


def test_it_never_waits_longer_than_a_pause(slept: list[float]) -> None:
    answers = iter(
        [
            REPORT | {"ended_at": None, "looks_again_at": "9000-01-01T00:00:00.000000Z"},
            REPORT,
        ]
    )
    heard: list[books.Report] = []
    assert books.reconcile(lambda: next(answers), heard.append) == REPORT
    assert slept == [books.LONGEST_WAIT_SECONDS]
    assert len(heard) == 2
