"""How many shards a wallet has, what each of them holds, and what is marked on all of them.

A hot shard is in some transaction nearly always. So no transaction here is about more than two of
a wallet's shards; what must be done to all of them is done one by one, and begins or ends with the
wallet's own item, which refunds hardly touch:

- While `frozen` is on that item, the number of shards stays. It is there before it is on any
  shard, and goes from there after it has gone from each.
- There `frozen` and `held` are the number of the change that set them, below zero while they are
  lifted. A shard is marked only while that number stands: a change that another has overtaken
  marks nothing any more.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count as numbers

from botocore.exceptions import BotoCoreError, ClientError

from refunds import funding, table
from refunds.deadline import Ready
from refunds.debits import MAX_SHARDS
from refunds.errors import Busy, RefundsError, WalletChanged, WalletFrozen
from refunds.funding import Move
from refunds.stores.dynamo import Action, Values, in_time, once
from refunds.stores.funds import Changed, FundStore, changed
from refunds.table import Key
from refunds.times import format_instant

GROW_AT_MOST_EVERY = timedelta(seconds=5)
WATCH_AT_MOST_EVERY = timedelta(minutes=1)
"""A wallet that cannot grow is written no oftener: its moves and marks are conditioned on it."""
QUIET_AFTER = timedelta(minutes=5)
"""How long a wallet must have been without contention before it gives shards back."""
MAX_MOVES = 2 * MAX_SHARDS
"""Of one reshard: to any number, and to spread evenly what there is then; it does not run after
what refunds and credits do meanwhile."""


class _Gone(Exception):
    """The shard is one no more; nothing was written."""


class _LiftedByAnother(Exception):
    """There is nothing left to lift; nothing was written."""


def _gone(_: Values | None) -> Exception:
    return _Gone()


def _as_read(name: str, found: Values) -> tuple[str, Values]:
    """The condition that an attribute is as it was found, or not there, and its value."""
    if name in found:
        return f"{name} = :{name}", {name: found[name]}
    return f"attribute_not_exists({name})", {}


class ShardStore(FundStore):
    # ── How many ────────────────────────────────────────────────────────────────────────────────

    def reshard(
        self,
        merchant_id: str,
        currency: str,
        count: int,
        *,
        now: datetime,
        ready: Ready | None = None,
        spread: bool = True,
    ) -> None:
        """Bring the wallet to `count` shards that hold about the same, one move after the other.

        Raises:
            WalletFrozen: as long as it is, nothing moves between its shards.
            Busy: time ran out before there were so many. What has moved has moved, and the same
                call goes on from there.
        """
        ready = ready or self.few_tries
        wanted, moves, failed, again, counted = min(max(count, 1), MAX_SHARDS), 0, 0, 0, False
        while moves < MAX_MOVES and ready(again):
            try:
                config, funds = self._glance(merchant_id, currency, ready=ready)
            except Busy:
                break
            if funds.frozen:
                raise WalletFrozen
            counted = len(funds.shards) == wanted
            move = funding.next_move(funds.shards, wanted)
            if move is None or (counted and not spread) or not ready(0):
                break
            again = 0
            if self._moved(merchant_id, currency, move, config, now):
                moves += 1
                counted = move.count == wanted
            else:
                failed += 1
                again = failed
        if not counted:
            raise Busy

    def _moved(
        self, merchant_id: str, currency: str, move: Move, config: Values, now: datetime
    ) -> bool:
        """False when others wrote the same items: it is to be planned anew."""
        before: int = config["shards"]
        source = table.wallet(merchant_id, currency, move.source)
        target = table.wallet(merchant_id, currency, move.target)
        actions = [*self._moving(source, target, move, config)]
        if move.count != before:
            key = table.merchant_currency(merchant_id, currency)
            actions.append(self._count(key, move.count, config, now))
        try:
            self.transact(*actions, ready=once)
        except (Changed, Busy):
            return False
        self.known.pop((merchant_id, currency), None)
        return True

    def _moving(self, source: Key, target: Key, move: Move, config: Values) -> Iterator[Action]:
        """From the one to the other; the first money of a new shard, or the last of an old one."""
        before, moved = config["shards"], {"moved": move.amount}
        if move.count < before:
            yield self.action_delete(source, "available = :moved", moved, changed)
        elif move.amount:
            yield self.action_update(
                source,
                "SET available = available - :moved",
                "available >= :moved AND attribute_not_exists(frozen)",
                moved,
                changed,
            )
        if move.count > before:
            held = config.get("held", 0) > 0 or None
            yield self.action_put(target, {"available": move.amount, "held": held}, changed)
        elif move.amount:
            yield self.action_update(
                target,
                "ADD available :moved",
                "attribute_exists(pk) AND attribute_not_exists(frozen)",
                moved,
                changed,
            )

    def _count(self, key: Key, count: int, config: Values, now: datetime) -> Action:
        held_as_read, held = _as_read("held", config)
        return self.action_update(
            key,
            "SET shards = :count, resharded_at = :now",
            f"shards = :before AND attribute_not_exists(frozen) AND {held_as_read}",
            {
                "count": count,
                "now": format_instant(now),
                "before": config["shards"],
                **held,
            },
            changed,
        )

    def grow(
        self, merchant_id: str, currency: str, *, now: datetime, ready: Ready | None = None
    ) -> bool:
        """Twice as many shards, because transactions were in each other's way; not too often.

        Best effort, from where money is moved: the next conflict tries again.
        """
        try:
            return self._grow(merchant_id, currency, now, ready)
        except (ClientError, BotoCoreError, RefundsError):
            return False

    def _grow(self, merchant_id: str, currency: str, now: datetime, ready: Ready | None) -> bool:
        key = table.merchant_currency(merchant_id, currency)
        config = self.get(key)
        if config is None:
            return False
        last, count = config.get("resharded_at"), config["shards"]
        grows = count < MAX_SHARDS and not (
            last and now - datetime.fromisoformat(last) < GROW_AT_MOST_EVERY
        )
        # When to look whether the wallet has been quiet for long enough to shrink.
        quiet_at = now + QUIET_AFTER
        if grows or config.get("due_at", "") < format_instant(quiet_at - WATCH_AT_MOST_EVERY):
            in_time(ready)
            watch = {"at": format_instant(quiet_at), "bucket": table.HOT_WALLETS}
            self.update(key, "SET due_at = :at, due_bucket = :bucket", None, watch)
        if grows:
            # To spread evenly what conflicts would be in everybody's way.
            tries = self.few_tries_while(ready)
            self.reshard(merchant_id, currency, count * 2, now=now, ready=tries, spread=False)
        return grows

    # ── What is marked on all of them ───────────────────────────────────────────────────────────

    def mark(
        self,
        merchant_id: str,
        currency: str,
        name: str,
        *,
        on: bool,
        ready: Ready | None = None,
    ) -> None:
        """Set or lift `frozen` or `held`, on the wallet and on each of its shards.

        Raises:
            WalletChanged: meanwhile another began the opposite.
            Busy: time ran out. It may be done in part; the same call goes on from there.
        """
        ready = ready or self.few_tries
        config = table.merchant_currency(merchant_id, currency)
        change, count = self._begun(config, name, on=on, ready=ready)
        if not change:
            return
        shards = [table.wallet(merchant_id, currency, shard) for shard in range(count)]

        def overtaken(found: Values | None) -> Exception:
            return WalletChanged() if on or name in (found or {}) else _LiftedByAnother()

        in_force = self.action_check(config, f"{name} = :change", {"change": change}, overtaken)
        to_lift = self.action_update(
            config, f"REMOVE {name}", f"{name} = :change", {"change": change}, overtaken
        )
        try:
            self._each(shards, lambda key: self._marked(key, name, in_force, on=on), ready)
            if not on:
                self._each([config], lambda _: self._done(to_lift), ready)
        except _LiftedByAnother:
            return

    @staticmethod
    def _each(keys: list[Key], done: Callable[[Key], bool], ready: Ready) -> None:
        """Each until it is done, the others meanwhile. Raises Busy."""
        attempt = 0
        while keys:
            left = []
            for key in keys:
                in_time(ready)
                if not done(key):
                    left.append(key)
            keys = left
            attempt += 1
            if keys and not ready(attempt):
                raise Busy

    def _begun(self, config: Key, name: str, *, on: bool, ready: Ready) -> tuple[int, int]:
        """The change's number, begun now or by another; and how many shards there are.

        Zero when there is no wallet to mark, or nothing to lift. Raises Busy.
        """
        for attempt in numbers(1):
            found = self.get(config) or {}
            change = found.get(name, 0)
            if not found or not (on or change):
                break
            if (change > 0) is on:
                return change, found["shards"]
            number = found.get("marks", 0) + 1
            as_read, marks = _as_read("marks", found)
            begin = self.action_update(
                config,
                f"SET marks = :number, {name} = :change",
                f"shards = :shards AND {as_read}",
                {
                    "number": number,
                    "change": number if on else -number,
                    "shards": found["shards"],
                    **marks,
                },
                changed,
            )
            in_time(ready)
            try:
                self.transact(begin, ready=once)
            except (Changed, Busy) as error:
                if not ready(attempt):
                    raise Busy from error
            else:
                return number if on else -number, found["shards"]
        return 0, 0

    def _marked(self, shard: Key, name: str, in_force: Action, *, on: bool) -> bool:
        """Whether this shard is done; if not, another wrote it."""
        expression, values = (f"SET {name} = :on", {"on": True}) if on else (f"REMOVE {name}", {})
        change = self.action_update(shard, expression, "attribute_exists(pk)", values, _gone)
        try:
            return self._done(in_force, change)
        except _Gone:
            return True

    def _done(self, *actions: Action) -> bool:
        try:
            self.transact(*actions, ready=once)
        except Busy:
            return False
        return True

    def hold(
        self, merchant_id: str, currency: str, *, held: bool, ready: Ready | None = None
    ) -> None:
        """Best effort: what is not held now is, by the next debit that is short."""
        try:
            tries = self.few_tries_while(ready)
            self.mark(merchant_id, currency, "held", on=held, ready=tries)
        except (ClientError, BotoCoreError, RefundsError):
            return
