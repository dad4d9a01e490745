"""Debits 扣款 (R9): the open refunds of a batch, grouped into what one transaction each can hold.

Pure, and nothing heavy to import. `funding.py` plans where the money comes from, `settlement.py`
says what to do with each reply of the database.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched, groupby

MAX_ACTIONS = 100
"""What one TransactWriteItems holds."""
MAX_SHARDS = 16
"""Wallet shards of one merchant and currency, at the most."""
MAX_OVERDUE = 5
"""Refunds that have waited too long, which join each plan of their merchant; with more of them,
the oldest are planned alone."""
MAX_REFUNDS = (MAX_ACTIONS - MAX_SHARDS - 2) // 2 - MAX_OVERDUE
"""Refunds of one group: each needs itself and at most one buyer; the wallet's shards, the deposit,
the receivable and the overdue are the rest."""
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=1)
MAX_DOUBLINGS = 6
OPEN = ("pending", "awaiting_funds")
"""The states of a refund that is not closed."""
CLOSED = ("succeeded", "canceled", "refused", "reversed")
REFUND_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Debit:
    """An open refund as read; amount in minor units."""

    refund_id: str
    merchant_id: str
    buyer_id: str
    currency: str
    amount: int
    requested_at: str
    tries: int = 0
    waiting: bool = False


def refund_named(body: str) -> str | None:
    """The refund that a message names; none when it is not a message of ours."""
    try:
        refund_id = json.loads(body)["refund_id"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return refund_id if isinstance(refund_id, str) and REFUND_ID.fullmatch(refund_id) else None


def groups(debits: Iterable[Debit]) -> Iterator[tuple[Debit, ...]]:
    """What one transaction each can hold: one merchant, one currency, oldest first."""

    def owner(debit: Debit) -> tuple[str, str]:
        return debit.merchant_id, debit.currency

    in_order = sorted(
        set(debits), key=lambda debit: (owner(debit), debit.requested_at, debit.refund_id)
    )
    for _, group in groupby(in_order, key=owner):
        yield from batched(group, MAX_REFUNDS, strict=False)


def next_try_at(tries: int, now: datetime) -> datetime:
    """1 minute after the first try, doubling to 1 hour."""
    delay: timedelta = FIRST_RETRY * 2 ** min(tries, MAX_DOUBLINGS)
    return now + min(delay, LAST_RETRY)
