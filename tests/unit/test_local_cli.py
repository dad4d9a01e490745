import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local import running
from local.cli import app
from local.paths import ROOT


@pytest.fixture
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ADDRESS", tmp_path / "running")


def local(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_without_arguments_it_shows_its_commands() -> None:
    shown = CliRunner().invoke(app).output
    for command in ("run", "demo", "invoke"):
        assert command in shown


@pytest.mark.parametrize("command", ["run", "demo", "invoke"])
def test_each_command_has_help(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_a_taken_port_is_a_message_with_a_next_step_on_stderr_and_a_status() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ended = local("demo", "--port", str(port))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert f"Port {port} is taken" in ended.stderr
    assert "Next: " in ended.stderr
    assert "\x1b" not in ended.stderr


@pytest.mark.usefixtures("nothing_runs")
def test_invoking_without_a_running_stack_says_to_start_one() -> None:
    ended = CliRunner().invoke(app, ["invoke", "process_debits"])
    assert ended.exit_code == 1
    assert "make run" in ended.output


@pytest.mark.usefixtures("nothing_runs")
def test_an_address_that_nobody_listens_on_any_more_counts_as_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with running.announced(gone), pytest.raises(running.NothingRuns):
        running.endpoint()
    assert not running.ADDRESS.exists()


@pytest.mark.usefixtures("nothing_runs")
def test_the_stack_that_was_started_last_is_found_when_an_earlier_one_ends() -> None:
    with running.announced("http://127.0.0.1:2"):
        with running.announced("http://127.0.0.1:1"):
            running.ADDRESS.write_text("http://127.0.0.1:2", encoding="ascii")
        assert running.ADDRESS.read_text(encoding="ascii") == "http://127.0.0.1:2"
