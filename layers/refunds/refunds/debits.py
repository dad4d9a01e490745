"""Debits 扣款 (R9): the plan of a batch, and what to do with each reply of the database.

Pure rules: no AWS, no clock, nothing heavy to import. A debit takes exactly the refund's amount
from the seller, exactly once: the gate is the refund's own status, in the transaction that moves
the money.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched, groupby
from typing import Protocol

MAX_ACTIONS = 100
"""What one TransactWriteItems holds."""
MAX_REFUNDS = (MAX_ACTIONS - 1) // 2
"""Refunds of one transaction: each needs itself and at most one buyer; the wallet is one more."""
TRIES = 4
"""How often a contended or unanswered transaction is sent before its messages are given back."""
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=1)
MAX_DOUBLINGS = 6

WAITS_FOR_FUNDS = "funds"
WAITS_FOR_UNFREEZE = "unfreeze"


@dataclass(frozen=True, slots=True)
class Debit:
    """An open refund as read; amount in minor units."""

    refund_id: str
    merchant_id: str
    buyer_id: str
    currency: str
    amount: int
    requested_at: str
    tries: int = 0
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The money moved."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Some refunds are not as they were read; nothing moved."""

    closed: frozenset[str]
    """Already succeeded, canceled or refused: a duplicate delivery."""
    altered: frozenset[str]
    """Still open, but not what was read: never settled by guess."""


@dataclass(frozen=True, slots=True)
class Short:
    """The wallet holds less than the sum; nothing moved."""

    available: int


@dataclass(frozen=True, slots=True)
class Frozen:
    """An operator stopped this merchant's debits; nothing moved."""


@dataclass(frozen=True, slots=True)
class Contended:
    """Conflict or throttling: nothing moved, and the same may be sent again."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer: it may have been done. Sending it again is harmless, by the gate."""

    reason: str


type Reply = Settled | Rejected | Short | Frozen | Contended | Unknown


class DebitStore(Protocol):
    def debit(self, group: Sequence[Debit], *, now: datetime) -> Reply: ...
    def wait(self, debit: Debit, waits_for: str, *, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group, by refund id. Duplicates are in none: there was nothing to do."""

    settled: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    """To be delivered again."""
    unknown: frozenset[str] = frozenset()
    """What AWS said where nothing is known, for the log."""

    def __or__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.settled | other.settled,
            self.waiting | other.waiting,
            self.failed | other.failed,
            self.unknown | other.unknown,
        )


def groups(debits: Iterable[Debit]) -> Iterator[tuple[Debit, ...]]:
    """What one transaction each can hold: one merchant, one currency, oldest first."""

    def owner(debit: Debit) -> tuple[str, str]:
        return debit.merchant_id, debit.currency

    in_order = sorted(
        set(debits), key=lambda debit: (owner(debit), debit.requested_at, debit.refund_id)
    )
    for _, group in groupby(in_order, key=owner):
        yield from batched(group, MAX_REFUNDS, strict=False)


def fitting(group: Sequence[Debit], available: int) -> tuple[Debit, ...]:
    """Those that `available` pays, oldest first; one that does not fit is skipped."""
    chosen: list[Debit] = []
    for debit in group:
        if debit.amount <= available:
            chosen.append(debit)
            available -= debit.amount
    return tuple(chosen)


def next_try_at(tries: int, now: datetime) -> datetime:
    """1 minute after the first try, doubling to 1 hour."""
    delay: timedelta = FIRST_RETRY * 2 ** min(tries, MAX_DOUBLINGS)
    return now + min(delay, LAST_RETRY)


def settle(
    group: Sequence[Debit],
    *,
    store: DebitStore,
    clock: Callable[[], datetime],
    ready: Callable[[int], bool],
) -> Outcome:
    """Settle one group, whatever the database replies: the reply table of the design.

    `ready(attempt)` waits before each try after the first, and says whether there is time for it.
    """
    outcome, attempt = Outcome(), 0
    while group:
        if attempt == TRIES or not ready(attempt):
            return outcome | Outcome(failed=_ids(group))
        match store.debit(group, now=clock()):
            case Settled():
                return outcome | Outcome(settled=_ids(group))
            case Rejected(closed, altered):
                outcome |= Outcome(failed=altered)
                group = [debit for debit in group if debit.refund_id not in closed | altered]
            case Short(available):
                paid = fitting(group, available)
                left = [debit for debit in group if debit not in paid]
                outcome |= _wait(left, WAITS_FOR_FUNDS, store=store, now=clock(), ready=ready)
                group = paid
            case Frozen():
                return outcome | _wait(
                    group, WAITS_FOR_UNFREEZE, store=store, now=clock(), ready=ready
                )
            case Contended():
                attempt += 1
            case Unknown(reason):
                attempt += 1
                outcome |= Outcome(unknown=frozenset({reason}))
    return outcome


def _wait(
    group: Sequence[Debit],
    waits_for: str,
    *,
    store: DebitStore,
    now: datetime,
    ready: Callable[[int], bool],
) -> Outcome:
    written = {d.refund_id: ready(0) and store.wait(d, waits_for, now=now) for d in group}
    return Outcome(
        waiting=frozenset(refund_id for refund_id, done in written.items() if done),
        failed=frozenset(refund_id for refund_id, done in written.items() if not done),
    )


def _ids(group: Iterable[Debit]) -> frozenset[str]:
    return frozenset(debit.refund_id for debit in group)
