"""The model's steps on the real code: the functions' own handlers and rules, on moto.

Each worker and caller is a thread that stops where the model has a step, and goes on when the
trace says so: one at a time. Faults are injected at the wire.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple, cast
from unittest.mock import patch

import boto3
from botocore.exceptions import BotoCoreError
from moto import mock_aws

from functions.manage_wallet import app as manage_wallet
from functions.operate_merchants import app as operate_merchants
from functions.process_debits import app as process_debits
from local.table import create_table
from refunds import http, intake, sweeps, table
from refunds.errors import (
    AmountExceedsRefundable,
    Busy,
    PayoutExceedsPayable,
    RefundNotCancelable,
    WalletChanged,
    WalletFrozen,
)
from refunds.members import Caller, Party, Role, Scope
from refunds.operations import FreezeRequest, ShardsRequest
from refunds.refunds import refund_id
from refunds.wallets import CreditRequest, PayoutRequest
from tests.model.state import (
    CANCELED,
    CONFIG,
    FUNDS,
    LIFTED,
    NEW,
    PENDING,
    SUCCEEDED,
    UNFREEZE,
    Bounds,
    Stage,
    State,
    Step,
    Wallet,
    mask,
    members,
)
from tests.model.stepping import (
    LATE,
    Actor,
    Sent,
    SteppedDeadline,
    SteppedDebits,
    SteppedOperations,
    SteppedWallets,
)
from tests.model.story import follow
from tests.stores import engines, tables, wire
from tests.stores.engines import Stores
from tests.unit import examples
from tests.unit.api import Context
from tests.unit.examples import NOON

CURRENCY = "CNY"
STATUS = {
    ("pending", None): PENDING,
    ("awaiting_funds", "funds"): FUNDS,
    ("awaiting_funds", "unfreeze"): UNFREEZE,
    ("succeeded", None): SUCCEEDED,
    ("canceled", None): CANCELED,
}
UNHEARD = {"conflicts": "contended", "is paid, answer lost": "unknown"}
"""What becomes of a debit that the database has not answered."""
AGE = timedelta(hours=23)
ANYBODY = Caller("anybody", scopes=frozenset(Scope))


@dataclass
class World:
    """The real tables within the bounds of a model, and who is at work on them."""

    bounds: Bounds
    stores: Stores
    queue: Sent
    """Of the callers."""
    workers: list[Actor | None] = field(default_factory=list)
    callers: dict[int, Actor] = field(default_factory=dict)
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The table as it was last read."""
    sweeps: int = 0

    def __post_init__(self) -> None:
        self.workers = [None] * self.bounds.workers
        for merchant, wallet in enumerate(self.bounds.wallets):
            self._open(f"m{merchant}", wallet)
        for number, paid in enumerate(self.bounds.paid):
            refund = next(
                refund
                for place, refund in enumerate(self.bounds.refunds)
                if self.bounds.order(place) == number
            )
            self.stores.refunds.put_order(
                examples.order(
                    order_id=f"o{number}",
                    merchant_id=f"m{refund.merchant}",
                    buyer_id=f"b{refund.buyer}",
                    amount=paid,
                )
            )
        for number, refund in enumerate(self.bounds.refunds):
            if refund.asked:
                self.ask(number)

    def _open(self, merchant_id: str, wallet: Wallet) -> None:
        store = self.stores.wallets
        config = table.merchant_currency(merchant_id, CURRENCY)
        names = {"currency": CURRENCY, "merchant_id": merchant_id}
        store.put(config, {**names, "shards": len(wallet.shards)})
        for shard, available in enumerate(wallet.shards):
            store.put(table.wallet(merchant_id, CURRENCY, shard), {"available": available})
        deposit = {"available": wallet.deposit, "required": wallet.required}
        store.put(table.deposit(merchant_id, CURRENCY), deposit)
        debt = {"owed": wallet.owed, "headroom": wallet.headroom}
        store.put(table.receivable(merchant_id, CURRENCY), debt)

    # ── What the table says, as the model would ──────────────────────────────────────────────

    def seen(self) -> tuple[object, ...]:
        found = tables.plain_items(self.stores.client, self.stores.table)
        self.items = {(item["pk"], item["sk"]): item for item in found}
        refunds = [self._item(table.refund(self.id(n))) for n in range(len(self.bounds.refunds))]
        orders = [self._item(table.order(f"o{n}")) for n in range(len(self.bounds.paid))]
        buyers = 1 + max(refund.buyer for refund in self.bounds.refunds)
        return (
            tuple(
                STATUS[item["status"], item.get("waits_for")] if item else NEW for item in refunds
            ),
            tuple(
                int(sum(item.get("sources", {}).values()) == item["amount"]) if item else 0
                for item in refunds
            ),
            tuple(item["refundable"] for item in orders),
            tuple(self._wallet(f"m{number}") for number in range(len(self.bounds.wallets))),
            tuple(
                self._item(table.buyer_balance(f"b{number}", CURRENCY)).get("available", 0)
                for number in range(buyers)
            ),
        )

    def _item(self, key: table.Key) -> dict[str, Any]:
        return self.items.get((key["pk"]["S"], key["sk"]["S"]), {})

    def _wallet(self, merchant_id: str) -> Wallet:
        config = self._item(table.merchant_currency(merchant_id, CURRENCY))
        shards = [
            self._item(table.wallet(merchant_id, CURRENCY, shard))
            for shard in range(config["shards"])
        ]
        assert not self._item(table.wallet(merchant_id, CURRENCY, len(shards)))
        deposit = self._item(table.deposit(merchant_id, CURRENCY))
        debt = self._item(table.receivable(merchant_id, CURRENCY))

        def marks(name: str) -> int:
            bits = mask(tuple(shard for shard, item in enumerate(shards) if name in item))
            lifted = LIFTED if config.get(name, 0) < 0 else 0
            return bits | (CONFIG if name in config else 0) | lifted

        return Wallet(
            tuple(shard["available"] for shard in shards),
            deposit["available"],
            debt["owed"],
            debt["headroom"],
            deposit["required"],
            marks("frozen"),
            marks("held"),
        )

    def posted(self) -> int:
        """How many postings there are beside the refunds."""
        return sum(pk.startswith("POSTING#") for pk, _ in self.items)

    def id(self, number: int) -> str:
        """The real id of a refund; the bad message names one that is not there."""
        if number == len(self.bounds.refunds):
            return "rf_missing"
        return refund_id(f"b{self.bounds.refunds[number].buyer}", f"k{number}")

    def numbers(self, refund_ids: set[str]) -> int:
        every = range(len(self.bounds.refunds) + 1)
        return sum(1 << number for number in every if self.id(number) in refund_ids)

    # ── Steps ────────────────────────────────────────────────────────────────────────────────

    def take(self, before: State, step: Step, after: State) -> None:
        """The real step; what it answers must be what the model's says."""
        match step.actor:
            case "worker":
                self.work(step)
                self.workers = follow(self.workers, before, step, after)
            case "caller":
                self.call(before, step, after)
            case _:
                if step.what == "is swept":
                    self.sweep(before)

    def work(self, step: Step) -> None:
        if step.what == "receives":
            self.workers[step.who] = Actor(lambda: self._invoke(step.detail))
            return
        worker = self.workers[step.who]
        assert worker
        match step.what:
            case "answers":
                assert worker.at == "end"
                assert worker.error is None, worker.error
                assert worker.answer is not None
                failed = {each["itemIdentifier"] for each in worker.answer["batchItemFailures"]}
                assert failed == {f"{each}" for each in step.detail}
                self.workers[step.who] = None
            case "crashes":
                worker.resume("crash")
                self.workers[step.who] = None
            case "has no time to send" | "has no time to plan" | "has no time to wait":
                worker.resume(LATE)
            case "conflicts":
                fault = wire.canceled("TransactionConflict")
                self._resume(worker, step, "TransactWriteItems", fault)
            case "is paid, answer lost":
                self._resume(worker, step, "TransactWriteItems", done_but_lost)
            case "lets wait, answer lost:":
                self._resume(worker, step, "UpdateItem", done_but_lost)
            case _:
                self._resume(worker, step)

    def _resume(self, worker: Actor, step: Step, operation: str = "", *faults: wire.Fault) -> None:
        assert worker.at == "ready", (worker.at, worker.error)
        command = f"{step.detail[0]}" if step.detail else ""
        with wire.faulty(self.stores.client, operation or "TransactWriteItems", *faults) as line:
            worker.resume(command)
        assert len(line.sent) >= len(faults)
        if step.what in {"tries shard", "glances", "reads all", "holds"}:
            assert worker.took == step.what, (worker.took, worker.error)
        wanted = UNHEARD.get(step.what, step.reply)
        assert worker.replied == wanted, (worker.replied, worker.error)

    def _invoke(self, batch: tuple[int, ...]) -> Any:
        records = [
            {"messageId": f"{each}", "body": json.dumps({"refund_id": self.id(each)})}
            for each in batch
        ]
        return process_debits.lambda_handler({"Records": records}, Context())

    def call(self, before: State, step: Step, after: State) -> None:
        request = self.bounds.requests[step.who]
        match step.what:
            case "is asked":
                assert self.ask(request.of) == (step.reply == "accepted")
            case "is canceled":
                # To cancel once more is answered as the first time.
                done = before.status[request.of] == CANCELED or step.reply == "done"
                assert self.cancel(request.of) == done
            case "reads":
                caller = self.callers.get(step.who)
                if caller is None or caller.at == "end":
                    caller = self.callers[step.who] = Actor(lambda: self._request(step.who))
                assert caller.at == "read"
                caller.resume("go")
                self._stopped(caller, after.callers[step.who].at)
            case "writes":
                caller = self.callers[step.who]
                assert caller.at == "write"
                caller.resume("go")
                assert caller.replied == step.reply, (caller.replied, caller.error)
                self._stopped(caller, after.callers[step.who].at)
            case "writes, answer lost:":
                with wire.faulty(self.stores.client, "TransactWriteItems", done_but_lost):
                    self.callers[step.who].resume("go")
                assert isinstance(self.callers[step.who].error, BotoCoreError)
            case "wakes what waits" | "wakes nobody":
                self.callers[step.who].resume("go")
                self._stopped(self.callers[step.who], Stage.OVER)
                woken = self.numbers(self.queue.refunds)
                # What is sent in vain is lost behind it.
                assert step.fault or before.queue | woken == after.queue

    @staticmethod
    def _stopped(caller: Actor, stage: int) -> None:
        """It is where the model's is; what is begun anew may be so by the same request again."""
        wanted = {
            Stage.START: {"read", "end"},
            Stage.PLANNED: {"write"},
            Stage.WAKE: {"wake"},
            Stage.OVER: {"end"},
        }
        assert caller.at in wanted[stage], (caller.at, caller.error)

    def ask(self, number: int) -> bool:
        refund = self.bounds.refunds[number]
        wanted = examples.wanted(order_id=f"o{self.bounds.order(number)}", amount=refund.amount)
        arrived_at = NOON + number * examples.SECOND - (AGE if refund.old else timedelta())
        try:
            made, _ = intake.request(
                f"b{refund.buyer}",
                f"k{number}",
                wanted,
                store=self.stores.refunds,
                arrived_at=arrived_at,
            )
        except AmountExceedsRefundable:
            return False
        assert made.refund_id == self.id(number)
        return True

    def cancel(self, number: int) -> bool:
        party = Party(Role.BUYER, f"b{self.bounds.refunds[number].buyer}")
        try:
            intake.cancel(self.id(number), party, store=self.stores.refunds, now=NOON)
        except RefundNotCancelable:
            return False
        return True

    def _request(self, place: int) -> Any:
        kind, of, amount = self.bounds.requests[place]
        merchant_id, key = f"m{of}", f"k{place}"
        try:
            match kind:
                case "credit":
                    credit = CreditRequest.model_validate(
                        {
                            "amount": amount,
                            "currency": CURRENCY,
                            "source": "settlement",
                            "target": "wallet",
                        }
                    )
                    return manage_wallet.credit_wallet(merchant_id, key, credit)
                case "payout":
                    payout = PayoutRequest(amount=amount, currency=CURRENCY)
                    return manage_wallet.pay_out_merchant(merchant_id, key, payout)
                case "reshard":
                    shards = ShardsRequest(currency=CURRENCY, shards=amount)
                    return operate_merchants.put_shards(merchant_id, shards)
                case "freeze":
                    request = FreezeRequest(currency=CURRENCY)
                    return operate_merchants.freeze_merchant(merchant_id, request)
                case _:
                    request = FreezeRequest(currency=CURRENCY)
                    return operate_merchants.unfreeze_merchant(merchant_id, request)
        except (PayoutExceedsPayable, Busy, WalletChanged, WalletFrozen) as refusal:
            return refusal

    def sweep(self, before: State) -> None:
        self.sweeps += 1
        sent = Sent(cast("Any", None), "")
        # Each sweep moves the next one on, by an hour at the most.
        now = NOON + self.sweeps * timedelta(hours=2)
        sweeps.sweep(store=self.stores.sweeps, queue=sent, now=now, ready=lambda _: True)
        due = [n for n, each in enumerate(before.status) if PENDING <= each <= UNFREEZE]
        assert [*members(self.numbers(sent.refunds))] == due

    def end(self) -> None:
        for actor in [*filter(None, self.workers), *self.callers.values()]:
            actor.resume("crash")


