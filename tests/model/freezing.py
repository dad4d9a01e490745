"""A caller's steps to freeze and unfreeze: the wallet itself, and each of its shards."""

from collections.abc import Iterator

from tests.model.state import (
    CONFIG,
    COUNTED,
    FROZEN_NEWLY,
    HELD_NEWLY,
    LIFTED,
    Bounds,
    Caller,
    Edge,
    Request,
    Stage,
    State,
    Step,
    Wallet,
    put,
)

MARKS = {"freeze", "unfreeze"}


class Freezing:
    """The product's protocol. A mutant overrides one method."""

    bounds: Bounds

    def freezing_steps(self, state: State, place: int) -> Iterator[Edge]:
        caller, request = state.callers[place], self.bounds.requests[place]
        if caller.at == Stage.START:
            read = self.read_marks(state.wallets[request.of], request)
            yield self.called(state, place, read, "reads", fair=False)
            return
        yield self.marks_next(state, place, caller, request)
        if state.faults and "lost" in self.bounds.kinds:
            yield from self.unanswered_mark(state, place, caller, request)

    def read_marks(self, wallet: Wallet, request: Request) -> Caller:
        """Begun by another already, to be begun, or nothing to lift."""
        on, is_on = request.kind == "freeze", not wallet.frozen & LIFTED
        planned = Caller(Stage.PLANNED, shards=len(wallet.shards))
        if not wallet.frozen & CONFIG:
            return planned if on else Caller(Stage.WAKE)
        return planned._replace(place=0) if on == is_on else planned

    def marks(self, state: State, caller: Caller, request: Request) -> Wallet | None:
        """The wallet after the next step of a freezing, or none when it was overtaken."""
        wallet, on = state.wallets[request.of], request.kind == "freeze"
        if caller.place < 0:
            if not self.begins(wallet, caller):
                return None
            return wallet._replace(frozen=wallet.frozen & ~LIFTED | CONFIG | (0 if on else LIFTED))
        if self.overtaken(caller):
            return None
        if caller.place == caller.shards:
            return wallet._replace(frozen=wallet.frozen & ~(CONFIG | LIFTED))
        bit = 1 << caller.place if caller.place < len(wallet.shards) else 0
        return wallet._replace(frozen=wallet.frozen | bit if on else wallet.frozen & ~bit)

    def begins(self, wallet: Wallet, caller: Caller) -> bool:
        return not caller.stale & COUNTED and caller.shards == len(wallet.shards)

    def overtaken(self, caller: Caller) -> bool:
        return bool(caller.stale & FROZEN_NEWLY)

    def steps(self, caller: Caller, request: Request) -> int:
        """How many writes there are after the first; unfreezing ends with the wallet itself."""
        return caller.shards + (request.kind == "unfreeze")

    def marks_next(self, state: State, place: int, caller: Caller, request: Request) -> Edge:
        over = Caller(Stage.OVER if request.kind == "freeze" else Stage.WAKE)
        wallet = self.marks(state, caller, request)
        if wallet is None:
            config = state.wallets[request.of].frozen & CONFIG
            if caller.place >= 0 and request.kind == "unfreeze" and not config:
                return self.called(state, place, over, "writes", reply="lifted by another")
            return self.called(state, place, Caller(), "writes", reply="changed meanwhile")
        after = caller._replace(place=caller.place + 1, stale=0)
        if after.place == self.steps(caller, request):
            after = over
        return self.called(
            self.remarked(state, place, caller, request, wallet), place, after, "writes"
        )

    def unanswered_mark(
        self, state: State, place: int, caller: Caller, request: Request
    ) -> Iterator[Edge]:
        wallet = self.marks(state, caller, request)
        if wallet is not None:
            less = state._replace(faults=state.faults - 1)
            done = self.remarked(less, place, caller, request, wallet)
            yield self.called(done, place, Caller(), "writes, answer lost:", fault=True)

    def remarked(
        self, state: State, place: int, caller: Caller, request: Request, wallet: Wallet
    ) -> State:
        changed = state._replace(wallets=put(state.wallets, request.of, wallet))
        if caller.place < 0:
            return self.outdated(changed, request.of, FROZEN_NEWLY | COUNTED, but=place)
        if caller.place == caller.shards:
            return self.outdated(changed, request.of, FROZEN_NEWLY, but=place)
        return changed

    def outdated(self, state: State, merchant: int, bits: int, *, but: int = -1) -> State:
        """What others have read of a wallet's marks is so no more."""
        callers = [*state.callers]
        for place, (caller, request) in enumerate(
            zip(state.callers, self.bounds.requests, strict=True)
        ):
            heeded = {"reshard": HELD_NEWLY} | dict.fromkeys(MARKS, FROZEN_NEWLY | COUNTED)
            news = bits & heeded.get(request.kind, 0) * (request.of == merchant)
            if caller.at in {Stage.OVER, Stage.WAKE}:
                news &= FROZEN_NEWLY
            if place != but and caller.at != Stage.START and news:
                callers[place] = caller._replace(stale=caller.stale | news)
        return state._replace(callers=tuple(callers))

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
