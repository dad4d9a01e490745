"""That the simulation sees it when something is wrong."""

import re
from collections.abc import Sequence
from unittest.mock import patch

import pytest

from local.paths import ROOT
from tests.simulation import play, verdict
from tests.simulation.callers import Kind
from tests.simulation.mutants import MUTANTS, Mutant, debt_as_it_was, mostly

PROOF = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")
WITHIN = 300
"""Schedules; most are found out by the first ten."""


@pytest.mark.parametrize(
    ("mutant", "breaks", "kinds"), MUTANTS, ids=[mutant.__name__ for mutant, _, _ in MUTANTS]
)
def test_the_product_with_one_thing_wrong_is_found_out(
    mutant: Mutant, breaks: str, kinds: Sequence[Kind]
) -> None:
    with mutant(), mostly(*kinds):
        failure = play.first_failure(range(WITHIN), small=False)
    assert failure
    assert failure.found.startswith(f"{breaks}: ")


def test_a_failure_is_told_small_and_with_the_seed_that_makes_it_again() -> None:
    with debt_as_it_was(), mostly(Kind.CREDIT):
        large = play.first_failure(range(WITHIN), small=False)
        failure = play.first_failure(range(WITHIN))
    assert large
    assert failure
    assert failure.seed == large.seed
    assert sum(map(bool, failure.choices)) < sum(map(bool, large.choices)) / 2
    told = f"{failure}"
    print(told)  # noqa: T201  # for whoever reads along
    assert f"make simulate SEED={failure.seed}" in told
    assert "TransactWriteItems POSTING#" in told


def test_a_failure_of_the_simulation_itself_has_its_seed_as_well() -> None:
    with patch.object(verdict, "judge", lambda schedule: schedule.nowhere):
        failure = play.first_failure(range(5, 6))
    told = f"{failure}"
    assert told.startswith("seed 5: AttributeError: ")
    assert 'File "' in told
    assert "make simulate SEED=5" in told


def test_the_mutants_are_those_that_are_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (\w) \|$", PROOF, re.MULTILINE)
    assert rows == [
        (mutant.__name__, " ".join((mutant.__doc__ or "").split()), breaks)
        for mutant, breaks, _ in MUTANTS
    ]
