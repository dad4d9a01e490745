"""What becomes of an accepted refund, whatever happens on the way (D7, D8, D13, D17, D18)."""

import json
import os
import signal
import time
from dataclasses import dataclass

import psutil
import pytest

from local import deploy
from refunds import table
from tests.integration.world import FUNDS, Function, Json, Scene, World, problem, unique

MALFORMED = ["{", "[]", "null", '"text"', "7", '{"refund_id": 5}', '{"refund_id": "a b"}', "{}"]
NO_SUCH = json.dumps({"refund_id": "rf_no_such_refund"})


def test_a_refund_is_one_posting_from_wallet_to_buyer(world: World, scene: Scene) -> None:
    refund_id = world.accepted(scene.buyer, scene.order_id, 250)
    refund = world.settled(scene.buyer, refund_id)
    assert refund["sources"] == {"available": 250}
    assert [each["status"] for each in refund["timeline"]] == ["pending", "succeeded"]
    assert world.refund(scene.merchant, refund_id) == refund
    assert world.balance(scene.merchant) == FUNDS - 250
    assert world.balance(scene.buyer) == 250


# ── Batches ─────────────────────────────────────────────────────────────────────────────────────


def test_a_bad_message_alters_no_other_s_outcome(world: World, scene: Scene) -> None:
    """D7: in one batch with good ones; the bad alone are reported, delivered again, and parked."""
    mark = unique("bad")
    bad = [f'{{"{mark}": ', json.dumps({"refund_id": mark})]
    with world.redelivering_after(1):
        with world.debits_paused():
            first, second = (world.accepted(scene.buyer, scene.order_id, 10) for _ in range(2))
            good = world.messages_for(first, second)
            world.send_debits(good[0], *bad, *MALFORMED[:5], good[1])
        for refund_id in (first, second):
            assert world.settled(scene.buyer, refund_id)["sources"] == {"available": 10}
        for body in bad:
            dead_letters = world.outputs.debit_dead_letter_queue_url
            assert world.parked(dead_letters, body) == body
        world.all_debits_done()
    assert world.balance(scene.buyer) == 20
    assert world.balance(scene.merchant) == FUNDS - 20


@pytest.fixture(scope="module")
def shop(world: World) -> Scene:
    return world.scene()


@pytest.mark.parametrize("body", [*MALFORMED, "", "\ud800", "[" * 5000, NO_SUCH])
def test_only_what_cannot_be_processed_is_reported(world: World, shop: Scene, body: str) -> None:
    """D7: an invocation answers, whatever is in it; SQS itself refuses an empty body."""
    before = world.balance(shop.merchant), world.balance(shop.buyer)
    with world.debits_paused():
        first, second = (world.accepted(shop.buyer, shop.order_id, 10) for _ in range(2))
        good = world.messages_for(first, second)
        event = sqs_event(good[0], body, good[1])
        answer = world.invoke("process_debits", event)
        again = world.invoke("process_debits", event)
    assert answer == again == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert {world.refund(shop.buyer, each)["status"] for each in (first, second)} == {"succeeded"}
    after = world.balance(shop.merchant), world.balance(shop.buyer)
    assert after == (before[0] - 20, before[1] + 20)


def test_a_batch_may_name_a_refund_twice_and_a_buyer_twice(world: World, scene: Scene) -> None:
    """D8: each settles once, the buyer gets the sum, and nothing is reported."""
    neighbour = world.buyer()
    order_id = world.order(scene.merchant.id, neighbour.id)
    with world.debits_paused():
        twice = world.accepted(scene.buyer, scene.order_id, 1)
        same_buyer = [world.accepted(neighbour, order_id, amount) for amount in (20, 300)]
        bodies = world.messages_for(twice, *same_buyer)
        answer = world.invoke("process_debits", sqs_event(bodies[0], *bodies))
    assert answer == {"batchItemFailures": []}
    assert world.refund(scene.buyer, twice)["sources"] == {"available": 1}
    assert world.balance(scene.buyer) == 1
    assert world.balance(neighbour) == 320
    assert world.balance(scene.merchant) == FUNDS - 321


# ── Messages that come late, twice, or not at all ───────────────────────────────────────────────


