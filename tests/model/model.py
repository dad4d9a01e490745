"""The debit protocol as a model: from each state, everything that can happen next.

A step is what the database, the queue or a function does at one instant. The table in
docs/proof.md says which code each step is.
"""

from collections.abc import Iterator

from tests.model.calling import Calling
from tests.model.debiting import Debiting
from tests.model.state import (
    CONFIG,
    COUNTED,
    HELD_NEWLY,
    NEW,
    PENDING,
    At,
    Bounds,
    Caller,
    Edge,
    State,
    Step,
    Worker,
    is_open,
    put,
)


class Model(Calling, Debiting):
    """The product's protocol within some bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.known: dict[State, list[Edge]] = {}

    def initial(self) -> State:
        bounds = self.bounds
        reserved = [0] * len(bounds.paid)
        for number, refund in enumerate(bounds.refunds):
            reserved[bounds.order(number)] += refund.amount * refund.asked
        asked = [refund.asked for refund in bounds.refunds]
        return State(
            status=tuple(PENDING if each else NEW for each in asked),
            postings=(0,) * len(asked),
            refundable=tuple(
                paid - taken for paid, taken in zip(bounds.paid, reserved, strict=True)
            ),
            wallets=bounds.wallets,
            buyers=(0,) * (1 + max(refund.buyer for refund in bounds.refunds)),
            queue=sum(1 << number for number, each in enumerate(asked) if each)
            | (bounds.bad if bounds.bad_message else 0),
            workers=(Worker(),) * bounds.workers,
            callers=(Caller(),) * len(bounds.requests),
            faults=bounds.faults,
        )

    def rests(self, state: State) -> bool:  # noqa: ARG002
        """Whether the invariants must hold now: not between two writes that belong together."""
        return True

    def edges(self, state: State) -> Iterator[Edge]:
        before = None
        for place, worker in enumerate(state.workers):
            if worker != before:
                yield from self.worker_edges(state, place)
            before = worker
        for place in range(len(state.callers)):
            yield from self.caller_steps(state, place)
        yield from self.queue_steps(state)

    def worker_edges(self, state: State, place: int) -> Iterator[Edge]:
        """Its steps depend on nobody else's plans: each is worked out once, and remembered."""
        worker = state.workers[place]
        at_queue = worker.at in {At.IDLE, At.ANSWER}
        queue = state.queue if at_queue else 0
        alone = State(*state[:5], queue, (worker,), (), min(1, state.faults))
        edges = self.known.get(alone)
        if edges is None:
            edges = self.known[alone] = [*self.worker_steps(alone, 0)]
        for step, after, fair in edges:
            own = step._replace(who=place) if place else step
            workers = tuple(sorted(put(state.workers, place, after.workers[0])))
            queue = after.queue if at_queue else state.queue
            faults = state.faults - step.fault
            both = State(*after[:5], queue, workers, state.callers, faults)
            yield Edge(own, self.with_news(state, both) if step.what == "holds" else both, fair)

    def with_news(self, state: State, after: State) -> State:
        """Callers that have read a wallet which is held since, or is no more."""
        for merchant, (was, now) in enumerate(zip(state.wallets, after.wallets, strict=True)):
            if (was.held ^ now.held) & CONFIG:
                after = self.outdated(after, merchant, HELD_NEWLY | COUNTED)
        return after

    def queue_steps(self, state: State) -> Iterator[Edge]:
        due = self.due(state)
        if due & ~state.queue:
            yield Edge(Step("queue", "is swept"), state._replace(queue=state.queue | due), True)
        if state.faults:
            less = state._replace(faults=state.faults - 1)
            for number, status in enumerate(state.status):
                bit = 1 << number
                if state.queue & bit and "lose" in self.bounds.kinds:
                    lost = less._replace(queue=state.queue & ~bit)
                    yield Edge(Step("queue", "loses", detail=(number,), fault=True), lost, False)
                if status != NEW and not state.queue & bit and "redrive" in self.bounds.kinds:
                    again = less._replace(queue=state.queue | bit)
                    yield Edge(
                        Step("queue", "delivers once more", detail=(number,), fault=True),
                        again,
                        False,
                    )

    def due(self, state: State) -> int:
        """What the sweeper sends again: in time, all that is open."""
        return sum(1 << number for number, each in enumerate(state.status) if is_open(each))
