"""Every account at one instant, again and again, while 16 write: no unit is lost, none is made."""

import pytest

from refunds import table
from tests.stores import conservation, engines
from tests.stores.conservation import (
    BUYERS,
    CURRENCY,
    LISTED,
    WRITERS,
    Scene,
    Violation,
    how_it_ended,
)
from tests.stores.engines import Stores
from tests.unit.examples import MERCHANT

OPERATIONS_EACH = 3
"""A few seconds of them; `make endure` goes on for as long as you like."""


def test_every_serialisable_read_conserves_money_while_16_write(racing: Stores) -> None:
    tally = Scene(racing).play(lambda done: done < OPERATIONS_EACH)
    assert sum(tally.ended.values()) == WRITERS * OPERATIONS_EACH
    assert tally.ended["refund", "done"]
    assert tally.crossed
    assert tally.reads > 1


# ── The reader itself: that it would see it ─────────────────────────────────────────────────────


@pytest.fixture
def scene(local_aws: str) -> Scene:
    return Scene(engines.stores_at(local_aws))


@pytest.mark.parametrize("amount", [1, -1])
@pytest.mark.parametrize(
    ("key", "name"),
    [
        (table.wallet(MERCHANT, CURRENCY), "available"),
        (table.deposit(MERCHANT, CURRENCY), "available"),
        (table.receivable(MERCHANT, CURRENCY), "owed"),
        (table.buyer_balance(BUYERS[0], CURRENCY), "available"),
    ],
)
def test_a_unit_from_nowhere_on_any_account_is_seen(
    scene: Scene, key: table.Key, name: str, amount: int
) -> None:
    scene.look()
    scene.stores.wallets.update(key, f"ADD {name} :amount", None, {"amount": amount})
    with pytest.raises(Violation, match="sum to"):
        scene.look()


def test_what_is_moved_below_zero_is_seen_though_the_sum_is_right(scene: Scene) -> None:
    for buyer, amount in zip(BUYERS, (1, -1), strict=False):
        key = table.buyer_balance(buyer, CURRENCY)
        scene.stores.wallets.update(key, "ADD available :amount", None, {"amount": amount})
    with pytest.raises(Violation, match=r"^an account is negative"):
        scene.look()


def test_a_shard_that_is_not_its_wallet_s_is_seen(scene: Scene) -> None:
    scene.stores.wallets.put(table.wallet(MERCHANT, CURRENCY, 3), {"available": 0})
    with pytest.raises(Violation, match=r"^the shards are not"):
        scene.look()


def test_a_mark_on_one_shard_alone_is_seen(scene: Scene) -> None:
    scene.stores.wallets.put(table.wallet(MERCHANT, CURRENCY), {"available": 0, "held": True})
    with pytest.raises(Violation, match=r"^a shard is marked"):
        scene.look()


def test_what_has_crossed_the_border_counts_when_it_is_no_longer_listed(scene: Scene) -> None:
    writer = conservation.Writer(scene, 0)
    first = set(scene.border.listed)
    for _ in range(LISTED):
        how_it_ended(writer.cross)
    scene.look()
    funds = scene.stores.wallets.read_funds(MERCHANT, CURRENCY)
    assert scene.border.before == funds.available + funds.deposit
    assert scene.border.before > 0
    assert first.isdisjoint(scene.border.listed)
    scene.look()
