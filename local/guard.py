"""Run a command that must not outlive its caller: `python guard.py COMMAND [ARGUMENT ...]`.

The command gets a process group and a temporary folder of its own. When it ends, or when standard
input closes (the caller has stopped, or was killed), the whole group is ended and the folder
removed. A plain script of the standard library: it starts fast, under any Python.
"""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time

GRACE_SECONDS = 3.0
LOOK_SECONDS = 0.05


def main(command: list[str]) -> int:
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="guard-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": folder},
            process_group=0,
        )
        try:
            while process.poll() is None and not _caller_is_gone():
                pass
        finally:
            _end_group(process)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _caller_is_gone() -> bool:
    """Nobody writes to standard input: it is readable only once it is closed."""
    readable, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
    return bool(readable)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    if _signal_group(process, signal.SIGTERM):
        give_up_at = time.monotonic() + GRACE_SECONDS
        while _signal_group(process, 0) and time.monotonic() < give_up_at:
            time.sleep(LOOK_SECONDS)
        _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: "subprocess.Popen[bytes]", signum: int) -> bool:
    """Whether the group had anyone left to receive it."""
    process.poll()  # an ended leader that nobody waited for would count as one left
    try:
        os.killpg(process.pid, signum)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
