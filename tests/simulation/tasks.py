"""Functions at work: threads of which one runs at a time, from one of its AWS calls to the next."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter

KEPT = ("current_event", "lambda_context")
"""What Powertools keeps for the whole process, which in Lambda has one request at a time."""


@dataclass
class Ended:
    """How an invocation ended: with an answer, or with what it raised."""

    answer: Any = None
    error: BaseException | None = None


class Task:
    """An invocation; `resume` returns when it stands at its next call, or has ended."""

    def __init__(self, name: str, do: Callable[[], Any]) -> None:
        self.name, self._do = name, do
        self.at = "begins"
        self.ended: Ended | None = None
        self.finished: Callable[[], None] = lambda: None
        self.faults = 0
        self.unheard = 0
        """Requests from now on that nobody hears."""
        self.late = False
        self._go, self._stopped = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._stopped.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        self._go.release()
        self._stopped.acquire()
        if self.ended:
            self._thread.join()

    def stop(self, at: str) -> None:
        """Called by its own thread: let the others go on."""
        kept = {name: getattr(BaseRouter, name, None) for name in KEPT}
        self.at = at
        self._stopped.release()
        self._go.acquire()
        for name, value in kept.items():
            setattr(BaseRouter, name, value)

    def _run(self) -> None:
        self._go.acquire()
        try:
            self.ended = Ended(answer=self._do())
        except BaseException as error:  # noqa: BLE001  # judged by whoever waits for it
            self.ended = Ended(error=error)
        self._stopped.release()
