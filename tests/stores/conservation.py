"""Sixteen writers at one merchant's money, and a reader that sees every account at one instant.

What crosses the border of the accounts (credits, payouts, corrections with the platform) has no
stored balance. So each such movement is listed before any writer may make it, and the reader reads
its posting together with the accounts: what is there has happened, and the sum is known exactly.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from random import Random
from threading import Event, Lock
from typing import Any

from refunds import corrections, operations, table, wallets
from refunds.corrections import CorrectionRequest
from refunds.debits import MAX_SHARDS
from refunds.digests import derived_id
from refunds.errors import Busy, RefundsError, WalletChanged
from refunds.members import Party, Role
from refunds.operations import LimitsRequest, ShardsRequest
from refunds.wallets import CreditRequest, PayoutRequest
from tests.stores import market, tables
from tests.stores.engines import Stores
from tests.unit.examples import MERCHANT

WRITERS = 16
BUYERS = ("b-1", "b-2", "b-3", "b-4")
CURRENCY = "CNY"
LISTED = 60
"""Movements across the border that one read tells; with the accounts it has 100 items at most."""
MARKS = ("frozen", "held")
LONG_AGO = timedelta(hours=25)
"""A refund that waits since then holds the wallet."""
ACCOUNTS: tuple[table.Key, ...] = (
    table.merchant_currency(MERCHANT, CURRENCY),
    table.deposit(MERCHANT, CURRENCY),
    table.receivable(MERCHANT, CURRENCY),
    *(table.wallet(MERCHANT, CURRENCY, shard) for shard in range(MAX_SHARDS)),
    *(table.buyer_balance(buyer, CURRENCY) for buyer in BUYERS),
)

type Item = dict[str, Any]


class Violation(Exception):
    """A serialisable read of what may not be."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One across the border; `amount` is what it adds to all accounts together."""

    kind: str
    key: str
    amount: int

    @property
    def posting_id(self) -> str:
        match self.kind:
            case "credit" | "deposit":
                return derived_id("cr", caller="c", operation="credit", key=self.key)
            case "payout" | "buyer_payout":
                return derived_id("po", caller="c", operation="payout", key=self.key)
        return f"co_{self.key}"


class Border:
    """The movements that are listed. Only the reader lists them, between two reads."""

    def __init__(self) -> None:
        self.random = Random(0)
        self.made = 0
        self.before = 0
        """What those that are no longer listed have brought."""
        self.listed: dict[str, Movement] = {}
        self.free: SimpleQueue[Movement] = SimpleQueue()
        self.finished: set[str] = set()
        self.renew(frozenset(), frozenset())

    def renew(self, over: frozenset[str], happened: frozenset[str]) -> None:
        """Take those off that were over before a read, which has told whether they happened."""
        for posting_id in over:
            movement = self.listed.pop(posting_id)
            self.before += movement.amount if posting_id in happened else 0
            self.finished.discard(posting_id)
        while len(self.listed) < LISTED:
            movement = self._next()
            self.listed[movement.posting_id] = movement
            self.free.put(movement)

    def _next(self) -> Movement:
        self.made += 1
        kinds = ("credit", "deposit", "payout", "buyer_payout", "write_off", "fee")
        kind = self.random.choices(kinds, (5, 1, 2, 2, 1, 1))[0]
        incoming = kind in {"credit", "deposit", "write_off"}
        amount = self.random.randint(1, 2000 if kind == "credit" else 300)
        return Movement(kind, f"k{self.made}", amount if incoming else -amount)


