"""The model's state: small tuples of small integers, equal exactly when nothing differs.

Amounts are units, refunds and merchants are numbers, sets of refunds and marks are bit masks.
"""

from collections.abc import Iterator
from typing import NamedTuple

NEW, PENDING, FUNDS, UNFREEZE, SUCCEEDED, CANCELED = range(6)
"""A refund: not asked for, pending, awaiting funds, awaiting the unfreezing, and the two ends."""
STATUSES = ("new", "pending", "awaiting funds", "awaiting unfreeze", "succeeded", "canceled")


class At:
    """Where a worker is: about to do this."""

    IDLE, TRY, GLANCE, READ, HOLD, PAY, WAIT, ANSWER = range(8)


class Stage:
    """Where a caller is: about to read, to write what it planned, to wake what waits; done."""

    START, PLANNED, WAKE, OVER = range(4)


CONFIG, LIFTED = 1 << 8, 1 << 9
"""The mark on the wallet itself, and that it is being lifted, beside one bit for each shard."""
FROZEN_NEWLY, HELD_NEWLY, COUNTED = 1, 2, 4
"""What changed since a caller read it: the number of the freezing, of the holding, of either."""
TRIES = 4


class Wallet(NamedTuple):
    shards: tuple[int, ...]
    deposit: int = 0
    owed: int = 0
    headroom: int = 0
    required: int = 0
    """What the deposit should hold."""
    frozen: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        return sum(self.shards) + self.deposit + max(0, self.headroom)

    @property
    def all_marks(self) -> int:
        return CONFIG | (1 << len(self.shards)) - 1


class Plan(NamedTuple):
    """One transaction: whose refunds it pays, and from where."""

    paid: tuple[int, ...]
    draws: tuple[tuple[int, int], ...]
    deposit: int = 0
    advance: int = 0
    waiting: tuple[int, ...] = ()
    read: bool = True
    overdue: bool = False
    older: int = 0
    """Those that had waited too long when it was made: it may pay no newer one before them."""

    @property
    def everyone(self) -> tuple[int, ...]:
        return self.paid + self.waiting


class Worker(NamedTuple):
    """One invocation of the debit function; it forgets everything when it ends or crashes."""

    at: int = At.IDLE
    batch: int = 0
    failed: int = 0
    rest: tuple[int, ...] = ()
    """Open refunds of the merchants that come later."""
    aged: int = 0
    """Those read as waiting for too long."""
    group: tuple[int, ...] = ()
    tries: int = 0
    plan: Plan | tuple[()] = ()
    reason: int = 0
    """What its group waits for."""


class Caller(NamedTuple):
    """One request: it may begin at any time, or never."""

    at: int = Stage.START
    seen: Wallet | tuple[()] = ()
    posted: int = 0
    """How often its money moved."""
    shards: int = 0
    """How many there were of a wallet that is frozen or unfrozen."""
    place: int = -1
    """Which of them is next; none before the wallet itself is marked."""
    stale: int = 0


class State(NamedTuple):
    status: tuple[int, ...]
    postings: tuple[int, ...]
    """How often each refund's money moved."""
    refundable: tuple[int, ...]
    wallets: tuple[Wallet, ...]
    buyers: tuple[int, ...]
    queue: int
    workers: tuple[Worker, ...]
    """Sorted: which of two equal workers does a step makes no difference."""
    callers: tuple[Caller, ...]
    faults: int
    """How many may still happen."""

    @property
    def money(self) -> tuple[object, ...]:
        """All that the invariants of a state look at."""
        return self[:5] + self.callers


class Refund(NamedTuple):
    amount: int
    merchant: int = 0
    buyer: int = 0
    order: int = 0
    old: bool = False
    """Requested so long ago that, once it waits, no newer one may be paid before it."""
    asked: bool = True
    """Accepted from the beginning, and its message sent."""


class Request(NamedTuple):
    """What a caller wants: `ask` and `cancel` are of a refund, the others of a merchant."""

    kind: str
    of: int = 0
    amount: int = 0


class Bounds(NamedTuple):
    """What is explored: everything that can happen within this."""

    name: str
    refunds: tuple[Refund, ...]
    wallets: tuple[Wallet, ...]
    orders: tuple[int, ...] = ()
    """What was paid for each order; by default, one order for each refund, of its amount."""
    requests: tuple[Request, ...] = ()
    workers: int = 2
    faults: int = 1
    kinds: frozenset[str] = frozenset({"crash", "lost", "lose", "redrive"})
    hints: int = 2
    """Shards that a first try may name: what a function knows of their number may be old."""
    bad_message: bool = False

    @property
    def paid(self) -> tuple[int, ...]:
        return self.orders or tuple(refund.amount for refund in self.refunds)

    def order(self, refund: int) -> int:
        return self.refunds[refund].order if self.orders else refund

    @property
    def bad(self) -> int:
        """The message that names no refund there is."""
        return 1 << len(self.refunds)


class Step(NamedTuple):
    """What happened: by whom (a worker's or a caller's place), and what came of it."""

    actor: str
    what: str
    who: int = -1
    detail: tuple[int, ...] = ()
    reply: str = ""
    fault: bool = False


class Edge(NamedTuple):
    step: Step
    state: State
    fair: bool
    """Whether the system itself does it, sooner or later, with nobody's help."""


def is_open(status: int) -> bool:
    return PENDING <= status <= UNFREEZE


def mask(refunds: tuple[int, ...]) -> int:
    return sum(1 << refund for refund in refunds)


def members(mask: int) -> Iterator[int]:
    number = 0
    while mask >> number:
        if mask >> number & 1:
            yield number
        number += 1


def subsets(mask: int) -> Iterator[int]:
    """Each that is not empty."""
    part = mask
    while part:
        yield part
        part = (part - 1) & mask


def put[T](values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])
