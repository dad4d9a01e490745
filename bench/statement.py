"""A statement of 100,000 postings: what a page of 100 costs, however deep it is.

Booked and read through the product's own store, with the cursors that it gives, on AWS's own
engine: MiniStack looks at every item of a partition for each query, so that its times say nothing.
Requests are exact; read units are the engine's word; times are this machine's. Exit status 1: a
page needs more requests than the first.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from statistics import median, quantiles

from botocore.config import Config

from bench import engines, report
from bench.meter import Meter
from local import aws
from local.table import create_table
from refunds import ledger, table
from refunds.ledger import Cause, Leg, Part, Posting
from refunds.paging import Page
from refunds.statements import BEGINNING, END, Entry, Owner
from refunds.stores.statements import StatementStore
from refunds.times import format_instant

SIZES = (100, 1_000, 10_000, 100_000)
LARGEST = SIZES[-1]
A_MONTH = 20_000
"""Postings of one month: the largest statement is spread over five."""
PAGE = 100
STEP = 1_000
"""Entries of one page while the whole statement is walked for its cursors."""
BOOKED_AT_ONCE = 450
REPEATS = 7
DEPTHS = {f"at {percent} %": LARGEST * percent // 100 for percent in (1, 10, 50, 90, 99)}
LAST, BLOCKS_END, LONG_AGO = "the last", "over a block's end", "of one day in the middle"
BLOCKS_END_AT = LARGEST // 2 // table.STATEMENT_BLOCK * table.STATEMENT_BLOCK
"""The number with which one of its middle blocks begins."""
OCCASIONAL, YEARS = "2 a month, for 5 years", 5
CLIENT = Config(connect_timeout=2, read_timeout=60, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Case:
    """A page to read: of which statement, and where in it."""

    statement: str
    page: str
    owner: Owner
    after: str | None = None
    start: str = BEGINNING
    end: str = END


@dataclass
class Cost:
    """What one page takes."""

    requests: float = 0.0
    read_units: float = 0.0
    milliseconds: list[float] = field(default_factory=list)


def postings(owner: Owner, count: int) -> Iterator[Posting]:
    """Nine refunds, then what pays for them."""
    available = ledger.merchant(owner.id, Part.AVAILABLE)
    for number in range(count):
        if number % 10 == 0:
            cause, posting_id = Cause.CREDIT, f"cr_{owner.id}_{number}"
            legs = (Leg(ledger.SETTLEMENT, -900), Leg(available, 900))
        else:
            cause, posting_id = Cause.REFUND, f"rf_{owner.id}_{number}"
            legs = (Leg(available, -100), Leg(ledger.buyer(f"b-{number % 97}"), 100))
        yield Posting(posting_id, cause, owner.currency, format_instant(_at(number)), legs)


def _at(number: int) -> datetime:
    month, rest = divmod(number, A_MONTH)
    return datetime(2026, 1 + month, 1, tzinfo=UTC) + timedelta(days=28) * (rest / A_MONTH)


def book(store: StatementStore, owner: Owner, count: int) -> None:
    with report.progress() as bar:
        task = bar.add_task(f"{count:,} postings are booked", total=count)
        for batch in batched(postings(owner, count), BOOKED_AT_ONCE, strict=False):
            now = datetime.fromisoformat(batch[-1].posted_at)
            bar.advance(task, store.book(owner, batch, now=now))


def book_occasional(store: StatementStore, owner: Owner) -> None:
    for number, batch in enumerate(batched(postings(owner, YEARS * 24), 2, strict=True)):
        now = datetime(2022 + number // 12, number % 12 + 1, 15, tzinfo=UTC)
        store.book(owner, batch, now=now)


def cursors(store: StatementStore, owner: Owner) -> dict[int, str]:
    """The product's own cursor at each thousandth entry, from one walk over every page."""
    found: dict[int, str] = {}
    entries: list[Entry] = []
    after: str | None = None
    with report.progress() as bar:
        task = bar.add_task("every page is read once", total=LARGEST)
        while not entries or after:
            page = _page(store, owner, STEP, after=after)
            entries, after = [*entries, *page.items], page.after
            bar.advance(task, len(page.items))
            if after:
                found[len(entries)] = after
    if [entry.number for entry in entries] != [*range(LARGEST, 0, -1)]:
        raise AssertionError("the pages are not the whole statement, once")
    return found


