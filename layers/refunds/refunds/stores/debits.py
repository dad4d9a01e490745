"""The debit's transaction, and which reply each answer of DynamoDB is."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from refunds import table
from refunds.debits import (
    Contended,
    Debit,
    Frozen,
    Rejected,
    Reply,
    Settled,
    Short,
    Unknown,
    next_try_at,
)
from refunds.stores.dynamo import (
    CONTENTION,
    NOT_NOW,
    Action,
    Dynamo,
    Values,
    actions_of,
    refused_actions,
)
from refunds.times import format_instant

OPEN_VALUES = {"pending": "pending", "awaiting": "awaiting_funds"}
OPEN_STILL = "#status IN (:pending, :awaiting)"
"""The gate: a refund's status is only ever changed from one it may leave."""
AS_READ = (
    f"{OPEN_STILL} AND merchant_id = :m AND buyer_id = :b AND currency = :c AND amount = :amount"
)
FUNDED = "available >= :sum AND attribute_not_exists(frozen)"


class DebitStore(Dynamo):
    def debits(self, refund_ids: Sequence[str]) -> tuple[list[Debit], set[str]]:
        """The open ones of at most 100 refunds, and the ids of all that exist."""
        items = self.get_many([table.refund(refund_id) for refund_id in refund_ids])
        debits = [debit_of(item) for item in items if is_open(item)]
        return debits, {item["refund_id"] for item in items}

    def debit(self, group: Sequence[Debit], *, now: datetime) -> Reply:
        """Take the group's sum from its merchant's wallet, and settle each refund of it."""
        actions = self._actions(group, now)
        try:
            self.client.transact_write_items(TransactItems=actions_of(actions))
        except self.client.exceptions.TransactionCanceledException as error:
            return _reply(error.response.get("CancellationReasons", []), actions, group)
        except ClientError as error:
            # A definite "not now" is told from everything else, of which nothing is known.
            code = error.response["Error"]["Code"]
            return Contended() if code in NOT_NOW else Unknown(code)
        except BotoCoreError as error:
            return Unknown(type(error).__name__)
        return Settled()

    def wait(self, debit: Debit, waits_for: str, *, now: datetime) -> bool:
        """Whether it is known to wait now, or to be closed: either way there is nothing to do."""
        tries = debit.tries if debit.waiting else 0
        try:
            self.update(
                table.refund(debit.refund_id),
                "SET #status = :awaiting, waits_for = :waits_for, due_at = :due_at, "
                "tries = :tries, waiting_list = :list, "
                "awaiting_funds_at = if_not_exists(awaiting_funds_at, :now)",
                OPEN_STILL,
                {
                    **OPEN_VALUES,
                    "waits_for": waits_for,
                    "due_at": format_instant(next_try_at(tries, now)),
                    "tries": tries + 1,
                    "list": table.waiting_list(debit.merchant_id, debit.currency),
                    "now": format_instant(now),
                },
            )
        except (ClientError, BotoCoreError):
            return False
        return True

    def _actions(self, group: Sequence[Debit], now: datetime) -> list[Action]:
        first, total = group[0], sum(debit.amount for debit in group)
        wallet = table.wallet(first.merchant_id, first.currency)
        by_buyer: defaultdict[str, int] = defaultdict(int)
        for debit in group:
            by_buyer[debit.buyer_id] += debit.amount
        return [
            self.action_update(wallet, "SET available = available - :sum", FUNDED, {"sum": total}),
            *(self._settle(debit, now) for debit in group),
            *(
                self.action_update(
                    table.buyer_balance(buyer_id, first.currency),
                    "ADD available :amount",
                    None,
                    {"amount": amount},
                )
                for buyer_id, amount in by_buyer.items()
            ),
        ]

    def _settle(self, debit: Debit, now: datetime) -> Action:
        return self.action_update(
            table.refund(debit.refund_id),
            "SET #status = :succeeded, succeeded_at = :now, sources = :sources "
            "REMOVE due_bucket, due_at, waits_for, waiting_list",
            AS_READ,
            {
                **OPEN_VALUES,
                "succeeded": "succeeded",
                "now": format_instant(now),
                "sources": {"available": debit.amount},
                "m": debit.merchant_id,
                "b": debit.buyer_id,
                "c": debit.currency,
                "amount": debit.amount,
            },
        )


def _reply(reasons: Sequence[Any], actions: Sequence[Action], group: Sequence[Debit]) -> Reply:
    """Which row of the reply table a cancelled transaction is. Reasons are positional."""
    refused = dict(refused_actions(reasons, actions))
    refunds = {
        debit.refund_id: refused[place]
        for place, debit in enumerate(group, start=1)
        if place in refused
    }
    if refunds:
        still_open = {refund_id for refund_id, item in refunds.items() if item and is_open(item)}
        return Rejected(
            closed=frozenset(refunds.keys() - still_open), altered=frozenset(still_open)
        )
    if 0 in refused:
        wallet = refused[0] or {}
        return Frozen() if "frozen" in wallet else Short(wallet.get("available", 0))
    if any(reason.get("Code") in CONTENTION for reason in reasons):
        return Contended()
    return Unknown(", ".join(sorted({str(reason.get("Code")) for reason in reasons})))


def is_open(item: Values) -> bool:
    return item["status"] in OPEN_VALUES.values()


def debit_of(item: Values) -> Debit:
    return Debit(
        refund_id=item["refund_id"],
        merchant_id=item["merchant_id"],
        buyer_id=item["buyer_id"],
        currency=item["currency"],
        amount=item["amount"],
        requested_at=item["requested_at"],
        tries=item.get("tries", 0),
        waiting=item["status"] == "awaiting_funds",
    )
