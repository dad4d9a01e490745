"""docs/proof.md says which code each step is, and what each mutant breaks: both are held to it."""

import pkgutil
import re
from pathlib import Path

import pytest

from tests.model.bounds import REPLAYED
from tests.model.explore import some
from tests.model.model import Model
from tests.model.mutants import MUTANTS

PROOF = (Path(__file__).parents[2] / "docs" / "proof.md").read_text(encoding="utf-8")
STEP = re.compile(r"^\| (worker|caller|queue) \| (.+?) \| (.+) \|$", re.MULTILINE)
CODE = sorted({name for row in STEP.findall(PROOF) for name in re.findall(r"`(.+?)`", row[2])})
MUTANT = re.compile(r"^\| `(\w+)` \| (.+) \| (\w) \| (yes)? ?\|$", re.MULTILINE)


def test_each_kind_of_step_is_in_the_table_and_nothing_else() -> None:
    taken = {
        edge.step[:2]
        for bounds in REPLAYED
        for model in [Model(bounds)]
        for state in some(model, states=3000).states
        for edge in model.edges(state)
    }
    assert {(who, what) for who, what, _ in STEP.findall(PROOF)} == taken


@pytest.mark.parametrize("name", CODE)
def test_the_code_that_a_step_is_exists(name: str) -> None:
    assert callable(pkgutil.resolve_name(name))


def test_the_mutants_are_those_that_are_told() -> None:
    told = [(name, what, breaks, bool(yes)) for name, what, breaks, yes in MUTANT.findall(PROOF)]
    assert told == [
        (each.__name__, " ".join((each.__doc__ or "").split()), each.breaks, each.shows)
        for each in MUTANTS
    ]
