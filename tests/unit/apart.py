"""A run of pytest of its own, in an environment of its own."""

import subprocess
import sys

from local.paths import ROOT


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Its exit status, and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
