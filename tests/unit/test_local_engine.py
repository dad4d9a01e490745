"""Where AWS's own engine can't be had, nobody takes its tests for passed."""

from pathlib import Path

from tests.unit import apart

WITHOUT = """\
from local import engine
from local.failures import CommandFailed

def start(**_):
    raise CommandFailed("It is not here.", next_step="get it.")

engine.start = start
"""


def run_without_an_engine(folder: Path, **environment: str) -> tuple[int, str]:
    (folder / "without_engine.py").write_text(WITHOUT, encoding="utf-8")
    return apart.run(
        *("-p", "without_engine", "-k", "aws-engine", "tests/stores/test_growth.py"),
        PYTHONPATH=f"{folder}",
        **environment,
    )


def test_without_the_engine_the_end_says_what_did_not_run_and_how_to_get_it(
    tmp_path: Path,
) -> None:
    status, said = run_without_an_engine(tmp_path)
    assert status == 0
    *_, end = said.split("NOT RUN")
    assert "tests on AWS's own engine. It is not here.\nNext: get it." in end


def test_where_the_engine_is_required_its_want_is_a_failure(tmp_path: Path) -> None:
    status, said = run_without_an_engine(tmp_path, REQUIRE_ENGINE="1")
    assert status == 1
    assert "It is not here." in said