@dataclass
class Tally:
    """What was done, and how often."""

    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By operation and how it ended: done, refused, conflict."""
    reads: int = 0
    reads_retried: int = 0
    shards: set[int] = field(default_factory=set)
    crossed: int = 0
    """Movements across the border that were seen to have happened."""
    seconds: float = 0.0

    def that(self, how: str) -> int:
        return sum(count for (_, ended), count in self.ended.items() if ended == how)


class Scene:
    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.border = Border()
        self.tally = Tally()
        self.refund_ids: list[str] = []
        self.stop = Event()
        self.lock = Lock()
        stores.wallets.open_wallet(MERCHANT, CURRENCY)

    def play(
        self, more: Callable[[int], bool], *, told: Callable[[Tally], None] = lambda _: None
    ) -> Tally:
        """Each writer goes on while there is `more` to do after so many operations.

        Raises Violation.
        """
        began = time.monotonic()
        with ThreadPoolExecutor(WRITERS) as threads:
            working = [threads.submit(Writer(self, number).work, more) for number in range(WRITERS)]
            try:
                while not all(each.done() for each in working):
                    self.look()
                    self.tally.seconds = time.monotonic() - began
                    told(self.tally)
            finally:
                self.stop.set()
        for each in working:
            each.result()
        self.look()
        self._check_against_the_postings()
        return self.tally

    def count(self, operation: str, ended: str) -> None:
        with self.lock:
            self.tally.ended[operation, ended] += 1

    def look(self) -> None:
        """One serialisable read of everything, and what must be true of it. Raises Violation."""
        over = frozenset(self.border.finished)
        listed = [*self.border.listed]
        keys = [*ACCOUNTS, *map(table.posting, listed)]
        try:
            items = self.stores.wallets.get_together(keys)
        except Busy:
            self.tally.reads_retried += 1
            return
        accounts, postings = items[: len(ACCOUNTS)], items[len(ACCOUNTS) :]
        happened = frozenset(
            posting_id for posting_id, item in zip(listed, postings, strict=True) if item
        )
        brought = sum(self.border.listed[posting_id].amount for posting_id in happened)
        config = check([item or {} for item in accounts], self.border.before + brought)
        self.tally.reads += 1
        self.tally.shards.add(config["shards"])
        self.tally.crossed += len(over & happened)
        self.border.renew(over, happened)

    def _check_against_the_postings(self) -> None:
        """And in the end: each account is what all its postings say."""
        rows = tables.plain_items(self.stores.client, self.stores.table)
        stored, posted = market.balances_of(rows), market.balances_of_postings(rows)
        for account in stored.keys() | posted.keys():
            kept = account[0].startswith(("merchant:", "buyer:"))
            if kept and stored[account] != posted[account]:
                raise Violation(f"{account}: {stored[account]}, its postings {posted[account]}")


def check(accounts: Sequence[Item], expected: int) -> Item:
    """The wallet's own item, if the accounts are whole, not negative, and sum up as expected."""
    config, deposit, receivable, *rest = accounts
    shards, buyers = rest[:MAX_SHARDS], rest[MAX_SHARDS:]
    held = [shard["available"] for shard in shards if shard]
    kept = [deposit.get("available", 0), *(buyer.get("available", 0) for buyer in buyers)]
    owed = receivable.get("owed", 0)
    found = sum(held) + sum(kept) - owed
    wrong = []
    if found != expected:
        wrong.append(f"the accounts sum to {found}, and should to {expected}")
    if min([*held, *kept, owed]) < 0:
        wrong.append("an account is negative")
    if [bool(shard) for shard in shards] != [n < config["shards"] for n in range(MAX_SHARDS)]:
        wrong.append(f"the shards are not those of {config['shards']}")
    if any(mark in shard and mark not in config for mark in MARKS for shard in shards if shard):
        wrong.append("a shard is marked, and its wallet is not")
    if wrong:
        raise Violation(f"{'; '.join(wrong)}: {[*accounts]}")
    return config


