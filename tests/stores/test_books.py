"""Whatever is done to the money, in whatever order: the books hold after every step."""

from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from local.table import create_table
from refunds import corrections, operations, reconciliation, statements, wallets
from refunds.corrections import CorrectionRequest
from refunds.errors import RefundsError
from refunds.intake import Superseded
from refunds.members import Party, Role
from refunds.operations import LimitsRequest, ShardsRequest
from refunds.standing import Cause
from refunds.stores.entries import posting_of
from refunds.wallets import CreditRequest, PayoutRequest
from tests.stores import market, tables, wire
from tests.stores.engines import MOTO, Stores
from tests.unit import examples
from tests.unit.examples import NOON

MERCHANTS, BUYERS, CURRENCIES = ("m1", "m2"), ("b1", "b2"), ("CNY", "JPY", "KWD")
OPEN = {"pending", "awaiting_funds"}
PAID = {"succeeded", "reversed"}
MAY_FOLLOW = {
    "pending": {"awaiting_funds", "succeeded", "canceled"},
    "awaiting_funds": {"succeeded", "canceled"},
    "succeeded": {"reversed"},
    "canceled": set(),
    "reversed": set(),
}
WEATHER = {
    "fair": wire.fine,
    "conflict": wire.canceled("TransactionConflict", "None", "None"),
    "throttled": wire.refused("ThrottlingException"),
    "broken": wire.broken(),
    "lost": wire.lost,
}
merchants, buyers = st.sampled_from(MERCHANTS), st.sampled_from(BUYERS)
currencies = st.sampled_from(CURRENCIES)
amounts = st.integers(1, 500)
weathers = st.lists(st.sampled_from([*WEATHER]), max_size=5)


