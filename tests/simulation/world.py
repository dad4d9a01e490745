"""One table, one queue, and what stands in them before a schedule begins."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from refunds import events, operations, wallets
from refunds.debits import Debit
from refunds.funding import Funds, Parts, Payment, Plan
from refunds.members import Membership
from refunds.operations import LimitsRequest, ShardsRequest
from refunds.settlement import WAITS_FOR_FUNDS, Settled
from refunds.stores.changes import change_of
from refunds.stores.dynamo import from_item
from refunds.stores.reconciliation import ReconciliationStore
from refunds.wallets import CreditRequest
from tests.simulation.callers import BUYERS, CURRENCY, MERCHANTS, OLD, PAID
from tests.simulation.choices import Choices
from tests.simulation.dynamodb import Commit, Direct, DynamoDB, Name
from tests.simulation.monitor import violations
from tests.simulation.sqs import SQS, Events
from tests.stores import market
from tests.stores.engines import Stores
from tests.unit import examples
from tests.unit.examples import NOON

AVAILABLE, SHARDS = (200, 0, 100, 450), (1, 2, 4)
DEPOSITS, LIMITS = (0, 100), (0, 150, 250)
MORE, OVERDUE = 500, (7, 1)
"""What one that has waited too long asks for, more than any wallet holds; how often one has."""
IN_DEBT = 250
"""With this limit the merchant begins with a debt, and nothing else."""


@cache
def beginning() -> DynamoDB:
    """Members, certified merchants, and orders that are completed and covered."""
    service = DynamoDB()
    stores = stores_of(service)
    for buyer in BUYERS:
        stores.members.put_membership(buyer, Membership(buyer_id=buyer))
    stores.members.put_membership("operator", Membership(operator=True))
    for merchant in MERCHANTS:
        market.certify(stores, merchant_id=merchant)
        for buyer in BUYERS:
            stores.refunds.put_order(
                examples.order(
                    order_id=f"o-{merchant}-{buyer}",
                    merchant_id=merchant,
                    buyer_id=buyer,
                    amount=PAID,
                )
            )
    service.commits.clear()
    return service


def stores_of(service: DynamoDB) -> Stores:
    return Stores(cast("Any", Direct(service)), "Table")


@dataclass
class World:
    choices: Choices
    database: DynamoDB = field(default_factory=lambda: DynamoDB(dict(beginning().items)))
    queue: SQS = field(default_factory=SQS)
    events: Events = field(default_factory=Events)
    found: list[str] = field(default_factory=list)
    """What is wrong."""
    streamed: int = 0
    """Commits that the stream has brought."""
    funded: list[str] = field(default_factory=list)
    """Credits from before the schedule."""
    asked_before: list[str] = field(default_factory=list)
    """Refunds from before it: the guarantee fund paid them, or they have waited too long."""

    def __post_init__(self) -> None:
        self.stores = stores_of(self.database)
        self.database.committed = self._look
        for merchant in MERCHANTS:
            self._fund(merchant)

    def _look(self, commit: Commit) -> None:
        self.found += violations(commit, self.database)

    def _fund(self, merchant: str) -> None:
        choices = self.choices
        available, deposit = choices.one_of(AVAILABLE), choices.one_of(DEPOSITS)
        shards, limit = choices.one_of(SHARDS), choices.one_of(LIMITS)
        self.stores.wallets.open_wallet(merchant, CURRENCY)
        if limit:
            wanted = LimitsRequest(currency=CURRENCY, deposit_required=0, guarantee_limit=limit)
            operations.limit(merchant, wanted, store=self.stores.operations)
        if limit == IN_DEBT:
            self._advance(merchant)
        else:
            for target, amount in (("wallet", available), ("deposit", deposit)):
                if amount:
                    self._credit(merchant, target, amount)
        if shards > 1:
            spread = ShardsRequest(currency=CURRENCY, shards=shards)
            operations.reshard(merchant, spread, store=self.stores.operations, now=NOON)
        if choices.weighted(OVERDUE):
            self._keep_waiting(merchant)

    def _advance(self, merchant: str) -> None:
        """A refund that the guarantee fund has paid."""
        debit = self._asked(f"paid-{merchant}", merchant, amount=100)
        advance = Payment(debit, Parts(receivable=debit.amount))
        plan = Plan((advance,), shards=(), read=True)
        assert self.stores.debits.debit(plan, now=NOON) == Settled()

    def _keep_waiting(self, merchant: str) -> None:
        """A refund that has waited too long for more than there is: the wallet is held for it."""
        asked = NOON - OLD
        debit = self._asked(f"old-{merchant}", merchant, amount=MORE, requested_at=asked)
        assert self.stores.debits.wait(debit, WAITS_FOR_FUNDS, now=asked)
        self.stores.debits.hold(merchant, CURRENCY, held=True)

    def _asked(self, name: str, merchant: str, *, amount: int, **changed: Any) -> Debit:
        """A refund that was accepted before the schedule, of an order of its own."""
        order = {"order_id": f"o-{name}", "merchant_id": merchant, "buyer_id": "b0"}
        self.stores.refunds.put_order(examples.order(**order, amount=amount))
        refund = examples.refund(refund_id=f"rf_{name}", **order, amount=amount, **changed)
        self.stores.refunds.accept(refund)
        self.asked_before.append(refund.refund_id)
        return market.read(self.stores, refund.refund_id)

    def _credit(self, merchant: str, target: str, amount: int) -> None:
        given = {"amount": amount, "currency": CURRENCY, "source": "settlement", "target": target}
        made = wallets.credit(
            merchant,
            CreditRequest.model_validate(given),
            client_id="platform",
            idempotency_key=f"{merchant}-{target}",
            store=self.stores.wallets,
            now=NOON,
        )
        self.funded.append(made.credit_id)

    def item(self, name: Name) -> dict[str, Any]:
        return from_item(self.database.items.get(name, {}))

    def refund(self, refund_id: str) -> dict[str, Any]:
        return self.item((f"REFUND#{refund_id}", "REFUND"))

    def refunds(self) -> list[dict[str, Any]]:
        every = [*self.database.items]
        return [self.item(name) for name in every if name[1] == "REFUND"]

    def rows(self) -> list[dict[str, Any]]:
        return [from_item(item) for item in self.database.items.values()]

    def records(self, begin: int, end: int | None = None) -> Iterator[dict[str, Any]]:
        """What the table's stream says of these commits."""
        for number, commit in enumerate(self.database.commits[begin:end], begin):
            for change in commit:
                images = {"OldImage": change.old, "NewImage": change.new}
                told = {name: image for name, image in images.items() if image}
                told["ApproximateCreationDateTime"] = NOON.timestamp()  # type: ignore[assignment]
                yield {"eventID": f"{number}", "dynamodb": told}

    def untold(self) -> set[str]:
        """Events that the bus has not taken."""
        brought = map(change_of, self.records(0))
        told = (
            event
            for each in brought
            for event in events.of_change(
                each.old,
                each.new,
                refundable=0,
                changed_at=each.changed_at,
                change_id=each.change_id,
            )
        )
        return {event.event_id for event in told} - self.events.taken

    def books(self) -> ReconciliationStore:
        return ReconciliationStore(cast("Any", Direct(self.database)), "Table")

    def left(self, merchant: str) -> Funds:
        return self.stores.wallets.read_funds(merchant, CURRENCY)


def named(body: str) -> str:
    """The refund that a message of ours names; nothing when it is not of ours."""
    try:
        return str(json.loads(body)["refund_id"])
    except ValueError:
        return ""
