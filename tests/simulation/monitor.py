"""What must hold after every single commit of the database, whoever made it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from refunds import debits, funding, ledger
from refunds.stores.dynamo import from_item
from tests.simulation.dynamodb import Change, Commit, DynamoDB
from tests.simulation.sandboxes import CLOCK

type Values = dict[str, Any]

LEAVES = {
    None: {"pending", "refused"},
    "pending": {"succeeded", "awaiting_funds", "canceled"},
    "awaiting_funds": {"awaiting_funds", "succeeded", "canceled"},
    "succeeded": {"reversed"},
}
"""What a refund's status may become; what is not here never changes again."""
WAITING = {"S": "awaiting_funds"}
NOT_NEGATIVE = {
    "WALLET": ("available",),
    "DEPOSIT": ("available",),
    "BUYER": ("available",),
    "RECEIVABLE": ("owed",),
    "ORDER": ("refundable",),
}


class Violation(Exception):
    """Something that may never be."""


def violations(commit: Commit, service: DynamoDB) -> Iterator[str]:
    """Of the design's invariants: 1 to 5; that nothing is paid from a frozen wallet (F); and that
    none is passed over by a newer one, once the wallet is held for it (H).
    """
    moved = brought = 0
    for change in commit:
        kind = change.name[0].partition("#")[0]
        old, new = _plain(change.old), _plain(change.new)
        for name in NOT_NEGATIVE.get(kind, ()):
            if new.get(name, 0) < 0:
                yield f"2: {change.name[0]} has {name} {new[name]}"
        match kind:
            case "WALLET" | "DEPOSIT" | "BUYER":
                moved += new.get("available", 0) - old.get("available", 0)
            case "RECEIVABLE":
                moved -= new.get("owed", 0) - old.get("owed", 0)
            case "POSTING":
                brought -= _outside(new)
                if old:
                    yield f"5: {change.name[0]} was changed"
            case "REFUND" if change.name[1] == "REFUND":
                yield from _of_refund(change, old, new, commit, service)
    if moved != brought:
        yield f"1: the balances changed by {moved}, and should by {brought}"


def _of_refund(
    change: Change, old: Values, new: Values, commit: Commit, service: DynamoDB
) -> Iterator[str]:
    before, after = old.get("status"), new.get("status")
    if after not in LEAVES.get(before, set()) | {before}:
        yield f"5: {change.name[0]} was {before} and became {after}"
    elif before in {"succeeded", "canceled", "refused"} and old != new:
        yield f"5: {change.name[0]} was {before} and was changed"
    if after == "succeeded" and before != after:
        drawn, buyer = sum(new["sources"].values()), f"BUYER#{new['buyer_id']}"
        paid = any(each.name[0] == buyer for each in commit)
        if drawn != new["amount"] or not paid:
            yield f"3: {change.name[0]} succeeded, drawn {drawn} of {new['amount']}"
        config = (f"CURRENCIES#{new['merchant_id']}", new["currency"])
        # Freezing goes shard by shard, the wallet's own item first: each is closed once marked.
        shards = [each.old or {} for each in commit if each.name[0].startswith("WALLET#")]
        if any("frozen" in source for source in shards or [service.items.get(config, {})]):
            yield f"F: {change.name[0]} was paid from a frozen wallet"
        if any("held" in shard for shard in shards) and _passes_over(new, service):
            yield f"H: {change.name[0]} was paid from a wallet that is held for an older one"


def _passes_over(paid: Values, service: DynamoDB) -> bool:
    """Whether one that was asked for earlier, and has waited too long, waits still.

    Not one that came to wait a moment ago: what was planned before that may be sent after it.
    """
    waiting = (_plain(each) for each in service.items.values() if each.get("status") == WAITING)
    return any(
        (each["merchant_id"], each["currency"]) == (paid["merchant_id"], paid["currency"])
        and (each["requested_at"], each["refund_id"]) < (paid["requested_at"], paid["refund_id"])
        and CLOCK.now - datetime.fromisoformat(each["requested_at"]) > funding.HELD_AFTER
        and CLOCK.now - datetime.fromisoformat(each["awaiting_funds_at"]) > debits.LAST_RETRY
        for each in waiting
    )


def _outside(posting: Mapping[str, Any]) -> int:
    """What the legs say that are of no stored balance."""
    return sum(
        int(leg.amount)
        for leg in ledger.legs_of_item(posting)
        if leg.account.startswith(("external:", "platform:"))
    )


def _plain(item: Any) -> Values:
    return from_item(item) if item else {}