class Books(RuleBasedStateMachine):
    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores = stores
        self.now = NOON
        self.made = 0
        self.refund_ids: list[str] = []
        self.seen: dict[str, str] = {}
        self.guaranteed: defaultdict[tuple[str, str], int] = defaultdict(int)

    def _key(self) -> str:
        self.made += 1
        return f"k{self.made}"

    @initialize()
    def two_certified_merchants(self) -> None:
        for merchant in MERCHANTS:
            market.certify(self.stores, merchant_id=merchant)

    # ── What is done ────────────────────────────────────────────────────────────────────────────

    @rule(
        merchant=merchants,
        currency=currencies,
        amount=st.integers(1, 2000),
        into=st.sampled_from(["wallet", "deposit"]),
    )
    def credit(self, merchant: str, currency: str, amount: int, into: str) -> None:
        request = CreditRequest.model_validate(
            {"amount": amount, "currency": currency, "source": "settlement", "target": into}
        )
        key = self._key()
        made = [
            wallets.credit(
                merchant,
                request,
                client_id="c",
                idempotency_key=key,
                store=self.stores.wallets,
                now=self.now,
            )
            for _ in range(2)
        ]
        assert made[0] == made[1]

    @rule(merchant=merchants, buyer=buyers, currency=currencies, amount=amounts)
    def ask_for_a_refund(self, merchant: str, buyer: str, currency: str, amount: int) -> None:
        number = self._key()
        order = examples.order(
            order_id=f"order-{number}",
            merchant_id=merchant,
            buyer_id=buyer,
            currency=currency,
            amount=600,
        )
        self.stores.refunds.put_order(order)
        for part in ("a", "b"):
            refund = examples.refund(
                refund_id=f"rf_{number}{part}",
                order_id=order.order_id,
                merchant_id=merchant,
                buyer_id=buyer,
                currency=currency,
                amount=amount,
                requested_at=self.now,
            )
            with suppress(Superseded):
                self.stores.refunds.accept(refund)
                self.refund_ids.append(refund.refund_id)

    @precondition(lambda self: self.refund_ids)
    @rule(data=st.data(), weather=weathers, hours=st.integers(0, 30))
    def deliver(self, data: st.DataObject, weather: list[str], hours: int) -> None:
        self.now += timedelta(hours=hours, seconds=1)
        chosen = data.draw(st.lists(st.sampled_from(self.refund_ids), min_size=1, max_size=8))
        faults = [WEATHER[each] for each in weather]
        with wire.faulty(self.stores.client, "TransactWriteItems", *faults):
            outcome = market.settle(self.stores, *sorted(set(chosen)), now=self.now)
        assert outcome.settled.isdisjoint(outcome.failed | outcome.waiting)
        for merchant in MERCHANTS if outcome.short else ():
            self.stores.debits.suspend_for_funds(merchant, "CNY", now=self.now)

    @precondition(lambda self: self.refund_ids)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        found = self.stores.refunds.refund(data.draw(st.sampled_from(self.refund_ids)))
        assert found
        done = self.stores.refunds.cancel(found, now=self.now)
        assert done is (found.status.value in OPEN)

    @precondition(lambda self: self.refund_ids)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        refund_id = data.draw(st.sampled_from(self.refund_ids))
        with suppress(RefundsError):
            corrections.reverse(
                refund_id, "x", operator="op", store=self.stores.corrections, now=self.now
            )

    @rule(merchant=merchants, buyer=buyers, currency=currencies, amount=amounts)
    def pay_out(self, merchant: str, buyer: str, currency: str, amount: int) -> None:
        for party in (Party(Role.MERCHANT, merchant), Party(Role.BUYER, buyer)):
            with suppress(RefundsError):
                wallets.pay_out(
                    party,
                    PayoutRequest(amount=amount, currency=currency),
                    client_id="c",
                    idempotency_key=self._key(),
                    store=self.stores.wallets,
                    now=self.now,
                )

    @rule(merchant=merchants, currency=currencies, frozen=st.booleans())
    def freeze(self, *, merchant: str, currency: str, frozen: bool) -> None:
        operations.freeze(merchant, currency, frozen=frozen, store=self.stores.operations)

    @rule(merchant=merchants, currency=currencies, shards=st.integers(1, 6))
    def reshard(self, merchant: str, currency: str, shards: int) -> None:
        wanted = ShardsRequest(currency=currency, shards=shards)
        operations.reshard(merchant, wanted, store=self.stores.operations, now=self.now)

    @rule(
        merchant=merchants,
        currency=currencies,
        deposit=st.integers(0, 300),
        guarantee=st.integers(0, 800),
    )
    def limit(self, merchant: str, currency: str, deposit: int, guarantee: int) -> None:
        wanted = LimitsRequest(
            currency=currency, deposit_required=deposit, guarantee_limit=guarantee
        )
        operations.limit(merchant, wanted, store=self.stores.operations)
        self.guaranteed[merchant, currency] = guarantee

    @rule(merchant=merchants, cause=st.sampled_from([*Cause]), on=st.booleans())
    def suspend(self, *, merchant: str, cause: Cause, on: bool) -> None:
        self.now += timedelta(seconds=1)
        if on:
            self.stores.merchants.suspend(merchant, cause, "x", by="op", now=self.now)
        else:
            self.stores.merchants.lift(merchant, cause, by="op", now=self.now)

    @rule(
        merchant=merchants,
        buyer=buyers,
        currency=currencies,
        moved=st.lists(st.integers(-300, 300).filter(bool), min_size=3, max_size=3),
    )
    def correct(self, merchant: str, buyer: str, currency: str, moved: list[int]) -> None:
        accounts = (
            f"merchant:{merchant}:available",
            f"merchant:{merchant}:deposit",
            f"buyer:{buyer}:available",
        )
        legs = [
            {"account": account, "amount": amount}
            for account, amount in zip(accounts, moved, strict=True)
        ]
        if sum(moved):
            legs.append({"account": "platform:guarantee", "amount": -sum(moved)})
        request = CorrectionRequest.model_validate(
            {"currency": currency, "legs": legs, "reason": "x"}
        )
        store, key = self.stores.corrections, self._key()
        corrections.propose(key, request, operator="one", store=store, now=self.now)
        with suppress(RefundsError):
            corrections.decide(key, approve=True, operator="two", store=store, now=self.now)

    @precondition(lambda self: self.refund_ids)
    @rule()
    def deliver_what_is_closed_again(self) -> None:
        closed = [each for each, status in self.seen.items() if status not in OPEN]
        before = market.everything(self.stores)
        market.settle(self.stores, *closed, now=self.now)
        assert market.everything(self.stores) == before

    # ── What holds ──────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_books_hold(self) -> None:
        rows = tables.plain_items(self.stores.client, self.stores.table)
        stored, posted = market.balances_of(rows), market.balances_of_postings(rows)
        kept = {account: amount for account, amount in stored.items() if amount}
        assert kept == {
            account: amount
            for account, amount in posted.items()
            if amount and account[0].split(":")[0] in {"merchant", "buyer"}
        }
        for currency in CURRENCIES:
            assert sum(amount for (_, of), amount in posted.items() if of == currency) == 0
        for (account, _), amount in stored.items():
            assert amount >= 0 or account.endswith(":receivable")
            assert amount <= 0 or not account.endswith(":receivable")
        self._wallets_are_whole(rows)
        self._refunds_are_whole(rows)
        self._suspensions_are_whole(rows)

    def _wallets_are_whole(self, rows: list[dict[str, Any]]) -> None:
        shards = {row["pk"]: row for row in rows if row["sk"] == "WALLET"}
        configs = [row for row in rows if row["pk"].startswith("CURRENCIES#")]
        expected = {
            f"WALLET#{row['merchant_id']}#{row['currency']}#{number}": row
            for row in configs
            for number in range(row["shards"])
        }
        assert shards.keys() == expected.keys()
        for pk, row in shards.items():
            for mark in ("frozen", "held"):
                assert (mark in row) is (mark in expected[pk])
        for row in rows:
            if row["sk"] == "RECEIVABLE":
                owner = tuple(row["pk"].split("#")[1:])
                assert row["owed"] + row["headroom"] == self.guaranteed[owner]

    def _refunds_are_whole(self, rows: list[dict[str, Any]]) -> None:
        reserved: defaultdict[str, int] = defaultdict(int)
        for row in (each for each in rows if each["sk"] == "REFUND"):
            status, before = row["status"], self.seen.get(row["refund_id"])
            assert before in {None, status} or status in MAY_FOLLOW[before or ""] | {
                after for middle in MAY_FOLLOW[before or ""] for after in MAY_FOLLOW[middle]
            }
            self.seen[row["refund_id"]] = status
            assert ("sources" in row) is (status in PAID)
            if status in PAID:
                assert sum(row["sources"].values()) == row["amount"]
            assert ("waiting_list" in row) is (status == "awaiting_funds")
            assert ("due_bucket" in row) is (status in OPEN)
            if status == "awaiting_funds":
                assert row["waits_for"] in {"funds", "unfreeze"}
                assert row["due_at"] > row["awaiting_funds_at"]
            if status in OPEN | PAID:
                reserved[row["order_id"]] += row["amount"]
        for row in (each for each in rows if each["sk"] == "ORDER"):
            assert row["amount"] - row["refundable"] == reserved[row["order_id"]] <= row["amount"]

    @staticmethod
    def _suspensions_are_whole(rows: list[dict[str, Any]]) -> None:
        for row in (each for each in rows if each["sk"] == "MERCHANT"):
            running = [
                each
                for each in rows
                if each["pk"] == row["pk"]
                and each["sk"].startswith("SUSPENSION#")
                and "ended_at" not in each
            ]
            suspended = row["certification"] == "suspended"
            assert suspended is bool(row.get("suspension_causes")) is bool(running)
            assert len(running) <= 1

    # ── In the end ──────────────────────────────────────────────────────────────────────────────

    def teardown(self) -> None:
        """Once faults stop and money comes, everyone is paid, and reconciliation agrees."""
        store = self.stores.debits
        for merchant in MERCHANTS:
            for currency in store.currencies(merchant):
                operations.freeze(merchant, currency, frozen=False, store=self.stores.operations)
        wanted = {
            (row["merchant_id"], row["currency"])
            for row in tables.plain_items(self.stores.client, self.stores.table)
            if row["sk"] == "REFUND" and row["status"] in OPEN
        }
        for merchant, currency in sorted(wanted):
            self.credit(merchant, currency, 10**6, "wallet")
        market.settle(self.stores, *self.refund_ids[:90], now=self.now)
        found = [self.stores.refunds.refund(each) for each in self.refund_ids[:90]]
        assert all(each and each.status.value not in OPEN for each in found)
        self.the_books_hold()
        for row in tables.plain_items(self.stores.client, self.stores.table):
            posting = posting_of(row)
            for owner in statements.owners(posting) if posting else ():
                assert posting
                self.stores.statements.book(owner, [posting], now=self.now)
        report = reconciliation.reconcile(
            store=self.stores.reconciliation,
            clock=lambda: self.now + timedelta(days=1),
            ready=lambda _: True,
        )
        assert report.ended_at
        assert (report.differences, report.filled, report.moving) == (0, 0, 0)
        for accounts in report.totals.values():
            assert sum(accounts.values()) == 0


def test_the_books_hold_whatever_is_done(stores: Stores, request: Any) -> None:
    """Longer on moto, which is near; shorter on the real engines."""
    long = request.node.callspec.params["stores"] == MOTO

    class Here(Books):
        def __init__(self) -> None:
            name = create_table(stores.client, f"Table-{uuid4().hex}")
            super().__init__(Stores(stores.client, name))

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=8 if long else 4,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
