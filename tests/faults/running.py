"""Runs of the story: one without a fault, which the others are compared with."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import endpoint

from local import aws
from refunds import http, redrive
from refunds.stores import letters
from tests.contract.iam import Call
from tests.faults import ledger, proxy
from tests.faults.branches import Branches
from tests.faults.faulting import Case, Where
from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy, Rule
from tests.faults.stack import HASTY, PATIENT, TABLE, Calls, Clock, Cloud, Functions, no_pause
from tests.faults.story import Story
from tests.stores import tables

TRIES, TRIES_OF_MANY = 2, 8
"""How often a caller asks, and Lambda calls, before the faults are over for a moment.

More where several calls of one request fail one after the other.
"""


@dataclass(frozen=True)
class Run:
    calls: dict[str, int]
    """How often each function made each call while the story was told."""
    asked: frozenset[tuple[str, Call]]
    """Which function asked what of IAM."""
    rows: list[dict[str, Any]]
    ledger: Ledger
    report: dict[str, Any]
    """The last reconciliation's."""
    fired: Counter[str]
    """How often a fault was met, by what its rule looks for."""


class Runs:
    def __init__(self, cloud: Cloud, proxy: Proxy, clock: Clock) -> None:
        self.cloud, self.proxy = cloud, proxy
        self.branches = Branches()
        self._clock, self._calls = clock, Calls()
        self._calm, self._hasty = self._functions(PATIENT), self._functions(HASTY)
        self._done: dict[str, Run] = {}

    @cached_property
    def faultless(self) -> Run:
        return self._run([], self._calm, TRIES)

    def run(self, case: Case) -> Run:
        """Once each: who asks again is told what came of it."""
        if str(case) not in self._done:
            faulty = self._hasty if case.hasty else self._calm
            many = len(case.calls) > 1 and case.where is not Where.ALL
            tries = TRIES_OF_MANY if many else TRIES
            self._done[str(case)] = self._run(case.rules(self.faultless.calls), faulty, tries)
        return self._done[str(case)]

    @property
    def functions(self) -> set[str]:
        return set(self._calm.modules)

    def check(self, case: Case) -> None:
        """Raises AssertionError, Stuck: faults have changed what came of the story."""
        run = self.run(case)
        met = {needle.removesuffix(";") for needle, times in run.fired.items() if times}
        for call in case.calls:
            # Where many fail, what would follow from them may never be called.
            if len(case.calls) == 1 or str(call) in run.calls:
                assert any(each.startswith(f"{call} ") for each in met), f"{call} met no fault"
        assert met
        assert run.ledger == self.faultless.ledger
        found = {name: run.report[name] for name in ("differences", "filled", "moving")}
        assert found == {"differences": 0, "filled": 0, "moving": 0}

    def forget(self, case: Case) -> None:
        self._done.pop(str(case), None)

    def _run(self, rules: list[Rule], faulty: Functions, tries: int) -> Run:
        self.proxy.fired.clear()
        self._calls.asked.clear()
        story = Story(self.cloud, self.proxy, calm=self._calm, faulty=faulty, tries=tries)
        with self.branches.watched():
            story.play(rules)
        rows = tables.plain_items(self.cloud.dynamodb, TABLE)
        [report] = [row for row in rows if row["pk"] == "RECONCILIATION#latest"]
        found = ledger.of(rows, story.told)
        asked = frozenset(self._calls.asked)
        return Run(story.calls, asked, rows, found, report, self.proxy.fired.copy())

    def _functions(self, read_timeout: float) -> Functions:
        return Functions(
            self._clock,
            self._calls,
            endpoint=self.proxy.endpoint,
            read_timeout=read_timeout,
            environment=self.cloud.environment,
        )


@contextmanager
def started(folder: Path) -> Iterator[Runs]:
    with (
        pytest.MonkeyPatch.context() as patch,
        aws.start(aws.any_free_port(), log=folder / "local-aws.log") as local,
        proxy.start(local.endpoint, log=folder / "proxy.log") as between,
    ):
        clock = Clock()
        patch.setattr(http, "Deadline", clock.deadline)
        patch.setattr(endpoint, "time", SimpleNamespace(sleep=no_pause))
        patch.setattr(letters, "WAIT_SECONDS", 0)
        # A letter that nobody puts back is seen again at once: SQS's clock is nobody's to move.
        patch.setattr(redrive, "HIDDEN_SECONDS", 0)
        yield Runs(Cloud(local.endpoint), between, clock)