def cases(store: StatementStore) -> list[Case]:
    """Book the statements; the pages to read of them."""
    made = []
    for size in SIZES:
        owner = Owner("merchant", f"m-{size}", "CNY")
        book(store, owner, size)
        made.append(Case(f"{size:,}", "the first", owner))
    at = cursors(store, owner)
    for name, depth in DEPTHS.items():
        made.append(Case(f"{LARGEST:,}", name, owner, at[depth]))
    made.append(Case(f"{LARGEST:,}", LAST, owner, _further(store, owner, at[LARGEST - STEP])))
    near_end = _further(store, owner, at[LARGEST - BLOCKS_END_AT - STEP], PAGE // 2)
    made.append(Case(f"{LARGEST:,}", BLOCKS_END, owner, near_end))
    middle = _at(LARGEST // 2)
    day = (format_instant(middle), format_instant(middle + timedelta(days=1)))
    made.append(Case(f"{LARGEST:,}", LONG_AGO, owner, None, *day))
    occasional = Owner("buyer", "b-occasional", "CNY")
    book_occasional(store, occasional)
    return [*made, Case(OCCASIONAL, "the first", occasional)]


def _further(store: StatementStore, owner: Owner, after: str, short: int = PAGE) -> str:
    """The cursor a step further on, less the last `short` entries."""
    further = _page(store, owner, STEP - short, after=after).after
    if further is None:
        raise AssertionError("the statement ends before it should")
    return further


def _page(
    store: StatementStore,
    owner: Owner,
    limit: int,
    *,
    after: str | None,
    start: str = BEGINNING,
    end: str = END,
) -> Page[Entry]:
    return store.entries(owner, start=start, end=end, after=after, limit=limit)


def measure(store: StatementStore, every: Sequence[Case], meter: Meter) -> dict[Case, Cost]:
    """Round after round over all pages: whatever else this machine does meets them alike."""
    costs = {case: Cost() for case in every}
    with report.progress() as bar:
        task = bar.add_task("pages are timed", total=REPEATS * len(costs))
        for _ in range(REPEATS):
            for case, cost in costs.items():
                with meter.measured() as consumed:
                    _page(store, case.owner, PAGE, after=case.after, start=case.start, end=case.end)
                cost.milliseconds.append(consumed.milliseconds)
                cost.requests = max(cost.requests, consumed.requests)
                cost.read_units = max(cost.read_units, consumed.reads)
                bar.advance(task)
    return costs


def run(endpoint: str) -> dict[Case, Cost]:
    client = aws.dynamodb(endpoint, CLIENT)
    store = StatementStore(client, create_table(client, "Statements"))
    return measure(store, cases(store), Meter(client))


def verdict(name: str, costs: dict[Case, Cost]) -> tuple[str, bool]:
    """A sentence, and whether no page needs more requests than the largest statement's first.

    But one more for each bucket that goes on in the next block, and looks for a day long ago.
    """
    largest = {case.page: cost for case, cost in costs.items() if case.statement == f"{LARGEST:,}"}
    first, deep = largest["the first"], largest["at 99 %"]
    # Of either end: whether it is in the last block, then halving those before it.
    looks = 2 * (1 + (LARGEST // table.STATEMENT_BLOCK).bit_length())
    besides = {BLOCKS_END: table.LIST_BUCKETS, LONG_AGO: looks}
    ratio = median(deep.milliseconds) / median(first.milliseconds)
    constant = all(
        cost.requests <= first.requests + besides.get(case.page, 0) for case, cost in costs.items()
    )
    said = "no page needs more requests than the first" if constant else "NOT CONSTANT"
    return f"{name}: {said}; time at 99 % to that of the first page: {ratio:.2f}.", constant


def rows(found: dict[str, dict[Case, Cost]]) -> Iterator[list[object]]:
    for case in next(iter(found.values())):
        costs = [each[case] for each in found.values()]
        times = [
            f"{value:.0f}"
            for cost in costs
            for value in (median(cost.milliseconds), quantiles(cost.milliseconds, n=10)[-1])
        ]
        units = " / ".join(sorted({f"{cost.read_units:g}" for cost in costs}))
        requests = " / ".join(sorted({f"{cost.requests:g}" for cost in costs}))
        yield [case.statement, case.page, requests, units, *times]


def main() -> int:
    found = {name: run(endpoint) for name, endpoint in engines.each(engines.AWS_ENGINE)}
    if not found:
        return 1
    verdicts = [verdict(name, costs) for name, costs in found.items()]
    heads = ["postings", "page", "requests", "read units"]
    for name in found:
        heads += [f"{name}: median, ms", "p90, ms"]
    said = [*report.table(heads, rows(found)), "", *(said for said, _ in verdicts)]
    report.publish(
        "statement",
        [*said, "", f"{REPEATS} reads of each page. {engines.versions(found)}."],
        {
            name: [{"case": str(c), **vars(cost)} for c, cost in each.items()]
            for name, each in found.items()
        },
    )
    return 0 if all(constant for _, constant in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