class Writer:
    """One instance of every function: its stores, and what they remember, are its own."""

    def __init__(self, scene: Scene, number: int) -> None:
        self.scene, self.number = scene, number
        self.random = Random(number)
        self.wallets, self.debits = scene.stores.wallets, scene.stores.debits
        self.refunds, self.corrections = scene.stores.refunds, scene.stores.corrections
        self.operations, self.upkeep = scene.stores.operations, scene.stores.upkeep
        self.made = 0

    def work(self, more: Callable[[int], bool]) -> None:
        done = 0
        kinds = {
            self.refund: 6,
            self.deliver_again: 3,
            self.cross: 6,
            self.reverse: 2,
            self.cancel: 1,
            self.reshard: 1,
            self.grow: 1,
            self.shrink: 1,
            self.freeze: 1,
            self.unfreeze: 2,
            self.limit: 1,
            self.correct: 1,
        }
        while more(done) and not self.scene.stop.is_set():
            [do] = self.random.choices([*kinds], [*kinds.values()])
            self.scene.count(do.__name__, how_it_ended(do))
            done += 1

    # ── Within the border: the sum stays ────────────────────────────────────────────────────────

    def refund(self) -> None:
        """A batch of refunds, some of which have waited too long to be passed over."""
        ids = [self._accepted() for _ in range(self.random.randint(1, 5))]
        self.scene.refund_ids += ids
        self._deliver(ids)

    def deliver_again(self) -> None:
        self._deliver([*{self._some_refund() for _ in range(5)}])

    def reverse(self) -> None:
        refund_id = self._some_refund()
        corrections.reverse(refund_id, "x", operator="op", store=self.corrections, now=_now())

    def cancel(self) -> None:
        found = self.refunds.refund(self._some_refund())
        if found:
            self.refunds.cancel(found, now=_now())

    def reshard(self) -> None:
        wanted = ShardsRequest(currency=CURRENCY, shards=self.random.randint(1, MAX_SHARDS))
        operations.reshard(MERCHANT, wanted, store=self.operations, now=_now())

    def grow(self) -> None:
        self.debits.grow(MERCHANT, CURRENCY, now=_now())

    def shrink(self) -> None:
        self.upkeep.shrink(MERCHANT, CURRENCY, now=_now())

    def freeze(self) -> None:
        operations.freeze(MERCHANT, CURRENCY, frozen=True, store=self.operations)

    def unfreeze(self) -> None:
        operations.freeze(MERCHANT, CURRENCY, frozen=False, store=self.operations)

    def limit(self) -> None:
        wanted = LimitsRequest(
            currency=CURRENCY,
            deposit_required=self.random.randint(0, 500),
            guarantee_limit=self.random.randint(0, 2000),
        )
        operations.limit(MERCHANT, wanted, store=self.operations)

    def correct(self) -> None:
        """From one account to another; either may be too poor for it."""
        amount = self.random.randint(-100, 100) or 1
        buyer = f"buyer:{self.random.choice(BUYERS)}:available"
        account = f"merchant:{MERCHANT}:{self.random.choice(('available', 'deposit'))}"
        self._correct(f"i{self._number()}", {account: amount, buyer: -amount})

    # ── Across it ───────────────────────────────────────────────────────────────────────────────

    def cross(self) -> None:
        """The next movement that is listed; when all are taken, the reader will list more."""
        try:
            movement = self.scene.border.free.get_nowait()
        except Empty:
            return
        try:
            self._cross(movement)
        finally:
            self.scene.border.finished.add(movement.posting_id)

    def _cross(self, movement: Movement) -> None:
        amount = movement.amount
        match movement.kind:
            case "credit":
                self._credit(movement, "wallet")
            case "deposit":
                self._credit(movement, "deposit")
            case "payout":
                self._pay_out(movement, Party(Role.MERCHANT, MERCHANT))
            case "buyer_payout":
                self._pay_out(movement, Party(Role.BUYER, self.random.choice(BUYERS)))
            case "write_off":
                legs = {f"merchant:{MERCHANT}:receivable": amount, "platform:guarantee": -amount}
                self._correct(movement.key, legs)
            case "fee":
                legs = {f"merchant:{MERCHANT}:available": amount, "platform:guarantee": -amount}
                self._correct(movement.key, legs)

    def _credit(self, movement: Movement, target: str) -> None:
        request = CreditRequest.model_validate(
            {
                "amount": movement.amount,
                "currency": CURRENCY,
                "source": "settlement",
                "target": target,
            }
        )
        wallets.credit(
            MERCHANT,
            request,
            client_id="c",
            idempotency_key=movement.key,
            store=self.wallets,
            now=_now(),
        )

    def _pay_out(self, movement: Movement, party: Party) -> None:
        wallets.pay_out(
            party,
            PayoutRequest(amount=-movement.amount, currency=CURRENCY),
            client_id="c",
            idempotency_key=movement.key,
            store=self.wallets,
            now=_now(),
        )

    def _correct(self, key: str, moved: dict[str, int]) -> None:
        legs = [{"account": account, "amount": amount} for account, amount in moved.items()]
        request = CorrectionRequest.model_validate(
            {"currency": CURRENCY, "legs": legs, "reason": "x"}
        )
        store, correction_id = self.corrections, f"co_{key}"
        corrections.propose(correction_id, request, operator="one", store=store, now=_now())
        corrections.decide(correction_id, approve=True, operator="two", store=store, now=_now())

    def _deliver(self, refund_ids: Sequence[str]) -> None:
        outcome = market.settle(self.scene.stores, *refund_ids, now=_now(), store=self.debits)
        if outcome.failed:
            raise Busy

    def _accepted(self) -> str:
        number = self._number()
        requested_at = _now() - (LONG_AGO if self.random.random() < 1 / 8 else timedelta())
        market.put_refund(
            self.scene.stores,
            number,
            amount=self.random.randint(1, 400),
            buyer_id=self.random.choice(BUYERS),
            requested_at=requested_at,
        )
        return f"rf_{number}"

    def _some_refund(self) -> str:
        return self.random.choice(self.scene.refund_ids or ["rf_none"])

    def _number(self) -> str:
        self.made += 1
        return f"{self.number}-{self.made}"


def how_it_ended(do: Callable[[], object]) -> str:
    """How an operation ended: each end but a violation is one that a caller may be told."""
    try:
        do()
    except (Busy, WalletChanged):
        return "conflict"
    except RefundsError:
        return "refused"
    return "done"


def _now() -> datetime:
    return datetime.now(UTC)
