"""Gaps in statements: postings that were never booked, and are booked by whoever finds them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from refunds.books import Books
from refunds.deadline import Ready
from refunds.differences import Difference, Gap, Kind
from refunds.errors import UNREADABLE, Busy
from refunds.invariants import Looked, bookings
from refunds.statements import Owner, StatementLost


class GapStore(Protocol):
    def fill(self, owner: Owner, posting_ids: Sequence[str], *, now: datetime) -> list[str]:
        """Those that this call booked. Raises Busy, StatementLost."""


class Filling(NamedTuple):
    """What became of the gaps that were found."""

    filled: Sequence[str]
    settled: frozenset[str]
    """Those that are booked now, by whomever."""
    untried: frozenset[str]
    """Those for which there was no time."""
    busy: frozenset[str]
    """Those whose statement others were writing: it lags, and that is no difference."""

    def left_of(self, seemed: Iterable[Difference]) -> tuple[Difference, ...]:
        return tuple(each for each in seemed if each.subject not in self.settled)

    def judged(self, seemed: Iterable[Difference]) -> list[Difference]:
        return [each for each in seemed if each.subject not in self.busy]

    def is_tried(self, seemed: Iterable[Difference]) -> bool:
        return self.untried.isdisjoint(each.subject for each in seemed)


def fill(gaps: Iterable[Gap], store: GapStore, now: datetime, ready: Ready) -> Filling:
    """Book what is not booked, an owner's together, as long as there is time."""
    by_owner: defaultdict[Owner, list[Gap]] = defaultdict(list)
    for gap in gaps:
        by_owner[gap.owner].append(gap)
    filled: list[str] = []
    settled: set[str] = set()
    untried: set[str] = set()
    busy: set[str] = set()
    for owner, of_owner in by_owner.items():
        subjects = {gap.posting_id: gap.subject for gap in of_owner}
        if not ready(0):
            untried.update(subjects.values())
            continue
        try:
            booked = store.fill(owner, [*subjects], now=now)
        except Busy:
            busy.update(subjects.values())
        except (StatementLost, *UNREADABLE):
            continue
        else:
            filled += [subjects[each] for each in booked]
            settled.update(subjects.values())
    return Filling(filled, frozenset(settled), frozenset(untried), frozenset(busy))


def of(looked: Iterable[Looked], books: Books) -> Iterator[Gap]:
    """Those that were found with these items."""
    for item, seemed in looked:
        found = {each.subject for each in seemed if each.kind is Kind.POSTING_UNBOOKED}
        if found:
            yield from (gap for gap in bookings(item, books) if gap.subject in found)
