"""What follows from a change of the table, off the hot path: statement entries, and events."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from refunds import events, statements
from refunds.errors import Busy
from refunds.events import Event
from refunds.ledger import Posting
from refunds.statements import Owner, StatementLost

POISON = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What reading an item raises that is not as it should be; `Busy` and AWS's errors are none."""

type Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One item before and after; when the stream saw it, and under which id."""

    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    changed_at: str
    change_id: str

    @property
    def posting(self) -> Mapping[str, Any] | None:
        """The item, when this change is what moved money."""
        if self.new is None:
            return None
        if self.new["sk"] == "POSTING" and self.old is None:
            return self.new
        settled = "sources" in self.new and "sources" not in (self.old or {})
        return self.new if self.new["sk"] == "REFUND" and settled else None


class StatementStore(Protocol):
    def posting_of(self, item: Mapping[str, Any]) -> Posting | None: ...
    def book(self, owner: Owner, postings: Sequence[Posting], *, now: datetime) -> int: ...
    def refundable(self, order_id: str) -> int: ...


class EventBus(Protocol):
    def put(self, emitted: Sequence[Event]) -> None: ...


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A record of the stream that can never be processed, and why."""

    record: Record
    error: Exception


@dataclass(frozen=True, slots=True)
class FannedOut:
    booked: int
    emitted: int
    poisoned: tuple[Poisoned, ...]
    """Not booked, or neither booked nor emitted, now or ever."""


def fan_out(
    records: Iterable[Record],
    *,
    read: Callable[[Record], Change],
    store: StatementStore,
    bus: EventBus,
    now: datetime,
) -> FannedOut:
    """Book the postings, then emit the events. Repeated, it books nothing twice.

    A record that can never be processed holds up no other: it is told apart. Whatever may pass by
    itself is raised, and the same records may come again.

    Raises:
        Busy: some owners' statements were, or an order could not be read; what does not need them
            is booked, and its events emitted. Any other error of AWS ends it where it is.
    """
    by_owner: defaultdict[Owner, dict[int, Posting]] = defaultdict(dict)
    emitted: list[Event] = []
    poisoned: dict[int, Poisoned] = {}
    busy: Busy | None = None
    every = [*records]
    for place, record in enumerate(every):
        try:
            postings, told = _consequences(read(record), store)
        except POISON as error:
            poisoned[place] = Poisoned(record, error)
            continue
        except Busy as error:
            busy = error
            continue
        for owner, posting in postings:
            by_owner[owner][place] = posting
        emitted += told
    booked, left = 0, deque(by_owner.items())
    while left:
        owner, of_owner = left.popleft()
        try:
            booked += _book(owner, [*of_owner.values()], store, now)
        except POISON as error:
            if len(of_owner) > 1:
                # Only one of them may be at fault: each by itself.
                left.extend((owner, {place: each}) for place, each in of_owner.items())
            else:
                poisoned |= {place: Poisoned(every[place], error) for place in of_owner}
        except Busy as error:
            busy = error
    bus.put(emitted)
    if busy:
        raise busy
    return FannedOut(booked, len(emitted), tuple(poisoned.values()))


def _consequences(
    change: Change, store: StatementStore
) -> tuple[list[tuple[Owner, Posting]], list[Event]]:
    posting = store.posting_of(change.posting) if change.posting else None
    owners = statements.owners(posting) if posting else ()
    return [(owner, posting) for owner in owners if posting], _events(change, store)


def _book(owner: Owner, postings: Sequence[Posting], store: StatementStore, now: datetime) -> int:
    """A lost statement holds up no other: once it is rebuilt, reconciliation books these."""
    try:
        return store.book(owner, postings, now=now)
    except StatementLost:
        return 0


def _events(change: Change, store: StatementStore) -> list[Event]:
    new, old = change.new, change.old or {}
    refundable = 0
    if new and new["sk"] == "REFUND" and new["status"] != old.get("status"):
        refundable = store.refundable(new["order_id"])
    emitted = events.of_change(
        change.old,
        new,
        refundable=refundable,
        changed_at=change.changed_at,
        change_id=change.change_id,
    )
    return list(emitted)
