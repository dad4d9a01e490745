"""Suspensions: the merchant's causes, and the times in which any was in force."""

from collections.abc import Iterator
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from refunds import table
from refunds.errors import Busy, CertificationStateConflict
from refunds.standing import Cause, Status
from refunds.stores.dynamo import Action, Values
from refunds.stores.shards import ShardStore
from refunds.times import format_instant


def conflict(_: Values | None) -> Exception:
    return CertificationStateConflict()


class StandingStore(ShardStore):
    def causes(self, merchant_id: str) -> list[str]:
        merchant = self.get(table.merchant(merchant_id)) or {}
        found: list[str] = merchant.get("suspension_causes", [])
        return found

    def suspend(
        self, merchant_id: str, cause: Cause, reason: str, *, by: str, now: datetime
    ) -> bool:
        """Whether this call put the cause in force; false when it was, or nothing is certified."""
        seen, at = self.causes(merchant_id), format_instant(now)
        if cause in seen:
            return False
        # Whoever is suspended for funds is looked at each minute, until it is covered.
        watch = ", due_bucket = :watch, due_at = :at" if cause is Cause.FUNDS else ""
        watched = {"watch": table.FUNDS_SUSPENSIONS} if cause is Cause.FUNDS else {}
        causes = ", suspension_causes = :causes" + watch
        values: Values = {"causes": [*seen, cause], **watched}
        if seen:
            if watched:
                values["at"] = at
            action = self._change_causes(merchant_id, "SET " + causes[2:], seen, values)
            return self._try(action)
        return self._try(
            self.move(
                merchant_id,
                Status.CERTIFIED,
                Status.SUSPENDED,
                ", suspended_since = :at" + causes,
                {**values, "at": at},
            ),
            self.action_put(
                table.suspension(merchant_id, at),
                {"began_at": at, "reason": reason, "suspended_by": by, "cause": cause},
                conflict,
            ),
        )

    def suspend_for_funds(self, merchant_id: str, currency: str, *, now: datetime) -> bool:
        """Best effort, from where money is moved: the next refund that waits tries again."""
        try:
            # So that what waits is among the currencies that must be covered again.
            self.open_wallet(merchant_id, currency)
            return self.suspend(
                merchant_id, Cause.FUNDS, "a refund waits for funds", by="debits", now=now
            )
        except (ClientError, BotoCoreError, Busy):
            return False

    def lift(self, merchant_id: str, cause: Cause, *, by: str, now: datetime) -> bool:
        """Whether this call lifted the cause; the suspension ends with the last one."""
        merchant = self.get(table.merchant(merchant_id)) or {}
        seen: list[str] = merchant.get("suspension_causes", [])
        left = [each for each in seen if each != cause]
        if left == seen:
            return False
        watch = " REMOVE due_bucket, due_at" if cause is Cause.FUNDS else ""
        if left:
            expression = "SET suspension_causes = :causes" + watch
            return self._try(self._change_causes(merchant_id, expression, seen, {"causes": left}))
        return self._try(
            self.move(
                merchant_id,
                Status.SUSPENDED,
                Status.CERTIFIED,
                " REMOVE suspension_causes, suspended_since" + watch.replace(" REMOVE", ","),
                {"seen": seen},
                condition="suspension_causes = :seen",
            ),
            self.action_update(
                table.suspension(merchant_id, merchant["suspended_since"]),
                "SET ended_at = :at, lifted_by = :by",
                "attribute_exists(pk) AND attribute_not_exists(ended_at)",
                {"at": format_instant(now), "by": by},
                conflict,
            ),
        )

    def suspended_for_funds(self, now: datetime, *, page: int) -> Iterator[str]:
        """Merchants to look at, the longest not looked at first."""
        for key in self.all_due_keys(table.FUNDS_SUSPENSIONS, now, page=page):
            yield key["pk"]["S"].removeprefix("MERCHANT#")

    def look_again(self, merchant_id: str, at: datetime) -> None:
        self.update(
            table.merchant(merchant_id),
            "SET due_at = :at",
            "due_bucket = :watch",
            {"at": format_instant(at), "watch": table.FUNDS_SUSPENSIONS},
        )

    def move(
        self,
        merchant_id: str,
        leaves: Status,
        enters: str,
        expression: str = "",
        values: Values | None = None,
        *,
        condition: str = "",
    ) -> Action:
        """A step of the certification's state machine: only from the state it leaves."""
        return self.action_update(
            table.merchant(merchant_id),
            "SET certification = :enters, merchant_list = :list" + expression,
            "certification = :leaves" + (f" AND {condition}" if condition else ""),
            {
                "enters": enters,
                "leaves": leaves,
                "list": table.certification_list(enters),
                **(values or {}),
            },
            conflict,
        )

    def _change_causes(
        self, merchant_id: str, expression: str, seen: list[str], values: Values
    ) -> Action:
        return self.action_update(
            table.merchant(merchant_id),
            expression,
            "suspension_causes = :seen",
            {**values, "seen": seen},
            conflict,
        )

    def _try(self, *actions: Action) -> bool:
        try:
            self.transact(*actions)
        except CertificationStateConflict:
            return False
        return True
