"""The functions' own code, stopping where the model has a step.

An actor is a thread of which only one runs at a time, and only between two of its stops.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from refunds.queue import DebitQueue
from refunds.stores.debits import DebitStore
from refunds.stores.shards import ShardStore
from refunds.stores.wallets import WalletStore
from tests.unit.api import Context

ENOUGH_MS, TOO_LITTLE_MS = 30_000, 0


class Crashed(BaseException):
    """The function ended here."""


class Actor:
    """A thread that runs only between two of its stops, while everyone else stands still."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self.at, self.command = "", ""
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

    def resume(self, command: str) -> None:
        if self.at == "end":
            return
        self.command = command
        self._go.release()
        self._stopped.acquire()


_actors: dict[threading.Thread, Actor] = {}


def stop(at: str) -> str:
    return _actors[threading.current_thread()].stop(at)


class SteppedDebits(DebitStore):
    """Stops where the model's worker does."""

    def shard(self, merchant_id: str, currency: str, *, seed: str) -> int:  # noqa: ARG002
        """Any number is as good as what is known of the shards: the trace says which."""
        return int(stop("try").partition(" ")[0])

    def funds(self, merchant_id: str, currency: str) -> Any:
        stop("read")
        return super().funds(merchant_id, currency)

    def hold(self, merchant_id: str, currency: str, *, held: bool) -> None:
        stop("hold")
        super().hold(merchant_id, currency, held=held)

    def grow(self, merchant_id: str, currency: str, *, now: datetime) -> bool:  # noqa: ARG002
        """A step of its own: a reshard may come at any time."""
        return False


class SteppedWallets(WalletStore):
    def posted(self, posting_id: str) -> Any:
        stop("read")
        return super().posted(posting_id)

    def post(self, *args: Any, **named: Any) -> None:
        stop("write")
        super().post(*args, **named)


class SteppedShards(ShardStore):
    def get(self, key: Any, *, consistent: bool = True) -> Any:
        stop("read")
        return super().get(key, consistent=consistent)

    def transact(self, *actions: Any, tries: int = 1) -> None:
        stop("write")
        super().transact(*actions, tries=tries)


class SteppedContext(Context):
    def get_remaining_time_in_millis(self) -> int:
        """Asked before each debit and each waiting; a first try has stopped already."""
        actor = _actors[threading.current_thread()]
        if actor.at == "try":
            command, actor.at = actor.command, "ready"
        else:
            command = actor.stop("ready")
        return TOO_LITTLE_MS if command.endswith("late") else ENOUGH_MS


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
