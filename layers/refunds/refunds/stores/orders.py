"""Orders, and what decides their coverage."""

from datetime import datetime

from refunds import table
from refunds.members import Party, Role
from refunds.orders import Order, Suspension
from refunds.paging import Page
from refunds.stores.dynamo import from_item, model_of
from refunds.stores.lists import Listing, ListStore
from refunds.stores.policies import PolicyStore
from refunds.times import format_instant


class OrderStore(PolicyStore, ListStore):
    def order(self, order_id: str) -> Order | None:
        item = self.get(table.order(order_id))
        return model_of(Order, item) if item else None

    def put_order(self, order: Order) -> bool:
        """Whether it was not recorded yet."""
        values = order.model_dump(mode="json", exclude_none=True) | {
            "merchant_list": table.merchant_list("ORDERS", order.merchant_id, order.order_id),
            "buyer_list": table.buyer_list("ORDERS", order.buyer_id),
            "listed_at": f"{format_instant(order.placed_at)}#{order.order_id}",
        }
        return self.put_new(table.order(order.order_id), values)

    def complete_order(self, order: Order, completed_at: datetime) -> bool:
        """Whether it was not completed yet."""
        return self.update(
            table.order(order.order_id),
            "SET completed_at = :at",
            "attribute_exists(pk) AND attribute_not_exists(completed_at)",
            {"at": format_instant(completed_at)},
        )

    def last_suspension(self, merchant_id: str, at: datetime) -> Suspension | None:
        """The latest that began by `at`. Suspensions of a merchant never overlap."""
        answer = self.client.query(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": table.suspension(merchant_id, "")["pk"],
                ":first": table.suspension(merchant_id, "")["sk"],
                ":last": table.suspension(merchant_id, format_instant(at))["sk"],
            },
            ScanIndexForward=False,
            Limit=1,
        )
        found = [model_of(Suspension, from_item(item)) for item in answer["Items"]]
        return found[0] if found else None

    def orders(self, party: Party, *, after: str | None, limit: int) -> Page[Order]:
        return self.page(
            listing_of("ORDERS", party),
            read=lambda keys: {item["pk"]: model_of(Order, item) for item in self.get_many(keys)},
            keep=lambda _: True,
            after=after,
            limit=limit,
        )


def listing_of(kind: str, party: Party) -> Listing:
    if party.role is Role.MERCHANT:
        return Listing(table.MERCHANT_LIST, "merchant_list", table.merchant_lists(kind, party.id))
    return Listing(table.BUYER_LIST, "buyer_list", (table.buyer_list(kind, party.id),))