def always(_: int) -> bool:
    return True


def done_but_lost(request: Any) -> Any:
    """The service carried it out, and only its answer is lost."""
    operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
    other: Any = _client("another's")
    call = {"TransactWriteItems": "transact_write_items", "UpdateItem": "update_item"}[operation]
    getattr(other, call)(**json.loads(request.body))
    return wire.lost(request)


@cache
def _client(whose: str) -> Any:  # noqa: ARG001  # faults are injected into one of them only
    """Made once, for its making takes longer than a trace."""
    return boto3.client("dynamodb", config=engines.ONE_TRY)


@contextmanager
def world(bounds: Bounds) -> Iterator[World]:
    client = _client("the functions'")
    queue = Sent(cast("Any", None), "")
    with (
        mock_aws(),
        patch.multiple(
            process_debits,
            store=SteppedDebits(client, "Table", pause=lambda _: None),
            Deadline=SteppedDeadline,
            _now=lambda: NOON + timedelta(minutes=1),
        ),
        patch.multiple(
            manage_wallet,
            store=SteppedWallets(client, "Table", pause=lambda _: None),
            queue=queue,
        ),
        patch.multiple(
            operate_merchants,
            store=SteppedOperations(client, "Table", pause=lambda _: None),
            queue=queue,
        ),
        patch.multiple(
            http,
            caller=lambda *_, **__: ANYBODY,
            operator=lambda *_, **__: ANYBODY.subject,
            ready=lambda _: always,
        ),
    ):
        made = World(bounds, Stores(client, create_table(client, "Table", streamed=False)), queue)
        try:
            yield made
        finally:
            made.end()


class Difference(NamedTuple):
    step: int
    """By its number in the trace; the first is 1."""
    what: str


def replay(bounds: Bounds, initial: State, trace: list[tuple[Step, State]]) -> Difference | None:
    """What differs first, if anything does."""
    with world(bounds) as real:
        before = initial
        assert real.seen() == initial[:5]
        for number, (step, after) in enumerate(trace, 1):
            try:
                real.take(before, step, after)
            except AssertionError as error:
                return Difference(number, f"the real code did otherwise: {error!r}")
            if real.seen() != after[:5]:
                return Difference(number, f"the table holds {real.seen()}")
            if real.posted() != sum(each.posted for each in after.callers):
                return Difference(number, f"there are {real.posted()} postings")
            before = after
    return None
