"""Protocols that are wrong in one place each, and what that place would cost.

Each names the invariant that breaks, and small bounds within which it does.
"""

from collections.abc import Iterator

from refunds.funding import Move
from tests.model.calling import poorest
from tests.model.model import Model
from tests.model.state import (
    CANCELED,
    NEW,
    PENDING,
    SUCCEEDED,
    At,
    Bounds,
    Caller,
    Edge,
    Plan,
    Refund,
    Request,
    State,
    Wallet,
    Worker,
    members,
    put,
    subsets,
)

ONE = Bounds("one refund", (Refund(2),), (Wallet((4,)),), hints=1)
TWO = Bounds("two refunds", (Refund(2), Refund(2, buyer=1)), (Wallet((4,)),), hints=1)


class Mutant(Model):
    breaks: str
    within: Bounds
    shows = True
    """Whether its counterexample has a step that the product would take otherwise: not if what is
    wrong is that a step is missing."""
    sooner = 0
    """How many steps before the last one, which breaks it, the product goes another way."""

    def __init__(self) -> None:
        super().__init__(self.within)


class InTwoWrites(Model):
    """What belongs to one transaction is moved without some of it, and that is written after it."""

    def sent(
        self, state: State, place: int, plan: Plan, what: str, *, detail: tuple[int, ...] = ()
    ) -> Edge:
        edge = super().sent(state, place, plan, what, detail=detail)
        if edge.step.reply != "settled":
            return edge
        writing = state.workers[place]._replace(
            at=At.WAIT, group=plan.paid, plan=(), reason=SUCCEEDED
        )
        return self.edge(self.moved(state, plan), place, writing, what, detail, reply="settled")

    def waiting(self, state: State, refund: int, reason: int) -> State:
        if reason == SUCCEEDED:
            return self.completed(state, refund)
        return super().waiting(state, refund, reason)

    def completed(self, state: State, refund: int) -> State:
        raise NotImplementedError

    def rests(self, state: State) -> bool:
        return all(worker.reason != SUCCEEDED for worker in state.workers)


class NoGate(Mutant):
    """The debit's transaction has no condition on the refund's status."""

    breaks, within = "3", ONE

    def closed(self, state: State, plan: Plan) -> tuple[int, ...]:  # noqa: ARG002
        return ()


class GateBeforeTheMoney(Mutant):
    """A record "done" is written first, the money moves after it: a crash between loses it."""

    breaks, within = "6", ONE._replace(workers=1)

    def good_steps(self, state: State, place: int, worker: Worker) -> Iterator[Edge]:
        if worker.at != At.IDLE:
            yield from super().good_steps(state, place, worker)
            return
        for batch in subsets(state.queue & 0xFF):
            # The records are kept beside the messages, eight bits higher.
            new = batch & ~(state.queue >> 8)
            recorded = state._replace(queue=state.queue | new << 8)
            after = self.received(state, new)._replace(batch=batch)
            yield self.edge(recorded, place, after, "receives", (*members(batch),))


class GateAfterTheMoney(InTwoWrites, Mutant):
    """The money moves, and the status is written after it: another worker pays in between."""

    breaks, within = "3", ONE._replace(faults=0)
    sooner = 3

    def moved(self, state: State, plan: Plan) -> State:
        return super().moved(state, plan)._replace(status=state.status)

    def completed(self, state: State, refund: int) -> State:
        return state._replace(status=put(state.status, refund, SUCCEEDED))


class WaitsUnread(Mutant):
    """One shard is short, and the refund is said to await funds without a look at the others."""

    breaks, within = "6", ONE._replace(wallets=(Wallet((1, 1)),), hints=2)
    sooner = 4

    def when_short(self, worker: Worker, plan: Plan) -> Worker:
        return self.left_waiting(worker, plan.everyone)


class BuyerCreditedApart(InTwoWrites, Mutant):
    """The buyer is credited after the transaction: a crash between loses it."""

    breaks, within = "3", ONE._replace(kinds=frozenset({"crash"}))
    sooner = 1

    def moved(self, state: State, plan: Plan) -> State:
        return super().moved(state, plan)._replace(buyers=state.buyers)

    def completed(self, state: State, refund: int) -> State:
        amount, _, buyer, *_ = self.bounds.refunds[refund]
        return state._replace(buyers=put(state.buyers, buyer, state.buyers[buyer] + amount))


class WalletUnconditional(Mutant):
    """What the wallet holds is read, and not a condition."""

    breaks, within = "2", ONE._replace(wallets=(Wallet((1,)),))

    def refuses(self, wallet: Wallet, shard: int, amount: int, *, read: bool) -> bool:
        return super().refuses(wallet, shard, min(amount, 0), read=read)


class HeadroomUnconditional(Mutant):
    """The advance is planned on what was read, and not conditioned: two at once break the limit."""

    breaks, within = "2", TWO._replace(wallets=(Wallet((0,), headroom=2),))

    def reply(self, state: State, plan: Plan) -> str:
        return super().reply(state, plan._replace(advance=0))


