import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import processes
from local.failures import CommandFailed
from local.paths import ROOT

PATIENCE = 60.0
"""Seconds: four interpreters start, on a machine that has other work as well."""

# Says its own process id, its child's and its temporary folder, then sleeps, and so does the child.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), child.pid, os.environ["TMPDIR"], flush=True)
time.sleep(60)
"""

CALLER = """
import os, sys, time
from local import processes
with processes.guarded(sys.argv[1:], env=dict(os.environ), output=sys.stdout.buffer):
    time.sleep(60)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(said: Path) -> list[str]:
    give_up_at = time.monotonic() + PATIENCE
    while len(words := said.read_text().split()) < 3:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    return words


def test_a_command_that_ends_well_says_nothing(tmp_path: Path) -> None:
    processes.run(python("pass"), log=tmp_path / "log", env=dict(os.environ), doing="it")


def test_a_failed_command_is_told_with_its_status_and_the_end_of_its_log(tmp_path: Path) -> None:
    code = "import sys; print('first'); sys.exit('no such thing')"
    with pytest.raises(CommandFailed) as told:
        processes.run(python(code), log=tmp_path / "log", env=dict(os.environ), doing="the build")
    assert "the build failed with exit status 1" in told.value.fact
    assert "no such thing" in told.value.fact
    assert told.value.next_step


def test_a_command_that_is_not_installed_says_how_to_install_it(tmp_path: Path) -> None:
    missing = [str(tmp_path / "sam")]
    with pytest.raises(CommandFailed) as told:
        processes.run(missing, log=tmp_path / "log", env=dict(os.environ), doing="it")
    assert "make setup" in told.value.next_step


def test_nothing_outlives_the_block_that_started_it(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with (
        said.open("wb") as output,
        processes.guarded(python(FAMILY), env=dict(os.environ), output=output),
    ):
        parent, child, folder = wait_for(said)
        assert lives(int(parent))
        assert Path(folder).is_dir()
    assert not lives(int(parent))
    assert not lives(int(child))
    assert not Path(folder).exists()


def test_nothing_outlives_a_caller_that_was_killed(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with (
        said.open("wb") as output,
        subprocess.Popen([*python(CALLER), *python(FAMILY)], cwd=ROOT, stdout=output) as caller,
    ):
        parent, child, _ = wait_for(said)
        caller.kill()
    give_up_at = time.monotonic() + PATIENCE
    while lives(int(parent)) or lives(int(child)):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_only_the_end_of_a_long_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(str(number) for number in range(1000)))
    assert processes.tail(log).split() == [str(number) for number in range(980, 1000)]
