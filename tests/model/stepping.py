"""The functions' own code, stopping where the model has a step.

An actor is a thread of which only one runs at a time, and only between two of its stops.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from refunds.deadline import Deadline
from refunds.errors import InsufficientBalance, WalletChanged
from refunds.funding import Plan
from refunds.queue import DebitQueue
from refunds.stores.debits import DebitStore
from refunds.stores.funds import Changed
from refunds.stores.operations import OperationStore
from refunds.stores.shards import _LiftedByAnother
from refunds.stores.wallets import WalletStore
from refunds.wallets import BalancesChanged

LATE = "late"
REFUSED: Mapping[type[Exception], str] = {
    BalancesChanged: "changed meanwhile",
    InsufficientBalance: "changed meanwhile",
    Changed: "changed meanwhile",
    WalletChanged: "changed meanwhile",
    _LiftedByAnother: "lifted by another",
}
"""Why a caller's write is refused, in the model's words."""


class Crashed(BaseException):
    """The function ended here."""


class Actor:
    """A thread that runs only between two of its stops, while everyone else stands still."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self.at, self.command, self.took, self.replied = "", "", "", ""
        self.wanted = 0
        self.answer: Any = None
        self.error: BaseException | None = None
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(do,), daemon=True)
        _actors[self._thread] = self
        self._thread.start()
        self._stopped.acquire()

    def _run(self, do: Callable[[], Any]) -> None:
        try:
            self.answer = do()
        except BaseException as error:  # noqa: BLE001  # told to whoever resumes it
            self.error = error
        self.at = "end"
        _actors.pop(threading.current_thread())
        self._stopped.release()

    def stop(self, at: str) -> str:
        """Called by its own thread: wait for the trace's next step of it."""
        self.at = at
        self._stopped.release()
        self._go.acquire()
        if self.command == "crash":
            raise Crashed
        return self.command

    def takes(self, step: str) -> None:
        """Called by its own thread: what it does since it was resumed."""
        self.at = self.took = step

    def resume(self, command: str) -> None:
        if self.at == "end":
            return
        self.command, self.took, self.replied = command, "", ""
        self._go.release()
        self._stopped.acquire()


_actors: dict[threading.Thread, Actor] = {}


def acting() -> Actor:
    return _actors[threading.current_thread()]


def stop(at: str) -> str:
    return acting().stop(at)


class SteppedDeadline(Deadline):
    """Asked before each call of the database: there the model's worker stops."""

    def ready(self, attempt: int) -> bool:  # noqa: ARG002
        actor = acting()
        # A first try looks for its shard, a plan for the overdue, in one step with the call before.
        if actor.at in {"tries shard", "glances", "reads all"}:
            actor.at = "goes on"
            return True
        return actor.stop("ready") != LATE

    @property
    def left(self) -> bool:
        """Growing and suspending are no steps of the model."""
        return True


class SteppedDebits(DebitStore):
    """Tells which of the model's steps its worker takes."""

    def shard(self, merchant_id: str, currency: str, *, seed: str) -> int:  # noqa: ARG002
        """Any number is as good as what is known of the shards: the trace says which."""
        acting().takes("tries shard")
        return int(acting().command)

    def funds(
        self,
        merchant_id: str,
        currency: str,
        *,
        at_one_instant: bool,
        ready: Any = None,  # noqa: ARG002
    ) -> Any:
        actor = acting()
        actor.takes("reads all" if at_one_instant else "glances")
        found: Any = super().funds(merchant_id, currency, at_one_instant=at_one_instant)
        if not at_one_instant and found.total < actor.wanted:
            # There is no look for the overdue then: next, all is read.
            actor.at = "glanced"
        return found

    def debit(self, plan: Plan, *, now: datetime) -> Any:
        everyone = [*(each.debit for each in plan.payments), *plan.waiting]
        acting().wanted = sum(debit.amount for debit in everyone)
        reply = super().debit(plan, now=now)
        acting().replied = type(reply).__name__.lower()
        return reply

    def overdue(self, merchant_id: str, currency: str, *, now: datetime, ready: Any = None) -> Any:  # noqa: ARG002
        return super().overdue(merchant_id, currency, now=now)

    def hold(self, merchant_id: str, currency: str, *, held: bool, ready: Any = None) -> None:  # noqa: ARG002
        acting().takes("holds")
        super().hold(merchant_id, currency, held=held)

    def suspend_for_funds(
        self,
        merchant_id: str,
        currency: str,
        *,
        now: datetime,
        ready: Any = None,  # noqa: ARG002
    ) -> bool:
        return super().suspend_for_funds(merchant_id, currency, now=now)

    def grow(self, merchant_id: str, currency: str, *, now: datetime, ready: Any = None) -> bool:  # noqa: ARG002
        """A step of its own: a reshard may come at any time."""
        return False


@contextmanager
def replied() -> Iterator[None]:
    """Tells what the database replies to a caller's write."""
    try:
        yield
    except tuple(REFUSED) as refusal:
        acting().replied = REFUSED[type(refusal)]
        raise


class SteppedWallets(WalletStore):
    def posted(self, posting_id: str) -> Any:
        """The balances are read in the same step; what is looked up after them is so as well."""
        actor = acting()
        if actor.at != "reading":
            actor.stop("read")
            actor.at = "reading"
        return super().posted(posting_id)

    def post(self, *args: Any, **named: Any) -> None:
        stop("write")
        with replied():
            super().post(*args, **named)


class SteppedOperations(OperationStore):
    def open_wallet(self, merchant_id: str, currency: str) -> None:
        """It is there."""

    def glance(self, merchant_id: str, currency: str, *, ready: Any = None) -> Any:
        """What was changed is shown in the same step as its last write."""
        acting().at = "showing"
        return super().glance(merchant_id, currency, ready=ready)

    def get(self, key: Any, *, consistent: bool = True) -> Any:
        if acting().at != "showing":
            stop("read")
        return super().get(key, consistent=consistent)

    def transact(self, *actions: Any, ready: Any = None) -> None:
        stop("write")
        with replied():
            super().transact(*actions, ready=ready)


@dataclass(frozen=True, slots=True)
class Sent(DebitQueue):
    """What would be in the queue."""

    refunds: set[str] = field(default_factory=set)

    def send(self, refunds: Any) -> frozenset[str]:
        taken = frozenset(refund for refund, _ in refunds)
        self.refunds.update(taken)
        return taken

    def depth(self) -> int:
        return 0

    def wake(self, merchant_id: str, currency: str, *, store: Any) -> None:
        stop("wake")
        self.refunds.clear()
        super(Sent, self).wake(merchant_id, currency, store=store)
