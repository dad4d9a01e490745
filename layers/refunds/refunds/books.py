"""What reconciliation compares an item with, and how it tells which of two cannot be read."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from refunds.errors import UNREADABLE
from refunds.ledger import Posting
from refunds.refunded import BuyerRefunds, Item
from refunds.statements import Balances, Entry, Head, Mark, MonthTotal, Owner


class Sources(NamedTuple):
    """A merchant's balances in one currency, read one by one: money may move between."""

    counted: int
    shards: Mapping[int, int]
    """The balance of each shard that is there, counted or not."""
    deposit: int
    owed: int


class Books(BuyerRefunds, Protocol):
    """What an item is compared with."""

    def posting_of(self, item: Item) -> Posting | None: ...
    def posting_items(self, posting_ids: Iterable[str]) -> Mapping[str, Item]: ...
    def marks(self, wanted: set[tuple[Owner, str]]) -> dict[tuple[Owner, str], Mark]: ...
    def stored_head(self, owner: Owner) -> Head | None: ...
    def months(self, owner: Owner) -> list[MonthTotal]: ...
    def last_entry(self, owner: Owner) -> Entry | None: ...
    def entry(self, owner: Owner, booked_at: str, number: int) -> Entry | None: ...
    def entry_before(self, owner: Owner, head: Head) -> Entry | None: ...
    def sources(self, merchant_id: str, currency: str) -> Sources: ...
    def counted_shards(self, merchant_id: str, currency: str) -> int: ...
    def buyer_balance(self, buyer_id: str, currency: str) -> int: ...
    def has_account(self, owner: Owner) -> bool: ...
    def orders(self, order_ids: Iterable[str]) -> Mapping[str, Item]: ...
    def is_entry(self, item: Item) -> bool: ...
    def entry_of(self, item: Item) -> tuple[Owner, Entry]: ...
    def head_of(self, item: Item) -> tuple[Owner, Head]: ...
    def month_of(self, item: Item) -> MonthTotal: ...


class OtherUnreadable(Exception):
    """What an item is compared with cannot be read: that is blamed where the walk meets it."""


@contextmanager
def reading_others() -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise OtherUnreadable from error


def parts(balances: Balances) -> tuple[int, int, int]:
    return balances.available, balances.deposit, balances.receivable


def whole(*numbers: object) -> None:
    """Raises TypeError: one of them is no integer."""
    if any(type(each) is not int for each in numbers):
        raise TypeError


def same(name: object, key: str) -> None:
    """Raises ValueError: an item is not the one that its key says."""
    if name != key:
        raise ValueError


def entry_name(owner: Owner, number: int) -> str:
    return f"entry:{owner.role}:{owner.id}:{owner.currency}:{number}"
