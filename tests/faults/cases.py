"""What is run: in short, many calls at a time; at length, each call alone with each fault."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.faulting import Call, Case, Fault, Where

EVERY = "every-call"
ALIKE = {
    "every-transaction": "TransactWriteItems",
    "every-snapshot": "TransactGetItems",
    "every-update": "UpdateItem",
}


@dataclass(frozen=True)
class Planned:
    """A case of calls that are known once a run without faults has made them."""

    name: str
    fault: Fault
    where: Where

    def __str__(self) -> str:
        return f"{self.name}/{self.fault}/{self.where}"

    def case(self, made: Mapping[str, int]) -> Case:
        calls = [call for call in map(Call.named, made) if call.meets(self.fault)]
        if self.name in ALIKE:
            calls = [call for call in calls if call.operation == ALIKE[self.name]]
        return Case(tuple(calls), self.fault, self.where, self.name)


SHORT = (
    *(Planned(EVERY, fault, Where.FIRST) for fault in Fault),
    *(Planned("every-transaction", fault, Where.ALL) for fault in Fault),
    Planned("every-transaction", Fault.BROKEN, Where.EVERY_OTHER),
    Planned("every-transaction", Fault.CONFLICT, Where.EVERY_OTHER),
    Planned("every-update", Fault.THROTTLED, Where.ALL),
    Planned("every-snapshot", Fault.CONFLICT, Where.ALL),
    Planned(EVERY, Fault.LOST, Where.ONCE),
)


def at_length(made: Mapping[str, int]) -> list[Case]:
    """Each call, alone; where a call is made once, its first is its last."""
    return [
        Case((call,), fault, where)
        for call in map(Call.named, made)
        for fault in Fault
        for where in Where
        if call.meets(fault) and not (where is Where.LAST and made[str(call)] == 1)
    ]


_RACE = "another writer at the same moment, and no fault: tests/stores/test_races.py"
_BODY = "what a caller sends, and AWS has no part in it: tests/unit/test_http.py"
_ROW = "a row that the product has not written: tests/stores/test_stores.py"
UNREACHED = {
    ("http._strict_json", "(ValueError, RecursionError)"): _BODY,
    ("http._with_text_body", "ValueError"): _BODY,
    ("http.serve", "RefundsError"): _BODY,
    ("http.serve", "Exception"): "the last guard, for what is no error of AWS",
    ("stores.debits.DebitStore.overdue", "Busy"): (
        "a BatchGetItem that leaves keys over five times: an answer, and no fault on the wire"
    ),
    ("stores.debits.read_each", "UNREADABLE"): _ROW,
    ("stores.merchants.MerchantStore.decide", "CertificationStateConflict"): _RACE,
    ("stores.operations.OperationStore.set_limits", "Changed"): _RACE,
    ("stores.rebuilds.RebuildStore.rebuild", "HeadMoved"): _RACE,
    ("stores.shards.ShardStore._marked", "_Gone"): _RACE,
    ("stores.shards.ShardStore.mark", "_LiftedByAnother"): _RACE,
    ("stores.shards.ShardStore.reshard", "Busy"): (
        "time that runs out between two reads: tests/stores/test_money.py"
    ),
    ("stores.standing.StandingStore._try", "CertificationStateConflict"): _RACE,
    ("stores.statements.StatementStore._book", "HeadMoved"): _RACE,
    ("stores.upkeep.UpkeepStore.attempt", "(RefundsError, *UNREADABLE)"): _ROW,
}
"""The branches that no fault of AWS leads to, each with what does."""
