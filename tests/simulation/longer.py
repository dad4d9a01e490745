"""`make simulate`: many more schedules, or one again, and more calls of the engine that they run
on. It is no part of `make test`.
"""

import os

import pytest

from tests.simulation import play
from tests.simulation.test_engine import agree
from tests.stores.engines import Stores

SEED = os.environ.get("SEED")
SCHEDULES, CHUNK, FIRST = 50_000, 500, 100_000
SEEDS = (
    [range(int(SEED), int(SEED) + 1)]
    if SEED
    else [range(first, first + CHUNK) for first in range(FIRST, FIRST + SCHEDULES, CHUNK)]
)


@pytest.mark.skipif(bool(SEED), reason="one schedule is wanted")
def test_the_dynamodb_in_this_process_answers_as_aws_s_engine_does(theirs: Stores) -> None:
    # What it finds is made small, told so that it can be seen again, and tried first next time.
    agree(theirs, examples=200, steps=50, print_blob=True)


@pytest.mark.parametrize("seeds", SEEDS, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_no_schedule_breaks_an_invariant(seeds: range) -> None:
    failure = play.first_failure(seeds)
    assert failure is None, f"{failure}"
