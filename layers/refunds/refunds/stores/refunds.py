"""Refunds as intake writes them and their parties read them."""

from datetime import datetime

from refunds import table
from refunds.intake import Superseded
from refunds.members import Party
from refunds.paging import Page
from refunds.refunds import OPEN, Refund, RefundStatus
from refunds.stores.debits import OPEN_STILL, OPEN_VALUES
from refunds.stores.dynamo import Action, Values, model_of
from refunds.stores.orders import OrderStore, listing_of
from refunds.table import Key
from refunds.times import format_instant

DETAILS = {"goods_condition", "reason", "evidence", "request_digest"}
"""What no debit reads, kept beside the refund so that the item a debit writes stays small."""


def _superseded(_: Values | None) -> Exception:
    return Superseded()


class RefundStore(OrderStore):
    def refund(self, refund_id: str) -> Refund | None:
        key = table.refund(refund_id)
        return self.refunds_of([key]).get(key["pk"]["S"])

    def refunds(
        self, party: Party, status: RefundStatus | None, *, after: str | None, limit: int
    ) -> Page[Refund]:
        return self.page(
            listing_of("REFUNDS", party),
            read=self.refunds_of,
            keep=lambda refund: status is None or refund.status is status,
            after=after,
            limit=limit,
        )

    def accept(self, refund: Refund) -> None:
        """The refund and the order's reservation in one transaction: both, or neither.

        Raises:
            Superseded: the id is taken, or less than the amount is refundable.
        """
        self.transact(
            *self._recorded(refund),
            self.action_update(
                table.order(refund.order_id),
                "SET refundable = refundable - :amount",
                "refundable >= :amount",
                {"amount": refund.amount},
                _superseded,
            ),
        )

    def refuse(self, refund: Refund) -> None:
        """Raises Superseded: the id is taken."""
        self.transact(*self._recorded(refund))

    def cancel(self, refund: Refund, *, now: datetime) -> bool:
        """Whether it was open still; then its amount is refundable again."""
        try:
            self.transact(
                self.action_update(
                    table.refund(refund.refund_id),
                    "SET #status = :canceled, canceled_at = :now "
                    "REMOVE due_bucket, due_at, waits_for, waiting_list",
                    OPEN_STILL,
                    {**OPEN_VALUES, "canceled": RefundStatus.CANCELED, "now": format_instant(now)},
                    _superseded,
                ),
                self.action_update(
                    table.order(refund.order_id),
                    "SET refundable = refundable + :amount",
                    "attribute_exists(pk)",
                    {"amount": refund.amount},
                    _superseded,
                ),
            )
        except Superseded:
            return False
        return True

    def _recorded(self, refund: Refund) -> list[Action]:
        values = refund.model_dump(mode="json", exclude_none=True)
        listed = {
            "merchant_list": table.merchant_list("REFUNDS", refund.merchant_id, refund.refund_id),
            "buyer_list": table.buyer_list("REFUNDS", refund.buyer_id),
            "listed_at": f"{format_instant(refund.requested_at)}#{refund.refund_id}",
        }
        if refund.status in OPEN:
            listed["due_bucket"] = table.due_bucket(refund.refund_id)
        main = {name: value for name, value in values.items() if name not in DETAILS}
        details = {name: value for name, value in values.items() if name in DETAILS}
        return [
            self.action_put(table.refund(refund.refund_id), main | listed, _superseded),
            self.action_put(table.refund_details(refund.refund_id), details, _superseded),
        ]

    def refunds_of(self, keys: list[Key]) -> dict[str, Refund]:
        """By partition key; a refund and its details are two items of one partition."""
        details = [{**key, "sk": table.refund_details("")["sk"]} for key in keys]
        merged: dict[str, Values] = {}
        for item in self.get_many([*keys, *details]):
            merged.setdefault(item["pk"], {}).update(item)
        # The two are read one after the other: where one is missing, they are just being written.
        return {
            pk: model_of(Refund, values)
            for pk, values in merged.items()
            if {"refund_id", "request_digest"} <= values.keys()
        }
