"""`make model`: the same with one more fault. Takes minutes, and is no part of `make test`."""

import pytest

from tests.model.bounds import WIDER, WIDER_STATES
from tests.model.state import Bounds
from tests.model.test_model import check, check_in_all


@pytest.mark.parametrize("bounds", WIDER, ids=lambda bounds: bounds.name)
def test_nothing_that_can_happen_within_wider_bounds_breaks_an_invariant(bounds: Bounds) -> None:
    check(bounds)


def test_millions_of_states_were_explored() -> None:
    check_in_all(WIDER, WIDER_STATES)
