"""What the sweeper reads and moves on."""

from datetime import datetime

from refunds import table
from refunds.errors import Busy
from refunds.stores.debits import OPEN_STILL, OPEN_VALUES, debit_of, is_open
from refunds.stores.standing import StandingStore
from refunds.sweeps import Due
from refunds.times import format_instant

PER_BUCKET = 50
"""At most 1,600 pending refunds a run and as many that wait, the longest due of each bucket first:
none starves another."""


class SweepStore(StandingStore):
    def due(self, now: datetime) -> list[Due]:
        at = format_instant(now)
        keys = [
            key
            for bucket in table.due_buckets()
            for key in self.due_keys(bucket, now, limit=PER_BUCKET)
        ]
        return [
            Due(debit_of(item), datetime.fromisoformat(item["due_at"]))
            for item in self.get_many(keys)
            if is_open(item) and item["due_at"] <= at
        ]

    def postpone(self, due: Due, *, tries: int, until: datetime) -> bool:
        """Whether it was still open and due as seen: a debit meanwhile has the last word.

        Also one that has not come to its end within the tries.
        """
        try:
            return self.update(
                table.refund(due.debit.refund_id),
                "SET due_at = :until, tries = :tries",
                f"{OPEN_STILL} AND due_at = :seen",
                {
                    **OPEN_VALUES,
                    "until": format_instant(until),
                    "tries": tries,
                    "seen": format_instant(due.due_at),
                },
            )
        except Busy:
            return False
