"""A merchant's money and refunds, made through the product's own rules and stores."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from refunds import debits, settlement, wallets
from refunds.certification import DecisionRequest, Verdict
from refunds.debits import Debit
from refunds.errors import Busy
from refunds.operations import LimitsRequest
from refunds.settlement import Outcome
from refunds.stores.debits import DebitStore
from refunds.stores.entries import posting_of
from refunds.wallets import Credit, CreditRequest, CreditSource, CreditTarget
from tests.stores import tables
from tests.stores.engines import Stores
from tests.unit import examples
from tests.unit.examples import MERCHANT, NOON


def certify(stores: Stores, at: datetime = NOON, merchant_id: str = MERCHANT) -> None:
    assert stores.merchants.submit(merchant_id, examples.APPLICATION, now=at)
    certified = DecisionRequest(decision=Verdict.CERTIFIED, reason="核查")
    assert stores.merchants.decide(merchant_id, certified, operator="op", now=at)


def fund(
    stores: Stores,
    amount: int,
    key: str = "cr_1",
    *,
    merchant_id: str = MERCHANT,
    **changed: object,
) -> Credit:
    given = {
        "amount": amount,
        "currency": "CNY",
        "source": CreditSource.SETTLEMENT,
        "target": CreditTarget.WALLET,
    }
    return wallets.credit(
        merchant_id,
        CreditRequest.model_validate(given | changed),
        client_id="platform",
        idempotency_key=key,
        store=stores.wallets,
        now=NOON,
    )


def limits(stores: Stores, *, deposit: int = 0, guarantee: int = 0, currency: str = "CNY") -> None:
    wanted = LimitsRequest(currency=currency, deposit_required=deposit, guarantee_limit=guarantee)
    stores.wallets.open_wallet(MERCHANT, currency)
    read = stores.wallets.read_funds(MERCHANT, currency)
    assert stores.operations.set_limits(MERCHANT, wanted, read)


def accept(stores: Stores, number: int = 1, **changed: object) -> Debit:
    """A pending refund of an order of its own; as the debits read it."""
    put_refund(stores, number, **changed)
    return read(stores, f"rf_{number}")


def put_refund(stores: Stores, number: object, **changed: object) -> None:
    refund = examples.refund(refund_id=f"rf_{number}", order_id=f"order-{number}", **changed)
    stores.refunds.put_order(examples.order(order_id=refund.order_id))
    stores.refunds.accept(refund)


def read(stores: Stores, refund_id: str) -> Debit:
    [found], existing = stores.debits.debits([refund_id])
    assert existing == {refund_id}
    return found


def settle(
    stores: Stores, *refund_ids: str, now: datetime = NOON, store: DebitStore | None = None
) -> Outcome:
    """What the debit function makes of a batch that names these refunds."""
    store, outcome = store or stores.debits, Outcome()
    found, _ = store.debits(refund_ids)
    for group in debits.groups(found):
        outcome |= settlement.settle(
            group, store=store, clock=lambda: now, ready=lambda attempt: attempt < settlement.TRIES
        )
    return outcome


def everything(stores: Stores) -> list[str]:
    return sorted(map(str, tables.items(stores.client, stores.table)))


def retried[Found](call: Callable[[], Found]) -> Found:
    """As a caller does who is told to send the same request again."""
    while True:
        try:
            return call()
        except Busy:
            continue


def balances_of(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """What the balance items say, by account and currency."""
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        match row["sk"].split("#")[0], row["pk"].split("#"):
            case "WALLET", ["WALLET", merchant, currency, _]:
                found[f"merchant:{merchant}:available", currency] += row["available"]
                assert row["available"] >= 0
            case "DEPOSIT", [_, merchant, currency]:
                found[f"merchant:{merchant}:deposit", currency] += row.get("available", 0)
            case "RECEIVABLE", [_, merchant, currency]:
                found[f"merchant:{merchant}:receivable", currency] -= row["owed"]
            case "BALANCE", [_, buyer]:
                currency = row["sk"].removeprefix("BALANCE#")
                found[f"buyer:{buyer}:available", currency] += row["available"]
    return found


def balances_of_postings(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """What all postings together say."""
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for posting in map(posting_of, rows):
        for leg in posting.legs if posting else ():
            assert posting
            found[leg.account, posting.currency] += leg.amount
    return found
