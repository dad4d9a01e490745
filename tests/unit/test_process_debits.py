"""The debit function on batches as SQS hands them over, and the sweeper on what it left."""

import json
from typing import Any

import pytest

from refunds import table, wallets
from refunds.refunds import Refund, RefundStatus, refund_id
from refunds.stores.refunds import RefundStore
from refunds.stores.wallets import WalletStore
from refunds.wallets import CreditRequest, CreditSource, CreditTarget
from tests.unit import examples
from tests.unit.api import Context
from tests.unit.cloud import SETTINGS, Cloud, sweep_refunds
from tests.unit.examples import BUYER, MERCHANT, NOON

WALLET = table.wallet(MERCHANT, "CNY")


def accept(cloud: Cloud, *refunds: Refund) -> None:
    store = cloud.store(RefundStore)
    for each in refunds:
        store.put_order(examples.order(order_id=each.order_id, amount=10**12))
        store.accept(each)


def pending(number: int, **changed: Any) -> Refund:
    order_id = changed.pop("order_id", f"order-{number}")
    return examples.refund(refund_id=f"rf_{number}", order_id=order_id, **changed)


def fund(cloud: Cloud, amount: int, merchant_id: str = MERCHANT) -> None:
    request = CreditRequest(
        amount=amount, currency="CNY", source=CreditSource.TOP_UP, target=CreditTarget.WALLET
    )
    made = wallets.credit(
        merchant_id,
        request,
        client_id="platform",
        idempotency_key=f"{merchant_id} {amount}",
        store=cloud.store(WalletStore),
        now=NOON,
    )
    assert made.allocation.available == amount


def message(refund_id: str) -> str:
    return json.dumps({"refund_id": refund_id})


def statuses(cloud: Cloud, *refund_ids: str) -> list[str]:
    found = [cloud.item(table.refund(each)) for each in refund_ids]
    return [item["status"]["S"] if item else "missing" for item in found]


def available(cloud: Cloud, merchant_id: str = MERCHANT) -> int:
    item = cloud.item(table.wallet(merchant_id, "CNY"))
    return int(item["available"]["N"]) if item else 0


def received(cloud: Cloud, buyer_id: str = BUYER) -> int:
    item = cloud.item(table.buyer_balance(buyer_id, "CNY"))
    return int(item["available"]["N"]) if item else 0


def test_bad_messages_fail_alone_and_their_neighbours_settle(cloud: Cloud) -> None:
    accept(cloud, pending(1), pending(2))
    fund(cloud, 1000)
    batch = [message("rf_1"), "{", "[]", "", message("rf_2")]
    for _ in range(2):
        assert cloud.deliver(*batch) == {1, 2, 3}
        assert statuses(cloud, "rf_1", "rf_2") == ["succeeded", "succeeded"]
        assert (available(cloud), received(cloud)) == (800, 200)


@pytest.mark.parametrize(
    "body",
    [
        "null",
        "1",
        '"rf_1"',
        "{}",
        "NaN",
        '{"refund_id": null}',
        '{"refund_id": 1}',
        '{"refund_id": ["rf_1"]}',
        '{"refund_id": ""}',
        '{"refund_id": "a b"}',
        '{"refund_id": "rf_1\\n"}',
        '{"refund_id": "\\ud800"}',
        '{"refund_id": "\\uff11"}',
        json.dumps({"refund_id": "x" * 65}),
        "[" * 100_000,
        "1" * 5000,
    ],
    ids=lambda body: body[:24],
)
def test_a_body_that_names_no_refund_is_the_only_one_delivered_again(
    cloud: Cloud, body: str
) -> None:
    accept(cloud, pending(1))
    fund(cloud, 1000)
    assert cloud.deliver(message("rf_1"), body) == {1}
    assert statuses(cloud, "rf_1") == ["succeeded"]


def test_a_refund_named_twice_and_two_of_one_buyer_settle_once_each(cloud: Cloud) -> None:
    accept(cloud, pending(1), pending(2, amount=200), pending(3, amount=300))
    fund(cloud, 1000)
    batch = [message(each) for each in ("rf_1", "rf_1", "rf_2", "rf_3")]
    assert cloud.deliver(*batch) == set()
    assert statuses(cloud, "rf_1", "rf_2", "rf_3") == ["succeeded"] * 3
    assert (available(cloud), received(cloud)) == (400, 600)


