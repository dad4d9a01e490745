"""Which of the model's traces are replayed: each kind of step, and the same walks each time."""

import random

from tests.model.explore import Exploration
from tests.model.model import Model
from tests.model.state import State, Step

type Trace = list[tuple[Step, State]]


def shortest(found: Exploration) -> list[Trace]:
    """The shortest ways that, together, have each kind of step with each reply."""
    kinds: dict[tuple[str, str, str], Trace] = {}
    for place in range(1, len(found.states)):
        before = found.states[found.parents[place]]
        step = found.step(before, found.states[place])
        kind = step.actor, step.what, step.reply
        if kind not in kinds:
            kinds[kind] = found.path(place)
    return [*kinds.values()]


def walks(model: Model, *, count: int, length: int, seed: int) -> list[Trace]:
    chosen = random.Random(seed)  # the same walks each time
    found = []
    for _ in range(count):
        state = model.initial()
        trace: Trace = []
        for _ in range(length):
            edges = [*model.edges(state)]
            if not edges:
                break
            edge = chosen.choice(edges)
            state = edge.state
            trace.append((edge.step, state))
        found.append(trace)
    return found
