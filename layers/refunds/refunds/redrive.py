"""Dead letters 死信: what could not be processed, and how an operator sends it again.

A letter is deleted only once its target has taken it. A crash between the two leaves it in both
places; that is harmless, for every target does the same thing twice without doing it twice over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field

from refunds.deadline import Ready
from refunds.errors import QueueNotFound
from refunds.fields import Instant, Model
from refunds.letters import Letter, Parcel, Reader, WhyNot

MAX_SHOWN = 10
MAX_MOVED = 1000
MAX_LEFT = 1000
"""Letters that one call puts back, at the most: then it ends."""
SHOWN_SECONDS = 15
"""How long a letter that is only looked at is hidden, should the call die before it is put back."""
HIDDEN_SECONDS = 60
"""Longer than a call takes: no letter is met twice in one."""


class Queue(StrEnum):
    DEBITS = "debits"
    ORDERS = "orders"
    CHANGES = "changes"


HOLDS = {
    Queue.DEBITS: "A refund's id, delivered 5 times without success.",
    Queue.ORDERS: "An event OrderCompleted that failed 3 times, or could not be delivered.",
    Queue.CHANGES: "A change of the table that cannot be processed, or where many of them were.",
}
REDRIVEN_TO = {
    Queue.DEBITS: "the debit queue",
    Queue.ORDERS: "the event bus",
    Queue.CHANGES: "the function fan_out_changes",
}


class Sent(NamedTuple):
    """The ids of the messages that were taken, and why the target takes no more, if so."""

    taken: frozenset[str]
    stopped_by: str | None = None


class Letters(Protocol):
    def count(self) -> int: ...
    def receive(self, count: int, *, hidden_seconds: int) -> list[Letter]: ...
    def delete(self, letters: Sequence[Letter]) -> frozenset[str]: ...
    def put_back(self, letters: Sequence[Letter]) -> None: ...


class Target(Protocol):
    @property
    def at_once(self) -> int:
        """How many parcels are sent before the time is looked at again; 10 at the most."""

    def send(self, parcels: Sequence[Parcel]) -> Sent: ...


@dataclass(frozen=True, slots=True)
class Way:
    """A dead-letter queue, how its letters are read, and where a redrive sends them."""

    letters: Letters
    read: Reader
    target: Target


class DeadLetterQueue(Model):
    queue: Queue
    messages: int
    """About how many."""
    holds: str
    redriven_to: str


class DeadLetterQueues(Model):
    items: list[DeadLetterQueue]


class DeadLetter(Model):
    message_id: str
    sent_at: Instant
    receives: int
    about: str | None
    status: str | None
    """Of the refund it is about: one that is closed is not debited again."""
    error_type: str | None
    redrivable: bool
    why_not: WhyNot | None


class DeadLetters(DeadLetterQueue):
    items: list[DeadLetter]


class RedriveRequest(Model):
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_MOVED)] = 100


class Redriven(Model):
    moved: int
    left_here: int
    """Looked at, and not moved: it cannot be redriven, or its target did not take it."""
    remaining: int
    """About how many are in the queue now."""
    stopped_by: str | None
    """The kind of failure for which the target takes no more now."""


def queue_named(name: str) -> Queue:
    """Raises QueueNotFound."""
    try:
        return Queue(name)
    except ValueError as error:
        raise QueueNotFound from error


def overview(queue: Queue, way: Way) -> DeadLetterQueue:
    return DeadLetterQueue(
        queue=queue,
        messages=way.letters.count(),
        holds=HOLDS[queue],
        redriven_to=REDRIVEN_TO[queue],
    )


def show(queue: Queue, way: Way, *, ready: Ready) -> DeadLetters:
    """Up to 10 letters, which stay; what a redrive would do with each."""
    seen: dict[str, Letter] = {}
    while len(seen) < MAX_SHOWN and ready(0):
        received = way.letters.receive(MAX_SHOWN - len(seen), hidden_seconds=SHOWN_SECONDS)
        new = {each.message_id: each for each in received if each.message_id not in seen}
        if not new:
            break
        seen |= new
    try:
        parcels = way.read([*seen.values()])
    finally:
        way.letters.put_back([*seen.values()])
    return DeadLetters(**dict(overview(queue, way)), items=[_view(each) for each in parcels])


def redrive(way: Way, *, limit: int, ready: Ready) -> Redriven:
    """Move up to `limit` letters to their target, each at most once.

    Ends early when `ready(0)` says that there is no time for more, or the target takes no more.
    """
    moved, left = 0, list[Letter]()
    seen: set[str] = set()
    stopped_by: str | None = None
    while not stopped_by and moved < limit and len(left) < MAX_LEFT and ready(0):
        count = min(way.target.at_once, limit - moved)
        received = way.letters.receive(count, hidden_seconds=HIDDEN_SECONDS)
        letters = [each for each in received if each.message_id not in seen]
        if not letters:
            break
        seen.update(each.message_id for each in letters)
        sent = _send(way, letters)
        gone = way.letters.delete([each for each in letters if each.message_id in sent.taken])
        moved += len(gone)
        left += [each for each in letters if each.message_id not in gone]
        stopped_by = sent.stopped_by
    way.letters.put_back(left)
    return Redriven(
        moved=moved,
        left_here=len(left),
        remaining=way.letters.count(),
        stopped_by=stopped_by,
    )


def _send(way: Way, letters: Sequence[Letter]) -> Sent:
    parcels = [each for each in way.read(letters) if each.why_not is None]
    return way.target.send(parcels) if parcels else Sent(frozenset())


def _view(parcel: Parcel) -> DeadLetter:
    return DeadLetter(
        message_id=parcel.letter.message_id,
        sent_at=parcel.letter.sent_at,
        receives=parcel.letter.receives,
        about=parcel.about,
        status=parcel.status,
        error_type=parcel.error_type,
        redrivable=parcel.why_not is None,
        why_not=parcel.why_not,
    )
