"""Reconciliation: every account recomputed from postings, every invariant looked at, in runs.

A run walks the table in pages. Each page's findings and where to go on are one item, so that
whoever calls next goes on from there, in bounded memory; a new run begins when the last has ended.
What seems wrong is a suspect: it is looked at again after the walk and a pause, and only what is
wrong in the same way then is a difference.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import Field

from refunds import gaps, invariants, ledger
from refunds.books import Books
from refunds.deadline import Ready
from refunds.differences import Difference, Kind
from refunds.fields import Instant, Model
from refunds.gaps import Filling, GapStore
from refunds.invariants import BOOKED_WITHIN
from refunds.refunded import Item
from refunds.times import format_instant

PAGE = 200
"""Items of one page of the walk."""
SMALLEST = PAGE.bit_length()
"""How often a page can be halved until it is one item."""
PAUSE = invariants.BOOKED_WITHIN
"""Between two looks at a suspect: what was on its way into the statements is there by then."""
LOOKS = 3
"""At one suspect that is found otherwise each time: then it moves, and is no difference."""
MAX_NAMED = 100
"""Differences, gaps and moving items that a report names, each; it counts them all."""
MAX_SUSPECTS = 300
AGAIN_AT_ONCE = 50
"""Suspects that are looked at again in one step."""


class Suspect(Model):
    """An item that seemed wrong, and how."""

    key: dict[str, dict[str, str]]
    seemed: tuple[Difference, ...]
    looked_at: Instant
    looks: int = 1

    @property
    def name(self) -> tuple[str, str]:
        return self.key["pk"]["S"], self.key["sk"]["S"]


class Report(Model):
    """What one run found, so far."""

    run_id: str
    began_at: Instant
    ended_at: Instant | None = None
    looked_at: int = 0
    """Items of the table that the walk has met."""
    differences: int = 0
    named: tuple[Difference, ...] = ()
    """The first `MAX_NAMED` of them."""
    filled: int = 0
    """Gaps in statements that were filled: postings that had not been booked, and are now."""
    filled_named: tuple[str, ...] = ()
    moving: int = 0
    """Items that were found otherwise at each look: no difference, and no proof of none."""
    moving_named: tuple[str, ...] = ()
    unsettled: int = 0
    """Suspects that found no place: not looked at again, left to the next run."""
    totals: dict[str, dict[str, int]] = Field(default_factory=dict)
    """By currency: each kind of account, the sum of all postings from before `began_at`."""
    suspects: tuple[Suspect, ...] = ()
    looks_again_at: Instant | None = None
    """When the walk has ended, and only suspects are left."""
    goes_on_at: dict[str, dict[str, str]] | None = None
    halved: int = 0
    """How often a page has been halved because there was no time to fill its gaps."""
    walked: bool = False
    noted: int = 0
    """How often it has been noted: who notes it next must have seen it as it is."""


class ReconciliationStore(Books, GapStore, Protocol):
    def report(self) -> Report | None:
        """The newest run's."""

    def note(self, report: Report, seen: Report | None) -> bool:
        """Whether the newest report was still the one that was seen."""

    def page_of_items(self, start: Any, limit: int) -> tuple[list[dict[str, Any]], Any]: ...
    def items(self, keys: Sequence[Any]) -> list[dict[str, Any]]: ...


def reconcile(
    *,
    store: ReconciliationStore,
    clock: Callable[[], datetime],
    ready: Ready,
    not_before: timedelta = timedelta(0),
) -> Report:
    """Go on with the run under way, or begin one, for as long as there is time.

    Several callers at once do no harm: of two that
    come from the same report one is noted, and the other goes on from there. An ended run is
    followed by a new one no sooner than `not_before` after its beginning.
    """
    seen = store.report()
    report = _next_run(seen, clock(), not_before)
    while report.ended_at is None and ready(0):
        step = _step(report, store, clock(), ready)
        if step is None:
            break
        if store.note(step, seen):
            seen = report = step
        else:
            seen = store.report()
            report = seen or report
    return report


def _next_run(last: Report | None, now: datetime, not_before: timedelta) -> Report:
    if last and (last.ended_at is None or now < last.began_at + not_before):
        return last
    return Report(run_id=format_instant(now), began_at=now)


def _step(report: Report, store: ReconciliationStore, now: datetime, ready: Ready) -> Report | None:
    """The report after one page of the walk, or of suspects; none while it has to wait."""
    if not report.walked and not (len(report.suspects) >= MAX_SUSPECTS and _due(report, now)):
        taken = _walk(report, store, now, ready)
    elif report.looks_again_at and now < report.looks_again_at:
        return None
    else:
        taken = _look_again(report, store, now, ready)
    return _concluded(taken, now)


