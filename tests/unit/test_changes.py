"""What follows from a batch of changes when one of them cannot be processed, now or ever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from refunds import changes
from refunds.changes import Change, Record
from refunds.errors import Busy
from refunds.events import Event
from refunds.ledger import Cause, Leg, Posting
from refunds.statements import Owner, StatementLost
from tests.unit import examples
from tests.unit.examples import MERCHANT, NOON

BAD, GONE, LOST = "cr_bad", "order-gone", "cr_lost"


@dataclass
class Store:
    """Of one merchant, whose statement a posting of the id `BAD` cannot be written into.

    With `LOST` comes a statement that is lost.
    """

    booked: list[str] = field(default_factory=list)

    def posting_of(self, item: Mapping[str, Any]) -> Posting | None:
        legs = (Leg(f"merchant:{MERCHANT}:available", 1), Leg("external:settlement", -1))
        return Posting(item["posting_id"], Cause.CREDIT, "CNY", "2024-03-01", legs)

    def book(self, owner: Owner, postings: Sequence[Posting], *, now: datetime) -> int:  # noqa: ARG002
        ids = [each.posting_id for each in postings]
        if BAD in ids:
            raise ValueError(owner)
        if LOST in ids:
            raise StatementLost(owner)
        self.booked += ids
        return len(ids)

    def refundable(self, order_id: str) -> int:
        if order_id == GONE:
            raise Busy
        return 0


@dataclass
class Bus:
    emitted: list[Event] = field(default_factory=list)

    def put(self, emitted: Sequence[Event]) -> None:
        self.emitted += emitted


def posting(posting_id: str) -> Record:
    return {"sk": "POSTING", "posting_id": posting_id}


def refund(order_id: str) -> Record:
    made = examples.refund(order_id=order_id).model_dump(mode="json", exclude_none=True)
    return {"pk": "REFUND#rf_1", "sk": "REFUND", **made}


def read(record: Record) -> Change:
    return Change(None, record, "2024-03-01T12:00:00.000000Z", "1")


def fan_out(store: Store, bus: Bus, *records: Record) -> changes.FannedOut:
    return changes.fan_out(records, read=read, store=store, bus=bus, now=NOON)


def test_of_an_owner_s_postings_only_the_one_that_can_never_be_booked_is_told_apart() -> None:
    store, bad = Store(), posting(BAD)
    done = fan_out(store, Bus(), posting("cr_1"), bad, posting("cr_2"))
    assert store.booked == ["cr_1", "cr_2"]
    assert (done.booked, [each.record for each in done.poisoned]) == (2, [bad])


def test_a_lost_statement_holds_up_no_other_change() -> None:
    store, bus = Store(), Bus()
    done = fan_out(store, bus, posting(LOST), refund("order-1"))
    assert (done.booked, done.poisoned) == (0, ())
    assert [event.model_dump()["order_id"] for event in bus.emitted] == ["order-1"]


def test_an_order_that_cannot_be_read_now_holds_up_no_other_change() -> None:
    store, bus = Store(), Bus()
    with pytest.raises(Busy):
        fan_out(store, bus, refund(GONE), posting("cr_1"), refund("order-1"))
    assert store.booked == ["cr_1"]
    assert [event.model_dump()["order_id"] for event in bus.emitted] == ["order-1"]
