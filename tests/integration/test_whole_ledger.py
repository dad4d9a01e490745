"""After everything that can happen to a merchant's money, the books are right."""

from functools import partial

from tests.integration.world import Json, World, at_once, unique, until


def test_a_whole_life_of_a_wallet_reconciles(world: World) -> None:
    """Waterfall, waiting, freezing, shards, payouts, correction, reversal: zero differences."""
    scene, seconder = world.scene(amount=10_000, funds=500), world.person(operator=True)
    merchant, buyer = scene.merchant, scene.buyer
    world.limit(merchant.id, deposit=300, guarantee=400)
    world.credit(merchant.id, 100, target="deposit")
    foreign = world.order(merchant.id, buyer.id, 70, "JPY")
    world.credit(merchant.id, 70, "JPY")
    mixed = world.accepted(buyer, scene.order_id, 900)
    assert world.settled(buyer, mixed)["sources"] == {
        "available": 500,
        "deposit": 100,
        "receivable": 300,
    }
    waiting = world.accepted(buyer, scene.order_id, 600)
    world.becomes(buyer, waiting, "awaiting_funds")
    dropped = world.accepted(buyer, scene.order_id, 5000)
    world.becomes(buyer, dropped, "awaiting_funds")
    world.freeze(merchant.id)
    world.credit(merchant.id, 3000)  # 300 repay the debt, 300 refill the deposit
    frozen = world.accepted(buyer, scene.order_id, 40)
    world.becomes(buyer, frozen, "awaiting_funds")
    world.freeze(merchant.id, frozen=False)
    for refund_id in (waiting, frozen):
        world.settled(buyer, refund_id)
    world.ok(buyer, "POST", f"/refunds/{dropped}/cancel")
    shards = {"currency": "CNY", "shards": 3}
    world.ok(world.operator, "PUT", f"/merchants/{merchant.id}/shards", shards)
    many = at_once([partial(world.accepted, buyer, scene.order_id, each) for each in (7, 8, 9)])
    many.append(world.accepted(buyer, foreign))
    for refund_id in many:
        world.settled(buyer, refund_id)
    assert world.pay_out(f"/merchants/{merchant.id}/wallet", 1000).status_code == 201
    assert world.pay_out(f"/buyers/{buyer.id}", 500).status_code == 201
    legs = [
        {"account": f"merchant:{merchant.id}:available", "amount": -11},
        {"account": f"buyer:{buyer.id}:available", "amount": 11},
    ]
    body = {"currency": "CNY", "legs": legs, "reason": "a wrong credit"}
    correction = world.ok(
        world.operator, "POST", "/corrections", body, key=unique("key"), status=201
    )
    world.ok(seconder, "POST", f"/corrections/{correction['correction_id']}/approve")
    reason = {"reason": "a dispute"}
    world.ok(world.operator, "POST", f"/refunds/{frozen}/reversal", reason, status=201)
    for party, postings in [(merchant, 12), (buyer, 9)]:
        lines = world.booked(party, postings=postings)
        assert len(lines) == postings
        assert lines[0]["available"] == world.balance(party)

    report = walked(world)

    ids = (merchant.id, buyer.id, scene.order_id, foreign, mixed, waiting, dropped, frozen, *many)
    seemed = [each for suspect in report["suspects"] for each in suspect["seemed"]]
    wrong = [each for each in [*report["named"], *seemed] if any(one in str(each) for one in ids)]
    assert wrong == []


def walked(world: World) -> Json:
    """The report of a run that began now, once it has met every item of the table."""
    pages = world.dynamodb.get_paginator("scan").paginate(
        TableName=world.outputs.table_name,
        FilterExpression="begins_with(pk, :reports)",
        ExpressionAttributeValues={":reports": {"S": "RECONCILIATION#"}},
        ProjectionExpression="pk, sk",
    )
    for item in [item for page in pages for item in page["Items"]]:
        world.dynamodb.delete_item(TableName=world.outputs.table_name, Key=item)

    def go_on() -> Json:
        world.invoke("reconcile_ledger", {})
        return world.ok(world.operator, "GET", "/reconciliation")

    return until(go_on, lambda report: report["walked"])
