"""What is run: in short, many calls at a time; at length, each call alone with each fault."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.faulting import Call, Case, Fault, Where

EVERY = "every-call"
ALIKE = {
    "every-transaction": "TransactWriteItems",
    "every-snapshot": "TransactGetItems",
    "every-update": "UpdateItem",
    "every-get": "GetItem",
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
    Planned("every-get", Fault.THROTTLED, Where.ALL),
    Planned("every-snapshot", Fault.CONFLICT, Where.ALL),
    Planned(EVERY, Fault.LOST, Where.ONCE),
    *(Planned(alike, Fault.LOST, Where.LAST) for alike in ALIKE),
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


_RACE = "another writer at the same moment, and no fault: tests/stores/test_races.py, test_money.py"
_SENT = "what a caller sends, and AWS has no part in it: tests/unit, by the module's name"
_MESSAGE = "a message of another's making: tests/unit/test_debits.py, test_redrive_messages.py"
_ROW = "a row that the product has not written: tests/stores/test_stores.py, test_reconciliation.py"
_GAP = "a posting that the stream never brought: tests/stores/test_reconciliation.py"
_LOST = "a statement whose head is gone: tests/stores/test_statements.py"
_FEWER = "a wallet with fewer shards than it had: tests/stores/test_growth.py, test_money.py"
UNCALLED = {
    "correct_ledger sqs.SendMessage": "what waits when money comes back: test_money_functions.py",
    "fan_out_changes sqs.SendMessage": _ROW,
    "operate_merchants dynamodb.DeleteItem": _FEWER,
    "process_debits dynamodb.DeleteItem": _RACE,
    "reconcile_ledger dynamodb.UpdateItem": _GAP,
    "record_orders sqs.SendMessage": "Lambda's own, for an event that it gave up",
    "redrive_messages sqs.ChangeMessageVisibility": "a letter that stays: test_letters.py",
    "tend_wallets dynamodb.DeleteItem": _FEWER,
    "tend_wallets dynamodb.PutItem": _RACE,
}
"""What a role allows and no function calls in the story, each with what does."""
UNREACHED_MODULES = {
    "books": _ROW,
    "certification": _SENT,
    "debits": _MESSAGE,
    "fields": _SENT,
    "gaps": _GAP,
    "letters": _MESSAGE,
    "paging": _SENT,
    "redrive": _SENT,
    "refunded": _ROW,
    "wallets": _RACE,
}
"""Modules to no branch of which a fault of AWS leads, each with what does."""
UNREACHED = {
    ("changes._Batch.book", "POISON"): _ROW,
    ("changes._Batch.book", "StatementLost"): _LOST,
    ("changes._Batch.read", "POISON"): _ROW,
    ("corrections._decide", "BalancesChanged"): _RACE,
    ("corrections._decide", "InsufficientBalance"): _RACE,
    ("corrections._reverse", "BalancesChanged"): _RACE,
    ("corrections._reverse", "InsufficientBalance"): _RACE,
    ("http._strict_json", "(ValueError, RecursionError)"): _SENT,
    ("http._with_text_body", "ValueError"): _SENT,
    ("http.serve", "RefundsError"): _SENT,
    ("http.serve", "Exception"): "the last guard, for what is no error of AWS",
    ("intake.request", "Superseded"): _RACE,
    ("intake.request", "eligibility.REFUSALS"): _RACE,
    ("invariants._legs", "UNREADABLE"): _ROW,
    ("invariants._seems", "OtherUnreadable"): _ROW,
    ("invariants._seems", "UNREADABLE"): _ROW,
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
"""Branches of the other modules, the same."""
