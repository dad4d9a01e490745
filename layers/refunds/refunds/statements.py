"""Statements: every posting that touched a party's money, once, numbered, with the running balance.

Written off the hot path from the table's stream. A stream orders per item only, so the numbers are
the writer's: it books each posting once, one after another, and `booked_at` never goes back. What
was recorded of a posting (its number and `booked_at`) is kept apart from the entries, which can be
made again from the postings.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from refunds.errors import InvalidRange
from refunds.fields import Balance, Currency, Id, Instant, Model
from refunds.ledger import Part, Posting
from refunds.times import format_instant

BEGINNING, END = "0000", "9999"
"""Before and after every time, as texts are ordered."""
PER_TRANSACTION = 45
"""Postings of one booking: an entry and a record each; head and month are two more actions."""


class Owner(NamedTuple):
    """Whose statement: a party in one currency."""

    role: str
    id: str
    currency: str


@dataclass(frozen=True, slots=True)
class Balances:
    available: int = 0
    deposit: int = 0
    receivable: int = 0

    def __add__(self, other: "Balances") -> "Balances":
        return Balances(
            self.available + other.available,
            self.deposit + other.deposit,
            self.receivable + other.receivable,
        )


class StatementLost(Exception):
    """What is booked before cannot be built upon: it is not there, or not as it was written."""


class Mark(NamedTuple):
    """What was recorded of a posting when it was booked."""

    number: int
    booked_at: str


class Booking(NamedTuple):
    """The same, with the posting; in the order of numbers."""

    number: int
    booked_at: str
    posting_id: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a statement."""

    number: int = 0
    booked_at: str = ""
    balances: Balances = Balances()


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    booked_at: str
    posting_id: str
    cause: str
    posted_at: str
    change: Balances
    balances: Balances

    @property
    def head(self) -> Head:
        return Head(self.number, self.booked_at, self.balances)


class StatementLine(Model):
    """An entry as its party sees it; amounts in minor units, `owed` is the debt to the platform."""

    number: int
    booked_at: Instant
    posted_at: Instant
    posting_id: str
    cause: str
    available_change: Balance
    deposit_change: Balance
    owed_change: Balance
    available: Balance
    deposit: Balance
    owed: Balance


class StatementPage(Model):
    items: list[StatementLine]
    next_cursor: str | None


class MonthTotal(Model):
    """What a month brought and took of the available balance."""

    month: str
    entries: int
    credited: Balance
    debited: Balance


class StatementMonths(Model):
    currency: Currency
    items: list[MonthTotal]


class StatementOwner(Model):
    role: str
    id: Id
    currency: Currency


def owners(posting: Posting) -> Iterator[Owner]:
    """The parties whose money a posting touched."""
    seen = {
        (kind, owner)
        for kind, owner, *_ in (leg.account.split(":") for leg in posting.legs)
        if kind in {"merchant", "buyer"}
    }
    return (Owner(kind, owner, posting.currency) for kind, owner in sorted(seen))


def change(posting: Posting, owner: Owner) -> Balances:
    """What a posting changed of an owner's accounts."""

    def moved(part: Part) -> int:
        account = f"{owner.role}:{owner.id}:{part}"
        return sum(leg.amount for leg in posting.legs if leg.account == account)

    return Balances(moved(Part.AVAILABLE), moved(Part.DEPOSIT), moved(Part.RECEIVABLE))


def book(postings: Sequence[Posting], owner: Owner, head: Head, *, now: datetime) -> list[Entry]:
    """The entries that come after `head`, in the order given."""
    entries: list[Entry] = []
    booked_at = max(head.booked_at, format_instant(now))
    for posting in postings:
        moved = change(posting, owner)
        entry = Entry(
            number=head.number + 1,
            booked_at=booked_at,
            posting_id=posting.posting_id,
            cause=posting.cause,
            posted_at=posting.posted_at,
            change=moved,
            balances=head.balances + moved,
        )
        entries.append(entry)
        head = entry.head
    return entries


def rebuilt(
    bookings: Sequence[Booking], postings: Mapping[str, Posting], owner: Owner, head: Head
) -> list[Entry]:
    """The entries after `head`: each posting with its recorded number and time, balances anew."""
    entries: list[Entry] = []
    balances = head.balances
    for number, booked_at, posting_id in bookings:
        posting = postings[posting_id]
        moved = change(posting, owner)
        balances += moved
        entries.append(
            Entry(number, booked_at, posting_id, posting.cause, posting.posted_at, moved, balances)
        )
    return entries


def check_range(start: datetime | None, end: datetime | None) -> None:
    """Raises InvalidRange."""
    if start and end and start > end:
        raise InvalidRange


def line(entry: Entry) -> StatementLine:
    return StatementLine(
        number=entry.number,
        booked_at=datetime.fromisoformat(entry.booked_at),
        posted_at=datetime.fromisoformat(entry.posted_at),
        posting_id=entry.posting_id,
        cause=entry.cause,
        available_change=entry.change.available,
        deposit_change=entry.change.deposit,
        owed_change=-entry.change.receivable,
        available=entry.balances.available,
        deposit=entry.balances.deposit,
        owed=-entry.balances.receivable,
    )


def csv_rows(lines: Iterable[StatementLine]) -> Iterator[dict[str, Any]]:
    return (each.model_dump(mode="json") for each in lines)