class FrozenWhenReadOnly(Mutant):
    """Freezing is looked at before the debit, and is no condition of it."""

    breaks, within = "F", ONE._replace(requests=(Request("freeze"),))

    def refuses(self, wallet: Wallet, shard: int, amount: int, *, read: bool) -> bool:
        return super().refuses(wallet._replace(frozen=0), shard, amount, read=read)


class ReshardUnconditional(Mutant):
    """A shard is set to what it held when it was read, less what is moved."""

    breaks, within = "1", ONE._replace(requests=(Request("reshard", 0, 2),))

    def movable(self, now: Wallet, seen: Wallet, move: Move) -> bool:
        return self.countable(now, seen, move)

    def resharded(self, now: Wallet, seen: Wallet, move: Move) -> Wallet:
        return super().resharded(now._replace(shards=seen.shards), seen, move)


class ReshardForgetsMarks(Mutant):
    """A new number of shards is not conditioned on the wallet's not being frozen."""

    breaks, within = "F", ONE._replace(requests=(Request("freeze"), Request("reshard", 0, 2)))

    def holds(self, now: Wallet, seen: Wallet, request: Request) -> bool:
        if request.kind == "reshard":
            return super().holds(now._replace(frozen=0), seen, request)
        return super().holds(now, seen, request)


class FreezeIgnoresNewShards(Mutant):
    """Freezing marks the shards that were read; there may be more by now."""

    breaks, within = "F", ONE._replace(requests=(Request("freeze"), Request("reshard", 0, 2)))
    sooner = 1

    def begins(self, wallet: Wallet, caller: Caller) -> bool:
        return super().begins(wallet, caller._replace(shards=len(wallet.shards)))


class FreezeGoesOnOvertaken(Mutant):
    """A shard is marked though an unfreezing has begun, and may have ended, meanwhile."""

    breaks, within = (
        "F",
        ONE._replace(faults=0, requests=(Request("freeze"), Request("unfreeze"))),
    )

    def overtaken(self, caller: Caller) -> bool:  # noqa: ARG002
        return False


class ShrinkDropsAShard(Mutant):
    """Fewer shards, and what the last one held is gone."""

    breaks, within = (
        "1",
        ONE._replace(wallets=(Wallet((2, 2)),), requests=(Request("reshard", 0, 1),)),
    )

    def resharded(self, now: Wallet, seen: Wallet, move: Move) -> Wallet:
        return super().resharded(now, seen, move)._replace(shards=now.shards[: move.count])


class CancelUnconditional(Mutant):
    """A cancellation does not look at the status that it leaves."""

    breaks, within = "5", ONE._replace(requests=(Request("cancel"),))

    def cancelable(self, status: int) -> bool:
        return status not in {NEW, CANCELED}


class CancelKeepsTheReservation(Mutant):
    """What a canceled refund had reserved of its order is not given back."""

    breaks, within = "4", ONE._replace(requests=(Request("cancel"),))

    def canceled(self, state: State, place: int, refund: int) -> Edge:
        edge = super().canceled(state, place, refund)
        return edge._replace(state=edge.state._replace(refundable=state.refundable))


class AcceptUnconditional(Mutant):
    """A request is accepted on what was read of the order."""

    breaks, within = (
        "4",
        TWO._replace(
            refunds=(Refund(2), Refund(2, asked=False)), orders=(3,), requests=(Request("ask", 1),)
        ),
    )

    def accepts(self, state: State, refund: int) -> bool:  # noqa: ARG002
        return True


class AnsweredBeforePaid(Mutant):
    """The message is acknowledged on receipt, and there is no sweeper behind it."""

    breaks, within = "6", ONE._replace(kinds=frozenset({"crash"}))
    shows = False

    def good_steps(self, state: State, place: int, worker: Worker) -> Iterator[Edge]:
        for edge in super().good_steps(state, place, worker):
            if worker.at == At.IDLE:
                taken = sum(1 << each for each in edge.step.detail)
                yield edge._replace(state=edge.state._replace(queue=state.queue & ~taken))
            else:
                yield edge

    def due(self, state: State) -> int:  # noqa: ARG002
        return 0


class LostIsFailed(Mutant):
    """No answer is taken for a failure: the refund is put to wait, though it may be paid."""

    breaks, within = "5", ONE._replace(kinds=frozenset({"lost"}))

    def again(self, worker: Worker, plan: Plan) -> Worker:
        return self.left_waiting(worker, plan.everyone)

    def waiting(self, state: State, refund: int, reason: int) -> State:
        return state._replace(status=put(state.status, refund, reason))


class NoSweeper(Mutant):
    """A lost message is never sent again."""

    breaks, within = "6", ONE
    shows = False

    def due(self, state: State) -> int:  # noqa: ARG002
        return 0


class NoNextTry(Mutant):
    """What awaits funds is woken by a credit only, and a wake-up may be lost."""

    breaks, within = "6", ONE._replace(wallets=(Wallet((0,)),), requests=(Request("credit", 0, 2),))
    shows = False

    def due(self, state: State) -> int:
        return sum(1 << number for number, each in enumerate(state.status) if each == PENDING)


