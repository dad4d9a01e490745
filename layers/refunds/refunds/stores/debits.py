"""The debit's transaction, and which reply each answer of DynamoDB is."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from botocore.exceptions import BotoCoreError, ClientError

from refunds import table
from refunds.deadline import Ready
from refunds.debits import CLOSED, MAX_OVERDUE, OPEN, Debit, next_try_at
from refunds.errors import UNREADABLE, Busy
from refunds.funding import HELD_AFTER, Funds, Payment, Plan
from refunds.observability import logger
from refunds.settlement import (
    Contended,
    Frozen,
    Overdue,
    Rejected,
    Reply,
    Settled,
    Short,
    Unknown,
)
from refunds.stores import answers
from refunds.stores.dynamo import Action, Values, actions_of, in_time, refused_actions
from refunds.stores.standing import StandingStore
from refunds.times import format_instant, parse_instant

OPEN_VALUES = dict(zip(("pending", "awaiting"), OPEN, strict=True))
OPEN_STILL = "#status IN (:pending, :awaiting)"
"""The gate: a refund's status is only ever changed from one it may leave."""
AS_READ = (
    f"{OPEN_STILL} AND merchant_id = :m AND buyer_id = :b AND currency = :c AND amount = :amount"
)
OVERDUE_READ = 50
"""Overdue refunds looked at: those just paid may be named by the index still, before the others."""
FUNDED = "available >= :amount AND attribute_not_exists(frozen)"
FUNDED_AND_NOT_HELD = f"{FUNDED} AND attribute_not_exists(held)"


class DebitStore(StandingStore):
    def debits(self, refund_ids: Sequence[str]) -> tuple[list[Debit], set[str]]:
        """The open ones of at most 100 refunds, and the ids of all that exist and can be read."""
        items = self.get_many([table.refund(refund_id) for refund_id in refund_ids])
        debits, unreadable = read_each(items, open_debit)
        return debits, {_id_of(item) for item in items} - unreadable

    def shard(self, merchant_id: str, currency: str, *, seed: str) -> int:
        return crc32(seed.encode()) % self.shards(merchant_id, currency)

    def funds(
        self, merchant_id: str, currency: str, *, at_one_instant: bool, ready: Ready | None = None
    ) -> Funds | Contended | Unknown:
        read = self.read_funds if at_one_instant else self.glance
        try:
            return read(merchant_id, currency, ready=self.few_tries_while(ready))
        except Busy:
            return Contended()
        except (ClientError, BotoCoreError) as error:
            return Unknown(answers.code_of(error))

    def overdue(
        self, merchant_id: str, currency: str, *, now: datetime, ready: Ready | None = None
    ) -> Overdue | Contended | Unknown:
        before = format_instant(now - HELD_AFTER)
        try:
            keys = self.waiting_keys(
                merchant_id, currency, before=before, limit=OVERDUE_READ, ready=ready
            )
            in_time(ready)
            found, _ = read_each(self.get_many(keys), open_debit)
        except Busy:
            return Contended()
        except (ClientError, BotoCoreError) as error:
            # Not the same as to find none, which would release the hold.
            return Unknown(answers.code_of(error))
        found.sort(key=lambda debit: (debit.requested_at, debit.refund_id))
        more = len(found) > MAX_OVERDUE or len(keys) == OVERDUE_READ
        if more and not found:
            # All that the index still names have just been paid: who comes next, it says later.
            return Contended()
        return Overdue(tuple(found[:MAX_OVERDUE]), more)

    def debit(self, plan: Plan, *, now: datetime) -> Reply:
        """Draw the plan's sums from its merchant's sources, and settle each refund of it."""
        actions = [*self._sources(plan), *self._refunds(plan, now), *self._buyers(plan)]
        try:
            self.client.transact_write_items(TransactItems=actions_of(actions))
        except self.client.exceptions.TransactionCanceledException as error:
            reasons = error.response.get("CancellationReasons", [])
            return _reply(reasons, actions, plan.payments)
        except (ClientError, BotoCoreError) as error:
            # A definite "not now" is told from everything else, of which nothing is known.
            return Contended() if answers.is_not_now(error) else Unknown(answers.code_of(error))
        return Settled()

    def wait(self, debit: Debit, waits_for: str, *, now: datetime) -> bool:
        """Whether it is known to wait now, or to be closed: either way there is nothing to do."""
        tries = debit.tries if debit.waiting else 0
        try:
            self.update(
                table.refund(debit.refund_id),
                "SET #status = :awaiting, waits_for = :waits_for, due_at = :due_at, "
                "due_bucket = :bucket, tries = :tries, waiting_list = :list, "
                "awaiting_funds_at = if_not_exists(awaiting_funds_at, :now)",
                OPEN_STILL,
                {
                    **OPEN_VALUES,
                    "waits_for": waits_for,
                    "due_at": format_instant(next_try_at(tries, now)),
                    "bucket": table.due_bucket(debit.refund_id, table.DueKind.WAITING),
                    "tries": tries + 1,
                    "list": table.waiting_list(debit.merchant_id, debit.currency, debit.refund_id),
                    "now": format_instant(now),
                },
            )
        except (ClientError, BotoCoreError, Busy):
            return False
        return True

    def _sources(self, plan: Plan) -> Iterator[Action]:
        first, total = plan.payments[0].debit, plan.total
        merchant_id, currency = first.merchant_id, first.currency
        for shard, amount in plan.shards:
            yield self.action_update(
                table.wallet(merchant_id, currency, shard),
                "SET available = available - :amount",
                FUNDED if plan.read else FUNDED_AND_NOT_HELD,
                {"amount": amount},
            )
        if total.deposit:
            yield self.action_update(
                table.deposit(merchant_id, currency),
                "SET available = available - :amount",
                "available >= :amount",
                {"amount": total.deposit},
            )
        if total.receivable:
            yield self.action_update(
                table.receivable(merchant_id, currency),
                "SET headroom = headroom - :amount, owed = owed + :amount",
                "headroom >= :amount",
                {"amount": total.receivable},
            )
        if not plan.shards:
            yield self.action_check(
                table.merchant_currency(merchant_id, currency), "attribute_not_exists(frozen)", {}
            )

    def _refunds(self, plan: Plan, now: datetime) -> Iterator[Action]:
        for payment in plan.payments:
            debit = payment.debit
            yield self.action_update(
                table.refund(debit.refund_id),
                "SET #status = :succeeded, succeeded_at = :now, sources = :sources "
                "REMOVE due_bucket, due_at, waits_for, waiting_list",
                AS_READ,
                {
                    **OPEN_VALUES,
                    "succeeded": "succeeded",
                    "now": format_instant(now),
                    "sources": payment.parts.named(),
                    "m": debit.merchant_id,
                    "b": debit.buyer_id,
                    "c": debit.currency,
                    "amount": debit.amount,
                },
            )

    def _buyers(self, plan: Plan) -> Iterator[Action]:
        by_buyer: defaultdict[str, int] = defaultdict(int)
        for payment in plan.payments:
            by_buyer[payment.debit.buyer_id] += payment.debit.amount
        for buyer_id, amount in by_buyer.items():
            yield self.action_update(
                table.buyer_balance(buyer_id, plan.payments[0].debit.currency),
                "ADD available :amount",
                None,
                {"amount": amount},
            )


