"""A worker's steps: receive, try one shard, look at all, pay as planned, wait, answer."""

from collections.abc import Iterator

from tests.model.state import (
    CONFIG,
    FUNDS,
    PENDING,
    SUCCEEDED,
    TRIES,
    UNFREEZE,
    At,
    Bounds,
    Edge,
    Plan,
    State,
    Step,
    Wallet,
    Worker,
    is_open,
    mask,
    members,
    put,
    subsets,
)


class Debiting:
    """The product's protocol. A mutant overrides one method."""

    bounds: Bounds

    # ── What the database decides ────────────────────────────────────────────────────────────

    def closed(self, state: State, plan: Plan) -> tuple[int, ...]:
        """The gate: which of its refunds may not be paid any more."""
        return tuple(refund for refund in plan.paid if not is_open(state.status[refund]))

    def refuses(self, wallet: Wallet, shard: int, amount: int, *, read: bool) -> bool:
        return (
            shard >= len(wallet.shards)
            or wallet.shards[shard] < amount
            or bool(wallet.frozen >> shard & 1)
            or (not read and bool(wallet.held >> shard & 1))
        )

    def reply(self, state: State, plan: Plan) -> str:
        """The first row of the reply table that applies."""
        if self.closed(state, plan):
            return "rejected"
        wallet = state.wallets[self.merchant(plan.paid)]
        refused = [
            shard
            for shard, amount in plan.draws
            if self.refuses(wallet, shard, amount, read=plan.read)
        ]
        if any(wallet.frozen >> shard & 1 for shard in refused) or (
            not plan.draws and wallet.frozen & CONFIG
        ):
            return "frozen"
        if refused or plan.deposit > wallet.deposit or plan.advance > max(0, wallet.headroom):
            return "short"
        return "settled"

    def moved(self, state: State, plan: Plan) -> State:
        """All of it, in one transaction."""
        status, postings, buyers = [*state.status], [*state.postings], [*state.buyers]
        for number in plan.paid:
            refund = self.bounds.refunds[number]
            status[number] = SUCCEEDED
            postings[number] += 1
            buyers[refund.buyer] += refund.amount
        return state._replace(
            status=tuple(status),
            postings=tuple(postings),
            buyers=tuple(buyers),
            wallets=self.drawn(state, plan),
        )

    def drawn(self, state: State, plan: Plan) -> tuple[Wallet, ...]:
        merchant = self.merchant(plan.paid)
        wallet = state.wallets[merchant]
        shards = [*wallet.shards]
        for shard, amount in plan.draws:
            shards[shard] -= amount
        changed = wallet._replace(
            shards=tuple(shards),
            deposit=wallet.deposit - plan.deposit,
            owed=wallet.owed + plan.advance,
            headroom=wallet.headroom - plan.advance,
        )
        return put(state.wallets, merchant, changed)

    # ── What the function plans ──────────────────────────────────────────────────────────────

    def merchant(self, refunds: tuple[int, ...]) -> int:
        return self.bounds.refunds[refunds[0]].merchant

    def first_plan(self, group: tuple[int, ...], shard: int) -> Plan:
        amount = sum(self.bounds.refunds[refund].amount for refund in group)
        return Plan(group, ((shard, amount),), read=False)

    def plan(self, group: tuple[int, ...], wallet: Wallet, aged: int) -> Plan:
        """The waterfall, oldest first."""
        available, deposit, headroom = sum(wallet.shards), wallet.deposit, max(0, wallet.headroom)
        paid, waiting, overdue = [], [], False
        drawn = [0, 0, 0]
        for refund in sorted(group):
            amount = self.bounds.refunds[refund].amount
            if overdue or amount > available + deposit + headroom:
                waiting.append(refund)
                overdue = overdue or bool(aged >> refund & 1)
                continue
            paid.append(refund)
            parts = (
                min(amount, available),
                min(max(0, amount - available), deposit),
                max(0, amount - available - deposit),
            )
            available, deposit, headroom = (
                left - part
                for left, part in zip((available, deposit, headroom), parts, strict=True)
            )
            drawn = [sum(both) for both in zip(drawn, parts, strict=True)]
        draws = from_richest(wallet.shards, drawn[0])
        return Plan(tuple(paid), draws, drawn[1], drawn[2], tuple(waiting), overdue=overdue)

    def waits(self, state: State, merchant: int) -> tuple[int, ...]:
        """This merchant's overdue refunds, as the list of the waiting has them."""
        return tuple(
            number
            for number, refund in enumerate(self.bounds.refunds)
            if refund.old
            and refund.merchant == merchant
            and state.status[number] in {FUNDS, UNFREEZE}
        )

    # ── What the function does ───────────────────────────────────────────────────────────────

    def worker_steps(self, state: State, place: int) -> Iterator[Edge]:
        worker = state.workers[place]
        yield from self.good_steps(state, place, worker)
        if state.faults and worker.at != At.IDLE:
            yield from self.bad_steps(state, place, worker)

    def good_steps(self, state: State, place: int, worker: Worker) -> Iterator[Edge]:
        match worker.at:
            case At.IDLE:
                for batch in subsets(state.queue):
                    received = self.received(state, batch)
                    yield self.edge(state, place, received, "receives", (*members(batch),))
            case At.TRY:
                for shard in range(self.bounds.hints):
                    plan = self.first_plan(worker.group, shard)
                    yield self.sent(state, place, plan, "tries shard", detail=(shard,))
            case At.GLANCE:
                yield self.edge(state, place, self.glanced(state, worker), "glances", ())
            case At.READ:
                yield self.edge(state, place, self.planned(state, worker), "reads all", ())
            case At.HOLD:
                assert worker.plan
                held = self.marked(state, worker.plan)
                after = self.prepared(worker, worker.plan)
                yield self.edge(held, place, after, "holds", (worker.plan.overdue,))
            case At.PAY:
                assert worker.plan
                yield self.sent(state, place, worker.plan, "sends its plan")
            case At.WAIT:
                refund, after = worker.group[0], self.waited(worker)
                written = self.waiting(state, refund, worker.reason)
                yield self.edge(written, place, after, "lets wait", (refund,))
            case _:
                kept = state.queue & ~(worker.batch & ~worker.failed)
                freed = state._replace(queue=kept)
                yield self.edge(freed, place, Worker(), "answers", (*members(worker.failed),))

    def bad_steps(self, state: State, place: int, worker: Worker) -> Iterator[Edge]:
        kinds, less = self.bounds.kinds, state._replace(faults=state.faults - 1)
        if "crash" in kinds:
            yield self.edge(less, place, Worker(), "crashes", (), fault=True)
        if worker.at in {At.TRY, At.PAY} and "late" in kinds:
            given_up = self.failing(worker, worker.group)
            yield self.edge(less, place, given_up, "has no time to send", (), fault=True)
        if worker.at in {At.GLANCE, At.READ, At.HOLD} and "late" in kinds:
            given_up = self.failing(worker, worker.group)
            yield self.edge(less, place, given_up, "has no time to plan", (), fault=True)
        if worker.at == At.WAIT and "late" in kinds:
            given_up = self.waited(worker, failed=True)
            yield self.edge(less, place, given_up, "has no time to wait", (), fault=True)
        if worker.at == At.WAIT and "lost" in kinds:
            refund = worker.group[0]
            written = self.waiting(less, refund, worker.reason)
            after = self.waited(worker, failed=True)
            yield self.edge(written, place, after, "lets wait, answer lost:", (refund,), fault=True)
        if worker.at in {At.TRY, At.PAY}:
            for shard in range(self.bounds.hints if worker.at == At.TRY else 1):
                yield from self.bad_sends(less, place, worker, shard)

    def bad_sends(self, less: State, place: int, worker: Worker, shard: int) -> Iterator[Edge]:
        plan = worker.plan or self.first_plan(worker.group, shard)
        again = self.again(worker, plan)
        detail = (shard,) if worker.at == At.TRY else ()
        if "conflict" in self.bounds.kinds:
            yield self.edge(less, place, again, "conflicts", detail, fault=True)
        if "lost" in self.bounds.kinds and self.reply(less, plan) == "settled":
            done = self.moved(less, plan)
            yield self.edge(done, place, again, "is paid, answer lost", detail, fault=True)

    def received(self, state: State, batch: int) -> Worker:
        refunds = tuple(members(batch & ~self.bounds.bad))
        found = tuple(refund for refund in refunds if is_open(state.status[refund]))
        aged = mask(
            tuple(
                refund
                for refund in found
                if self.bounds.refunds[refund].old and state.status[refund] != PENDING
            )
        )
        worker = Worker(batch=batch, failed=batch & self.bounds.bad, rest=found, aged=aged)
        return self.next_group(worker)

    def next_group(self, worker: Worker) -> Worker:
        if not worker.rest:
            return Worker(At.ANSWER, worker.batch, worker.failed)
        group, rest = self.split(worker.rest)
        return Worker(At.TRY, worker.batch, worker.failed, rest, worker.aged, group)

    def split(self, found: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """One merchant's, and the others."""
        refunds = self.bounds.refunds
        merchant = min(refunds[refund].merchant for refund in found)
        group = tuple(each for each in found if refunds[each].merchant == merchant)
        return group, tuple(each for each in found if each not in group)

    def sent(
        self, state: State, place: int, plan: Plan, what: str, *, detail: tuple[int, ...] = ()
    ) -> Edge:
        worker, reply = state.workers[place], self.reply(state, plan)
        match reply:
            case "settled":
                state, after = self.moved(state, plan), self.left_waiting(worker, plan.waiting)
            case "rejected":
                closed = self.closed(state, plan)
                left = tuple(each for each in plan.everyone if each not in closed)
                after = self.trying(worker, left)
            case "frozen":
                after = worker._replace(at=At.WAIT, group=plan.everyone, plan=(), reason=UNFREEZE)
            case _:
                after = self.when_short(worker, plan)
        return self.edge(state, place, after, what, detail, reply=reply)

    def when_short(self, worker: Worker, plan: Plan) -> Worker:
        """All sources are looked at before anything is said to wait."""
        return worker._replace(at=At.GLANCE, group=plan.everyone, plan=(), tries=worker.tries + 1)

    def glanced(self, state: State, worker: Worker) -> Worker:
        """What is seen to cover all is tried; else all sources are read."""
        wallet = state.wallets[self.merchant(worker.group)]
        wanted = sum(self.bounds.refunds[refund].amount for refund in worker.group)
        if wanted <= wallet.total and not self.waterfall(state, worker)[0].waiting:
            return self.planned(state, worker)
        return worker._replace(at=At.READ)

    def waterfall(self, state: State, worker: Worker) -> tuple[Plan, int]:
        """With the overdue, and who is known to be so."""
        merchant = self.merchant(worker.group)
        joined = self.waits(state, merchant)
        aged = worker.aged | mask(joined)
        plan = self.plan(tuple({*worker.group, *joined}), state.wallets[merchant], aged)
        return plan._replace(older=mask(joined)), aged

    def planned(self, state: State, worker: Worker) -> Worker:
        plan, aged = self.waterfall(state, worker)
        waiting = tuple(each for each in plan.waiting if each in worker.group)
        plan = plan._replace(waiting=waiting)
        worker = worker._replace(aged=aged)
        if plan.overdue != bool(state.wallets[self.merchant(worker.group)].held & CONFIG):
            return worker._replace(at=At.HOLD, plan=plan)
        return self.prepared(worker, plan)

    def prepared(self, worker: Worker, plan: Plan) -> Worker:
        if not plan.paid:
            return self.left_waiting(worker, plan.waiting)
        if worker.tries == TRIES:
            return self.failing(worker, plan.everyone)
        return worker._replace(at=At.PAY, group=plan.everyone, plan=plan)

    def marked(self, state: State, plan: Plan) -> State:
        merchant = self.merchant(plan.everyone)
        wallet = state.wallets[merchant]
        held = wallet._replace(held=wallet.all_marks if plan.overdue else 0)
        return state._replace(wallets=put(state.wallets, merchant, held))

    def left_waiting(self, worker: Worker, waiting: tuple[int, ...]) -> Worker:
        if not waiting:
            return self.next_group(worker)
        return worker._replace(at=At.WAIT, group=waiting, plan=(), reason=FUNDS, tries=0)

    def waiting(self, state: State, refund: int, reason: int) -> State:
        if not is_open(state.status[refund]):
            return state
        return state._replace(status=put(state.status, refund, reason))

    def waited(self, worker: Worker, *, failed: bool = False) -> Worker:
        first, *left = worker.group
        if failed:
            worker = worker._replace(failed=worker.failed | 1 << first & worker.batch)
        if left:
            return worker._replace(group=tuple(left), tries=0)
        return self.next_group(worker)

    def trying(self, worker: Worker, group: tuple[int, ...]) -> Worker:
        if not group:
            return self.next_group(worker)
        return worker._replace(at=At.TRY, group=group, plan=())

    def again(self, worker: Worker, plan: Plan) -> Worker:
        """Nothing is known of what was sent: the same once more, or it is given back."""
        if worker.tries + 1 == TRIES:
            return self.failing(worker, plan.everyone)
        return worker._replace(at=At.PAY, plan=plan, tries=worker.tries + 1)

    def failing(self, worker: Worker, refunds: tuple[int, ...]) -> Worker:
        """Given back, as far as a message named them; the others have their own next try."""
        failed = worker.failed | mask(refunds) & worker.batch
        return self.next_group(worker._replace(failed=failed))

    def edge(
        self,
        state: State,
        place: int,
        worker: Worker,
        what: str,
        detail: tuple[int, ...],
        *,
        reply: str = "",
        fault: bool = False,
    ) -> Edge:
        workers = tuple(sorted(put(state.workers, place, worker)))
        step = Step("worker", what, place, detail, reply, fault)
        return Edge(step, state._replace(workers=workers), not fault)


def from_richest(shards: tuple[int, ...], amount: int) -> tuple[tuple[int, int], ...]:
    draws = []
    for shard in sorted(range(len(shards)), key=lambda each: (-shards[each], each)):
        taken = min(amount, shards[shard])
        if taken:
            draws.append((shard, taken))
            amount -= taken
    return tuple(draws)
