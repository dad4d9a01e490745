"""What to do with each reply of the database to a debit: the reply table, in one place.

- `Settled`: the money moved. Acknowledge all.
- `Rejected`: some refunds are closed (a duplicate: drop it) or not as they were read (give it back,
  never guess). Try the others again.
- `Short`: a source holds less than was to be drawn. Glance at all sources, plan the waterfall, and
  try that. Only a read of them all at one instant says that something must wait for funds: on a
  busy wallet such a read hardly ever comes through, and is not needed to pay.
- `Frozen`: an operator stopped this merchant's debits. All wait for the unfreezing.
- `Contended`: conflict or throttling, nothing moved. Again, after a pause, while there is time.
- `Unknown`: no answer, it may have been done. The same: the gate makes it harmless.

A missing refund or a malformed message never gets here: it is given back alone, and ends in the
dead-letter queue.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from refunds import funding
from refunds.deadline import Ready
from refunds.debits import Debit
from refunds.funding import Funds, Plan

TRIES = 4
"""How often a debit is tried before its messages are given back."""

WAITS_FOR_FUNDS = "funds"
WAITS_FOR_UNFREEZE = "unfreeze"


@dataclass(frozen=True, slots=True)
class Settled:
    pass


@dataclass(frozen=True, slots=True)
class Rejected:
    closed: frozenset[str]
    altered: frozenset[str]


@dataclass(frozen=True, slots=True)
class Short:
    pass


@dataclass(frozen=True, slots=True)
class Frozen:
    pass


@dataclass(frozen=True, slots=True)
class Contended:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    reason: str


type Reply = Settled | Rejected | Short | Frozen | Contended | Unknown


@dataclass(frozen=True, slots=True)
class Overdue:
    """Refunds of one merchant and currency that have waited for `funding.HELD_AFTER`."""

    oldest: tuple[Debit, ...] = ()
    more: bool = False
    """Whether others have waited as long, or may have."""


class DebitStore(Protocol):
    def shard(self, merchant_id: str, currency: str, *, seed: str) -> int:
        """A wallet shard to try, as far as is known without a consistent read."""

    def funds(
        self, merchant_id: str, currency: str, *, at_one_instant: bool, ready: Ready
    ) -> Funds | Contended | Unknown: ...
    def overdue(
        self, merchant_id: str, currency: str, *, now: datetime, ready: Ready
    ) -> Overdue | Contended | Unknown: ...

    def hold(self, merchant_id: str, currency: str, *, held: bool, ready: Ready) -> None: ...
    def debit(self, plan: Plan, *, now: datetime) -> Reply: ...
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
    short: bool = False
    """Whether the merchant's sources did not cover all of it."""
    contended: int = 0
    """How often another transaction was in the way of a first try, on one shard: what makes a
    wallet grow shards."""

    def __or__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.settled | other.settled,
            self.waiting | other.waiting,
            self.failed | other.failed,
            self.unknown | other.unknown,
            self.short or other.short,
            self.contended + other.contended,
        )


def settle(
    group: Sequence[Debit],
    *,
    store: DebitStore,
    clock: Callable[[], datetime],
    ready: Ready,
) -> Outcome:
    """Settle one merchant's group in one currency, whatever the database replies.

    `ready(attempt)` waits before each try after the first, and says whether there is time for it.
    It is asked before each call of the store, which asks it before each of many calls of its own:
    what is left when there is none is given back.
    """
    settling = _Settling(store, clock, ready, left=[*group])
    try:
        waits_for = settling.pay()
    except _GivenBack:
        return settling.outcome | Outcome(failed=_ids(settling.left))
    return settling.outcome | settling.wait(waits_for)


class _GivenBack(Exception):
    """There is no time, or no try, for anything more."""