def _reply(reasons: Sequence[Any], actions: Sequence[Action], payments: Sequence[Payment]) -> Reply:
    """Which row of the reply table a cancelled transaction is. Reasons are positional."""
    refused = [(actions[place].key, item) for place, item in refused_actions(reasons, actions)]
    paid = {table.refund(each.debit.refund_id)["pk"]["S"]: each.debit for each in payments}
    refunds = {paid[key].refund_id: item for key, item in refused if key in paid}
    if refunds:
        still_open = {
            refund_id
            for refund_id, item in refunds.items()
            if not item or item.get("status") not in CLOSED
        }
        return Rejected(
            closed=frozenset(refunds.keys() - still_open), altered=frozenset(still_open)
        )
    if refused:
        return Frozen() if any(item and "frozen" in item for _, item in refused) else Short()
    if any(reason.get("Code") in answers.CONTENTION for reason in reasons):
        return Contended()
    return Unknown(", ".join(sorted({str(reason.get("Code")) for reason in reasons})))


def read_each[Found](
    items: Iterable[Values], read: Callable[[Values], Found | None]
) -> tuple[list[Found], set[str]]:
    """What `read` finds in refunds, and the ids of those that nobody can read.

    One that was not written by the product is in no other's way.
    """
    found: list[Found] = []
    unreadable: set[str] = set()
    for item in items:
        try:
            one = read(item)
        except UNREADABLE:
            unreadable.add(_id_of(item))
        else:
            found += [one] if one is not None else []
    if unreadable:
        logger.error("refunds_unreadable", refunds=sorted(unreadable))
    return found, unreadable


def open_debit(item: Values) -> Debit | None:
    """Raises one of UNREADABLE."""
    return None if item["status"] in CLOSED else _debit_of(item)


def _id_of(item: Values) -> str:
    pk: str = item["pk"]
    return pk.removeprefix("REFUND#")


def _debit_of(item: Values) -> Debit:
    debit = Debit(
        refund_id=item["refund_id"],
        merchant_id=item["merchant_id"],
        buyer_id=item["buyer_id"],
        currency=item["currency"],
        amount=item["amount"],
        requested_at=item["requested_at"],
        tries=item.get("tries", 0),
        waiting=item["status"] == "awaiting_funds",
    )
    typed = all(type(getattr(debit, name)) is kind for name, kind in Debit.__annotations__.items())
    if not typed or item["status"] not in OPEN or debit.refund_id != _id_of(item):
        raise ValueError
    parse_instant(debit.requested_at)
    return debit
