"""Commands under guard: none outlives this program, however it ends."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local.failures import CommandFailed
from local.paths import ROOT, STATE, TOOLS

GUARD = Path(__file__).with_name("guard.py")
STOP_SECONDS = 30.0
LOOK_SECONDS = 0.1
LOG_TAIL_LINES = 20
MEMORY = Path("/dev/shm")  # noqa: S108  # guard.py makes a private folder in it
ROOM_BYTES = 4 * 2**30


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without a trace of anyone's AWS account or Python."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PYTHON", "SAM_")) and name != "VIRTUAL_ENV"
    }
    return inherited | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUTF8": "1",
        "SAM_CLI_POLL_DELAY": "0.2",
        "SAM_CLI_TELEMETRY": "0",
        "TMPDIR": str(_roomy_temporary_folder()),
        **(variables or {}),
    }


@contextmanager
def guarded(
    command: list[str],
    *,
    env: Mapping[str, str],
    output: IO[bytes],
    errors: IO[bytes] | None = None,
    cwd: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start it; on leaving, whatever the reason, it and all that it started are gone.

    Its errors go where its output goes, unless said otherwise.
    """
    if not Path(command[0]).exists():
        raise CommandFailed(f"{command[0]} is not installed.", next_step="run `make setup`.")
    STATE.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-I", str(GUARD), *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors or subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(STOP_SECONDS)


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Of several programs on this machine, one is inside; `lock` is a file of its own for this."""
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def served(
    command: list[str],
    answers: Callable[[], bool],
    *,
    env: Mapping[str, str],
    log: Path,
    seconds: float,
    doing: str,
    next_step: str,
    cwd: Path = ROOT,
) -> Iterator[None]:
    """Run a server, under guard, that answers while inside.

    Raises:
        CommandFailed: it ended, or did not answer within `seconds`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, guarded(command, env=env, output=output, cwd=cwd) as server:
        _wait_until_ready(
            server, answers, log=log, seconds=seconds, doing=doing, next_step=next_step
        )
        yield


def _wait_until_ready(
    server: "subprocess.Popen[bytes]",
    answers: Callable[[], bool],
    *,
    log: Path,
    seconds: float,
    doing: str,
    next_step: str,
) -> None:
    give_up_at = time.monotonic() + seconds
    while not answers():
        if server.poll() is not None or time.monotonic() > give_up_at:
            raise CommandFailed(
                f"{doing} did not start. The end of {log}:\n{tail(log)}", next_step=next_step
            )
        time.sleep(LOOK_SECONDS)


def run(command: list[str], *, log: Path, env: Mapping[str, str], doing: str) -> None:
    """Run it to its end.

    Raises:
        CommandFailed: it exited with anything but 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, guarded(command, env=env, output=output) as process:
        status = process.wait()
    if status != 0:
        raise CommandFailed(
            f"{doing} failed with exit status {status}. The end of {log}:\n{tail(log)}",
            next_step="mend what the lines above name, then try again.",
        )


def _roomy_temporary_folder() -> Path:
    """Memory, if there is enough: each worker of each function unpacks the layer's 3,000 files."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
        return MEMORY
    return STATE


def tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:])
