"""The product with one thing wrong: each must be found out, or the simulation is blind to it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from itertools import count
from typing import Any
from unittest.mock import patch

from refunds import funding, http, intake, wallets
from refunds.debits import Debit
from refunds.funding import Funds, Plan
from refunds.queue import Batch
from refunds.settlement import Settled, Unknown
from refunds.stores import answers, debits, refunds
from refunds.stores.changes import EventBus
from refunds.stores.debits import DebitStore
from refunds.stores.dynamo import Dynamo, Values, from_item
from refunds.stores.sweeps import SweepStore
from refunds.stores.wallets import WalletStore
from refunds.table import Key
from tests.simulation import callers
from tests.simulation.callers import KINDS, Kind

THERE = "attribute_exists(pk)"

type Mutant = Callable[[], AbstractContextManager[Any]]


def no_gate() -> AbstractContextManager[Any]:
    """The debit's transaction has no condition on the refund's status."""
    return patch.object(debits, "AS_READ", THERE)


def wallet_unconditional() -> AbstractContextManager[Any]:
    """What the wallet holds is no condition of the debit."""
    return patch.multiple(
        debits,
        FUNDED="attribute_not_exists(frozen)",
        FUNDED_AND_NOT_HELD="attribute_not_exists(frozen) AND attribute_not_exists(held)",
    )


def frozen_is_not_seen() -> AbstractContextManager[Any]:
    """Freezing is no condition of the debit."""
    return patch.multiple(
        debits,
        FUNDED="available >= :amount",
        FUNDED_AND_NOT_HELD="available >= :amount AND attribute_not_exists(held)",
    )


def held_is_not_seen() -> AbstractContextManager[Any]:
    """A first try does not look whether the wallet is held for an older refund."""
    return patch.object(debits, "FUNDED_AND_NOT_HELD", debits.FUNDED)


def acknowledged_when_unknown() -> AbstractContextManager[Any]:
    """No answer is taken for a success."""
    debit = DebitStore.debit

    def answered(*args: Any, **named: Any) -> Any:
        reply = debit(*args, **named)
        return Settled() if isinstance(reply, Unknown) else reply

    return patch.object(DebitStore, "debit", answered)


def waits_unread() -> AbstractContextManager[Any]:
    """One shard is short, and all await funds, without a look at the other sources."""
    plan = funding.plan

    def unread(group: Sequence[Debit], funds: Funds, *, now: datetime) -> Plan:
        return plan(group, Funds(shards=funds.shards[:1], held=funds.held), now=now)

    return patch.object(funding, "plan", unread)


def no_sweeper() -> AbstractContextManager[Any]:
    """What is lost on its way to the queue is sent by nobody."""

    return patch.object(SweepStore, "due", lambda *_: [])


def cancel_unconditional() -> AbstractContextManager[Any]:
    """A cancellation does not look at the status that it leaves."""
    return patch.multiple(refunds, OPEN_STILL=THERE, OPEN_VALUES={})


def canceled_by_anyone() -> AbstractContextManager[Any]:
    """A refund is canceled for whoever knows its id."""
    return patch.object(intake, "owned", lambda refund, _: intake.existing(refund))


def bad_message_fails_all() -> AbstractContextManager[Any]:
    """Where a message cannot be read, its whole batch is given back."""
    failures = Batch.failures

    def every(self: Batch, failed: Iterable[str]) -> Any:
        return failures(self, self.refund_ids if self.malformed else failed)

    return patch.object(Batch, "failures", every)


def credit_forgotten() -> AbstractContextManager[Any]:
    """A credit has an id of its own each time it is sent."""
    numbers = count()
    return patch.object(wallets, "derived_id", lambda kind, **_: f"{kind}_{next(numbers)}")


def debt_as_it_was() -> AbstractContextManager[Any]:
    """Deposit and debt are planned on what was read, and not conditioned on it."""
    rest = WalletStore._from_read  # noqa: SLF001  # where the condition is made

    def unconditional(
        self: WalletStore, key: Any, expression: str, values: Any, **named: Any
    ) -> Any:
        action = rest(self, key, expression, values, **named)
        if action.kind == "ConditionCheck":
            return action
        return self.action_update(key, expression, None, values)

    return patch.object(WalletStore, "_from_read", unconditional)


def buyer_credited_apart() -> AbstractContextManager[Any]:
    """The buyer is credited outside the debit's transaction."""
    debit, buyers = DebitStore.debit, DebitStore._buyers  # noqa: SLF001  # what is taken apart

    def apart(self: DebitStore, plan: Any, **named: Any) -> Any:
        reply = debit(self, plan, **named)
        if isinstance(reply, Settled):
            self.transact(*buyers(self, plan))
        return reply

    @contextmanager
    def mutated() -> Iterator[None]:
        with (
            patch.object(DebitStore, "debit", apart),
            patch.object(DebitStore, "_buyers", lambda *_: ()),
        ):
            yield

    return mutated()


def acknowledged_on_receipt() -> AbstractContextManager[Any]:
    """Every message is acknowledged, whatever became of its refund."""
    return patch("refunds.queue.Batch.failures", lambda *_: {"batchItemFailures": []})


def left_over_is_missing() -> AbstractContextManager[Any]:
    """What a batch of reads leaves over is taken for what is not there."""

    def once(self: Dynamo, keys: Sequence[Key]) -> Iterator[Values]:
        wanted: Any = {self.table: {"Keys": keys, "ConsistentRead": True}}
        answer = self.client.batch_get_item(RequestItems=wanted)
        return map(from_item, answer["Responses"][self.table])

    return patch.object(Dynamo, "_get_chunk", once)


def untaken_is_told() -> AbstractContextManager[Any]:
    """Events that the bus did not take are not told again."""
    put_each = EventBus.put_each
    return patch.object(EventBus, "put_each", lambda self, told: put_each(self, told) and [True])


def error_path_raises() -> AbstractContextManager[Any]:
    """Where no answer came, its code is looked up in an answer all the same."""
    return patch.object(answers, "code_of", lambda error: error.response["Error"]["Code"])


def silence_is_ours() -> AbstractContextManager[Any]:
    """Where no answer came, a caller is told 500, and not to ask again."""
    return patch.object(http, "may_pass", lambda _: False)


def mostly(*kinds: Kind) -> AbstractContextManager[Any]:
    """Callers ask for little else, so that few schedules are enough."""
    weights = [30 if kind in kinds else weight for kind, weight in zip(Kind, KINDS, strict=True)]
    return patch.object(callers, "KINDS", weights)


MUTANTS: Sequence[tuple[Mutant, str, Sequence[Kind]]] = (
    (no_gate, "5", ()),
    (wallet_unconditional, "2", ()),
    (frozen_is_not_seen, "F", (Kind.FREEZE,)),
    (held_is_not_seen, "H", ()),
    (acknowledged_when_unknown, "6", ()),
    (waits_unread, "6", ()),
    (no_sweeper, "6", ()),
    (cancel_unconditional, "5", (Kind.REFUND, Kind.CANCEL)),
    (canceled_by_anyone, "9", (Kind.REFUND, Kind.CANCEL)),
    (bad_message_fails_all, "8", ()),
    (credit_forgotten, "7", (Kind.CREDIT,)),
    (debt_as_it_was, "2", (Kind.CREDIT,)),
    (buyer_credited_apart, "3", ()),
    (acknowledged_on_receipt, "6", ()),
    (left_over_is_missing, "8", ()),
    (untaken_is_told, "T", ()),
    (error_path_raises, "E", ()),
    (silence_is_ours, "E", ()),
)
"""Each with the invariant that it breaks, and what its callers mostly ask for."""
