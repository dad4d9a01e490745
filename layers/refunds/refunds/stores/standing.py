"""Suspensions: the merchant's causes, and the times in which any was in force."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from refunds import table
from refunds.deadline import Ready
from refunds.errors import Busy, CertificationStateConflict
from refunds.standing import Cause, Status
from refunds.stores.dynamo import Action, Values, in_time
from refunds.stores.shards import ShardStore
from refunds.times import format_instant

CAUSES_AS_SEEN = "suspension_causes = :seen"


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
        marks: Values = {"suspension_causes": [*seen, cause]}
        if cause is Cause.FUNDS:
            # It is looked at each minute, until it is covered.
            marks |= {"due_bucket": table.FUNDS_SUSPENSIONS, "due_at": at}
        if seen:
            return self._try(self._change_causes(merchant_id, seen, marks))
        return self._try(
            self.move(
                merchant_id,
                Status.CERTIFIED,
                Status.SUSPENDED,
                {"suspended_since": at, **marks},
            ),
            self.action_put(
                table.suspension(merchant_id, at),
                {"began_at": at, "reason": reason, "suspended_by": by, "cause": cause},
                conflict,
            ),
        )

    def suspend_for_funds(
        self, merchant_id: str, currency: str, *, now: datetime, ready: Ready | None = None
    ) -> bool:
        """Best effort, from where money is moved: the next refund that waits tries again."""
        try:
            # So that what waits is among the currencies that must be covered again.
            self.open_wallet(merchant_id, currency)
            in_time(ready)
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
        watch = ("due_bucket", "due_at") if cause is Cause.FUNDS else ()
        if left:
            marks = {"suspension_causes": left}
            return self._try(self._change_causes(merchant_id, seen, marks, watch))
        return self._try(
            self.move(
                merchant_id,
                Status.SUSPENDED,
                Status.CERTIFIED,
                removes=("suspension_causes", "suspended_since", *watch),
                causes=seen,
            ),
            self.action_update(
                table.suspension(merchant_id, merchant["suspended_since"]),
                "SET ended_at = :at, lifted_by = :by",
                "attribute_exists(pk) AND attribute_not_exists(ended_at)",
                {"at": format_instant(now), "by": by},
                conflict,
            ),
        )

    def move(
        self,
        merchant_id: str,
        leaves: Status,
        enters: str,
        marks: Values | None = None,
        *,
        removes: Sequence[str] = (),
        causes: list[str] | None = None,
    ) -> Action:
        """A step of the certification's state machine: only from what it leaves."""
        sets = {
            "certification": enters,
            "merchant_list": table.certification_list(enters),
            **(marks or {}),
        }
        seen = {"seen": causes} if causes else {}
        return self.action_update(
            table.merchant(merchant_id),
            _changing(sets, removes),
            "certification = :leaves" + (f" AND {CAUSES_AS_SEEN}" if seen else ""),
            {**sets, **seen, "leaves": leaves},
            conflict,
        )

    def _change_causes(
        self, merchant_id: str, seen: list[str], sets: Values, removes: Sequence[str] = ()
    ) -> Action:
        return self.action_update(
            table.merchant(merchant_id),
            _changing(sets, removes),
            CAUSES_AS_SEEN,
            {**sets, "seen": seen},
            conflict,
        )

    def _try(self, *actions: Action) -> bool:
        try:
            self.transact(*actions)
        except CertificationStateConflict:
            return False
        return True


def _changing(sets: Iterable[str], removes: Sequence[str]) -> str:
    """An update that gives each attribute the value of its own name."""
    expression = "SET " + ", ".join(f"{name} = :{name}" for name in sets)
    return f"{expression} REMOVE {', '.join(removes)}" if removes else expression
