"""The sweeper: what it sends again, when it holds back, and how long it leaves a refund alone."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import sweeps
from refunds.intake import SWEEP_DELAY
from refunds.sweeps import PATIENCE, SOON_WORKED_OFF, Due, Sweep
from refunds.times import format_instant
from tests.unit.examples import MICROSECOND, NOON, SECOND, debit

MINUTE = timedelta(minutes=1)


@dataclass
class Register:
    """The open refunds that are due, by id."""

    refunds: dict[str, Due]
    seen: list[Due] | None = None
    """What was read before another run or a debit moved it on."""

    def due(self, now: datetime) -> list[Due]:
        listed = self.seen if self.seen is not None else [*self.refunds.values()]
        return [each for each in listed if each.due_at <= now]

    def postpone(self, due: Due, *, tries: int, until: datetime) -> bool:
        standing = self.refunds.get(due.debit.refund_id)
        if standing is None or standing.due_at != due.due_at:
            return False
        self.refunds[due.debit.refund_id] = Due(replace(due.debit, tries=tries), until)
        return True


@dataclass
class Queue:
    waiting: int | None = 0
    room: int = 10_000
    sent: list[str] = field(default_factory=list)

    def depth(self) -> int | None:
        return self.waiting

    def send(self, refunds: Iterable[tuple[str, str]]) -> frozenset[str]:
        taken = [refund_id for refund_id, _ in refunds][: self.room]
        self.sent += taken
        return frozenset(taken)


def always(_: int) -> bool:
    return True


def due(
    refund_id: str = "rf_1",
    late: timedelta = timedelta(),
    *,
    tries: int = 0,
    waiting: bool = False,
) -> Due:
    return Due(debit(refund_id, tries=tries, waiting=waiting), NOON - late)


def register(*refunds: Due) -> Register:
    return Register({each.debit.refund_id: each for each in refunds})


def test_a_due_refund_is_sent_again_and_left_alone_for_its_next_delay() -> None:
    store, queue = register(due()), Queue()
    assert sweeps.sweep(store=store, queue=queue, now=NOON, ready=always) == Sweep(1, 0, 1, 0)
    assert queue.sent == ["rf_1"]
    assert store.refunds["rf_1"].due_at == NOON + 2 * MINUTE
    assert sweeps.sweep(store=store, queue=queue, now=NOON + MINUTE, ready=always).sent == 0


def test_each_sending_of_a_pending_refund_doubles_its_delay_up_to_an_hour() -> None:
    store, queue, now, delays = register(due()), Queue(), NOON, []
    for _ in range(8):
        sweeps.sweep(store=store, queue=queue, now=now, ready=always)
        delays.append((store.refunds["rf_1"].due_at - now) / MINUTE)
        now = store.refunds["rf_1"].due_at
    assert delays == [2, 4, 8, 16, 32, 60, 60, 60]
    assert len(queue.sent) == 8


def test_the_tries_of_a_waiting_refund_are_counted_by_its_debit_alone() -> None:
    store = register(due(tries=3, waiting=True))
    sweeps.sweep(store=store, queue=Queue(), now=NOON, ready=always)
    assert store.refunds["rf_1"].debit.tries == 3
    assert store.refunds["rf_1"].due_at == NOON + 8 * MINUTE


def test_a_refund_that_is_not_due_is_not_sent() -> None:
    queue = Queue()
    done = sweeps.sweep(store=register(due(late=-MICROSECOND)), queue=queue, now=NOON, ready=always)
    assert done == Sweep(0, 0, 0, 0)
    assert queue.sent == []


@pytest.mark.parametrize(
    ("waiting", "sent"),
    [
        (1, ["rf_1", "rf_2"]),
        (2, ["rf_2"]),
        (SOON_WORKED_OFF, ["rf_2"]),
        (SOON_WORKED_OFF + 1, []),
    ],
)
def test_while_the_queue_holds_as_many_as_are_due_nothing_is_sent_again_and_again(
    waiting: int, sent: list[str]
) -> None:
    """A refund that waits for money has no message there, and an overload is not fed with it."""
    store, queue = register(due("rf_1", tries=1), due("rf_2", waiting=True)), Queue(waiting)
    done = sweeps.sweep(store=store, queue=queue, now=NOON, ready=always)
    assert done == Sweep(1, 1, len(sent), 0)
    assert queue.sent == sent
    assert all((each.due_at > NOON) is (name in sent) for name, each in store.refunds.items())


def test_of_each_kind_the_longest_due_are_sent_first() -> None:
    many = [due(f"rf_{late:02}", late * SECOND) for late in range(30)]
    many += [due(f"rf_waits_{late:02}", late * SECOND, waiting=True) for late in range(30)]
    queue = Queue()
    sweeps.sweep(store=register(*many), queue=queue, now=NOON, ready=always)
    assert queue.sent == [
        *(f"rf_{late:02}" for late in range(29, -1, -1)),
        *(f"rf_waits_{late:02}" for late in range(29, -1, -1)),
    ]


def test_of_a_queue_that_does_not_say_what_it_holds_the_most_is_thought() -> None:
    store = register(due("rf_lost"), due("rf_again", tries=1), due("rf_old", PATIENCE, tries=1))
    queue = Queue(waiting=None)
    sweeps.sweep(store=store, queue=queue, now=NOON, ready=always)
    assert queue.sent == ["rf_lost", "rf_old"]


def test_patience_with_a_full_queue_ends_for_each_refund_by_itself() -> None:
    store = register(
        due("rf_new", PATIENCE - MICROSECOND, tries=1), due("rf_old", PATIENCE, tries=1)
    )
    queue = Queue(waiting=1000)
    done = sweeps.sweep(store=store, queue=queue, now=NOON, ready=always)
    assert (done.due, done.sent) == (2, 1)
    assert queue.sent == ["rf_old"]


def test_a_message_that_may_be_lost_is_sent_again_first_whatever_waits_and_is_queued() -> None:
    store = register(
        *(due(f"rf_{n}", PATIENCE, waiting=True) for n in range(30)),
        *(due(f"rf_again_{n}", PATIENCE, tries=1) for n in range(30)),
        due("rf_lost"),
    )
    queue = Queue(waiting=1000)
    sweeps.sweep(store=store, queue=queue, now=NOON, ready=lambda _: not queue.sent)
    assert queue.sent[0] == "rf_lost"


@pytest.mark.parametrize("settled_a_minute", [0, 40, 90])
def test_twenty_minutes_of_backlog_at_most_double_the_messages(settled_a_minute: int) -> None:
    store, queue, sent = Register({}), Queue(), 0
    held: deque[str] = deque()
    for minute in range(20):
        now = NOON + minute * MINUTE
        for number in range(100):
            refund_id = f"rf_{minute}_{number}"
            store.refunds[refund_id] = Due(debit(refund_id), now + SWEEP_DELAY)
            held.append(refund_id)
        for _ in range(settled_a_minute):
            store.refunds.pop(held.popleft(), None)
        queue.waiting = len(held)
        sweeps.sweep(store=store, queue=queue, now=now, ready=always)
        held.extend(queue.sent[sent:])
        sent = len(queue.sent)
    assert sent <= 20 * 100
    assert max(Counter(queue.sent).values(), default=0) <= 1


def test_the_age_that_is_told_is_of_the_oldest_pending_refund_that_is_due() -> None:
    def asked(refund_id: str, ago: timedelta, *, waiting: bool, late: timedelta) -> Due:
        since = format_instant(NOON - ago)
        return Due(debit(refund_id, requested_at=since, waiting=waiting), NOON - late)

    store = register(
        asked("rf_1", 5 * MINUTE, waiting=False, late=MINUTE),
        asked("rf_2", 7 * MINUTE, waiting=False, late=timedelta()),
        asked("rf_not_due", 8 * MINUTE, waiting=False, late=-MINUTE),
        asked("rf_waiting", 9 * MINUTE, waiting=True, late=MINUTE),
    )
    done = sweeps.sweep(store=store, queue=Queue(), now=NOON, ready=always)
    assert done == Sweep(due=2, waiting_due=1, sent=3, oldest_seconds=420)


def test_a_refund_that_was_moved_on_meanwhile_is_not_moved_back() -> None:
    store = register(due("rf_1"))
    store.seen = [*store.refunds.values()]
    moved = Due(debit("rf_1", tries=5, waiting=True), NOON + 32 * MINUTE)
    store.refunds["rf_1"] = moved
    sweeps.sweep(store=store, queue=Queue(), now=NOON, ready=always)
    assert store.refunds["rf_1"] == moved


def test_what_the_queue_did_not_take_is_told_and_is_tried_again_by_the_next_run() -> None:
    store, queue = register(due("rf_1"), due("rf_2")), Queue(room=1)
    assert sweeps.sweep(store=store, queue=queue, now=NOON, ready=always).sent == 1
    assert store.refunds["rf_2"].due_at == NOON
    queue.room = 10
    assert sweeps.sweep(store=store, queue=queue, now=NOON + MINUTE, ready=always).sent == 1
    assert queue.sent == ["rf_1", "rf_2"]


@given(
    late=st.lists(st.timedeltas(timedelta(minutes=-30), timedelta(minutes=30)), max_size=50),
    waiting=st.integers(0, 60),
)
def test_a_refund_is_sent_at_most_once_a_run_and_never_before_it_is_due(
    *, late: list[timedelta], waiting: int
) -> None:
    given_due = [due(f"rf_{number}", each, tries=1) for number, each in enumerate(late)]
    queue = Queue(waiting)
    done = sweeps.sweep(store=register(*given_due), queue=queue, now=NOON, ready=always)
    overdue = {each.debit.refund_id for each in given_due if each.due_at <= NOON}
    impatient = {each.debit.refund_id for each in given_due if each.due_at <= NOON - PATIENCE}
    assert set(queue.sent) == (impatient if waiting >= len(overdue) else overdue)
    assert done.sent == len(queue.sent) == len(set(queue.sent))
    assert done.due == len(overdue)


def test_a_run_that_has_no_more_time_leaves_the_rest_due() -> None:
    refunds = {f"rf_{number}": due(f"rf_{number}") for number in range(25)}
    store, queue = Register(refunds), Queue()

    def ready(_: int) -> bool:
        return len(store.due(NOON)) > 25 - 2 * sweeps.AT_ONCE

    done = sweeps.sweep(store=store, queue=queue, now=NOON, ready=ready)
    assert done.sent == len(queue.sent) == 2 * sweeps.AT_ONCE
    assert len(store.due(NOON)) == 25 - 2 * sweeps.AT_ONCE


def test_what_there_was_no_more_time_to_move_on_is_due_still() -> None:
    refunds = {f"rf_{number}": due(f"rf_{number}") for number in range(25)}
    store, queue = Register(refunds), Queue()
    done = sweeps.sweep(
        store=store, queue=queue, now=NOON, ready=lambda _: len(store.due(NOON)) > 22
    )
    assert done.sent == sweeps.AT_ONCE
    assert len(store.due(NOON)) == 22
