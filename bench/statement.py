"""A statement of 100,000 postings: what a page of 100 costs, however deep it is.

Booked and read through the product's own store, with the cursors that it gives, on AWS's own engine:
MiniStack looks at every item of a partition for each query, so that its times say nothing. Requests
are exact; read units are the engine's word; times are this machine's. Exit status 1: a page needs
more requests than the first.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from bench import engines, report
from local import aws
from local.table import create_table
from refunds import ledger
from refunds.ledger import Cause, Leg, Part, Posting
from refunds.paging import Page
from refunds.statements import Entry, Owner
from refunds.stores.statements import StatementStore
from refunds.times import format_instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

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
LAST, MONTHS_END = "the last", "over a month's end"
OCCASIONAL, YEARS = "2 a month, for 4 years", 4
BEGINNING, END = "0000", "9999"
CLIENT = Config(connect_timeout=2, read_timeout=60, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Case:
    """A page to read: of which statement, and where in it."""

    statement: str
    page: str
    owner: Owner
    after: str | None


@dataclass
class Cost:
    """What one page takes."""

    requests: int = 0
    read_units: float = 0.0
    milliseconds: list[float] = field(default_factory=list)


class Meter:
    """Counts a client's requests, and the read units that the engine says they consumed."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.requests, self.read_units = 0, 0.0
        events: Any = client.meta.events
        events.register("provide-client-params.dynamodb.Query", self._ask)
        events.register("after-call.dynamodb", self._count)

    @staticmethod
    def _ask(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "ReturnConsumedCapacity": "TOTAL"}

    def _count(self, parsed: dict[str, Any], **_: Any) -> None:
        self.requests += 1
        self.read_units += parsed.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)


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
            page = _page(store, owner, after, STEP)
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
        made.append(Case(f"{size:,}", "the first", owner, None))
    at = cursors(store, owner)
    for name, depth in DEPTHS.items():
        made.append(Case(f"{LARGEST:,}", name, owner, at[depth]))
    made.append(Case(f"{LARGEST:,}", LAST, owner, _further(store, owner, at[LARGEST - STEP])))
    near_end = _further(store, owner, at[A_MONTH - STEP], PAGE // 2)
    made.append(Case(f"{LARGEST:,}", MONTHS_END, owner, near_end))
    occasional = Owner("buyer", "b-occasional", "CNY")
    book_occasional(store, occasional)
    return [*made, Case(OCCASIONAL, "the first", occasional, None)]


def _further(store: StatementStore, owner: Owner, after: str, short: int = PAGE) -> str:
    """The cursor a step further on, less the last `short` entries."""
    further = _page(store, owner, after, STEP - short).after
    if further is None:
        raise AssertionError("the statement ends before it should")
    return further


def _page(store: StatementStore, owner: Owner, after: str | None, limit: int) -> Page[Entry]:
    return store.entries(owner, start=BEGINNING, end=END, after=after, limit=limit)


def measure(store: StatementStore, every: Sequence[Case], meter: Meter) -> dict[Case, Cost]:
    """Round after round over all pages: whatever else this machine does meets them alike."""
    costs = {case: Cost() for case in every}
    with report.progress() as bar:
        task = bar.add_task("pages are timed", total=REPEATS * len(costs))
        for _ in range(REPEATS):
            for case, cost in costs.items():
                requests, units = meter.requests, meter.read_units
                began = time.perf_counter()
                _page(store, case.owner, case.after, PAGE)
                cost.milliseconds.append((time.perf_counter() - began) * 1000)
                cost.requests = max(cost.requests, meter.requests - requests)
                cost.read_units = max(cost.read_units, meter.read_units - units)
                bar.advance(task)
    return costs


def run(endpoint: str) -> dict[Case, Cost]:
    client = aws.dynamodb(endpoint, CLIENT)
    store = StatementStore(client, create_table(client, "Statements"))
    return measure(store, cases(store), Meter(client))


def deeper(costs: dict[Case, Cost]) -> dict[str, Cost]:
    """The first page of the largest statement, and those further down in it."""
    return {
        case.page: cost
        for case, cost in costs.items()
        if case.statement == f"{LARGEST:,}" and case.page != MONTHS_END
    }


def verdict(name: str, costs: dict[Case, Cost]) -> tuple[str, bool]:
    """A sentence, and whether no deeper page needs more requests than the first."""
    first, *others = deeper(costs).values()
    ratio = median(others[-2].milliseconds) / median(first.milliseconds)
    constant = all(cost.requests <= first.requests for cost in others)
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
        requests = " / ".join(sorted({str(cost.requests) for cost in costs}))
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