@dataclass(slots=True)
class _Settling:
    """A group on its way: what became of it so far, and what is left to do."""

    store: DebitStore
    clock: Callable[[], datetime]
    ready: Ready
    left: list[Debit]
    outcome: Outcome = field(default_factory=Outcome)

    def pay(self) -> str:
        """Pay what can be paid. What the rest waits for. Raises _GivenBack."""
        attempt, plan = 0, self._first_plan()
        while plan.payments:
            if attempt == TRIES:
                raise _GivenBack
            match self._in_time(attempt).debit(plan, now=self.clock()):
                case Settled():
                    self.outcome |= Outcome(settled=_ids(_paid(plan)))
                    self.left = [*plan.waiting, *plan.later]
                    if plan.overdue or not plan.later:
                        break
                    plan = self._planned()
                case Rejected(closed, altered):
                    self.outcome |= Outcome(failed=altered)
                    refused = closed | altered
                    self.left = [d for d in _everyone(plan) if d.refund_id not in refused]
                    plan = self._first_plan()
                case Frozen():
                    self.left = _everyone(plan)
                    return WAITS_FOR_UNFREEZE
                case Short():
                    attempt += 1
                    self.left = _everyone(plan)
                    plan = self._planned()
                case Contended() | Unknown() as missed:
                    attempt += 1
                    self.outcome |= _unknown(missed)
                    if isinstance(missed, Contended) and not plan.read:
                        self.outcome |= Outcome(contended=1)
        self.outcome |= Outcome(short=bool(self.left))
        return WAITS_FOR_FUNDS

    def wait(self, waits_for: str) -> Outcome:
        written = {
            debit.refund_id: self.ready(0) and self.store.wait(debit, waits_for, now=self.clock())
            for debit in self.left
        }
        return Outcome(
            waiting=frozenset(refund_id for refund_id, done in written.items() if done),
            failed=frozenset(refund_id for refund_id, done in written.items() if not done),
        )

    def _first_plan(self) -> Plan:
        if not self.left:
            return Plan((), ())
        first = self.left[0]
        shard = self._in_time().shard(first.merchant_id, first.currency, seed=first.refund_id)
        return funding.from_one_shard(self.left, shard)

    def _planned(self) -> Plan:
        """What a glance covers is paid by it; else what is read at one instant decides."""
        funds = self._funds(at_one_instant=False)
        if funds.total >= sum(debit.amount for debit in self.left):
            planned, held = self._waterfall(funds)
            if not planned.waiting:
                return self._holding(planned, funds, held=held)
        funds = self._funds(at_one_instant=True)
        planned, held = self._waterfall(funds)
        return self._holding(planned, funds, held=held)

    def _waterfall(self, funds: Funds) -> tuple[Plan, bool]:
        """Those that have waited too long come before everyone else; whether some still will."""
        overdue = self._overdue()
        # By id: another worker may have put one to wait since this one read it as pending.
        first = {debit.refund_id: debit for debit in overdue.oldest}
        others = {d.refund_id: d for d in self.left if d.refund_id not in first}
        if overdue.more:
            # More than a plan holds: nobody else comes before all of them are paid.
            planned = funding.plan(overdue.oldest, funds, now=self.clock())
            planned = replace(planned, later=tuple(others.values()))
        else:
            everyone = [*first.values(), *others.values()]
            planned = funding.plan(everyone, funds, now=self.clock())
        return planned, planned.overdue or overdue.more

    def _holding(self, planned: Plan, funds: Funds, *, held: bool) -> Plan:
        if held != funds.held:
            self._in_time().hold(*self._wallet, held=held, ready=self.ready)
        # The overdue that joined only now keep their own next try.
        named = _ids(self.left)
        waiting = tuple(debit for debit in planned.waiting if debit.refund_id in named)
        return replace(planned, waiting=waiting)

    @property
    def _wallet(self) -> tuple[str, str]:
        return self.left[0].merchant_id, self.left[0].currency

    def _funds(self, *, at_one_instant: bool) -> Funds:
        return self._read(
            lambda store: store.funds(
                *self._wallet, at_one_instant=at_one_instant, ready=self.ready
            )
        )

    def _overdue(self) -> Overdue:
        return self._read(
            lambda store: store.overdue(*self._wallet, now=self.clock(), ready=self.ready)
        )

    def _read[Found](self, read: Callable[[DebitStore], Found | Contended | Unknown]) -> Found:
        """Raises _GivenBack: it could not be read."""
        for attempt in range(TRIES):
            found = read(self._in_time(attempt))
            if not isinstance(found, Contended | Unknown):
                return found
            self.outcome |= _unknown(found)
        raise _GivenBack

    def _in_time(self, attempt: int = 0) -> DebitStore:
        """The store, if there is time for a call of it. Raises _GivenBack."""
        if not self.ready(attempt):
            raise _GivenBack
        return self.store


def _unknown(reply: Contended | Unknown) -> Outcome:
    return Outcome(unknown=frozenset({reply.reason} if isinstance(reply, Unknown) else ()))


def _paid(plan: Plan) -> list[Debit]:
    return [payment.debit for payment in plan.payments]


def _everyone(plan: Plan) -> list[Debit]:
    return [*_paid(plan), *plan.waiting, *plan.later]


def _ids(group: Iterable[Debit]) -> frozenset[str]:
    return frozenset(debit.refund_id for debit in group)
