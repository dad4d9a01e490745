"""What must hold in every state, on every step, and in the end. Numbers as in docs/proof.md."""

from tests.model.freezing import MARKS
from tests.model.model import Model
from tests.model.state import (
    CANCELED,
    CONFIG,
    FROZEN_NEWLY,
    FUNDS,
    NEW,
    PENDING,
    SUCCEEDED,
    UNFREEZE,
    At,
    Bounds,
    Edge,
    Stage,
    State,
    Wallet,
    Worker,
    is_open,
    members,
)


def state_faults(bounds: Bounds, state: State) -> str:
    """The first invariant that a state breaks, or nothing."""
    wrong = wallet_faults(bounds, state)
    if wrong:
        return wrong
    for caller in state.callers:
        if caller.posted > 1:
            return "7: one request moved money twice"
    for number, status in enumerate(state.status):
        if state.postings[number] != (status == SUCCEEDED):
            return f"3: r{number} has {state.postings[number]} postings, and is not paid just once"
    return (
        buyer_faults(bounds, state) or merchant_faults(bounds, state) or order_faults(bounds, state)
    )


def wallet_faults(bounds: Bounds, state: State) -> str:
    for wallet in state.wallets:
        if min(wallet.shards) < 0 or wallet.deposit < 0 or wallet.owed < 0:
            return "2: an account is below zero"
        if wallet.headroom < 0:
            return "2: a debt is beyond its limit"
        if wallet.held not in {0, wallet.all_marks}:
            return "F: a wallet is held on some of its shards only"
        if wallet.frozen and not wallet.frozen & CONFIG:
            return "F: a shard is frozen, and its wallet is not"
    return freeze_faults(bounds, state)


def freeze_faults(bounds: Bounds, state: State) -> str:
    for request, caller in zip(bounds.requests, state.callers, strict=True):
        ended = caller.at in {Stage.WAKE, Stage.OVER} and not caller.stale & FROZEN_NEWLY
        if request.kind not in MARKS or not ended:
            continue
        wallet = state.wallets[request.of]
        if request.kind == "freeze" and wallet.frozen != wallet.all_marks:
            return "F: a freeze has come to its end, and not all shards are frozen"
        if request.kind == "unfreeze" and wallet.frozen:
            return "F: an unfreezing has come to its end, and something is frozen still"
    return ""


def buyer_faults(bounds: Bounds, state: State) -> str:
    expected = [0] * len(state.buyers)
    for refund, status in zip(bounds.refunds, state.status, strict=True):
        if status == SUCCEEDED:
            expected[refund.buyer] += refund.amount
    if expected != [*state.buyers]:
        return "3: a buyer's balance is not the sum of the refunds that succeeded"
    return ""


def merchant_faults(bounds: Bounds, state: State) -> str:
    expected = [own(wallet) for wallet in bounds.wallets]
    for refund, status in zip(bounds.refunds, state.status, strict=True):
        if status == SUCCEEDED:
            expected[refund.merchant] -= refund.amount
    for request, caller in zip(bounds.requests, state.callers, strict=True):
        if caller.posted:
            sign = {"credit": 1, "payout": -1}[request.kind]
            expected[request.of] += sign * request.amount * caller.posted
    has = [own(wallet) for wallet in state.wallets]
    if sum(expected) != sum(has):
        return "1: the sum over all accounts is not zero"
    if expected != has:
        return "9: one merchant's money moved for another"
    return ""


def own(wallet: Wallet) -> int:
    return sum(wallet.shards) + wallet.deposit - wallet.owed


def order_faults(bounds: Bounds, state: State) -> str:
    left = [*bounds.paid]
    for number, status in enumerate(state.status):
        if status not in {NEW, CANCELED}:
            left[bounds.order(number)] -= bounds.refunds[number].amount
    if min(left) < 0:
        return "4: more was refunded of an order than was paid"
    if left != [*state.refundable]:
        return "4: what an order has left is not what its refunds leave"
    return ""


def edge_faults(model: Model, before: State, edge: Edge) -> str:
    """The first invariant that a step breaks, or nothing."""
    after = edge.state
    if model.bounds.bad_message and not edge.step.fault:
        wrong = neighbour_faults(model, before, edge)
        if wrong:
            return wrong
    if after.status is before.status:
        if after.buyers != before.buyers:
            return "7: a step that settled nothing moved a buyer's money"
        return ""
    for number, (was, now) in enumerate(zip(before.status, after.status, strict=True)):
        if was != now and was in {SUCCEEDED, CANCELED}:
            return f"5: r{number} had come to its end, and changed"
        if was != now == SUCCEEDED:
            wrong = payment_faults(model.bounds, before, edge, number)
            if wrong:
                return wrong
    return ""


def payment_faults(bounds: Bounds, before: State, edge: Edge, number: int) -> str:
    merchant = bounds.refunds[number].merchant
    wallet, left = before.wallets[merchant], edge.state.wallets[merchant].shards
    drawn = [
        shard for shard, amount in enumerate(wallet.shards[: len(left)]) if left[shard] < amount
    ]
    frozen = any(wallet.frozen >> shard & 1 for shard in drawn)
    if frozen or (not drawn and wallet.frozen & CONFIG):
        return f"F: r{number} was paid from a frozen wallet"
    plan = before.workers[edge.step.who].plan
    if plan and plan.read:
        # Nobody whom it does not know waited when it was made.
        passed = any(
            older < number and edge.state.status[older] in {FUNDS, UNFREEZE}
            for older in members(plan.older)
        )
    else:
        passed = bool(wallet.held & CONFIG)
    if passed:
        return f"H: r{number} passed over one that had waited too long"
    return ""


def neighbour_faults(model: Model, before: State, edge: Edge) -> str:
    """Without the bad message, the same step is possible and comes to the same."""
    without = stripped(model.bounds, before)
    wanted = stripped(model.bounds, edge.state)
    if wanted == without or any(each.state == wanted for each in model.edges(without)):
        return ""
    return "8: a bad message changed what became of another"


def stripped(bounds: Bounds, state: State) -> State:
    workers = tuple(sorted(_without(bounds, worker) for worker in state.workers))
    return state._replace(queue=state.queue & ~bounds.bad, workers=workers)


def _without(bounds: Bounds, worker: Worker) -> Worker:
    batch = worker.batch & ~bounds.bad
    if worker.at == At.ANSWER and not batch:
        return Worker()
    return worker._replace(batch=batch, failed=worker.failed & ~bounds.bad)


def goal(bounds: Bounds, state: State) -> bool:
    """Every refund is at its end, or awaits what is truly not there."""
    return all(
        not is_open(status) or _waits_rightly(bounds, state, number)
        for number, status in enumerate(state.status)
    )


def _waits_rightly(bounds: Bounds, state: State, number: int) -> bool:
    refund, status = bounds.refunds[number], state.status[number]
    wallet = state.wallets[refund.merchant]
    if wallet.frozen & CONFIG:
        return status != PENDING
    return status == FUNDS and (
        refund.amount > wallet.total
        or any(
            older.old
            and older.merchant == refund.merchant
            and state.status[place] in {FUNDS, UNFREEZE}
            and older.amount > wallet.total
            for place, older in enumerate(bounds.refunds[:number])
        )
    )