def test_only_the_id_of_a_message_is_believed(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    fund(cloud, 1000)
    forged = {"refund_id": "rf_1", "amount": 900, "buyer_id": "thief", "merchant_id": "other"}
    assert cloud.deliver(json.dumps(forged)) == set()
    assert (available(cloud), received(cloud), received(cloud, "thief")) == (900, 100, 0)


def test_merchants_in_one_batch_pay_each_their_own(cloud: Cloud) -> None:
    accept(cloud, pending(1), pending(2, merchant_id="merchant-2", amount=70))
    fund(cloud, 1000)
    fund(cloud, 70, "merchant-2")
    assert cloud.deliver(message("rf_2"), message("rf_1")) == set()
    assert (available(cloud), available(cloud, "merchant-2")) == (900, 0)


def test_a_short_wallet_pays_the_oldest_that_fit_and_the_rest_await_funds(cloud: Cloud) -> None:
    accept(cloud, pending(1), pending(2, amount=500), pending(3))
    fund(cloud, 250)
    batch = [message(f"rf_{number}") for number in (3, 2, 1)]
    assert cloud.deliver(*batch) == set()
    assert statuses(cloud, "rf_1", "rf_2", "rf_3") == [
        "succeeded",
        "awaiting_funds",
        "succeeded",
    ]
    assert available(cloud) == 50
    waiting = cloud.store(RefundStore).refund("rf_2")
    assert waiting
    assert waiting.waits_for == "funds"
    fund(cloud, 450)
    assert cloud.deliver(message("rf_2")) == set()
    assert (available(cloud), received(cloud)) == (0, 700)


def test_a_frozen_wallet_pays_nothing_until_it_is_released(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    fund(cloud, 1000)
    cloud.dynamodb.update_item(
        TableName=SETTINGS.table_name,
        Key=WALLET,
        UpdateExpression="SET frozen = :by",
        ExpressionAttributeValues={":by": {"S": "operator"}},
    )
    assert cloud.deliver(message("rf_1")) == set()
    waiting = cloud.store(RefundStore).refund("rf_1")
    assert waiting
    assert (waiting.status, waiting.waits_for) == (RefundStatus.AWAITING_FUNDS, "unfreeze")
    assert available(cloud) == 1000
    cloud.dynamodb.update_item(
        TableName=SETTINGS.table_name, Key=WALLET, UpdateExpression="REMOVE frozen"
    )
    assert cloud.deliver(message("rf_1")) == set()
    assert (available(cloud), received(cloud)) == (900, 100)


def test_a_refund_canceled_before_its_message_came_is_left_canceled(cloud: Cloud) -> None:
    accept(cloud, pending(1), pending(2))
    fund(cloud, 1000)
    cloud.store(RefundStore).cancel(pending(1), now=NOON)
    stored = cloud.item(table.refund("rf_1"))
    assert cloud.deliver(message("rf_1"), message("rf_2")) == set()
    assert cloud.item(table.refund("rf_1")) == stored
    assert (available(cloud), received(cloud)) == (900, 100)


def test_a_refund_that_does_not_exist_fails_alone(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    fund(cloud, 1000)
    assert cloud.deliver(message("rf_unknown"), message("rf_1")) == {0}
    assert statuses(cloud, "rf_1") == ["succeeded"]


DAMAGED = [
    ("status", None),
    ("refund_id", None),
    ("refund_id", {"S": "rf_1"}),
    ("merchant_id", {"N": "1"}),
    ("buyer_id", None),
    ("amount", {"S": "100"}),
    ("amount", None),
    ("requested_at", {"S": "yesterday"}),
    ("requested_at", {"S": "2024-03-01T12:00:00"}),
    ("tries", {"S": "1"}),
]


def damage(cloud: Cloud, refund_id: str, name: str, value: Any) -> None:
    """As only somebody at the table itself can; `None` takes it away."""
    item = cloud.item(table.refund(refund_id))
    assert item
    item.pop(name, None)
    changed = item if value is None else item | {name: value}
    cloud.dynamodb.put_item(TableName=SETTINGS.table_name, Item=changed)


@pytest.mark.parametrize(("name", "value"), DAMAGED)
def test_a_refund_that_nobody_can_read_is_the_only_one_delivered_again(
    cloud: Cloud, name: str, value: Any
) -> None:
    accept(cloud, pending(1), pending(2), pending(3))
    fund(cloud, 1000)
    damage(cloud, "rf_2", name, value)
    assert cloud.deliver(message("rf_1"), message("rf_2"), message("rf_3")) == {1}
    assert statuses(cloud, "rf_1", "rf_3") == ["succeeded", "succeeded"]
    assert available(cloud) == 800


def test_a_message_redelivered_however_late_moves_nothing(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    fund(cloud, 1000)
    cloud.deliver(message("rf_1"))
    before = cloud.items()
    for _ in range(3):
        assert cloud.deliver(message("rf_1")) == set()
    assert cloud.items() == before


def test_without_time_left_everything_is_delivered_again_and_nothing_moved(cloud: Cloud) -> None:
    accept(cloud, pending(1), pending(2))
    fund(cloud, 1000)
    before = cloud.items()
    assert cloud.deliver(message("rf_1"), message("rf_2"), remaining_ms=5_000) == {0, 1}
    assert cloud.items() == before


def test_an_empty_batch_is_no_failure(cloud: Cloud) -> None:
    assert cloud.deliver() == set()


def test_the_items_that_a_debit_writes_stay_within_1_kb(cloud: Cloud) -> None:
    """With the longest ids, the largest amount, and in every state on the way."""
    longest = "x" * 64
    the_refund = examples.refund(
        refund_id=refund_id(longest, "k" * 128),
        order_id=longest,
        merchant_id=longest,
        buyer_id=longest,
        amount=10**12,
        reason="款" * 2000,
        evidence=["s3://" + "x" * 507] * 10,
    )
    store = cloud.store(RefundStore)
    order = examples.order(order_id=longest, merchant_id=longest, buyer_id=longest, amount=10**12)
    store.put_order(order)
    store.accept(the_refund)
    sizes = [written_sizes(cloud)]
    cloud.deliver(message(the_refund.refund_id))
    sizes.append(written_sizes(cloud))
    fund(cloud, 10**12, longest)
    cloud.deliver(message(the_refund.refund_id))
    sizes.append(written_sizes(cloud))
    assert statuses(cloud, the_refund.refund_id) == ["succeeded"]
    assert max(size for each in sizes for size in each) <= 1024


def written_sizes(cloud: Cloud) -> list[int]:
    kinds = {"REFUND", "WALLET", "BALANCE#CNY"}
    return [size_of(item) for item in cloud.items() if item["sk"]["S"] in kinds]


def size_of(item: dict[str, Any]) -> int:
    """As DynamoDB counts: UTF-8 of names and texts, digits in pairs, a little for each map."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.strip("-0")) + 1) // 2 + 2
        case "M":
            return 3 + sum(len(name.encode()) + _size(each) + 1 for name, each in content.items())
        case "L":
            return 3 + sum(_size(each) + 1 for each in content)
        case _:
            return 1


# ── The sweeper ─────────────────────────────────────────────────────────────────────────────────


def sweep() -> None:
    sweep_refunds.lambda_handler({}, Context())


def test_a_refund_whose_message_was_lost_is_settled_by_the_sweeper(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    fund(cloud, 1000)
    sweep()
    bodies = cloud.messages()
    assert bodies == [message("rf_1")]
    assert cloud.deliver(*bodies, *bodies) == set()
    assert (statuses(cloud, "rf_1"), available(cloud)) == (["succeeded"], 900)
    sweep()
    assert cloud.messages() == []


def test_a_refund_just_sent_again_is_left_alone(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    sweep()
    cloud.messages()
    sweep()
    assert cloud.messages() == []


@pytest.mark.parametrize(
    ("name", "value"), [*DAMAGED, ("due_at", {"S": "2024"}), ("due_at", {"S": "0001-01-01T00:00"})]
)
def test_a_refund_that_nobody_can_read_is_in_no_other_s_way(
    cloud: Cloud, name: str, value: Any
) -> None:
    accept(cloud, pending(1), pending(2), pending(3))
    damage(cloud, "rf_2", name, value)
    sweep()
    assert sorted(cloud.messages()) == [message("rf_1"), message("rf_3")]


def test_a_canceled_refund_is_not_swept(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    cloud.store(RefundStore).cancel(pending(1), now=NOON)
    sweep()
    assert cloud.messages() == []


def test_a_waiting_refund_is_tried_again_until_it_is_paid(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    cloud.deliver(message("rf_1"))
    stored = cloud.item(table.refund("rf_1"))
    assert stored
    assert stored["status"]["S"] == "awaiting_funds"
    assert stored["tries"]["N"] == "1"
    cloud.deliver(message("rf_1"))
    again = cloud.item(table.refund("rf_1"))
    assert again
    assert again["tries"]["N"] == "2"
    assert again["awaiting_funds_at"] == stored["awaiting_funds_at"]
    assert again["due_at"]["S"] > stored["due_at"]["S"]


def test_while_no_message_can_be_sent_nothing_is_moved_on(cloud: Cloud) -> None:
    accept(cloud, pending(1))
    before = cloud.items()
    cloud.sqs.delete_queue(QueueUrl=SETTINGS.debit_queue_url)
    sweep()
    assert cloud.items() == before
