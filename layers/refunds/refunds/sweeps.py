"""The sweeper: a refund whose message was lost, or that waits for money, is sent again.

A pending refund that was never sent again is, whatever waits and whatever the queue holds: its
message may be lost. All else must not feed an overload. Each sending moves a refund's next sweep on
(2, 4 … 60 minutes). And as long as the queue holds at least as many messages as refunds are due,
none of theirs is likely lost: only those that have been due for `PATIENCE` are sent; so it is when
the queue does not say what it holds. What waits for money has no message of its own there: it is
held back only while the queue holds more than is soon worked off.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Protocol

from refunds.deadline import Ready
from refunds.debits import Debit, next_try_at

PATIENCE = timedelta(minutes=20)
SOON_WORKED_OFF = 1_000
"""Messages that are debited well within a minute: 50 functions at once, 10 messages each."""
AT_ONCE = 10
"""Refunds sent, and then moved on, before the time is looked at again."""


@dataclass(frozen=True, slots=True)
class Due:
    debit: Debit
    due_at: datetime

    @property
    def tries(self) -> int:
        """A waiting refund's tries are counted by the debit that finds it short."""
        return self.debit.tries if self.debit.waiting else self.debit.tries + 1

    @property
    def never_resent(self) -> bool:
        return not self.debit.waiting and self.debit.tries == 0


class SweepStore(Protocol):
    def due(self, now: datetime) -> list[Due]:
        """Those never sent again, those that were, those that wait: each has places of its own."""

    def postpone(self, due: Due, *, tries: int, until: datetime) -> bool: ...


class SweepQueue(Protocol):
    def depth(self) -> int | None:
        """None when the queue does not say."""

    def send(self, refunds: Iterable[tuple[str, str]]) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one run saw and did."""

    due: int
    """Pending still, though their time to be swept has come."""
    waiting_due: int
    """Waiting for money, and due to be tried again."""
    sent: int
    oldest_seconds: int
    """The age of the oldest of the pending."""


def sweep(
    *,
    store: SweepStore,
    queue: SweepQueue,
    now: datetime,
    ready: Ready,
) -> Sweep:
    """Send the due refunds' messages again, each at most once for its time.

    Those that were never sent again come first, those that wait for money last; of each kind the
    longest due.

    Ends when `ready(0)` says that there is no time for more: what is left is due still.
    """
    due = sorted(store.due(now), key=_place)
    depth = queue.depth()
    chosen = [
        each
        for each in due
        if each.never_resent or each.due_at <= now - PATIENCE or not _is_held(each, depth, len(due))
    ]
    sent = 0
    for some in batched(chosen, AT_ONCE, strict=False):
        if not ready(0):
            break
        taken = queue.send((each.debit.refund_id, each.debit.merchant_id) for each in some)
        # Moved on only once sent: while sending fails, each run tries anew.
        for each in some:
            if each.debit.refund_id in taken and ready(0):
                store.postpone(each, tries=each.tries, until=next_try_at(each.tries, now))
        sent += len(taken)
    pending = [each.debit.requested_at for each in due if not each.debit.waiting]
    oldest = datetime.fromisoformat(min(pending)) if pending else now
    return Sweep(
        due=len(pending),
        waiting_due=len(due) - len(pending),
        sent=sent,
        oldest_seconds=int((now - oldest).total_seconds()),
    )


def _place(due: Due) -> tuple[bool, bool, datetime]:
    return due.debit.waiting, not due.never_resent, due.due_at


def _is_held(due: Due, depth: int | None, every: int) -> bool:
    if depth is None:
        return True
    return depth >= every and (not due.debit.waiting or depth > SOON_WORKED_OFF)
