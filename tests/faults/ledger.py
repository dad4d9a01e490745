"""What a run came to, without its times: two runs are the same if their ledgers are equal.

What was told over the bus is part of it, each event once, for it may come more often.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from refunds.stores.entries import entry_of, owner_of, posting_of
from tests.stores import market

if TYPE_CHECKING:
    from refunds.statements import Owner

KEPT = ("merchant:", "buyer:")
STATES = {
    "REFUND": ("status", "amount", "currency", "sources"),
    "ORDER": ("refundable", "amount"),
    "POLICY": ("digest",),
    "MERCHANT": ("certification", "suspension_causes", "shop_complete"),
    "CORRECTION": ("status",),
    "MEMBER": ("merchant_id", "buyer_id", "operator"),
}

type Ledger = dict[str, Any]
type Row = dict[str, Any]


def of(rows: Iterable[Row], told: Iterable[str]) -> Ledger:
    """Raises AssertionError: what is stored contradicts itself."""
    rows = list(rows)
    return {
        "balances": _balances(rows),
        "postings": _postings(rows),
        "states": _states(rows),
        "statements": _statements(rows),
        "told": sorted(told),
    }


def _balances(rows: list[Row]) -> dict[str, int]:
    stored, posted = market.balances_of(rows), market.balances_of_postings(rows)
    for account in stored.keys() | posted.keys():
        if account[0].startswith(KEPT):
            assert stored[account] == posted[account], account
    assert sum(posted.values()) == 0
    return {f"{account} {currency}": sum_ for (account, currency), sum_ in posted.items() if sum_}


def _postings(rows: list[Row]) -> dict[str, Any]:
    found = {}
    for posting in filter(None, map(posting_of, rows)):
        assert posting.posting_id not in found
        legs = sorted((leg.account, leg.amount) for leg in posting.legs)
        found[posting.posting_id] = (posting.cause.value, posting.currency, legs)
    return found


def _states(rows: list[Row]) -> dict[str, Any]:
    return {
        f"{row['pk']}/{row['sk']}": {name: row.get(name) for name in STATES[row["sk"]]}
        for row in rows
        if row["sk"] in STATES
    }


def _statements(rows: list[Row]) -> dict[str, Any]:
    """Each owner's entries, numbered from 1 without a gap; in which order, is the run's own."""
    by_owner: defaultdict[Owner, list[Any]] = defaultdict(list)
    for row in rows:
        if row["pk"].startswith("STATEMENT#") and "posting_id" in row:
            by_owner[owner_of(row["pk"])].append(entry_of(row))
    found = {}
    for owner, entries in by_owner.items():
        entries.sort(key=lambda entry: entry.number)
        assert [each.number for each in entries] == list(range(1, len(entries) + 1)), owner
        changes = sorted((each.posting_id, str(each.change)) for each in entries)
        found[str(owner)] = (changes, entries[-1].balances)
    return found
