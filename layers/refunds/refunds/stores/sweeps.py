"""What the sweeper reads and moves on."""

from datetime import datetime

from refunds import table
from refunds.errors import Busy
from refunds.stores.debits import OPEN_STILL, OPEN_VALUES, open_debit, read_each
from refunds.stores.dynamo import Values
from refunds.stores.standing import StandingStore
from refunds.sweeps import Due
from refunds.table import DueKind
from refunds.times import format_instant, parse_instant

PER_BUCKET: dict[DueKind, int] = {DueKind.NEW: 125, DueKind.RESENT: 50, DueKind.WAITING: 50}
"""The longest due of each bucket first, in a run at most 4,000 that were never sent again, and
1,600 of each other kind: about what it has time to send and to move on."""


class SweepStore(StandingStore):
    def due(self, now: datetime) -> list[Due]:
        keys = [
            key
            for kind, limit in PER_BUCKET.items()
            for bucket in table.due_buckets(kind)
            for key in self.due_keys(bucket, now, limit=limit)
        ]
        listed, _ = read_each(self.get_many(keys), _listed)
        return [each for each in listed if each.due_at <= now]

    def postpone(self, due: Due, *, tries: int, until: datetime) -> bool:
        """Whether it was still open and due as seen: a debit meanwhile has the last word.

        Also one that has not come to its end within the tries.
        """
        kind = DueKind.WAITING if due.debit.waiting else DueKind.RESENT
        try:
            return self.update(
                table.refund(due.debit.refund_id),
                "SET due_at = :until, due_bucket = :bucket, tries = :tries",
                f"{OPEN_STILL} AND due_at = :seen",
                {
                    **OPEN_VALUES,
                    "bucket": table.due_bucket(due.debit.refund_id, kind),
                    "until": format_instant(until),
                    "tries": tries,
                    "seen": format_instant(due.due_at),
                },
            )
        except Busy:
            return False


def _listed(item: Values) -> Due | None:
    debit = open_debit(item)
    return Due(debit, parse_instant(item["due_at"])) if debit else None
