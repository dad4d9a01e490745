"""The whole stack under mixed load for as long as you like, then drained and reconciled.

Buyers ask, ask again with the same key, and cancel; money comes in small credits, so that refunds
wait; messages come twice, and some are none of ours; functions are killed at work. Whoever gets no
answer, or 5xx, sends the same again, as a client does. In the end nothing may be lost: each
accepted refund has come to its end, the buyer has what succeeded, and the books sum to zero.
"""

import json
import random
import re
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from threading import Lock
from typing import TYPE_CHECKING, Annotated

import boto3
import httpx
import psutil
import typer
from rich.live import Live
from rich.table import Table

from bench import report
from bench.shop import AMOUNT, Shop, opened, patiently
from local import aws, books
from local.terminal import messages, step
from refunds import table
from refunds.stores.letters import LetterQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CALLERS = 4
WEIGHTS = {"refund": 12, "repeat": 3, "cancel": 3, "credit": 3, "duplicate": 2, "poison": 1}
CREDIT = 30 * AMOUNT
KILL_EVERY = 15.0
"""Seconds between two functions that are killed, in the first half of the time."""
SHOWN_EVERY = 0.5
LOOKS = 30
"""As many times a function must have been seen, for its memory to be compared."""
DRAINED_WITHIN = 420.0
"""Seconds: the visibility of what a killed function had in hand, and a sweep or two."""
STEADY = 1.25
"""How much more memory a function may have in the last third of that half than in its first."""
LONG = 60
"""Seconds of load in which everything is tried, at the least."""
WORKER = "_worker.py"
ENDED = {"succeeded", "canceled"}
MONEY = {"ProcessDebits", "RequestRefund", "ManageWallet"}
"""The functions that are killed."""
TRIED = (
    "accepted",
    "asked again",
    "canceled",
    "credits",
    "messages twice",
    "poison",
    "functions killed",
)


@dataclass
class Soak:
    shop: Shop
    sqs: "SQSClient"
    counts: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, str] = field(default_factory=dict)
    """Refund by order; the order's id is its key."""
    memory: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Bytes of the largest environment of each function, from time to time, in the second half."""
    lock: Lock = field(default_factory=Lock)

    def play(self, until: float) -> None:
        """One caller, until then."""
        acts = [getattr(self, f"_{name}") for name in WEIGHTS]
        while time.monotonic() < until:
            [act] = random.choices(acts, [*WEIGHTS.values()])  # noqa: S311  # load, no secret
            act()

    def kill(self) -> None:
        """A function at work, as AWS may; the local AWS starts another."""
        at_work = [each for each in _workers() if _function(each) in MONEY]
        if at_work:
            random.choice(at_work).kill()  # noqa: S311  # load, no secret
            self.counts["functions killed"] += 1

    def look(self) -> None:
        largest: dict[str, int] = {}
        for each in _workers():
            name = _function(each)
            largest[name] = max(largest.get(name, 0), _resident(each))
        for name, size in largest.items():
            self.memory[name].append(size)

    def reconcile(self) -> books.Report:
        shop = self.shop
        return self._done(lambda: shop.call(shop.cast.operator, "POST", "/reconciliation"))

    def kept(self) -> int:
        """Messages in the queue and among its dead letters, about: poison stays in one of them."""
        outputs = self.shop.outputs
        queues = (outputs.debit_queue_url, outputs.debit_dead_letter_queue_url)
        return sum(LetterQueue(self.sqs, url).count() for url in queues)

    def unsettled(self) -> int:
        """How many of the accepted refunds have not come to their end."""
        keys = [table.refund(each) for each in self.accepted.values()]
        ended = [each for each in self.shop.kept.get_many(keys) if each["status"] in ENDED]
        return len(keys) - len(ended)

    def succeeded(self) -> int:
        keys = [table.refund(each) for each in self.accepted.values()]
        found = self.shop.kept.get_many(keys)
        return sum(each["amount"] for each in found if each["status"] == "succeeded")

    def _refund(self) -> str:
        """The refund's id; none when the merchant was suspended as the order was placed."""
        order_id = self._done(self.shop.order)
        try:
            refund_id = self._done(lambda: self.shop.request(order_id))
        except httpx.HTTPStatusError as error:
            if error.response.json()["code"] != "merchant_suspended":
                raise
            self.counts["not covered"] += 1
            return ""
        with self.lock:
            self.accepted[order_id] = refund_id
        self.counts["accepted"] += 1
        return refund_id

    def _repeat(self) -> None:
        for order_id, refund_id in self._any():
            if self._done(partial(self.shop.request, order_id)) != refund_id:
                raise AssertionError(f"{order_id} was refunded twice")
            self.counts["asked again"] += 1

    def _cancel(self) -> None:
        refund_id = self._refund()
        path = f"/refunds/{refund_id}/cancel"
        if not refund_id:
            return
        try:
            self._done(lambda: self.shop.call(self.shop.cast.buyer, "POST", path))
            self.counts["canceled"] += 1
        except httpx.HTTPStatusError as error:
            if error.response.json()["code"] != "refund_not_cancelable":
                raise
            self.counts["canceled too late"] += 1

    def _credit(self) -> None:
        key = secrets.token_hex(8)
        self._done(lambda: self.shop.credit(CREDIT, key))
        self.counts["credits"] += 1

    def _duplicate(self) -> None:
        for _, refund_id in self._any():
            self._send(json.dumps({"refund_id": refund_id}))
            self.counts["messages twice"] += 1

    def _poison(self) -> None:
        self._send("no message of ours")
        self.counts["poison"] += 1

    def _send(self, body: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.shop.outputs.debit_queue_url,
            MessageBody=body,
            MessageGroupId=self.shop.cast.merchant_id,
        )

    def _any(self) -> list[tuple[str, str]]:
        """An order and its refund, or nothing as long as there is none."""
        with self.lock:
            known = [*self.accepted.items()]
        return random.sample(known, min(1, len(known)))

    def _done[Answer](self, call: Callable[[], Answer]) -> Answer:
        return patiently(call, partial(self.counts.update, ["sent again"]))


