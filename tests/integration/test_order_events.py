"""Orders told by the event `OrderCompleted`, through the same code as over HTTP."""

import json
from datetime import UTC, datetime

from refunds import table
from tests.integration.world import Json, Scene, World, unique, until


def test_an_event_records_an_order_that_can_be_refunded(world: World, scene: Scene) -> None:
    order_id = unique("o")
    world.deliver(completed(scene, order_id))
    until(lambda: world.row(table.order(order_id)), bool)
    order = world.ok(scene.buyer, "GET", f"/orders/{order_id}")
    assert (order["amount"], order["refundable"], order["currency"]) == (700, 700, "CNY")
    world.settled(scene.buyer, world.accepted(scene.buyer, order_id))
    assert world.balance(scene.buyer) == 700


def test_an_event_completes_an_order_recorded_over_http_and_may_come_twice(
    world: World, scene: Scene
) -> None:
    order_id = unique("o")
    event = completed(scene, order_id)
    placed = {
        name: value for name, value in event.items() if name not in {"order_id", "completed_at"}
    }
    world.ok(world.platform, "PUT", f"/orders/{order_id}", placed, status=201)
    for _ in range(2):
        world.deliver(event)
        until(lambda: world.row(table.order(order_id)).get("completed_at"), bool)
    order = world.ok(scene.buyer, "GET", f"/orders/{order_id}")
    assert order["refundable"] == 700
    assert order["window_closes_at"]


WRONG: list[Json] = [{"amount": "700"}, {"completed_at": "2001-01-01T00:00:00Z"}]


def test_an_event_that_says_no_order_is_parked_whole(world: World, scene: Scene) -> None:
    details = [completed(scene, unique("o")) | wrong for wrong in WRONG]
    for detail in details:
        world.deliver_unheeded(detail)
    for detail in details:
        parked = world.parked(world.queue_url("OrderDeadLetterQueue"), detail["order_id"])
        assert json.loads(parked)["requestPayload"]["detail"] == detail
        assert world.row(table.order(detail["order_id"])) == {}


def test_an_event_that_says_no_order_leaves_none_and_stops_no_other(
    world: World, scene: Scene
) -> None:
    good, bad = completed(scene, unique("o")), completed(scene, unique("o")) | {"amount": 0}
    world.deliver(bad)
    world.deliver(good)
    until(lambda: world.row(table.order(good["order_id"])), bool)
    assert world.row(table.order(bad["order_id"])) == {}


def completed(scene: Scene, order_id: str) -> Json:
    now = datetime.now(UTC).isoformat()
    return {
        "order_id": order_id,
        "merchant_id": scene.merchant.id,
        "buyer_id": scene.buyer.id,
        "amount": 700,
        "currency": "CNY",
        "placed_at": now,
        "completed_at": now,
    }
