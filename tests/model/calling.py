"""A caller's steps: ask, cancel, credit, pay out, freeze, unfreeze, reshard."""

from collections.abc import Iterator

from refunds.funding import Move, next_move
from tests.model.debiting import from_richest
from tests.model.freezing import MARKS, Freezing
from tests.model.state import (
    CANCELED,
    CONFIG,
    FUNDS,
    HELD_NEWLY,
    LIFTED,
    NEW,
    PENDING,
    UNFREEZE,
    Caller,
    Edge,
    Request,
    Stage,
    State,
    Wallet,
    is_open,
    put,
)


class Calling(Freezing):
    """The product's protocol. A mutant overrides one method."""

    def caller_steps(self, state: State, place: int) -> Iterator[Edge]:
        caller, request = state.callers[place], self.bounds.requests[place]
        match caller.at:
            case Stage.START | Stage.PLANNED if request.kind in MARKS:
                yield from self.freezing_steps(state, place)
            case Stage.START if request.kind == "ask":
                yield self.asked(state, place, request.of)
            case Stage.START if request.kind == "cancel":
                if state.status[request.of] != NEW:
                    yield self.canceled(state, place, request.of)
            case Stage.START:
                read = self.read(state, caller, request)
                yield self.called(state, place, read, "reads", fair=False)
            case Stage.PLANNED:
                yield self.committed(state, place, caller, request)
                if state.faults and "lost" in self.bounds.kinds:
                    yield from self.unanswered(state, place, caller, request)
            case Stage.WAKE:
                over = caller._replace(at=Stage.OVER)
                woken = state._replace(queue=state.queue | self.woken(state, request.of))
                yield self.called(woken, place, over, "wakes what waits")
                if state.faults and "lose" in self.bounds.kinds:
                    less = state._replace(faults=state.faults - 1)
                    yield self.called(less, place, over, "wakes nobody", fault=True)

    # ── Refunds ──────────────────────────────────────────────────────────────────────────────

    def accepts(self, state: State, refund: int) -> bool:
        left = state.refundable[self.bounds.order(refund)]
        return left >= self.bounds.refunds[refund].amount

    def asked(self, state: State, place: int, refund: int) -> Edge:
        over = Caller(Stage.OVER)
        if not self.accepts(state, refund):
            return self.called(state, place, over, "is asked", reply="refused", fair=False)
        order = self.bounds.order(refund)
        left = state.refundable[order] - self.bounds.refunds[refund].amount
        accepted = state._replace(
            status=put(state.status, refund, PENDING),
            refundable=put(state.refundable, order, left),
            queue=state.queue | 1 << refund,
        )
        return self.called(accepted, place, over, "is asked", reply="accepted", fair=False)

    def cancelable(self, status: int) -> bool:
        return is_open(status)

    def canceled(self, state: State, place: int, refund: int) -> Edge:
        over = Caller(Stage.OVER)
        if not self.cancelable(state.status[refund]):
            return self.called(state, place, over, "is canceled", reply="too late", fair=False)
        order = self.bounds.order(refund)
        left = state.refundable[order] + self.bounds.refunds[refund].amount
        done = state._replace(
            status=put(state.status, refund, CANCELED),
            refundable=put(state.refundable, order, left),
        )
        return self.called(done, place, over, "is canceled", reply="done", fair=False)

    # ── A merchant's money ───────────────────────────────────────────────────────────────────

    def read(self, state: State, caller: Caller, request: Request) -> Caller:
        if caller.posted and self.remembers(caller):
            return caller._replace(at=Stage.WAKE if request.kind == "credit" else Stage.OVER)
        wallet = state.wallets[request.of]
        if request.kind == "reshard" and (
            wallet.frozen & CONFIG or not next_move(wallet.shards, request.amount)
        ):
            return Caller(Stage.OVER)
        if request.kind == "payout" and request.amount > self.payable(state, request.of):
            return caller._replace(at=Stage.OVER)
        return caller._replace(at=Stage.PLANNED, seen=wallet)

    def remembers(self, caller: Caller) -> bool:
        """The posting's id is the request's own: the same request again finds it."""
        return bool(caller.posted)

    def payable(self, state: State, merchant: int) -> int:
        wallet = state.wallets[merchant]
        if wallet.frozen & CONFIG:
            return 0
        waiting = sum(
            refund.amount
            for number, refund in enumerate(self.bounds.refunds)
            if refund.merchant == merchant and state.status[number] in {FUNDS, UNFREEZE}
        )
        missing = max(0, wallet.required - wallet.deposit)
        return sum(wallet.shards) - wallet.owed - missing - waiting

    def holds(self, now: Wallet, seen: Wallet, request: Request) -> bool:
        """The condition of what was planned on `seen`."""
        match request.kind:
            case "credit":
                as_read = (now.deposit, now.owed) == (seen.deposit, seen.owed)
                return as_read and poorest(seen) < len(now.shards)
            case "payout":
                draws = from_richest(seen.shards, request.amount)
                as_read = (now.deposit, now.owed) == (seen.deposit, seen.owed)
                return as_read and all(
                    shard < len(now.shards)
                    and now.shards[shard] >= amount
                    and not now.frozen >> shard & 1
                    for shard, amount in draws
                )
            case _:
                move = next_move(seen.shards, request.amount)
                assert move
                return self.movable(now, seen, move)

    def movable(self, now: Wallet, seen: Wallet, move: Move) -> bool:
        """A move's conditions, but for what is marked on the wallet itself."""
        there = move.source < len(now.shards)
        if move.count < len(seen.shards):
            there = there and now.shards[move.source] == move.amount
        elif move.amount:
            there = there and now.shards[move.source] >= move.amount
            there = there and not now.frozen >> move.source & 1
        if move.count <= len(seen.shards) and move.amount:
            there = there and move.target < len(now.shards)
            there = there and not now.frozen >> move.target & 1
        return there and self.countable(now, seen, move)

    def countable(self, now: Wallet, seen: Wallet, move: Move) -> bool:
        """A number of shards changes only from what was read, and in no frozen wallet."""
        if move.count == len(seen.shards):
            return True
        return len(now.shards) == len(seen.shards) and not now.frozen & CONFIG

    def changed(self, now: Wallet, seen: Wallet, request: Request) -> Wallet:
        match request.kind:
            case "credit":
                return self.credited(now, seen, request.amount)
            case "payout":
                draws = from_richest(seen.shards, request.amount)
                taken = dict(draws)
                left = tuple(each - taken.get(shard, 0) for shard, each in enumerate(now.shards))
                return now._replace(shards=left)
            case _:
                move = next_move(seen.shards, request.amount)
                assert move
                return self.resharded(now, seen, move)

    def credited(self, now: Wallet, seen: Wallet, amount: int) -> Wallet:
        """The debt first, then the deposit up to its level, then the poorest shard."""
        repaid = min(amount, seen.owed)
        kept = min(amount - repaid, max(0, seen.required - seen.deposit))
        place = poorest(seen)
        return now._replace(
            shards=put(now.shards, place, now.shards[place] + amount - repaid - kept),
            deposit=now.deposit + kept,
            owed=now.owed - repaid,
            headroom=now.headroom + repaid,
        )

    def resharded(self, now: Wallet, seen: Wallet, move: Move) -> Wallet:  # noqa: ARG002
        shards = [*now.shards, 0][: max(len(now.shards), move.count)]
        shards[move.source] -= move.amount
        shards[move.target] += move.amount
        kept = CONFIG | LIFTED | (1 << min(move.count, len(now.shards))) - 1
        new = 1 << move.target if move.target == len(now.shards) and now.held & CONFIG else 0
        return now._replace(
            shards=tuple(shards[: move.count]),
            frozen=now.frozen & kept,
            held=now.held & kept | new,
        )

    def committed(self, state: State, place: int, caller: Caller, request: Request) -> Edge:
        again = caller._replace(at=Stage.START, seen=(), stale=0)
        assert caller.seen
        if not self.is_as_planned(state, caller, request):
            return self.called(state, place, again, "writes", reply="changed meanwhile")
        at = {"credit": Stage.WAKE, "reshard": Stage.START}.get(request.kind, Stage.OVER)
        return self.called(
            self.written(state, caller.seen, request),
            place,
            self.after(caller, request, at),
            "writes",
        )

    def unanswered(
        self, state: State, place: int, caller: Caller, request: Request
    ) -> Iterator[Edge]:
        assert caller.seen
        if self.is_as_planned(state, caller, request):
            less = state._replace(faults=state.faults - 1)
            done = self.written(less, caller.seen, request)
            again = self.after(caller, request, Stage.START)
            yield self.called(done, place, again, "writes, answer lost:", fault=True)

    def is_as_planned(self, state: State, caller: Caller, request: Request) -> bool:
        assert caller.seen
        if request.kind == "reshard" and caller.stale & HELD_NEWLY:
            move = next_move(caller.seen.shards, request.amount)
            if move and move.count != len(caller.seen.shards):
                return False
        return self.holds(state.wallets[request.of], caller.seen, request)

    def written(self, state: State, seen: Wallet, request: Request) -> State:
        changed = self.changed(state.wallets[request.of], seen, request)
        return state._replace(wallets=put(state.wallets, request.of, changed))

    def after(self, caller: Caller, request: Request, at: int) -> Caller:
        moves_money = request.kind in {"credit", "payout"}
        return Caller(at, posted=caller.posted + moves_money)

    def woken(self, state: State, merchant: int) -> int:
        return sum(
            1 << number
            for number, refund in enumerate(self.bounds.refunds)
            if refund.merchant == merchant and state.status[number] in {FUNDS, UNFREEZE}
        )


def poorest(wallet: Wallet) -> int:
    return min(range(len(wallet.shards)), key=lambda shard: wallet.shards[shard])
