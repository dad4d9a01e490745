"""What an operator reads and sets of a merchant."""

from refunds import table
from refunds.funding import Funds
from refunds.operations import LimitsRequest
from refunds.refunds import Refund
from refunds.stores.corrections import CorrectionStore
from refunds.stores.funds import Changed, changed
from refunds.stores.merchants import MerchantStore


class OperationStore(CorrectionStore, MerchantStore):
    def waiting_refunds(self, merchant_id: str, currency: str, *, limit: int) -> list[Refund]:
        """Those that wait for this merchant's money, the oldest first."""
        keys = self.waiting_keys(merchant_id, currency, limit=limit)
        found = self.refunds_of(keys)
        return [found[key["pk"]["S"]] for key in keys if key["pk"]["S"] in found]

    def set_limits(self, merchant_id: str, limits: LimitsRequest, funds: Funds) -> bool:
        """Whether the debt was still what was read: the headroom is the limit less the debt."""
        as_read = "owed = :owed" if funds.owed else "attribute_not_exists(owed) OR owed = :owed"
        try:
            self.transact(
                self.action_update(
                    table.deposit(merchant_id, limits.currency),
                    "SET required = :required",
                    None,
                    {"required": limits.deposit_required},
                ),
                self.action_update(
                    table.receivable(merchant_id, limits.currency),
                    "SET headroom = :headroom, owed = :owed, guarantee_limit = :limit",
                    as_read,
                    {
                        "headroom": limits.guarantee_limit - funds.owed,
                        "owed": funds.owed,
                        "limit": limits.guarantee_limit,
                    },
                    changed,
                ),
            )
        except Changed:
            return False
        return True