def test_what_is_settled_stays_settled_whatever_comes_later(world: World, scene: Scene) -> None:
    """D13: its message three times more, and a cancel."""
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id, 100)
        [message] = world.messages_for(refund_id)
    world.send_debits(message)
    settled = world.settled(scene.buyer, refund_id)

    world.send_debits(message, message, message)
    world.all_debits_done()
    cancel = world.call(scene.buyer, "POST", f"/refunds/{refund_id}/cancel")

    assert problem(cancel) == (409, "refund_not_cancelable")
    assert world.refund(scene.buyer, refund_id) == settled
    assert world.refundable(scene.buyer, scene.order_id) == 900
    assert world.balance(scene.buyer) == 100
    assert world.balance(scene.merchant) == FUNDS - 100


def test_what_is_canceled_stays_canceled_and_is_never_debited(world: World, scene: Scene) -> None:
    """D13."""
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id, 100)
        [message] = world.messages_for(refund_id)
        canceled = world.ok(scene.buyer, "POST", f"/refunds/{refund_id}/cancel")
    assert [each["status"] for each in canceled["timeline"]] == ["pending", "canceled"]

    world.send_debits(message, message)
    world.all_debits_done()

    assert world.refund(scene.buyer, refund_id) == canceled
    assert world.ok(scene.buyer, "POST", f"/refunds/{refund_id}/cancel") == canceled
    assert world.refundable(scene.buyer, scene.order_id) == 1000
    assert world.balance(scene.buyer) == 0
    assert world.balance(scene.merchant) == FUNDS


@pytest.mark.parametrize("funds", [0, 99])
def test_a_refund_that_the_wallet_cannot_pay_waits_and_says_so(world: World, funds: int) -> None:
    """D17: never shown as done; a top-up settles it once, with no new request."""
    scene = world.scene(funds=funds)
    refund_id = world.accepted(scene.buyer, scene.order_id, 100)
    waiting = world.becomes(scene.buyer, refund_id, "awaiting_funds")
    assert waiting["waits_for"] == "funds"
    assert waiting["next_try_at"]
    assert waiting["sources"] is None
    assert world.balance(scene.buyer) == 0
    assert world.balance(scene.merchant) == funds
    assert world.refundable(scene.buyer, scene.order_id) == 900

    world.credit(scene.merchant.id, 500)

    settled = world.settled(scene.buyer, refund_id)
    world.all_debits_done()
    assert settled["sources"] == {"available": 100}
    assert settled["waits_for"] is settled["next_try_at"] is None
    statuses = [each["status"] for each in settled["timeline"]]
    assert statuses == ["pending", "awaiting_funds", "succeeded"]
    times = [each["at"] for each in settled["timeline"]]
    assert times == sorted(times)
    assert world.balance(scene.buyer) == 100
    assert world.balance(scene.merchant) == funds + 400


def test_a_refund_that_waits_can_be_canceled(world: World) -> None:
    scene = world.scene(funds=0)
    refund_id = world.accepted(scene.buyer, scene.order_id, 100)
    world.becomes(scene.buyer, refund_id, "awaiting_funds")
    world.ok(scene.buyer, "POST", f"/refunds/{refund_id}/cancel")
    world.credit(scene.merchant.id, 500)
    world.all_debits_done()
    assert world.refund(scene.buyer, refund_id)["status"] == "canceled"
    assert world.refundable(scene.buyer, scene.order_id) == 1000
    assert world.balance(scene.merchant) == 500


def test_a_lost_message_is_sent_again_and_may_then_be_found(world: World, scene: Scene) -> None:
    """D18: the sweeper settles, never fails, what stayed pending; late messages change nothing."""
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id, 100)
        [lost] = world.messages_for(refund_id)
    world.sweep()
    assert world.refund(scene.buyer, refund_id)["status"] == "pending"  # not due yet

    world.make_due(refund_id)
    world.sweep()
    settled = world.settled(scene.buyer, refund_id)
    world.send_debits(lost, lost)
    world.all_debits_done()
    world.sweep()

    assert world.refund(scene.buyer, refund_id) == settled
    assert world.balance(scene.buyer) == 100
    assert world.balance(scene.merchant) == FUNDS - 100


