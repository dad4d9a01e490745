"""Breadth first: every state within the bounds once, and the shortest way to what is wrong."""

import gc
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from tests.model.invariants import edge_faults, goal, state_faults
from tests.model.model import Model
from tests.model.state import State, Step


@dataclass
class Exploration:
    model: Model
    states: list[State] = field(default_factory=list)
    parents: array[int] = field(default_factory=lambda: array("i"))
    steps: int = 0
    violation: str = ""
    trace: list[tuple[Step, State]] = field(default_factory=list)
    """The shortest way to the violation."""

    def path(self, number: int) -> list[tuple[Step, State]]:
        """The steps that lead to a state, and the states after them."""
        numbers = [number]
        while self.parents[numbers[-1]] >= 0:
            numbers.append(self.parents[numbers[-1]])
        return self.steps_along(numbers[::-1])

    def steps_along(self, numbers: list[int]) -> list[tuple[Step, State]]:
        states = [self.states[each] for each in numbers]
        return [(self.step(before, after), after) for before, after in pairwise(states)]

    def step(self, before: State, after: State) -> Step:
        return next(edge.step for edge in self.model.edges(before) if edge.state == after)


def explore(model: Model) -> Exploration:
    """All states; or the first violation, with the shortest way to it."""
    # Millions of tuples and no cycle: there is nothing to collect, and much to look through.
    gc.disable()
    try:
        return _explore(model)
    finally:
        gc.enable()


def some(model: Model, *, states: int) -> Exploration:
    """The states nearest to the beginning, unchecked; for samples."""
    found, known, place = Exploration(model), {model.initial()}, 0
    found.states.append(model.initial())
    found.parents.append(-1)
    while place < len(found.states) < states:
        for edge in model.edges(found.states[place]):
            if edge.state not in known:
                known.add(edge.state)
                found.states.append(edge.state)
                found.parents.append(place)
        place += 1
    return found


def _explore(model: Model) -> Exploration:
    found, fair, starts = Exploration(model), array("i"), array("q", [0])
    index: dict[State, int] = {}
    kept: dict[object, object] = {}
    checked: set[object] = set()

    def number(state: State, parent: int) -> int:
        known = index.get(state)
        if known is not None:
            return known
        # Parts that are equal are one object: a million states fit into memory.
        state = State(*(kept.setdefault(part, part) for part in state))  # type: ignore[arg-type]
        index[state] = len(found.states)
        found.states.append(state)
        found.parents.append(parent)
        return index[state]

    number(model.initial(), -1)
    place = 0
    while place < len(found.states):
        state = found.states[place]
        rests = model.rests(state)
        if rests and state.money not in checked:
            checked.add(state.money)
            wrong = state_faults(model.bounds, state)
            if wrong:
                return _violated(found, wrong, found.path(place))
        for edge in model.edges(state):
            found.steps += 1
            after = edge.state
            settles = after.status is not state.status or after.buyers is not state.buyers
            looked_at = model.bounds.bad_message or (settles and rests and model.rests(after))
            wrong = edge_faults(model, state, edge) if looked_at else ""
            if wrong:
                return _violated(found, wrong, [*found.path(place), (edge.step, edge.state)])
            target = number(edge.state, place)
            if edge.fair:
                fair.append(target)
        starts.append(len(fair))
        place += 1
    stuck = _stuck(found.states, fair, starts, cached_goal(model))
    if stuck is not None:
        wrong = "6: an accepted refund never comes to its end, though faults stop"
        return _violated(found, wrong, [*found.path(stuck), *_for_ever(found, fair, starts, stuck)])
    return found


def cached_goal(model: Model) -> Callable[[State], bool]:
    known: dict[object, bool] = {}

    def reached(state: State) -> bool:
        seen = (state.status, state.wallets)
        if seen not in known:
            known[seen] = goal(model.bounds, state)
        return known[seen]

    return reached


def _violated(found: Exploration, violation: str, trace: list[tuple[Step, State]]) -> Exploration:
    found.violation, found.trace = violation, trace
    return found


def _stuck(
    states: list[State],
    fair: "array[int]",
    starts: "array[int]",
    reached: Callable[[State], bool],
) -> int | None:
    """The first state from which the system's own steps lead to no goal."""
    good = bytearray(map(reached, states))
    while True:
        missing = [place for place in range(len(states) - 1, -1, -1) if not good[place]]
        before = len(missing)
        for place in missing:
            good[place] = any(good[each] for each in fair[starts[place] : starts[place + 1]])
        left = [place for place in missing if not good[place]]
        if not left:
            return None
        if len(left) == before:
            return min(left)


def _for_ever(
    found: Exploration, fair: "array[int]", starts: "array[int]", stuck: int
) -> list[tuple[Step, State]]:
    """The system's own steps from there, to where they lead no further."""
    before, order = {stuck: -1}, [stuck]
    for place in order:
        for target in fair[starts[place] : starts[place + 1]]:
            if target not in before:
                before[target] = place
                order.append(target)
    way = [order[-1]]
    while before[way[-1]] >= 0:
        way.append(before[way[-1]])
    return found.steps_along(way[::-1])
