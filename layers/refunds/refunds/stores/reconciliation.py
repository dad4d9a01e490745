"""The walk over the table, and the reports of reconciliation."""

from collections.abc import Mapping
from typing import Any

from refunds import table
from refunds.reconciliation import LATEST, RESERVED, Report
from refunds.statements import Balances, Owner
from refunds.stores.changes import ChangeStore
from refunds.stores.dynamo import Values, from_item, model_of
from refunds.stores.lists import Listing, ListStore
from refunds.stores.wallets import WalletStore

PAGE = 200
"""Items of one page of the walk."""


class ReconciliationStore(ChangeStore, WalletStore, ListStore):
    def page_of_items(self, start: Values | None) -> tuple[list[Values], Values | None]:
        """The next items of the whole table, and where to go on; none at the end."""
        begin: Any = {"ExclusiveStartKey": start} if start else {}
        answer = self.client.scan(TableName=self.table, ConsistentRead=True, Limit=PAGE, **begin)
        return [from_item(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def refunded_of_order(self, order: Mapping[str, Any]) -> int:
        """What the order's open and settled refunds sum to, found among its buyer's refunds."""
        total = 0
        after: str | None = None
        listing = Listing(
            table.BUYER_LIST, "buyer_list", (table.buyer_list("REFUNDS", order["buyer_id"]),)
        )
        while True:
            page = self.page(
                listing,
                read=lambda keys: {item["pk"]: item for item in self.get_many(keys)},
                keep=lambda item: item["order_id"] == order["order_id"],
                after=after,
                limit=100,
            )
            total += sum(int(item["amount"]) for item in page.items if item["status"] in RESERVED)
            after = page.after
            if after is None:
                return total

    def head_balances(self, owner: Owner) -> Balances:
        return self.head(owner).balances

    def report(self, run_id: str) -> Report | None:
        item = self.get(table.reconciliation(run_id))
        return model_of(Report, item) if item else None

    def note(self, report: Report) -> None:
        """Findings and where to go on, in one write."""
        values = report.model_dump(mode="json", exclude_none=True)
        self.put(table.reconciliation(report.run_id), values)
        self.put(table.reconciliation(LATEST), values)
