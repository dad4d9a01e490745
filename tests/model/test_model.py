"""The protocol, explored: everything that can happen within the bounds, and nothing wrong in it."""

from collections.abc import Sequence

import pytest

from tests.model import story
from tests.model.bounds import BOUNDS, STATES
from tests.model.explore import explore
from tests.model.model import Model
from tests.model.mutants import MUTANTS, Mutant
from tests.model.state import Bounds

AT_LEAST = 12
"""Wrong protocols."""
explored: dict[str, int] = {}


def check(bounds: Bounds) -> None:
    found = explore(Model(bounds))
    told = story.told(found)
    print(told)  # noqa: T201  # how much was explored is the result
    assert not found.violation, told
    explored[bounds.name] = len(found.states)


def check_in_all(every: Sequence[Bounds], states: int) -> None:
    """Of all bounds together; one alone of them can be run as well."""
    counts = [explored[bounds.name] for bounds in every if bounds.name in explored]
    if len(counts) < len(every):
        pytest.skip("Only some of the bounds were explored. Next: run this whole file.")
    print(f"{sum(counts):,} states in all")  # noqa: T201  # as above
    assert sum(counts) >= states


@pytest.mark.parametrize("bounds", BOUNDS, ids=lambda bounds: bounds.name)
def test_nothing_that_can_happen_breaks_an_invariant(bounds: Bounds) -> None:
    check(bounds)


def test_a_million_states_were_explored() -> None:
    check_in_all(BOUNDS, STATES)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_protocol_that_is_wrong_in_one_place_is_caught(mutant: type[Mutant]) -> None:
    found = explore(mutant())
    print(f"{mutant.__doc__}\n{story.told(found)}")  # noqa: T201  # the shortest way to it
    assert found.violation.startswith(f"{mutant.breaks}: ")
    assert found.trace


def test_enough_that_may_be_wrong_is_tried() -> None:
    assert len(MUTANTS) >= AT_LEAST


def test_each_mutant_is_within_bounds_in_which_the_product_holds() -> None:
    for bounds in {mutant.within for mutant in MUTANTS}:
        assert not explore(Model(bounds)).violation
