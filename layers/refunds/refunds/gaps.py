"""Gaps in statements: postings that were never booked, and are booked by whoever finds them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import batched
from typing import NamedTuple, Protocol

from refunds.deadline import Ready
from refunds.differences import Difference, Kind
from refunds.errors import Busy
from refunds.invariants import Looked
from refunds.statements import PER_TRANSACTION, Owner, StatementLost


class GapStore(Protocol):
    def fill(self, owner: Owner, posting_ids: Sequence[str], *, now: datetime) -> list[str]:
        """Those that this call booked. Raises Busy, StatementLost."""


class Gap(NamedTuple):
    """A posting that is not in an owner's statement."""

    owner: Owner
    posting_id: str

    @property
    def subject(self) -> str:
        return f"posting:{self.posting_id}:{self.owner.role}:{self.owner.id}"


class Filling(NamedTuple):
    """What became of the gaps that were found."""

    filled: Sequence[str]
    settled: frozenset[str]
    """Those that are booked now, by whomever, or whose posting is gone."""
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
        for some in batched(of_owner, PER_TRANSACTION, strict=False):
            subjects = {gap.posting_id: gap.subject for gap in some}
            if not ready(0):
                untried.update(subjects.values())
                continue
            try:
                booked = store.fill(owner, [*subjects], now=now)
            except Busy:
                busy.update(subjects.values())
                continue
            except StatementLost:
                continue
            filled += [subjects[each] for each in booked]
            settled.update(subjects.values())
    return Filling(filled, frozenset(settled), frozenset(untried), frozenset(busy))


def of(looked: Iterable[Looked]) -> Iterator[Gap]:
    for item, seemed in looked:
        for each in seemed:
            if each.kind is Kind.POSTING_UNBOOKED:
                _, posting_id, role, party = each.subject.split(":")
                yield Gap(Owner(role, party, item["currency"]), posting_id)
