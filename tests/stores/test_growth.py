"""A busy merchant's wallet grows by conflicts, and gives back when it is quiet: money is exact."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any
from unittest.mock import patch

import pytest

from functions.process_debits import app
from refunds import upkeep
from refunds.deadline import Deadline
from refunds.errors import Busy
from refunds.refunds import RefundStatus
from refunds.stores.shards import GROW_AT_MOST_EVERY, QUIET_AFTER
from tests.stores import conservation, market, wire
from tests.stores.conservation import ACCOUNTS, BUYERS
from tests.stores.engines import Stores
from tests.unit.api import Context
from tests.unit.examples import MERCHANT, NOON

FUNDED, AMOUNT, BATCH = 10_000, 30, 5
CONFLICT = wire.canceled("TransactionConflict")
CONFLICTS = [CONFLICT] * (app.TOLERATED + 1)


class Market:
    """A busy merchant: its refunds come in batches, through the debit function's own handler."""

    def __init__(self, stores: Stores) -> None:
        self.stores, self.now, self.accepted = stores, NOON, 0
        market.fund(stores, FUNDED)

    def refunds(self, *faults: wire.Fault) -> None:
        """A batch, while the database answers so."""
        ids = []
        for _ in range(BATCH):
            self.accepted += 1
            buyer = BUYERS[self.accepted % len(BUYERS)]
            market.put_refund(self.stores, self.accepted, amount=AMOUNT, buyer_id=buyer)
            ids.append(f"rf_{self.accepted}")
        records = [{"messageId": each, "body": json.dumps({"refund_id": each})} for each in ids]
        here: Any = {
            "store": self.stores.debits,
            "Deadline": lambda remaining_ms: Deadline(remaining_ms, lambda _: None),
            "_now": lambda: self.now,
        }
        with (
            patch.multiple(app, **here),
            wire.faulty(self.stores.client, "TransactWriteItems", *faults),
        ):
            answer = app.lambda_handler({"Records": records}, Context())
        assert answer == {"batchItemFailures": []}
        for each in ids:
            refund = self.stores.refunds.refund(each)
            assert refund
            assert refund.status is RefundStatus.SUCCEEDED

    def tend(self, *faults: wire.Fault) -> int:
        with wire.faulty(self.stores.client, "TransactWriteItems", *faults):
            done = upkeep.tend(store=self.stores.upkeep, now=self.now, ready=lambda _: True)
        assert done.skipped == {}
        return done.shrunk

    def shards(self) -> int:
        """How many there are; and all the money is where it should be."""
        funds = self.stores.wallets.read_funds(MERCHANT, "CNY", ready=lambda _: True)
        assert funds.available == FUNDED - self.accepted * AMOUNT
        assert min(funds.shards) >= 0
        look(self.stores)
        return len(funds.shards)


def look(stores: Stores) -> None:
    """Every account at one instant. Raises Violation."""
    items = stores.wallets.get_together(ACCOUNTS, ready=lambda _: True)
    conservation.check([item or {} for item in items], FUNDED)


@contextmanager
def watched(stores: Stores) -> Iterator[Callable[[], int]]:
    """Someone who reads all accounts, again and again, meanwhile; how often, is told."""
    stop, reads = Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                look(stores)
            except Busy:
                continue
            reads.append(1)

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        try:
            yield lambda: len(reads)
        finally:
            stop.set()
        reading.result()


def test_a_wallet_grows_to_4_by_conflicts_and_goes_back_and_no_unit_is_lost(
    racing: Stores,
) -> None:
    busy = Market(racing)
    with watched(racing) as reads:
        busy.refunds()
        assert busy.shards() == 1, "nobody was in the way"
        busy.refunds(*CONFLICTS)
        assert busy.shards() == 2
        busy.refunds(*CONFLICTS)
        assert busy.shards() == 2, "not twice within seconds"
        busy.now += GROW_AT_MOST_EVERY
        # The growth itself meets conflicts as well: after the debit, at each of its moves.
        busy.refunds(*CONFLICTS, wire.fine, CONFLICT, wire.fine, CONFLICT, wire.fine)
        assert busy.shards() == 4
        for _ in range(3):
            busy.refunds()
            assert busy.shards() == 4
        assert busy.tend() == 0, "not yet quiet"
        for left in (2, 1):
            busy.now += QUIET_AFTER
            busy.refunds()
            assert busy.tend(CONFLICT, wire.fine, CONFLICT) == 1
            assert busy.shards() == left
        busy.now += timedelta(days=1)
        assert busy.tend() == 0
        busy.refunds()
        assert busy.shards() == 1
        assert reads() > 0


@pytest.mark.parametrize("shards", [2, 4])
def test_a_growth_that_conflicts_stop_leaves_a_whole_wallet_and_the_next_goes_on(
    racing: Stores, shards: int
) -> None:
    busy = Market(racing)
    for _ in range(shards // 2):
        busy.now += GROW_AT_MOST_EVERY
        before = busy.shards()
        busy.refunds(*CONFLICTS, wire.fine, *[CONFLICT] * 9)
        assert busy.shards() == before
        busy.refunds(*CONFLICTS)
        assert busy.shards() == before * 2


def test_refunds_are_paid_between_any_two_moves_of_a_growth(racing: Stores) -> None:
    busy = Market(racing)
    pays = wire.meanwhile(busy.refunds)
    with wire.faulty(racing.client, "TransactWriteItems", *[pays] * 6):
        racing.debits.reshard(MERCHANT, "CNY", 4, now=NOON, ready=lambda _: True)
    assert busy.shards() == 4
    assert busy.accepted > BATCH
