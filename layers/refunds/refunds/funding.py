"""The funding waterfall: where the money of a refund comes from, and where a credit goes.

A debit draws on the wallet, then the deposit, then the guarantee fund (the merchant then owes the
platform); what all three do not cover waits. A credit repays the debt, then refills the deposit to
its required level, then goes to its target. Pure: amounts in minor units, of one currency.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from refunds.debits import Debit
from refunds.ledger import Part

HELD_AFTER = timedelta(hours=22)
"""A refund that has waited this long is paid before any newer one.

A waiting refund is tried at least once an hour (`debits.LAST_RETRY`), and its own try is what holds
the wallet for it: so none is passed over for more than 24 hours.
"""


@dataclass(frozen=True, slots=True)
class Funds:
    """A merchant's sources in one currency, as they were at one instant."""

    shards: tuple[int, ...] = (0,)
    """The balance of each wallet shard."""
    deposit: int = 0
    deposit_required: int = 0
    owed: int = 0
    headroom: int = 0
    """What the guarantee fund may still advance; below zero when its limit is below the debt."""
    frozen: bool = False
    held: bool | None = False
    """Whether a refund that has waited too long keeps the newer ones from the wallet; none while
    only some of the shards are so."""

    @property
    def available(self) -> int:
        return sum(self.shards)

    @property
    def total(self) -> int:
        return self.available + self.deposit + max(0, self.headroom)


@dataclass(frozen=True, slots=True)
class Parts:
    """Where one amount comes from, or goes to."""

    available: int = 0
    deposit: int = 0
    receivable: int = 0

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(
            self.available + other.available,
            self.deposit + other.deposit,
            self.receivable + other.receivable,
        )

    def named(self) -> dict[str, int]:
        """Those that are not zero, by account."""
        parts = {
            Part.AVAILABLE: self.available,
            Part.DEPOSIT: self.deposit,
            Part.RECEIVABLE: self.receivable,
        }
        return {part.value: amount for part, amount in parts.items() if amount}


@dataclass(frozen=True, slots=True)
class Payment:
    debit: Debit
    parts: Parts


@dataclass(frozen=True, slots=True)
class Plan:
    """One transaction's debits: which refunds, from which shards and sources; and which wait."""

    payments: tuple[Payment, ...]
    shards: tuple[tuple[int, int], ...]
    """(shard, amount) for each wallet shard that is drawn on."""
    waiting: tuple[Debit, ...] = ()
    overdue: bool = False
    """Whether one of those that wait has waited too long to be passed over."""
    read: bool = False
    """Whether it was planned from what all sources hold."""
    later: tuple[Debit, ...] = ()
    """Not looked at yet, because others have waited too long to be passed over."""

    @property
    def total(self) -> Parts:
        return sum((payment.parts for payment in self.payments), Parts())


def from_one_shard(group: Sequence[Debit], shard: int) -> Plan:
    """The usual case, tried without reading a balance: the wallet shard holds enough for all."""
    payments = tuple(Payment(debit, Parts(available=debit.amount)) for debit in group)
    return Plan(payments, ((shard, sum(debit.amount for debit in group)),))


def plan(group: Sequence[Debit], funds: Funds, *, now: datetime) -> Plan:
    """The refunds that the funds cover, oldest first; one that does not fit is skipped.

    Unless it has waited for `HELD_AFTER`: then no newer one is paid before it.
    """
    payments: list[Payment] = []
    waiting: list[Debit] = []
    left, overdue = funds, False
    for debit in sorted(group, key=lambda each: (each.requested_at, each.refund_id)):
        if overdue or debit.amount > left.total:
            waiting.append(debit)
            overdue = overdue or _is_overdue(debit, now)
            continue
        parts = _draw(debit.amount, left)
        payments.append(Payment(debit, parts))
        left = _less(left, parts)
    drawn = sum(payment.parts.available for payment in payments)
    shards = tuple(_from_richest(funds.shards, drawn))
    return Plan(tuple(payments), shards, tuple(waiting), overdue, read=True)


def split_credit(amount: int, funds: Funds, *, to_deposit: bool) -> Parts:
    """The debt first, then the deposit up to its required level, then the target."""
    receivable = min(amount, funds.owed)
    amount -= receivable
    if to_deposit:
        return Parts(deposit=amount, receivable=receivable)
    deposit = min(amount, max(0, funds.deposit_required - funds.deposit))
    return Parts(available=amount - deposit, deposit=deposit, receivable=receivable)


def payable(funds: Funds, waiting: int | None) -> int:
    """What a merchant may be paid out: nothing that refunds, deposit or debt still need.

    And nothing at all while the wallet is frozen, or more refunds wait than are summed up.
    """
    if funds.frozen or waiting is None:
        return 0
    missing = max(0, funds.deposit_required - funds.deposit)
    return max(0, funds.available - funds.owed - missing - waiting)


def draw_shards(funds: Funds, amount: int) -> tuple[tuple[int, int], ...]:
    """(shard, amount) for each shard that `amount` is taken from, the richest first."""
    return tuple(_from_richest(funds.shards, amount))


@dataclass(frozen=True, slots=True)
class Move:
    """Money of a wallet's one shard to another, and how many shards there are then."""

    source: int
    target: int
    amount: int
    count: int


def next_move(shards: Sequence[int], count: int) -> Move | None:
    """What brings a wallet nearer to `count` shards that hold the same; none when it is there.

    A new shard takes its share from the richest, one too many leaves all it has to the poorest.
    """
    now, goal = len(shards), even(sum(shards), count)
    if now > count:
        poorest = min(range(now - 1), key=lambda shard: shards[shard])
        return Move(now - 1, poorest, shards[-1], now - 1)
    if now == count and max(shards) - min(shards) <= 1:
        return None
    above = [amount - wanted for amount, wanted in zip(shards, goal, strict=False)]
    richest = above.index(max(above))
    if now < count:
        return Move(richest, now, min(above[richest], goal[now]), now + 1)
    poorest = above.index(min(above))
    return Move(richest, poorest, min(above[richest], -above[poorest]), now)


def even(available: int, shards: int) -> tuple[int, ...]:
    """A balance spread over shards, as evenly as whole units go."""
    share, rest = divmod(available, shards)
    return tuple(share + (shard < rest) for shard in range(shards))


def _draw(amount: int, funds: Funds) -> Parts:
    available = min(amount, funds.available)
    deposit = min(amount - available, funds.deposit)
    return Parts(available, deposit, amount - available - deposit)


def _less(funds: Funds, parts: Parts) -> Funds:
    return Funds(
        shards=(funds.available - parts.available,),
        deposit=funds.deposit - parts.deposit,
        headroom=funds.headroom - parts.receivable,
    )


def _from_richest(shards: Sequence[int], amount: int) -> Iterator[tuple[int, int]]:
    for shard in sorted(range(len(shards)), key=lambda each: (-shards[each], each)):
        taken = min(amount, shards[shard])
        if taken:
            yield shard, taken
            amount -= taken


def _is_overdue(debit: Debit, now: datetime) -> bool:
    since = datetime.fromisoformat(debit.requested_at)
    return debit.waiting and now - since > HELD_AFTER
