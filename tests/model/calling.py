"""A caller's steps: ask, cancel, credit, pay out, freeze, unfreeze, reshard."""

from collections.abc import Iterator

from tests.model.debiting import from_richest
from tests.model.state import (
    CANCELED,
    CONFIG,
    FUNDS,
    NEW,
    PENDING,
    UNFREEZE,
    Bounds,
    Caller,
    Edge,
    Request,
    Stage,
    State,
    Step,
    Wallet,
    is_open,
    put,
)

MARKS = {"freeze", "unfreeze"}


class Calling:
    """The product's protocol. A mutant overrides one method."""

    bounds: Bounds

    def caller_steps(self, state: State, place: int) -> Iterator[Edge]:
        caller, request = state.callers[place], self.bounds.requests[place]
        match caller.at:
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
            case "reshard":
                marks = (now.frozen & CONFIG, now.held & CONFIG)
                return now.shards == seen.shards and marks == (
                    seen.frozen & CONFIG,
                    seen.held & CONFIG,
                )
            case _:
                return len(now.shards) == len(seen.shards)

    def changed(self, now: Wallet, seen: Wallet, request: Request) -> Wallet:
        match request.kind:
            case "credit":
                return self.credited(now, seen, request.amount)
            case "payout":
                draws = from_richest(seen.shards, request.amount)
                taken = dict(draws)
                left = tuple(each - taken.get(shard, 0) for shard, each in enumerate(now.shards))
                return now._replace(shards=left)
            case "reshard":
                return self.resharded(now, seen, request.amount)
            case "freeze":
                return now._replace(frozen=CONFIG | (1 << len(seen.shards)) - 1)
            case _:
                return now._replace(frozen=0)

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

    def resharded(self, now: Wallet, seen: Wallet, count: int) -> Wallet:
        share, rest = divmod(sum(seen.shards), count)
        kept = CONFIG | (1 << min(count, len(seen.shards))) - 1
        new = (1 << count) - 1 & ~kept
        return now._replace(
            shards=tuple(share + (shard < rest) for shard in range(count)),
            frozen=now.frozen & kept | (new if seen.frozen else 0),
            held=now.held & kept | (new if seen.held else 0),
        )

    def committed(self, state: State, place: int, caller: Caller, request: Request) -> Edge:
        now = state.wallets[request.of]
        assert caller.seen
        if not self.holds(now, caller.seen, request):
            again = caller._replace(at=Stage.START, seen=())
            return self.called(state, place, again, "writes", reply="changed meanwhile")
        at = Stage.WAKE if request.kind in {"credit", "unfreeze"} else Stage.OVER
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
        if self.holds(state.wallets[request.of], caller.seen, request):
            less = state._replace(faults=state.faults - 1)
            done = self.written(less, caller.seen, request)
            again = self.after(caller, request, Stage.START)
            yield self.called(done, place, again, "writes, answer lost:", fault=True)

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

    def called(
        self,
        state: State,
        place: int,
        caller: Caller,
        what: str,
        *,
        reply: str = "",
        fair: bool = True,
        fault: bool = False,
    ) -> Edge:
        step = Step("caller", what, place, reply=reply, fault=fault)
        return Edge(
            step, state._replace(callers=put(state.callers, place, caller)), fair and not fault
        )


def poorest(wallet: Wallet) -> int:
    return min(range(len(wallet.shards)), key=lambda shard: wallet.shards[shard])
