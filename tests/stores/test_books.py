"""Whatever is done to the money, in whatever order: the books hold after every step."""

import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
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

from functions.process_debits import app as process_debits
from local.table import create_table
from refunds import corrections, operations, reconciliation, statements, wallets
from refunds.corrections import CorrectionRequest
from refunds.errors import (
    Busy,
    InsufficientBalance,
    PayoutExceedsPayable,
    RefundNotReversible,
    WalletFrozen,
)
from refunds.intake import Superseded
from refunds.members import Party, Role
from refunds.operations import LimitsRequest, ShardsRequest
from refunds.refunds import RefundStatus
from refunds.standing import Cause
from refunds.stores.entries import posting_of
from refunds.wallets import CreditRequest, PayoutRequest
from tests.stores import market, tables, wire
from tests.stores.engines import MOTO, Stores
from tests.unit import examples
from tests.unit.api import Context
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
weathers = st.lists(st.sampled_from([*WEATHER, "done, but lost"]), max_size=5)


class Books(RuleBasedStateMachine):
    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores = stores
        self.now = NOON
        self.made = 0
        self.refund_ids: list[str] = []
        self.seen: dict[str, str] = {}
        self.guaranteed: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.frozen: dict[tuple[str, str], bool] = {}
        """What the last freezing or unfreezing that was answered came to."""
        self.before: list[dict[str, Any]] = []
        self.touched: set[str] = set()
        """Whose money the last step may have moved."""
        self.weather = WEATHER | {"done, but lost": wire.done_but_lost(stores.client)}

    def _key(self) -> str:
        self.made += 1
        return f"k{self.made}"

    def _insisted[Made](self, weather: list[str], call: Callable[[], Made]) -> Made:
        """Sent in this weather, and once more as a caller does who was not answered."""
        faults = [self.weather[each] for each in weather]
        with (
            suppress(Busy, ClientError, BotoCoreError),
            wire.faulty(self.stores.client, "TransactWriteItems", *faults),
        ):
            return call()
        return call()

    @initialize()
    def two_certified_merchants(self) -> None:
        for merchant in MERCHANTS:
            market.certify(self.stores, merchant_id=merchant)
        self.touched = {*MERCHANTS}

    # ── What is done ────────────────────────────────────────────────────────────────────────────

    @rule(
        merchant=merchants,
        currency=currencies,
        amount=st.integers(1, 2000),
        into=st.sampled_from(["wallet", "deposit"]),
        weather=weathers,
    )
    def credit(
        self, merchant: str, currency: str, amount: int, into: str, weather: list[str]
    ) -> None:
        self.touched = {merchant}
        request = CreditRequest.model_validate(
            {"amount": amount, "currency": currency, "source": "settlement", "target": into}
        )
        send = self._once(
            lambda key: wallets.credit(
                merchant,
                request,
                client_id="c",
                idempotency_key=key,
                store=self.stores.wallets,
                now=self.now,
            )
        )
        assert self._insisted(weather, send) == send()

    @rule(merchant=merchants, currency=currencies, amount=amounts, before=st.integers(0, 2))
    def credit_sent_twice_at_once(
        self, merchant: str, currency: str, amount: int, before: int
    ) -> None:
        """The same key again, while the first one's transaction is on its way."""
        self.touched = {merchant}
        request = CreditRequest.model_validate(
            {"amount": amount, "currency": currency, "source": "top_up", "target": "wallet"}
        )
        send = self._once(
            lambda key: wallets.credit(
                merchant,
                request,
                client_id="c",
                idempotency_key=key,
                store=self.stores.wallets,
                now=self.now,
            )
        )
        self._sent_twice(send, before)

    @rule(merchant=merchants, buyer=buyers, currency=currencies, amount=st.integers(1, 50))
    def payout_sent_twice_at_once(
        self, merchant: str, buyer: str, currency: str, amount: int
    ) -> None:
        self.touched = {merchant}
        for party in (Party(Role.MERCHANT, merchant), Party(Role.BUYER, buyer)):
            with suppress(PayoutExceedsPayable):
                self._sent_twice(self._payout(party, currency, amount), 0)

    @precondition(lambda self: self.refund_ids)
    @rule(data=st.data())
    def reverse_twice_at_once(self, data: st.DataObject) -> None:
        refund_id = data.draw(st.sampled_from(self.refund_ids))
        self.touched = {self._merchant_of(refund_id)}
        with suppress(RefundNotReversible, InsufficientBalance):
            self._sent_twice(lambda: self._reversed(refund_id), 0)

    def _once[Made](self, send: Callable[[str], Made]) -> Callable[[], Made]:
        """With one key, however often it is sent."""
        return partial(send, self._key())

    def _sent_twice(self, send: Callable[[], object], before: int) -> None:
        made: list[object] = []
        again = wire.meanwhile(lambda: made.append(send()))
        faults = [*[wire.fine] * before, again]
        with wire.faulty(self.stores.client, "TransactWriteItems", *faults):
            made.append(send())
        assert len({str(each) for each in made}) == 1

    @rule(merchant=merchants, buyer=buyers, currency=currencies, amount=amounts)
    def ask_for_a_refund(self, merchant: str, buyer: str, currency: str, amount: int) -> None:
        self.touched = {merchant}
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
        self.touched = {self._merchant_of(each) for each in chosen}
        faults = [self.weather[each] for each in weather]
        with wire.faulty(self.stores.client, "TransactWriteItems", *faults):
            outcome = market.settle(self.stores, *sorted(set(chosen)), now=self.now)
        assert outcome.settled.isdisjoint(outcome.failed | outcome.waiting)
        for merchant in sorted(self.touched) if outcome.short else ():
            self.stores.debits.suspend_for_funds(merchant, "CNY", now=self.now)

    @precondition(lambda self: self.refund_ids)
    @rule(
        data=st.data(), bad=st.lists(st.sampled_from(["", "{", "[]", '{"refund_id": "rf_none"}']))
    )
    def deliver_among_bad_messages(self, data: st.DataObject, bad: list[str]) -> None:
        """Through the function's own handler: the bad ones are given back, and nothing else."""
        self.now += timedelta(seconds=1)
        chosen = data.draw(st.lists(st.sampled_from(self.refund_ids), max_size=5, unique=True))
        self.touched = {self._merchant_of(each) for each in chosen}
        bodies = [json.dumps({"refund_id": each}) for each in chosen]
        records = [
            {"messageId": f"{number}", "body": body} for number, body in enumerate([*bad, *bodies])
        ]
        with patch.multiple(process_debits, store=self.stores.debits, _now=lambda: self.now):
            answer = process_debits.lambda_handler({"Records": records}, Context())
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        assert failed == {f"{number}" for number in range(len(bad))}
        for each in chosen:
            found = self.stores.refunds.refund(each)
            assert found
            assert found.status is not RefundStatus.PENDING

    @precondition(lambda self: self.refund_ids)
    @rule(data=st.data(), weather=weathers)
    def cancel(self, data: st.DataObject, weather: list[str]) -> None:
        found = self.stores.refunds.refund(data.draw(st.sampled_from(self.refund_ids)))
        assert found
        self.touched = {found.merchant_id}
        self._insisted(weather, lambda: self.stores.refunds.cancel(found, now=self.now))
        after = self.stores.refunds.refund(found.refund_id)
        assert after
        assert (after.status is RefundStatus.CANCELED) is (
            found.status.value in OPEN or found.status is RefundStatus.CANCELED
        )

    @precondition(lambda self: self.refund_ids)
    @rule(data=st.data(), weather=weathers)
    def reverse(self, data: st.DataObject, weather: list[str]) -> None:
        refund_id = data.draw(st.sampled_from(self.refund_ids))
        self.touched = {self._merchant_of(refund_id)}
        with suppress(RefundNotReversible, InsufficientBalance):
            self._insisted(weather, lambda: self._reversed(refund_id))

    def _reversed(self, refund_id: str) -> object:
        return corrections.reverse(
            refund_id, "x", operator="op", store=self.stores.corrections, now=self.now
        )

    def _merchant_of(self, refund_id: str) -> str:
        found = self.stores.refunds.refund(refund_id)
        assert found
        return found.merchant_id

    @rule(merchant=merchants, buyer=buyers, currency=currencies, amount=amounts, weather=weathers)
    def pay_out(
        self, merchant: str, buyer: str, currency: str, amount: int, weather: list[str]
    ) -> None:
        self.touched = {merchant}
        for party in (Party(Role.MERCHANT, merchant), Party(Role.BUYER, buyer)):
            send = self._payout(party, currency, amount)
            with suppress(PayoutExceedsPayable):
                assert self._insisted(weather, send) == send()

    def _payout(self, party: Party, currency: str, amount: int) -> Callable[[], object]:
        return self._once(
            lambda key: wallets.pay_out(
                party,
                PayoutRequest(amount=amount, currency=currency),
                client_id="c",
                idempotency_key=key,
                store=self.stores.wallets,
                now=self.now,
            )
        )

    @rule(merchant=merchants, currency=currencies, frozen=st.booleans(), weather=weathers)
    def freeze(self, *, merchant: str, currency: str, frozen: bool, weather: list[str]) -> None:
        self.touched = {merchant}
        self._insisted(
            weather,
            lambda: operations.freeze(
                merchant, currency, frozen=frozen, store=self.stores.operations
            ),
        )
        self.frozen[merchant, currency] = frozen

    @rule(merchant=merchants, currency=currencies, on=st.booleans(), weather=weathers)
    def freeze_unanswered(
        self, *, merchant: str, currency: str, on: bool, weather: list[str]
    ) -> None:
        """It stops where the weather stops it, and nobody sends it again."""
        self.touched = {merchant}
        faults = [self.weather[each] for each in weather]
        self.stores.wallets.open_wallet(merchant, currency)
        self.frozen.pop((merchant, currency), None)
        with (
            suppress(Busy, ClientError, BotoCoreError),
            wire.faulty(self.stores.client, "TransactWriteItems", *faults),
        ):
            self.stores.debits.mark(merchant, currency, "frozen", on=on)
            self.frozen[merchant, currency] = on

    @rule(merchant=merchants, currency=currencies, shards=st.integers(1, 6), weather=weathers)
    def reshard(self, merchant: str, currency: str, shards: int, weather: list[str]) -> None:
        """To the number that there is: rebalancing."""
        self.touched = {merchant}
        wanted = ShardsRequest(currency=currency, shards=shards)
        with suppress(WalletFrozen):
            made = self._insisted(
                weather,
                lambda: operations.reshard(
                    merchant, wanted, store=self.stores.operations, now=self.now
                ),
            )
            assert made.shards == shards
            held = self.stores.wallets.read_funds(merchant, currency).shards
            assert max(held) - min(held) <= 1

    @rule(merchant=merchants, buyer=buyers)
    def look(self, merchant: str, buyer: str) -> None:
        """Each party is shown its own balances, and no other's."""
        self.touched = set()
        stored = market.balances_of(self.before)
        for role, party_id in ((Role.MERCHANT, merchant), (Role.BUYER, buyer)):
            shown = wallets.show(Party(role, party_id), store=self.stores.wallets)
            account = f"{role.value}:{party_id}:available"
            assert {each.currency: each.available for each in shown.wallets if each.available} == {
                of: amount for (name, of), amount in stored.items() if name == account and amount
            }

    @rule(
        merchant=merchants,
        currency=currencies,
        deposit=st.integers(0, 300),
        guarantee=st.integers(0, 800),
    )
    def limit(self, merchant: str, currency: str, deposit: int, guarantee: int) -> None:
        self.touched = {merchant}
        wanted = LimitsRequest(
            currency=currency, deposit_required=deposit, guarantee_limit=guarantee
        )
        operations.limit(merchant, wanted, store=self.stores.operations)
        self.guaranteed[merchant, currency] = guarantee

    @rule(merchant=merchants, cause=st.sampled_from([*Cause]), on=st.booleans())
    def suspend(self, *, merchant: str, cause: Cause, on: bool) -> None:
        self.touched = {merchant}
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
        weather=weathers,
    )
    def correct(
        self, merchant: str, buyer: str, currency: str, moved: list[int], weather: list[str]
    ) -> None:
        self.touched = {merchant}
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
        with suppress(InsufficientBalance):
            self._insisted(
                weather,
                lambda: corrections.decide(
                    key, approve=True, operator="two", store=store, now=self.now
                ),
            )

    @precondition(lambda self: self.refund_ids)
    @rule()
    def deliver_what_is_closed_again(self) -> None:
        self.touched = set()
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
        self._others_are_untouched(rows)
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
                assert mark not in row or mark in expected[pk]
            config = expected[pk]
            answered = self.frozen.get((config["merchant_id"], config["currency"]))
            if answered is not None:
                assert ("frozen" in row) is ("frozen" in config) is answered
        for row in rows:
            if row["sk"] == "RECEIVABLE":
                owner = tuple(row["pk"].split("#")[1:])
                assert row["owed"] + row["headroom"] == self.guaranteed[owner]

    def _others_are_untouched(self, rows: list[dict[str, Any]]) -> None:
        """What was done to one merchant changed nothing of another's."""
        for merchant in {*MERCHANTS} - self.touched:
            assert rows_of(merchant, rows) == rows_of(merchant, self.before)
        self.before, self.touched = rows, set()

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
                self.freeze(merchant=merchant, currency=currency, frozen=False, weather=[])
        wanted = {
            (row["merchant_id"], row["currency"])
            for row in tables.plain_items(self.stores.client, self.stores.table)
            if row["sk"] == "REFUND" and row["status"] in OPEN
        }
        for merchant, currency in sorted(wanted):
            self.credit(merchant, currency, 10**6, "wallet", [])
        market.settle(self.stores, *self.refund_ids[:90], now=self.now)
        self.touched = {*MERCHANTS}
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


def rows_of(merchant: str, rows: list[dict[str, Any]]) -> list[str]:
    """All that is about a merchant: its own items, its orders, refunds and postings."""
    return sorted(
        str(sorted(row.items()))
        for row in rows
        if merchant in row["pk"].split("#")
        or row.get("merchant_id") == merchant
        or any(f":{merchant}:" in leg["account"] for leg in row.get("legs", ()))
    )


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
