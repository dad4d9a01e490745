"""What follows from a change of the table, off the hot path: statement entries, and events."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    batch = _Batch([*records], store, now)
    batch.read(read)
    for owner, postings in batch.by_owner.items():
        batch.book(owner, postings)
    bus.put(batch.emitted)
    if batch.busy:
        raise batch.busy
    return FannedOut(batch.booked, len(batch.emitted), tuple(batch.poisoned.values()))


@dataclass(slots=True)
class _Batch:
    """Records of the stream, by their place in it, and what became of them so far."""

    records: Sequence[Record]
    store: StatementStore
    now: datetime
    by_owner: defaultdict[Owner, dict[int, Posting]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    emitted: list[Event] = field(default_factory=list)
    booked: int = 0
    poisoned: dict[int, Poisoned] = field(default_factory=dict)
    busy: Busy | None = None

    def read(self, read: Callable[[Record], Change]) -> None:
        for place, record in enumerate(self.records):
            try:
                postings, told = _consequences(read(record), self.store)
            except POISON as error:
                self.poisoned[place] = Poisoned(record, error)
            except Busy as error:
                self.busy = error
            else:
                self.emitted += told
                for owner, posting in postings:
                    self.by_owner[owner][place] = posting

    def book(self, owner: Owner, postings: Mapping[int, Posting]) -> None:
        try:
            self.booked += self.store.book(owner, [*postings.values()], now=self.now)
        except StatementLost:
            # It holds up no other: once it is rebuilt, reconciliation books these.
            return
        except Busy as error:
            self.busy = error
        except POISON as error:
            if len(postings) == 1:
                [place] = postings
                self.poisoned[place] = Poisoned(self.records[place], error)
                return
            # Only one of them may be at fault: each by itself.
            for place, posting in postings.items():
                self.book(owner, {place: posting})


def _consequences(
    change: Change, store: StatementStore
) -> tuple[list[tuple[Owner, Posting]], list[Event]]:
    posting = store.posting_of(change.posting) if change.posting else None
    owners = statements.owners(posting) if posting else ()
    return [(owner, posting) for owner in owners if posting], _events(change, store)


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
