"""Merchants: shop settings, certification, suspensions."""

from datetime import datetime

from refunds import table
from refunds.certification import (
    Application,
    Certification,
    DecisionRequest,
)
from refunds.errors import CertificationStateConflict
from refunds.paging import Page
from refunds.shops import ShopSettings
from refunds.standing import Status
from refunds.stores.lists import Listing, ListStore
from refunds.stores.standing import StandingStore, conflict
from refunds.table import Key
from refunds.times import format_instant


class MerchantStore(StandingStore, ListStore):
    def shop(self, merchant_id: str) -> ShopSettings:
        item = self.get(table.merchant(merchant_id)) or {}
        return ShopSettings.model_validate(item.get("shop", {}))

    def put_shop(self, merchant_id: str, settings: ShopSettings, *, complete: bool) -> None:
        values = {
            "merchant_id": merchant_id,
            "shop": settings.model_dump(mode="json", exclude_none=True),
            "complete": complete,
        }
        self.update(
            table.merchant(merchant_id),
            "SET merchant_id = :merchant_id, shop = :shop, shop_complete = :complete",
            None,
            values,
        )

    def certification(self, merchant_id: str) -> Certification | None:
        return self._certifications([table.merchant(merchant_id)]).get(f"MERCHANT#{merchant_id}")

    def certifications(
        self, status: Status, *, after: str | None, limit: int
    ) -> Page[Certification]:
        """Those in a state, the newest submission first."""
        listing = Listing(table.MERCHANT_LIST, "merchant_list", (table.certification_list(status),))
        return self.page(
            listing,
            read=self._certifications,
            keep=lambda certification: certification.status is status,
            after=after,
            limit=limit,
        )

    def submit(self, merchant_id: str, application: Application, *, now: datetime) -> bool:
        """Whether the state allowed it: nothing was submitted yet, or it was refused."""
        at = format_instant(now)
        try:
            self.transact(
                self.action_put(
                    table.certification(merchant_id, at),
                    {
                        "merchant_id": merchant_id,
                        "application": application.model_dump(mode="json"),
                        "submitted_at": at,
                    },
                    conflict,
                ),
                self.action_update(
                    table.merchant(merchant_id),
                    "SET merchant_id = :m, certification = :submitted, certification_at = :at, "
                    "merchant_list = :list, listed_at = :listed_at",
                    "attribute_not_exists(certification) OR certification = :refused",
                    {
                        "m": merchant_id,
                        "at": at,
                        "submitted": Status.SUBMITTED,
                        "refused": Status.REFUSED,
                        "list": table.certification_list(Status.SUBMITTED),
                        "listed_at": f"{at}#{merchant_id}",
                    },
                    conflict,
                ),
            )
        except CertificationStateConflict:
            return False
        return True

    def decide(
        self, merchant_id: str, decision: DecisionRequest, *, operator: str, now: datetime
    ) -> bool:
        """Whether it was submitted still."""
        merchant = self.get(table.merchant(merchant_id)) or {}
        submitted_at = merchant.get("certification_at", "")
        try:
            self.transact(
                self.move(merchant_id, Status.SUBMITTED, decision.decision),
                self.action_update(
                    table.certification(merchant_id, submitted_at),
                    "SET decision = :decision, reason = :reason, decided_by = :by, "
                    "decided_at = :at",
                    "attribute_exists(pk) AND attribute_not_exists(decision)",
                    {
                        "decision": decision.decision,
                        "reason": decision.reason,
                        "by": operator,
                        "at": format_instant(now),
                    },
                    conflict,
                ),
            )
        except CertificationStateConflict:
            return False
        return True

    def _certifications(self, merchants: list[Key]) -> dict[str, Certification]:
        """By the merchant's partition key; a merchant without a submission is left out."""
        standing = {
            item["pk"]: item for item in self.get_many(merchants) if "certification" in item
        }
        submissions = self.get_many(
            [
                table.certification(item["merchant_id"], item["certification_at"])
                for item in standing.values()
            ]
        )
        return {
            item["pk"]: Certification.model_validate(
                {
                    "merchant_id": item["merchant_id"],
                    "status": standing[item["pk"]]["certification"],
                    "application": item["application"],
                    "submitted_at": item["submitted_at"],
                    "decision": item.get("decision"),
                    "reason": item.get("reason"),
                    "decided_at": item.get("decided_at"),
                    "suspended_since": standing[item["pk"]].get("suspended_since"),
                    "suspension_causes": standing[item["pk"]].get("suspension_causes", []),
                }
            )
            for item in submissions
        }
