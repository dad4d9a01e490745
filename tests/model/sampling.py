"""Which of the model's traces are replayed: each kind of step, and the same walks each time."""

import random

from tests.model.explore import Exploration
from tests.model.model import Model
from tests.model.state import State, Step

type Trace = list[tuple[Step, State]]


def shortest(found: Exploration, *, often: int, seed: int) -> list[Trace]:
    """The shortest ways to states that, together, cover each kind of step with each reply."""
    by_kind: dict[tuple[str, str, str], list[int]] = {}
    chosen = random.Random(seed)  # noqa: S311  # the same sample each time
    places = chosen.sample(range(len(found.states)), min(len(found.states), 4000))
    for place in places:
        for step, _ in found.path(place)[-1:]:
            by_kind.setdefault((step.actor, step.what, step.reply), []).append(place)
    picked = [place for kind in by_kind.values() for place in kind[:often]]
    return [found.path(place) for place in picked]


def walks(model: Model, *, count: int, length: int, seed: int) -> list[Trace]:
    chosen = random.Random(seed)  # noqa: S311  # the same walks each time
    found = []
    for _ in range(count):
        state, trace = model.initial(), Trace.__value__()
        for _ in range(length):
            edges = [*model.edges(state)]
            if not edges:
                break
            edge = chosen.choice(edges)
            state = edge.state
            trace.append((edge.step, state))
        found.append(trace)
    return found
