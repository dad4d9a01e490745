"""The model is the product's: its traces, step by step on the real code, come to the same."""

import pytest

from tests.model import story
from tests.model.bounds import REPLAYED
from tests.model.explore import explore, some
from tests.model.model import Model
from tests.model.mutants import MUTANTS, Mutant
from tests.model.replay import replay
from tests.model.sampling import shortest, walks
from tests.model.state import Bounds

SEED = 20260101


@pytest.mark.parametrize("bounds", REPLAYED, ids=lambda bounds: bounds.name)
def test_random_walks_of_the_model_are_what_the_real_code_does(bounds: Bounds) -> None:
    model = Model(bounds)
    for trace in walks(model, count=3, length=25, seed=SEED):
        differs = replay(bounds, model.initial(), trace)
        assert not differs, f"{differs}\n{story.trace(bounds, model.initial(), trace)}"


@pytest.mark.parametrize("bounds", REPLAYED, ids=lambda bounds: bounds.name)
def test_each_kind_of_step_is_what_the_real_code_does(bounds: Bounds) -> None:
    found = some(Model(bounds), states=3000)
    initial = found.model.initial()
    for trace in shortest(found):
        differs = replay(bounds, initial, trace)
        assert not differs, f"{differs}\n{story.trace(bounds, initial, trace)}"


@pytest.mark.parametrize(
    "mutant", [each for each in MUTANTS if each.shows], ids=lambda mutant: mutant.__name__
)
def test_what_a_wrong_protocol_would_do_the_real_code_does_not(mutant: type[Mutant]) -> None:
    found = explore(mutant())
    differs = replay(mutant.within, found.model.initial(), found.trace)
    print(f"{story.told(found)}\nThe real code: {differs}")  # noqa: T201  # where it is refused
    assert differs
    assert differs.step == len(found.trace) - mutant.sooner