def _workers() -> list[psutil.Process]:
    """The functions that are warm: each is a process of the local AWS, which is one of ours."""
    return [each for each in psutil.Process().children(recursive=True) if WORKER in _command(each)]


def _resident(process: psutil.Process) -> int:
    """Bytes; none of one that has ended meanwhile."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _function(process: psutil.Process) -> str:
    """Its name, by the folder that the local AWS unpacked it to; none of one that has ended."""
    found = re.search(r"-([A-Za-z]+)Function-", _command(process))
    return found[1] if found else ""


def _load(soak: Soak, seconds: int) -> None:
    began = time.monotonic()
    ends_at, half, killed_at = began + seconds, began + seconds / 2, began
    with (
        ThreadPoolExecutor(CALLERS) as pool,
        Live(console=messages, auto_refresh=False, transient=True) as live,
    ):
        callers = [pool.submit(soak.play, ends_at) for _ in range(CALLERS)]
        while time.monotonic() < ends_at and not any(each.done() for each in callers):
            time.sleep(SHOWN_EVERY)
            live.update(
                _shown(soak, f"{time.monotonic() - began:.0f} of {seconds} s"), refresh=True
            )
            # Then all of them live on, so that what one does not give back is seen.
            if (now := time.monotonic()) > half:
                soak.look()
            elif now - killed_at > KILL_EVERY:
                killed_at = now
                soak.kill()
        for each in callers:
            each.result()


def _shown(soak: Soak, title: str) -> Table:
    shown = Table(title=title, title_justify="left")
    for head in soak.counts:
        shown.add_column(head, justify="right")
    shown.add_row(*(f"{count:,}" for count in soak.counts.values()))
    return shown


def _drain(soak: Soak) -> int:
    """Money for everything that waits; then each refund comes to its end: how many have not."""
    ends_at = time.monotonic() + DRAINED_WITHIN
    soak.shop.credit((1 + len(soak.accepted)) * AMOUNT, secrets.token_hex(8))
    with report.progress() as bar:
        task = bar.add_task("what was accepted comes to its end", total=len(soak.accepted))
        while left := soak.unsettled():
            bar.update(task, completed=len(soak.accepted) - left)
            if time.monotonic() > ends_at:
                return left
            time.sleep(1)
    return 0


def _idle(soak: Soak) -> Iterator[str]:
    """What was to be tried and never was: nothing was shown of it."""
    for name in MONEY - _thirds(soak).keys():
        yield f"the memory of {name} was not seen for long enough"
    for tried in TRIED:
        if not soak.counts[tried]:
            yield f"{tried}: none"


def _faults(soak: Soak) -> Iterator[str]:
    """What is wrong in the end: nothing."""
    shop = soak.shop
    wallets = shop.call(shop.cast.buyer, "GET", "/wallet")["wallets"]
    had, expected = sum(each["available"] for each in wallets), soak.succeeded()
    if had != expected:
        yield f"the buyer has {had}, and {expected} was refunded"
    found = books.reconcile(soak.reconcile, lambda _: None)
    if found["differences"] or not books.show_totals(found):
        books.show_differences(found)
        yield "the books differ"
    if (kept := soak.kept()) < soak.counts["poison"]:
        yield f"{soak.counts['poison']} messages were poison, and {kept} messages are left"
    yield from _idle(soak)
    for name, (before, after) in _thirds(soak).items():
        if after > before * STEADY:
            yield f"{name} grew from {before / 2**20:.0f} to {after / 2**20:.0f} MiB"


def _thirds(soak: Soak) -> dict[str, tuple[float, float]]:
    """Bytes of each function that was long there: in the first third, and in the last."""
    return {
        name: (median(sizes[: len(sizes) // 3]), median(sizes[-(len(sizes) // 3) :]))
        for name, sizes in sorted(soak.memory.items())
        if name and len(sizes) >= LOOKS
    }


def soak(seconds: Annotated[int, typer.Option(min=LONG, help="Of load.")] = 120) -> None:
    """Load the whole stack, drain it, reconcile; 1 when anything was lost or grew."""
    with opened(funds=CREDIT) as shop:
        session = boto3.Session("test", "test", region_name=aws.REGION)
        played = Soak(shop, session.client("sqs", endpoint_url=aws.require_loopback(shop.endpoint)))
        _load(played, seconds)
        left = _drain(played)
        with step("the books are reconciled"):
            faults = [*_faults(played)]
    if left:
        faults.append(f"{left} refunds have not come to their end")
    counts = {"seconds": seconds, **played.counts, "faults": len(faults)}
    rows = [[what, f"{count:,}"] for what, count in counts.items()]
    sizes = [
        [name, *(f"{size / 2**20:.0f}" for size in thirds)]
        for name, thirds in _thirds(played).items()
    ]
    heads = ["memory of", "before, MiB", "after, MiB"]
    said = [*report.table(["what", "count"], rows), "", *report.table(heads, sizes)]
    report.publish("soak", said, counts | {"memory_bytes": played.memory})
    for fault in faults:
        report.miss(fault)
    report.end()


if __name__ == "__main__":
    typer.run(soak)
