"""One schedule: who goes on when, what is delivered, and which faults there are."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from tests.simulation import verdict
from tests.simulation.callers import MERCHANTS, Request, Script
from tests.simulation.choices import Choices
from tests.simulation.line import FAULTS, LINE, Crashed, Fault, is_batch, weights_of
from tests.simulation.monitor import Violation
from tests.simulation.sandboxes import CLOCK, sandboxes
from tests.simulation.sqs import message
from tests.simulation.tasks import Task
from tests.simulation.trace import Trace
from tests.simulation.world import World, named
from tests.unit import api
from tests.unit.api import Context
from tests.unit.examples import NOON

CALL, MINUTE, HOUR = timedelta(milliseconds=10), timedelta(minutes=1), timedelta(hours=1)
ROUNDS = 8
"""Hours in which the sweeper must have brought everything to its end."""
CLOSED_WITHIN = 2
"""Batches of the stream: all that it owes, and what that has written."""
MOST_STEPS = 400
AGAIN, OTHER, NEW = 3, 3, 3
MAY_CONFLICT = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "TransactGetItems"}
"""What another transaction may be in the way of."""
READ_IN_PART = (8, 1)
NO_FAILURE = {"BatchGetItem": {Fault.NONE, Fault.IN_PART}}
"""Of several keys some may be left over at any time, also once faults have ceased."""
BEHIND = (6, 1, 1, 1)
BAD = ("not of ours", message("rf_missing"))


@dataclass(frozen=True)
class Timed(Context):
    """Has no time left once the schedule says so."""

    is_late: Callable[[], bool] = lambda: False

    def get_remaining_time_in_millis(self) -> int:
        return 0 if self.is_late() else 30_000


@dataclass
class Schedule:
    choices: Choices
    world: World = field(init=False)
    trace: Trace = field(default_factory=Trace)
    tasks: list[Task] = field(default_factory=list)
    running: Task | None = None
    quiet: bool = False
    """Whether faults have ceased, and everyone works in turn."""

    def __post_init__(self) -> None:
        CLOCK.now = NOON
        sandboxes().renew()
        self.world = World(self.choices)
        for merchant in MERCHANTS:
            self.trace.told(CLOCK.now, merchant, f"has {self.world.left(merchant)}")
        self.script = Script(self.choices).requests()
        self.asked = [*self.script]
        self.budget = {
            "deliver": 6,
            "sweep_refunds": self.choices.weighted((1, 3, 1)),
            "fan_out_changes": self.choices.weighted((4, 1)),
            "tend_wallets": self.choices.weighted((4, 1)),
        }
        LINE.turns = self
        LINE.services = {
            "DynamoDB": self.world.database,
            "AmazonSQS": self.world.queue,
            "AWSEvents": self.world.events,
        }

    def play(self) -> None:
        """Raises Violation."""
        try:
            self._storm()
            self.quiet = True
            self._finish()
            self._drain()
            self._close_the_books()
            verdict.judge(self)
        finally:
            self._end()

    # ── While there are faults ───────────────────────────────────────────────────────────────

    def _storm(self) -> None:
        for _ in range(MOST_STEPS):
            options = self._options()
            if not options:
                return
            weights = [weight for weight, _ in options]
            options[self.choices.weighted(weights)][1]()
            self._check()

    def _options(self) -> list[tuple[int, Callable[[], None]]]:
        in_order = sorted(self.tasks, key=lambda task: task is not self.running)
        options: list[tuple[int, Callable[[], None]]] = [
            (AGAIN if task is self.running else OTHER, partial(self._go_on, task))
            for task in in_order
        ]
        if self.script and sandboxes().free(self.script[0].function):
            options.append((NEW, lambda: self.ask(self.script.pop(0))))
        if (
            self.world.queue.messages
            and self.budget["deliver"]
            and sandboxes().free("process_debits")
        ):
            options.append((NEW, self._deliver_some))
        if options:
            options += [
                (1, partial(self._tick, name))
                for name in ("sweep_refunds", "fan_out_changes", "tend_wallets")
                if self.budget[name] and sandboxes().free(name)
            ]
        return options

    def _go_on(self, task: Task) -> None:
        self.running = task
        task.resume()

    def _tick(self, name: str) -> None:
        self.budget[name] -= 1
        if name == "fan_out_changes":
            self._stream()
            return
        CLOCK.tick(MINUTE)
        self.invoke(name, {})

    def _deliver_some(self) -> None:
        """Any of them in any order, perhaps one twice, perhaps a bad one among them."""
        self.budget["deliver"] -= 1
        queue, choices = self.world.queue, self.choices
        bad = choices.weighted((12, 1, 1))
        if bad:
            queue.put(BAD[bad - 1])
        first = choices.below(len(queue.messages))
        count = len(queue.messages) - choices.below(len(queue.messages))
        order = [*queue.messages[first:], *queue.messages[:first]]
        if choices.weighted((8, 1)):
            queue.put(order[0].body)
        self.deliver(order[: min(count, 10)])

    def _stream(self) -> None:
        world = self.world
        until = len(world.database.commits)

        def ended(task: Task) -> None:
            if task.ended and task.ended.error is None:
                world.streamed = max(world.streamed, until)
                if task.ended.answer != {"poisoned": 0}:
                    world.found.append(f"the stream is poisoned: {task.ended.answer}")

        self.invoke("fan_out_changes", {"Records": [*world.records(world.streamed, until)]}, ended)

    # ── Invocations ──────────────────────────────────────────────────────────────────────────

    def ask(self, request: Request) -> None:
        headers = {"content-type": "application/json"} if request.body else {}
        if request.key:
            headers["idempotency-key"] = request.key
        event = api.request(
            request.method,
            request.path,
            claims=request.claims,
            body=request.body,
            headers=headers,
            at=CLOCK.now - request.age,
        )
        self.trace.told(CLOCK.now, "caller", str(request))

        def ended(task: Task) -> None:
            verdict.answered(request, task, self)
            if request.answer is None and not self.quiet and self.choices.below(2):
                self.script.append(request)

        self.invoke(request.function, event, ended)

    def deliver(self, messages: list[Any]) -> None:
        event = self.world.queue.receive(messages)
        bodies = ", ".join(named(each.body) or each.body for each in messages)
        self.trace.told(CLOCK.now, "queue", f"delivers {bodies}")

        def ended(task: Task) -> None:
            failed = verdict.processed(messages, task, self)
            self.world.queue.done(messages, failed)

        self.invoke("process_debits", event, ended)

    def invoke(
        self, function: str, event: Any, ended: Callable[[Task], None] = lambda _: None
    ) -> None:
        sandbox = sandboxes().free(function)
        assert sandbox
        sandbox.busy = True
        context = Timed(is_late=lambda: task.late)
        task = Task(sandbox.name, lambda: sandbox.module.lambda_handler(event, context))

        def finished() -> None:
            assert task.ended
            self.tasks.remove(task)
            sandbox.busy = False
            if isinstance(task.ended.error, Crashed):
                sandbox.renew()
            self.trace.told(CLOCK.now, task.name, _said(task))
            verdict.failed(task, self)
            ended(task)

        task.finished = finished
        self.tasks.append(task)
        self.running = task

    # ── What each request meets ──────────────────────────────────────────────────────────────

    def turn(self, service: str, operation: str, body: Mapping[str, Any]) -> tuple[Fault, int]:
        task = self.running
        assert task
        task.stop(operation)
        CLOCK.tick(CALL)
        fault = self._fault(task, service, operation, body)
        task.faults += fault not in NO_FAILURE.get(operation, {Fault.NONE})
        behind = 0
        lags = "IndexName" in body or (operation == "GetItem" and not body.get("ConsistentRead"))
        if lags and not self.quiet:
            behind = self.choices.weighted(BEHIND)
        self.trace.called(CLOCK.now, task.name, operation, body, fault=fault, behind=behind)
        return fault, behind

    def told(self, answer: str) -> None:
        self.trace.answered(answer)

    def _fault(self, task: Task, service: str, operation: str, body: Mapping[str, Any]) -> Fault:
        if self.quiet:
            is_read = operation == "BatchGetItem" and is_batch(operation, body)
            left_over = is_read and self.choices.weighted(READ_IN_PART)
            return Fault.IN_PART if left_over else Fault.NONE
        if task.unheard:
            task.unheard -= 1
            return Fault.UNHEARD
        fault = FAULTS[self.choices.weighted(weights_of(service, operation, body))]
        if fault is Fault.CONFLICT and operation not in MAY_CONFLICT:
            return Fault.NONE
        if fault is Fault.OUTAGE:
            task.unheard = 2
        task.late = task.late or fault is Fault.LATE
        return fault

    # ── Once they have ceased ────────────────────────────────────────────────────────────────

    def _finish(self) -> None:
        """Whoever is at work ends; whoever has no answer asks again."""
        self.run()
        for request in self.asked:
            if request.answer is None:
                self.ask(request)
                self.run()

    def _drain(self) -> None:
        self.empty_the_queue()
        for _ in range(ROUNDS):
            if not verdict.unsettled(self.world):
                return
            CLOCK.tick(HOUR + MINUTE)
            self.invoke("sweep_refunds", {})
            self.run()
            self.empty_the_queue()

    def _close_the_books(self) -> None:
        """The stream brings what it has not brought yet, and what that writes."""
        for _ in range(CLOSED_WITHIN):
            self._stream()
            self.run()

    def empty_the_queue(self) -> None:
        while self.world.queue.messages:
            self.deliver(self.world.queue.messages[:10])
            self.run()

    def run(self) -> None:
        while self.tasks:
            self._go_on(self.tasks[0])
            self._check()

    def _check(self) -> None:
        task = self.running
        if task and task.ended:
            self.running = None
            task.finished()
        if self.world.found:
            raise Violation("; ".join(self.world.found))

    def _end(self) -> None:
        """No thread is left behind, whatever was found."""
        self.quiet = True
        for task in self.tasks:
            self.running = task
            with suppress(Exception):
                while not task.ended:
                    task.resume()


def _said(task: Task) -> str:
    assert task.ended
    if task.ended.error is not None:
        return f"ends with {type(task.ended.error).__name__}"
    answer = task.ended.answer or {}
    if "statusCode" in answer:
        return f"answers {answer['statusCode']} {answer['body'][:100]}"
    return f"answers {answer}"
