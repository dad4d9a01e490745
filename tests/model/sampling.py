"""Which of the model's traces are replayed: each kind of step, and the same walks each time."""

import random
from collections.abc import Iterator

from tests.model.explore import Exploration
from tests.model.model import Model
from tests.model.state import At, Edge, State, Step
from tests.model.story import follow

type Trace = list[tuple[Step, State]]


def shortest(found: Exploration) -> list[Trace]:
    """The shortest ways that, together, have each kind of step with each reply.

    Each goes on until whoever took the step is done: what a reply was taken for shows in that.
    """
    kinds: dict[tuple[str, str, str], Trace] = {}
    for place, before in enumerate(found.states):
        for step, after, _ in found.model.edges(before):
            kind = step.actor, step.what, step.reply
            if kind not in kinds:
                ending = to_its_end(found.model, before, step, after)
                kinds[kind] = [*found.path(place), (step, after), *ending]
    return [*kinds.values()]


def to_its_end(
    model: Model, before: State, step: Step, after: State
) -> Iterator[tuple[Step, State]]:
    """What the same worker or caller does next, with no fault and nobody else at work."""
    while edge := next(own_steps(model, before, step, after), None):
        before, step, after = after, edge.step, edge.state
        yield step, after


def own_steps(model: Model, before: State, step: Step, after: State) -> Iterator[Edge]:
    edges: Iterator[Edge] = iter(())
    if step.actor == "worker":
        who = follow([*range(len(before.workers))], before, step, after).index(step.who)
        if after.workers[who].at != At.IDLE:
            edges = model.worker_edges(after, who)
    elif step.actor == "caller":
        edges = model.caller_steps(after, step.who)
    return (edge for edge in edges if not edge.step.fault)


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