@pytest.mark.parametrize(
    "broken",
    [
        {"DEBIT_QUEUE_URL": "http://localhost:1/000000000000/no-such-queue"},
        {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"},
    ],
    ids=["no such queue", "no answer"],
)
def test_every_accepted_refund_is_debited_though_no_message_could_be_sent(
    world: World, scene: Scene, broken: dict[str, str]
) -> None:
    with world.reconfigured("request_refund", **broken):
        accepted = [world.accepted(scene.buyer, scene.order_id, amount) for amount in (1, 20, 300)]
    assert world.debit_queue_is_empty()
    statuses = {world.refund(scene.buyer, each)["status"] for each in accepted}
    assert statuses == {"pending"}

    world.make_due(*accepted)
    world.sweep()

    for refund_id in accepted:
        world.settled(scene.buyer, refund_id)
    assert world.balance(scene.buyer) == 321
    assert world.balance(scene.merchant) == FUNDS - 321


def test_the_sweeper_runs_every_minute(world: World) -> None:
    sweeper = deploy.function_name(world.stack.endpoint, "sweep_refunds")
    rules = [
        rule
        for rule in world.events.list_rules()["Rules"]
        for target in world.events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if f":{sweeper}" in target["Arn"]
    ]
    assert [(rule["ScheduleExpression"], rule["State"]) for rule in rules] == [
        ("rate(1 minute)", "ENABLED")
    ]


# ── A debit function that dies ──────────────────────────────────────────────────────────────────

CURRENCIES = ["CNY", "JPY", "KWD", "USD", "EUR", "GBP", "CHF", "SEK", "NOK", "DKK"]
"""A batch of one message in each is a batch of ten transactions, one after the other."""
ROUNDS = 5
STEP_SECONDS = 0.004


def test_a_debit_function_killed_in_the_middle_of_a_batch_debits_each_refund_once(
    world: World,
) -> None:
    """The process is let run step by step, and killed once some of its batch is done."""
    merchant, buyer = world.merchant(), world.buyer()
    for currency in CURRENCIES:
        world.credit(merchant.id, FUNDS, currency)
    debited = 0
    for _ in range(ROUNDS):
        with world.redelivering_after(2):
            with world.debits_paused():
                refund_ids = [
                    world.accepted(buyer, world.order(merchant.id, buyer.id, 1000, currency), 7)
                    for currency in CURRENCIES
                ]
                world.send_debits(*world.messages_for(*refund_ids))
                world.warm_up("process_debits")
                workers = Workers.of(world, "process_debits")
                workers.stop()
            while not (done := settled_rows(world, refund_ids)):
                workers.run_for(STEP_SECONDS)
            workers.kill()
            for refund_id in refund_ids:
                assert world.settled(buyer, refund_id)["sources"] == {"available": 7}
            world.all_debits_done()
        debited += 7
        for currency in CURRENCIES:
            assert world.balance(buyer, currency) == debited
            assert world.balance(merchant, currency) == FUNDS - debited
        if len(done) < len(refund_ids):
            return
    pytest.fail(f"not once in {ROUNDS} rounds was a batch cut in the middle")


def settled_rows(world: World, refund_ids: list[str]) -> list[Json]:
    rows = [world.row(table.refund(refund_id)) for refund_id in refund_ids]
    return [row for row in rows if row["status"] == "succeeded"]


@dataclass(frozen=True)
class Workers:
    """The processes in which this stack's local AWS runs a function, and no other stack's."""

    pids: list[int]

    @classmethod
    def of(cls, world: World, function: Function) -> "Workers":
        name = deploy.function_name(world.stack.endpoint, function)
        found = [
            process.pid
            for process in psutil.process_iter()
            if _works_for(process, f"ministack-lambda-{name}-", world.stack.endpoint)
        ]
        assert found, f"no process of {function}"
        return cls(found)

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def run_for(self, seconds: float) -> None:
        self._signal(signal.SIGCONT)
        time.sleep(seconds)
        self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> None:
        for pid in self.pids:
            os.kill(pid, signum)


def sqs_event(*bodies: str) -> Json:
    """What SQS hands to the debit function."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": unique("receipt"),
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:debits",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def _works_for(process: psutil.Process, name: str, endpoint: str) -> bool:
    try:
        command, variables = process.cmdline(), process.environ()
    except psutil.Error:
        return False  # it has ended, or is another user's
    is_worker = any(name in part and part.endswith("/_worker.py") for part in command)
    return is_worker and variables.get("AWS_ENDPOINT_URL") == endpoint