class CreditOnAnOldDebt(Mutant):
    """A credit repays the debt that was read, though another has repaid it."""

    breaks, within = (
        "2",
        ONE._replace(wallets=(Wallet((0,), owed=1),), requests=(Request("credit", 0, 1),) * 2),
    )

    def holds(self, now: Wallet, seen: Wallet, request: Request) -> bool:
        if request.kind == "credit":
            return poorest(seen) < len(now.shards)
        return super().holds(now, seen, request)


class CreditForgotten(Mutant):
    """A credit's posting has an id of its own each time it is sent."""

    breaks, within = "7", ONE._replace(requests=(Request("credit", 0, 1),))
    sooner = 1

    def remembers(self, caller: Caller) -> bool:  # noqa: ARG002
        return False


class CreditToAnyShard(Mutant):
    """A credit makes the shard that it was planned for, though there are fewer by now."""

    breaks, within = (
        "1",
        ONE._replace(
            wallets=(Wallet((3, 0)),), requests=(Request("credit", 0, 1), Request("reshard", 0, 1))
        ),
    )

    def holds(self, now: Wallet, seen: Wallet, request: Request) -> bool:
        return request.kind == "credit" or super().holds(now, seen, request)

    def credited(self, now: Wallet, seen: Wallet, amount: int) -> Wallet:
        if poorest(seen) >= len(now.shards):
            return now
        return super().credited(now, seen, amount)


class PayoutOnAnOldRead(Mutant):
    """A payout takes what was read, whatever the shards hold by now."""

    breaks, within = "2", ONE._replace(requests=(Request("payout", 0, 4),))

    def holds(self, now: Wallet, seen: Wallet, request: Request) -> bool:
        return request.kind == "payout" or super().holds(now, seen, request)


class DuplicateInABatch(Mutant):
    """A batch is its messages, not its refunds: one that is in it twice is paid twice."""

    breaks, within = "3", ONE

    def good_steps(self, state: State, place: int, worker: Worker) -> Iterator[Edge]:
        yield from super().good_steps(state, place, worker)
        if worker.at == At.IDLE:
            for batch in subsets(state.queue):
                once = self.received(state, batch)
                twice = once._replace(group=once.group * 2)
                yield self.edge(state, place, twice, "receives", (*members(batch),) * 2)


class BadMessageFailsAll(Mutant):
    """The handler raises on a message that it cannot read: the whole batch is delivered again."""

    breaks, within = "8", ONE._replace(bad_message=True)
    shows = False

    def received(self, state: State, batch: int) -> Worker:
        if batch & self.bounds.bad:
            return Worker(At.ANSWER, batch, failed=batch)
        return super().received(state, batch)


class GroupOfTwoMerchants(Mutant):
    """A batch is not split by merchant: the first one's wallet pays for all."""

    breaks, within = (
        "9",
        Bounds(
            "two merchants",
            (Refund(1), Refund(1, merchant=1)),
            (Wallet((2,)), Wallet((2,))),
            hints=1,
        ),
    )

    def split(self, found: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return found, ()


class PaidInPart(Mutant):
    """The wallet's part is paid now, the rest never."""

    breaks, within = "1", ONE._replace(wallets=(Wallet((1,)),))

    def plan(self, group: tuple[int, ...], wallet: Wallet, aged: int) -> Plan:
        rich = wallet._replace(headroom=9)
        return super().plan(group, rich, aged)._replace(advance=0)


class HeldIsNotSeen(Mutant):
    """A first try does not look whether an older refund has waited too long."""

    breaks, within = (
        "H",
        TWO._replace(refunds=(Refund(3, old=True), Refund(2)), wallets=(Wallet((2,)),)),
    )

    def refuses(self, wallet: Wallet, shard: int, amount: int, *, read: bool) -> bool:
        return super().refuses(wallet._replace(held=0), shard, amount, read=read)


class OverdueIsSkipped(Mutant):
    """A plan skips one that has waited too long, as any other that does not fit."""

    breaks, within = (
        "H",
        TWO._replace(refunds=(Refund(3, old=True), Refund(2)), wallets=(Wallet((2,)),), hints=2),
    )

    def plan(self, group: tuple[int, ...], wallet: Wallet, aged: int) -> Plan:
        skipping = super().plan(group, wallet, 0)
        return skipping._replace(overdue=any(aged >> each & 1 for each in skipping.waiting))


class NeverUnfrozen(Mutant):
    """What awaits the unfreezing is tried by nobody after it."""

    breaks, within = "6", ONE._replace(faults=0, requests=(Request("freeze"), Request("unfreeze")))

    def due(self, state: State) -> int:
        return super().due(state) if state.wallets[0].frozen else 0

    def woken(self, state: State, merchant: int) -> int:  # noqa: ARG002
        return 0


MUTANTS: tuple[type[Mutant], ...] = tuple(Mutant.__subclasses__())