def _walk(report: Report, store: ReconciliationStore, now: datetime, ready: Ready) -> Report:
    """After as much of the next page as there is time for."""
    items, goes_on_at = store.page_of_items(report.goes_on_at, _halved(PAGE, report))
    looked = invariants.look(items, books=store, ready=ready)
    if len(looked) < len(items):
        items = items[: len(looked)]
        goes_on_at = _key(items[-1])
    late = [each for each in looked if invariants.legs_before(each[0], now - BOOKED_WITHIN)]
    filling = gaps.fill(gaps.of(late, store), store, now, ready)
    report = _with_filled(report, filling)
    if filling.untried:
        # The page comes again, smaller, with what is left of its gaps.
        return report
    suspects, unsettled = list(report.suspects), report.unsettled
    for item, seemed in looked:
        left = filling.left_of(seemed)
        if left and len(suspects) < MAX_SUSPECTS:
            suspects.append(Suspect(key=_key(item), seemed=left, looked_at=now))
        elif left:
            unsettled += 1
    return report.model_copy(
        update={
            "looked_at": report.looked_at + len(items),
            "totals": _added(report.totals, items, report.began_at),
            "suspects": tuple(suspects),
            "unsettled": unsettled,
            "goes_on_at": goes_on_at,
            "walked": goes_on_at is None,
        }
    )


def _look_again(report: Report, store: ReconciliationStore, now: datetime, ready: Ready) -> Report:
    """The suspects whose time has come: gone, the same still, or found otherwise.

    While the walk goes on, what is wrong still is kept and not judged: it may follow from a gap
    that the walk has not met yet.
    """
    due = _due(report, now)[: _halved(AGAIN_AT_ONCE, report)]
    items = store.items([each.key for each in due])
    looked = invariants.look(items, books=store, ready=ready)
    unlooked = {_name(item) for item in items[len(looked) :]}
    due = [each for each in due if each.name not in unlooked]
    filling = gaps.fill(gaps.of(looked, store), store, now, ready)
    by_name = {_name(item): filling.left_of(found) for item, found in looked}
    kept = [each for each in report.suspects if each not in due]
    differences: list[Difference] = []
    moving: list[str] = []
    for suspect in due:
        found = by_name.get(suspect.name, ())
        again = suspect.model_copy(update={"seemed": found, "looked_at": now})
        if found and not (report.walked and filling.is_tried(found)):
            kept.append(again)
            continue
        same = filling.judged(each for each in found if each in suspect.seemed)
        differences += same
        changed = tuple(each for each in found if each not in same)
        if changed and suspect.looks + 1 < LOOKS:
            update = {"seemed": changed, "looks": suspect.looks + 1}
            kept.append(again.model_copy(update=update))
        else:
            moving += [each.subject for each in changed]
    return _with_filled(report, filling).model_copy(
        update={
            "suspects": tuple(kept),
            "differences": report.differences + len(differences),
            "named": (*report.named, *differences)[:MAX_NAMED],
            "moving": report.moving + len(moving),
            "moving_named": (*report.moving_named, *moving)[:MAX_NAMED],
        }
    )


def _halved(most: int, report: Report) -> int:
    return max(1, most >> report.halved)


def _due(report: Report, now: datetime) -> list[Suspect]:
    return [each for each in _next(report) if each.looked_at + PAUSE <= now]


def _next(report: Report) -> Sequence[Suspect]:
    """Once the walk has ended gaps come first: a balance is right, or not, once they are filled."""
    unbooked = [
        each
        for each in report.suspects
        if any(seemed.kind is Kind.POSTING_UNBOOKED for seemed in each.seemed)
    ]
    return (report.walked and unbooked) or report.suspects


def _concluded(report: Report, now: datetime) -> Report:
    """Noted once more; ended, when the walk has and no suspect is left."""
    again = [each.looked_at + PAUSE for each in _next(report)]
    return report.model_copy(
        update={
            "noted": report.noted + 1,
            "looks_again_at": min(again) if report.walked and again else None,
            "ended_at": now if report.walked and not again else None,
        }
    )


def _with_filled(report: Report, filling: Filling) -> Report:
    return report.model_copy(
        update={
            "filled": report.filled + len(filling.filled),
            "filled_named": (*report.filled_named, *filling.filled)[:MAX_NAMED],
            "halved": min(report.halved + 1, SMALLEST)
            if filling.untried
            else max(report.halved - 1, 0),
        }
    )


def _added(
    totals: Mapping[str, Mapping[str, int]], items: Iterable[Item], before: datetime
) -> dict[str, dict[str, int]]:
    """Each posting once: the walk meets each item once, and what came later is of the next run."""
    added = {currency: dict(accounts) for currency, accounts in totals.items()}
    for item in items:
        for leg in invariants.legs_before(item, before):
            accounts = added.setdefault(item["currency"], {})
            kind = ledger.kind_of(leg.account)
            accounts[kind] = accounts.get(kind, 0) + leg.amount
    return added


def _key(item: Item) -> dict[str, dict[str, str]]:
    return {"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}}


def _name(item: Item) -> tuple[str, str]:
    return item["pk"], item["sk"]
