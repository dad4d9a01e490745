"""What to do with each reply of the database to a debit: the reply table, in one place.

- `Settled`: the money moved. Acknowledge all.
- `Rejected`: some refunds are closed (a duplicate: drop it) or not as they were read (give it back,
  never guess). Try the others again.
- `Short`: a source holds less than was to be drawn. Read all sources at one instant, plan the
  waterfall, and try that; what it does not cover waits for funds.
- `Frozen`: an operator stopped this merchant's debits. All wait for the unfreezing.
- `Contended`: conflict or throttling, nothing moved. Again, after a pause, while there is time.
- `Unknown`: no answer, it may have been done. The same: the gate makes it harmless.

A missing refund or a malformed message never gets here: it is given back alone, and ends in the
dead-letter queue.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from refunds import funding
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


class DebitStore(Protocol):
    def shard(self, merchant_id: str, currency: str, *, seed: str) -> int:
        """A wallet shard to try, as far as is known without a consistent read."""

    def funds(self, merchant_id: str, currency: str) -> Funds | Contended | Unknown: ...
    def overdue(
        self, merchant_id: str, currency: str, *, now: datetime
    ) -> tuple[Debit, ...] | Contended | Unknown:
        """The oldest of the refunds that have waited for `funding.HELD_AFTER`."""

    def hold(self, merchant_id: str, currency: str, *, held: bool) -> None: ...
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
    """How often another transaction was in the way: what makes a wallet grow shards."""

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
    ready: Callable[[int], bool],
) -> Outcome:
    """Settle one merchant's group in one currency, whatever the database replies.

    `ready(attempt)` waits before each try after the first, and says whether there is time for it.
    """

    def wait(debits: Sequence[Debit], waits_for: str) -> Outcome:
        written = {d.refund_id: ready(0) and store.wait(d, waits_for, now=clock()) for d in debits}
        return Outcome(
            waiting=frozenset(refund_id for refund_id, done in written.items() if done),
            failed=frozenset(refund_id for refund_id, done in written.items() if not done),
        )

    outcome, attempt = Outcome(), 0
    plan = _first_plan(group, store)
    while plan.payments:
        if attempt == TRIES or not ready(attempt):
            return outcome | Outcome(failed=_ids(_everyone(plan)))
        match store.debit(plan, now=clock()):
            case Settled():
                outcome |= Outcome(settled=_ids(_paid(plan)))
                break
            case Rejected(closed, altered):
                outcome |= Outcome(failed=altered)
                left = [d for d in _everyone(plan) if d.refund_id not in closed | altered]
                plan = _first_plan(left, store)
            case Frozen():
                return outcome | wait(_everyone(plan), WAITS_FOR_UNFREEZE)
            case Short():
                attempt += 1
                plan, missed = _planned(plan, store=store, now=clock())
                outcome |= missed
            case Contended() | Unknown() as missed_reply:
                attempt += 1
                outcome |= _missed(missed_reply)
    outcome |= Outcome(short=bool(plan.waiting))
    return outcome | wait(plan.waiting, WAITS_FOR_FUNDS)


def _first_plan(group: Sequence[Debit], store: DebitStore) -> Plan:
    if not group:
        return Plan((), ())
    first = group[0]
    shard = store.shard(first.merchant_id, first.currency, seed=first.refund_id)
    return funding.from_one_shard(group, shard)


def _planned(plan: Plan, *, store: DebitStore, now: datetime) -> tuple[Plan, Outcome]:
    """The waterfall; those that have waited too long come before everyone else."""
    group = _everyone(plan)
    merchant_id, currency = group[0].merchant_id, group[0].currency
    funds = store.funds(merchant_id, currency)
    if not isinstance(funds, Funds):
        return plan, _missed(funds)
    overdue = store.overdue(merchant_id, currency, now=now)
    if not isinstance(overdue, tuple):
        return plan, _missed(overdue)
    planned = funding.plan([*{*group, *overdue}], funds, now=now)
    if planned.overdue != funds.held:
        store.hold(merchant_id, currency, held=planned.overdue)
    # The overdue that joined only now keep their own next try.
    waiting = tuple(debit for debit in planned.waiting if debit in group)
    return replace(planned, waiting=waiting), Outcome()


def _missed(reply: Contended | Unknown) -> Outcome:
    match reply:
        case Contended():
            return Outcome(contended=1)
        case Unknown(reason):
            return Outcome(unknown=frozenset({reason}))


def _paid(plan: Plan) -> list[Debit]:
    return [payment.debit for payment in plan.payments]


def _everyone(plan: Plan) -> list[Debit]:
    return [*_paid(plan), *plan.waiting]


def _ids(group: Iterable[Debit]) -> frozenset[str]:
    return frozenset(debit.refund_id for debit in group)
