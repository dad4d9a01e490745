"""What is deployed is whole: each function starts from the built layer alone."""

import os
import subprocess
import sys

import pytest

from local.deploy import logical_id_of
from local.paths import BUILD, ROOT

FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_imports_nothing_that_the_layer_lacks(folder: str) -> None:
    """The local AWS would not notice: its own packages lie behind the layer's."""
    path = [str(BUILD / "RefundsLayer" / "python"), str(BUILD / logical_id_of(folder))]
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path!r}; import app"],
        env=dict(os.environ),
        cwd=BUILD,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
