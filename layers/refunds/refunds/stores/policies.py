"""The draft and the confirmed policy: items apart, so that the second can be guarded by its key."""

from refunds import table
from refunds.errors import (
    MerchantNotCertified,
    PolicyAlreadyConfirmed,
    PolicyDraftChanged,
    ShopIncomplete,
)
from refunds.policies import ConfirmedPolicy, Draft
from refunds.shops import ShopSettings
from refunds.standing import Status
from refunds.stores.dynamo import Dynamo, Values, model_of


def _already_confirmed(policy: Values | None) -> Exception:
    return PolicyAlreadyConfirmed(confirmed_digest=policy["digest"] if policy else None)


def _draft_changed(draft: Values | None) -> Exception:
    return PolicyDraftChanged(draft_digest=draft["digest"] if draft else None)


def _not_in_standing(merchant: Values | None) -> Exception:
    status = (merchant or {}).get("certification", "none")
    if status != Status.CERTIFIED:
        return MerchantNotCertified(status=status)
    settings = (merchant or {}).get("shop", {})
    missing = [name for name in ShopSettings.model_fields if name not in settings]
    return ShopIncomplete(missing=missing)


class PolicyStore(Dynamo):
    def draft(self, merchant_id: str) -> Draft | None:
        item = self.get(table.draft(merchant_id))
        return model_of(Draft, item) if item else None

    def confirmed_policy(self, merchant_id: str) -> ConfirmedPolicy | None:
        item = self.get(table.policy(merchant_id))
        return model_of(ConfirmedPolicy, item) if item else None

    def suspended(self, merchant_id: str) -> bool:
        merchant = self.get(table.merchant(merchant_id)) or {}
        return merchant.get("certification") == Status.SUSPENDED

    def check_standing(self, merchant_id: str) -> None:
        """Raises MerchantNotCertified or ShopIncomplete."""
        merchant = self.get(table.merchant(merchant_id)) or {}
        if merchant.get("certification") != Status.CERTIFIED or not merchant.get("shop_complete"):
            raise _not_in_standing(merchant)

    def put_draft(self, merchant_id: str, draft: Draft) -> None:
        """Raises PolicyAlreadyConfirmed."""
        self.transact(
            self.action_check(
                table.policy(merchant_id), "attribute_not_exists(pk)", {}, _already_confirmed
            ),
            self.action_put(
                table.draft(merchant_id), draft.model_dump(mode="json"), condition=None
            ),
        )

    def confirm(self, policy: ConfirmedPolicy) -> None:
        """Raises the error of the first condition that fails; then nothing is written."""
        # One transaction, not get-then-put: of two racing confirmations only one may win, the
        # draft must be the one reviewed, and the merchant in good standing, at that instant.
        merchant_id = policy.merchant_id
        self.transact(
            self.action_put(
                table.policy(merchant_id), policy.model_dump(mode="json"), _already_confirmed
            ),
            self.action_check(
                table.merchant(merchant_id),
                "certification = :certified AND shop_complete = :complete",
                {"certified": Status.CERTIFIED, "complete": True},
                _not_in_standing,
            ),
            self.action_check(
                table.draft(merchant_id),
                "digest = :digest AND instant_refund = :on",
                {"digest": policy.digest, "on": True},
                _draft_changed,
            ),
        )
