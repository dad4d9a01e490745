"""One merchant and as many buyers' pending refunds as a bench needs, put down in bulk.

One refund is accepted by the product's own rules and stores; the others are copies of its item
under other ids, each of another buyer, as a table of a busy day has them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, chain
from typing import TYPE_CHECKING, Any

from refunds import debits, intake, refunds, settlement, table, wallets
from refunds.deadline import Ready
from refunds.orders import Coverage, Order
from refunds.refunds import GoodsCondition, RefundRequest
from refunds.settlement import Outcome
from refunds.stores.debits import DebitStore
from refunds.stores.dynamo import Dynamo, to_item
from refunds.stores.refunds import RefundStore
from refunds.stores.shards import ShardStore
from refunds.stores.wallets import WalletStore
from refunds.wallets import CreditRequest, CreditSource, CreditTarget

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MERCHANT, CURRENCY = "m-busy", "CNY"
AMOUNT = 100
"""Of each refund, in minor units."""
PER_WRITE = 25
"""Items of one BatchWriteItem."""

type Items = Mapping[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Crowd:
    client: "DynamoDBClient"
    table: str

    @property
    def debits(self) -> DebitStore:
        return self._made(DebitStore)

    @property
    def refunds(self) -> RefundStore:
        return self._made(RefundStore)

    def fund(self, amount: int, *, shards: int = 1) -> None:
        """A wallet that holds `amount`, spread over so many shards."""
        store, now = self._made(WalletStore), datetime.now(UTC)
        proceeds = CreditRequest(
            amount=amount,
            currency=CURRENCY,
            source=CreditSource.SETTLEMENT,
            target=CreditTarget.WALLET,
        )
        wallets.credit(
            MERCHANT, proceeds, client_id="bench", idempotency_key="funds", store=store, now=now
        )
        self._made(ShardStore).reshard(MERCHANT, CURRENCY, shards, now=now)

    def order(self, number: int, now: datetime) -> Order:
        """A transaction of buyer `number`, completed a day ago, and covered."""
        order = _order(number, now)
        self.refunds.put_order(order)
        return order

    def ask(self, order: Order, now: datetime) -> str:
        """A refund of all of it, asked for as its buyer does; the refund's id."""
        wanted = RefundRequest(
            order_id=order.order_id, amount=AMOUNT, goods_condition=GoodsCondition.INTACT
        )
        refund, _ = intake.request(
            order.buyer_id, "the-key", wanted, store=self.refunds, arrived_at=now
        )
        return refund.refund_id

    def copies(self, count: int) -> list[str]:
        """So many pending refunds, each of another buyer; their ids."""
        now = datetime.now(UTC)
        first = self.ask(self.order(0, now), now)
        item = self._made(Dynamo).get(table.refund(first))
        if item is None:
            raise AssertionError("it was just accepted")
        made = [refunds.refund_id(f"b-{number}", "copied") for number in range(count)]
        self._write([_copy(item, each, f"b-{number}") for number, each in enumerate(made)])
        return made

    @staticmethod
    def settle(refund_ids: Sequence[str], *, store: DebitStore, ready: Ready) -> Outcome:
        """As the debit function does with a batch that names them."""
        outcome = Outcome()
        found, _ = store.debits(refund_ids)
        for group in debits.groups(found):
            outcome |= settlement.settle(
                group, store=store, clock=lambda: datetime.now(UTC), ready=ready
            )
        return outcome

    def items(self) -> Items:
        """All of the table as stored, by key."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table, ConsistentRead=True
        )
        every = chain.from_iterable(page["Items"] for page in pages)
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in every}

    def _write(self, items: Sequence[dict[str, Any]]) -> None:
        for chunk in batched(items, PER_WRITE, strict=False):
            asked: Any = {self.table: [{"PutRequest": {"Item": to_item(item)}} for item in chunk]}
            answer = self.client.batch_write_item(RequestItems=asked)
            if answer["UnprocessedItems"]:
                raise AssertionError("a local engine throttles nobody")

    def _made[Store: Dynamo](self, kind: type[Store]) -> Store:
        return kind(self.client, self.table)


def _order(number: int, now: datetime) -> Order:
    placed, completed = now - timedelta(days=3), now - timedelta(days=1)
    return Order(
        order_id=f"o-{number}",
        merchant_id=MERCHANT,
        buyer_id=f"b-{number}",
        amount=AMOUNT,
        currency=CURRENCY,
        placed_at=placed,
        completed_at=completed,
        refundable=AMOUNT,
        coverage=Coverage(policy_digest="0" * 64, policy_confirmed_at=placed - timedelta(days=1)),
    )


def _copy(item: dict[str, Any], refund_id: str, buyer_id: str) -> dict[str, Any]:
    [listed_at, _] = item["listed_at"].split("#")
    return item | {
        "pk": table.refund(refund_id)["pk"]["S"],
        "refund_id": refund_id,
        "buyer_id": buyer_id,
        "order_id": f"o-{buyer_id}",
        "merchant_list": table.merchant_list("REFUNDS", MERCHANT, refund_id),
        "buyer_list": table.buyer_list("REFUNDS", buyer_id),
        "listed_at": f"{listed_at}#{refund_id}",
        "due_bucket": table.due_bucket(refund_id),
    }
