"""Where there is no Chromium, nobody takes the browser tests for passed."""

import os
from pathlib import Path

import pytest

from local import chromium
from tests.unit import apart


def run_without_chromium(empty: Path, **environment: str) -> tuple[int, str]:
    place = f"{empty}"
    return apart.run("tests/browser/test_story.py", PATH=place, HOME=place, **environment)


def test_without_a_chromium_the_end_says_what_did_not_run_and_how_to_get_it(
    tmp_path: Path,
) -> None:
    status, said = run_without_chromium(tmp_path)
    assert status == 0
    *_, end = said.split("NOT RUN")
    assert chromium.TO_GET_ONE in end.splitlines()[1]


def test_where_a_browser_is_required_its_want_is_a_failure(tmp_path: Path) -> None:
    status, said = run_without_chromium(tmp_path, REQUIRE_BROWSER="1")
    assert status == 1
    assert chromium.TO_GET_ONE in said


def test_the_first_browser_on_the_path_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.executable() is None
    for name in ("google-chrome", "chromium"):
        program = tmp_path / name
        program.touch(mode=0o755)
        assert chromium.executable() == os.fspath(program)
