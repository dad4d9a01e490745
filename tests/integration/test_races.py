"""Many requests in the same instant (D1, D6): money is paid back once, and never too much."""

from collections import Counter
from functools import partial

import pytest

from tests.integration.world import FUNDS, World, at_once, problem, unique

CROWD = 20
TOO_MUCH = (422, "amount_exceeds_refundable")


@pytest.fixture(scope="module", autouse=True)
def _crowd_is_expected(world: World) -> None:
    """One environment of the intake for each caller, as AWS would have by then."""
    world.warm_up("request_refund", copies=CROWD)


@pytest.mark.parametrize(("paid", "amount"), [(1000, 100), (950, 100), (5, 1)])
def test_parallel_refunds_of_an_order_never_sum_to_more_than_was_paid(
    world: World, paid: int, amount: int
) -> None:
    """D1: 20 keys; as many are accepted as the order is worth, and the others are refused."""
    scene = world.scene(amount=paid)
    answers = at_once(
        [partial(world.ask, scene.buyer, scene.order_id, amount) for _ in range(CROWD)]
    )

    accepted = [answer.json() for answer in answers if answer.status_code == 202]
    refused = [problem(answer) for answer in answers if answer.status_code != 202]
    worth = paid // amount
    assert len(accepted) == worth
    assert Counter(refused) == Counter({TOO_MUCH: CROWD - worth} if worth < CROWD else {})
    assert len({each["refund_id"] for each in accepted}) == worth
    for each in accepted:
        settled = world.settled(scene.buyer, each["refund_id"])
        assert settled["sources"] == {"available": amount}
    assert world.refundable(scene.buyer, scene.order_id) == paid - worth * amount
    assert world.balance(scene.buyer) == worth * amount
    assert world.balance(scene.merchant) == FUNDS - worth * amount


@pytest.mark.parametrize("amount", [100, 600, None])
def test_parallel_equal_requests_with_one_key_are_one_refund(
    world: World, amount: int | None
) -> None:
    """D6: every answer names the same refund; one debit."""
    scene = world.scene(amount=1000)
    key = unique("key")
    answers = at_once(
        [partial(world.ask, scene.buyer, scene.order_id, amount, key=key) for _ in range(CROWD)]
    )

    assert [answer.status_code for answer in answers] == [202] * CROWD
    [refund_id] = {answer.json()["refund_id"] for answer in answers}
    world.settled(scene.buyer, refund_id)
    world.all_debits_done()
    moved = amount or 1000
    assert [each["refund_id"] for each in world.refunds(scene.buyer)] == [refund_id]
    assert world.refundable(scene.buyer, scene.order_id) == 1000 - moved
    assert world.balance(scene.buyer) == moved
    assert world.balance(scene.merchant) == FUNDS - moved


def test_parallel_requests_with_one_key_and_other_content_are_one_refund(world: World) -> None:
    """D6: one of the contents wins; the others are told that the key is taken."""
    scene = world.scene(amount=1000)
    key = unique("key")
    answers = at_once(
        [
            partial(world.ask, scene.buyer, scene.order_id, amount, key=key)
            for amount in range(1, CROWD + 1)
        ]
    )

    [accepted] = [answer.json() for answer in answers if answer.status_code == 202]
    others = [problem(answer) for answer in answers if answer.status_code != 202]
    assert others == [(422, "idempotency_key_reused")] * (CROWD - 1)
    world.settled(scene.buyer, accepted["refund_id"])
    assert world.balance(scene.buyer) == accepted["amount"]
    assert world.refundable(scene.buyer, scene.order_id) == 1000 - accepted["amount"]


def test_parallel_cancels_give_back_what_was_reserved_once(world: World) -> None:
    scene = world.scene(amount=1000)
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id, 400)
        cancel = partial(world.call, scene.buyer, "POST", f"/refunds/{refund_id}/cancel")
        answers = at_once([cancel] * CROWD)

    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {
        (200, "canceled")
    }
    assert world.refundable(scene.buyer, scene.order_id) == 1000


def test_parallel_confirmations_of_different_drafts_leave_one_policy(world: World) -> None:
    merchant = world.certified_merchant()

    def confirm(number: int) -> tuple[int, str]:
        statement = {"reasons": f"Reasons {number}", "handling": "To the wallet."}
        terms = {"instant_refund": True, "statement": statement}
        draft = world.call(merchant, "PUT", "/refund-policy/draft", terms)
        if draft.status_code != 200:
            return problem(draft)
        digest = draft.json()["digest"]
        answer = world.call(merchant, "POST", "/refund-policy/confirm", {"digest": digest})
        return (201, digest) if answer.status_code == 201 else problem(answer)

    answers = at_once([partial(confirm, number) for number in range(4)])
    answers.append(confirm(4))  # where each overwrote another's draft, this one is the first

    [(_, digest)] = [answer for answer in answers if answer[0] == 201]
    others = Counter(answer for answer in answers if answer[0] != 201)
    assert set(others) <= {(409, "policy_already_confirmed"), (409, "policy_draft_changed")}
    assert world.ok(merchant, "GET", "/refund-policy")["digest"] == digest
