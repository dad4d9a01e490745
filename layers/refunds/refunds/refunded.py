"""What was refunded of each order, to hold what it has left against."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

from refunds import debits, orders
from refunds.errors import UNREADABLE
from refunds.times import Span, format_instant, merged

type Item = Mapping[str, Any]

PAID = frozenset({"succeeded", "reversed"})
RESERVED = PAID.union(debits.OPEN)
FRACTION = timedelta(seconds=1)
"""A refund window is counted in whole seconds."""


class BuyerRefunds(Protocol):
    def refunds_of_buyer(self, buyer_id: str, span: Span) -> Iterable[Item]:
        """Those that the buyer asked for in that time."""


class Refunded:
    """What the open and settled refunds of a page's orders sum to.

    A buyer's refunds are read once, for all those orders together: those that were asked for while
    one of them could be refunded.
    """

    def __init__(self, items: Iterable[Item], books: BuyerRefunds) -> None:
        self._books = books
        self._spans: defaultdict[str, dict[str, Span]] = defaultdict(dict)
        self._sums: dict[str, dict[str, int | None]] = {}
        for item in items:
            with suppress(*UNREADABLE):
                if item["sk"] == "ORDER" and "completed_at" in item:
                    self._spans[item["buyer_id"]][item["order_id"]] = _span(item)

    def of(self, order: Item) -> int | None:
        """None when a refund of it cannot be read. Raises LookupError: the order cannot."""
        if "completed_at" not in order:
            return 0
        buyer_id = order["buyer_id"]
        if buyer_id not in self._sums:
            self._sums[buyer_id] = self._read(buyer_id)
        return self._sums[buyer_id][order["order_id"]]

    def _read(self, buyer_id: str) -> dict[str, int | None]:
        spans = self._spans[buyer_id]
        sums: dict[str, int | None] = dict.fromkeys(spans, 0)
        for span in merged(spans.values()):
            for refund in self._books.refunds_of_buyer(buyer_id, span):
                order_id = str(refund.get("order_id"))
                so_far = sums.get(order_id)
                if so_far is not None:
                    sums[order_id] = _added(so_far, refund)
        return sums


def _span(order: Item) -> Span:
    completed_at = datetime.fromisoformat(order["completed_at"])
    begin = completed_at - orders.CLOCK_TOLERANCE
    return format_instant(begin), format_instant(completed_at + orders.REFUND_WINDOW + FRACTION)


def _added(refunded: int, refund: Item) -> int | None:
    try:
        return refunded + (int(refund["amount"]) if refund["status"] in RESERVED else 0)
    except UNREADABLE:
        return None
