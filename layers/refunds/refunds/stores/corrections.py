"""Corrections and reversals: postings that an operator causes."""

from refunds import table
from refunds.corrections import Correction, CorrectionStatus, Reversal
from refunds.errors import CorrectionNotOpen, RefundNotReversible
from refunds.funding import Funds
from refunds.ledger import Posting
from refunds.paging import Page
from refunds.refunds import Refund, RefundStatus
from refunds.stores.dynamo import Values, model_of
from refunds.stores.lists import Listing
from refunds.stores.refunds import RefundStore
from refunds.stores.wallets import WalletStore
from refunds.times import format_instant

DECIDE = "SET #status = :status, decided_by = :by, decided_at = :at"
STILL_PROPOSED = "#status = :proposed"


def _not_open(correction: Values | None) -> Exception:
    return CorrectionNotOpen(status=(correction or {}).get("status"))


def _not_reversible(refund: Values | None) -> Exception:
    return RefundNotReversible(status=(refund or {}).get("status"))


class CorrectionStore(WalletStore, RefundStore):
    def correction(self, correction_id: str) -> Correction | None:
        item = self.get(table.correction(correction_id))
        return model_of(Correction, item) if item else None

    def corrections(
        self, status: CorrectionStatus, *, after: str | None, limit: int
    ) -> Page[Correction]:
        return self.page(
            Listing(table.MERCHANT_LIST, "merchant_list", (table.CORRECTIONS,)),
            read=lambda keys: {i["pk"]: model_of(Correction, i) for i in self.get_many(keys)},
            keep=lambda correction: correction.status is status,
            after=after,
            limit=limit,
        )

    def propose(self, correction: Correction) -> bool:
        """Whether it is new."""
        listed_at = f"{format_instant(correction.proposed_at)}#{correction.correction_id}"
        values = correction.model_dump(mode="json", exclude_none=True) | {
            "merchant_list": table.CORRECTIONS,
            "listed_at": listed_at,
        }
        return self.put_new(table.correction(correction.correction_id), values)

    def reject(self, correction: Correction) -> bool:
        """Whether it was open."""
        key = table.correction(correction.correction_id)
        return self.update(key, DECIDE, STILL_PROPOSED, _decision(correction))

    def approve(self, correction: Correction, posting: Posting, funds: dict[str, Funds]) -> None:
        key = table.correction(correction.correction_id)
        gate = self.action_update(key, DECIDE, STILL_PROPOSED, _decision(correction), _not_open)
        self.post(
            posting,
            record=correction,
            request_digest=correction.correction_id,
            funds=funds,
            gate=[gate],
        )

    def reverse(
        self, refund: Refund, posting: Posting, reversal: Reversal, funds: dict[str, Funds]
    ) -> None:
        gate = self.action_update(
            table.refund(refund.refund_id),
            "SET #status = :reversed, reversed_at = :now",
            "#status = :succeeded",
            {
                "reversed": RefundStatus.REVERSED,
                "succeeded": RefundStatus.SUCCEEDED,
                "now": posting.posted_at,
            },
            _not_reversible,
        )
        self.post(
            posting, record=reversal, request_digest=refund.refund_id, funds=funds, gate=[gate]
        )


def _decision(correction: Correction) -> Values:
    at = correction.decided_at
    return {
        "status": correction.status,
        "by": correction.decided_by,
        "at": format_instant(at) if at else None,
        "proposed": CorrectionStatus.PROPOSED,
    }
