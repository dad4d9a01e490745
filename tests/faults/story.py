"""One story of money, told through the functions, whatever happens to their calls of AWS.

Each currency is a wallet of its own, and each refund has one possible end whatever comes first:
so a run with faults ends in the same ledger as one without.

- CNY is rich: refunds settle; one twice delivered, one whose message is lost, one dead letter.
- USD is empty until a credit, so late that its refund holds the wallet. EUR needs wallet, deposit
  and guarantee fund at once, and is taken back. JPY never has any, and its refund is canceled.
  GBP is frozen for a while.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from refunds import table
from refunds.errors import InternalError
from refunds.funding import HELD_AFTER
from refunds.orders import OrderCompleted
from refunds.refunds import refund_id
from refunds.stores.dynamo import from_item
from refunds.stores.reconciliation import LATEST
from refunds.times import format_instant
from tests.faults.proxy import Proxy, Rule
from tests.faults.stack import DEBITS, LETTERS, RECORDS, TOLD, Clock, Cloud, Functions
from tests.stores import tables
from tests.stores.wire import FAILURES
from tests.unit import examples
from tests.unit.api import Answer, Claims
from tests.unit.cloud import BUYER, OPERATOR, OTHER_OPERATOR, PLATFORM, SELLER
from tests.unit.examples import MERCHANT, NOON

ROUNDS = 12
"""In which everything comes to its end, once faults are over."""
FAILED = object()
PASSING = {"RefundAwaitingFunds", "MerchantSuspended", "MerchantRestored"}
"""Events of what a refund may be spared, or meet more than once, when things are late."""
OPEN = ("pending", "awaiting_funds")
ORDERS = {"CNY": 1000, "USD": 300, "EUR": 100, "JPY": 70, "GBP": 60}
M, B = f"/merchants/{MERCHANT}", f"/buyers/{examples.BUYER}"

type Done = Callable[[Answer], bool]


class Stuck(Exception):
    """Not at its end, though faults are over."""


def status(*wanted: int) -> Done:
    return lambda answer: answer.status in wanted


def moved(answer: Answer) -> bool:
    """A redrive: nothing is left that is to be moved."""
    return answer.status == 200 and answer.body["remaining"] == 0


def reversed_now(answer: Answer) -> bool:
    """Now, or by the try before, whose answer was lost."""
    said = answer.body.get("facts") or {}
    return answer.status == 201 or said.get("status") == "reversed"


class Story:
    def __init__(
        self, cloud: Cloud, proxy: Proxy, *, calm: Functions, faulty: Functions, tries: int
    ) -> None:
        """`faulty` is who works while there are faults, and `calm` when they are over."""
        self.cloud, self.proxy = cloud, proxy
        self.calm, self.faulty, self.tries = calm, faulty, tries
        self.functions = calm
        self.clock: Clock = calm.clock
        self.rules: list[Rule] = []
        self.left: list[tuple[str, Callable[[], bool]]] = []
        self.said: dict[str, str] = {}
        self.records: list[dict[str, Any]] = []
        self.told: set[str] = set()
        self.calls: dict[str, int] = {}

    def play(self, rules: list[Rule]) -> None:
        """From an empty table to the end of everything. Raises Stuck."""
        self.cloud.empty()
        self.calm.calls.made.clear()
        self.clock.at = NOON
        self.rules = rules
        self._begin()
        self.tell()
        self.calls = dict(self.calm.calls.made)
        self._stop()
        self.end()

    # ── The story ───────────────────────────────────────────────────────────────────────────────

    def tell(self) -> None:
        self.joins()
        self.sells()
        self.is_funded()
        self.asks()
        self.deliver()
        # One that has waited for so long holds the wallet; another is delivered twice.
        self.clock.on(HELD_AFTER + timedelta(hours=1))
        for name in ("USD", "CNY 1"):
            self.cloud.send(DEBITS, {"refund_id": refund(name)})
        self.deliver()
        self.cancels_and_is_credited()
        self.deliver()
        self.loses_a_message()
        self.fan_out()
        self.pays_out_and_takes_back()
        self.redrives()
        self.deliver()
        self.looks()
        self.fan_out()
        self.on_schedule("tend_wallets")
        self.on_schedule("reconcile_ledger")

    def joins(self) -> None:
        people = {"seller": {"merchant_id": MERCHANT}, "buyer": {"buyer_id": examples.BUYER}}
        operators = {name: {"operator": True} for name in ("operator", "operator-2")}
        for name, membership in (people | operators).items():
            self.ask("manage_members", "PUT", f"/members/{name}", PLATFORM, membership)
        leaver = "/members/leaver"
        self.ask("manage_members", "PUT", leaver, PLATFORM, people["buyer"])
        self.ask("manage_members", "DELETE", leaver, PLATFORM, done=status(204, 404))
        shop = examples.SHOP.model_dump(mode="json")
        self.ask("certify_merchants", "PUT", "/shop", SELLER, shop)
        application = examples.APPLICATION.model_dump(mode="json")
        # A repeated submission or decision whose first answer was lost is told the state.
        twice = status(200, 201, 409)
        self.ask("certify_merchants", "POST", "/certification", SELLER, application, done=twice)
        decided = {"decision": "certified", "reason": "核查"}
        path = f"/certifications/{MERCHANT}/decision"
        self.ask("certify_merchants", "POST", path, OPERATOR, decided, done=twice)
        terms = examples.TERMS.model_dump(mode="json")
        self.ask("submit_policy", "PUT", "/refund-policy/draft", SELLER, terms)
        confirmed = {"digest": examples.TERMS.digest()}
        done = status(200, 201)
        self.ask("submit_policy", "POST", "/refund-policy/confirm", SELLER, confirmed, done=done)

    def sells(self) -> None:
        now = self.clock.on().isoformat()
        for currency, amount in ORDERS.items():
            order: dict[str, Any] = {
                "merchant_id": MERCHANT,
                "buyer_id": examples.BUYER,
                "placed_at": now,
                "amount": amount,
                "currency": currency,
            }
            path, done = f"/orders/{currency}", status(200, 201)
            self.ask("record_orders", "PUT", path, PLATFORM, order, done=done)
            completed = order | {"completed_at": now}
            self.ask("record_orders", "PUT", path, PLATFORM, completed, done=done)

    def is_funded(self) -> None:
        self.credit("CNY", 1000)
        self.credit("GBP", 100)
        self.credit("EUR", 20)
        self.credit("EUR", 30, "deposit")
        limits = {"currency": "EUR", "deposit_required": 0, "guarantee_limit": 50}
        self.ask("operate_merchants", "PUT", f"{M}/limits", OPERATOR, limits)
        self.ask("operate_merchants", "POST", f"{M}/freeze", OPERATOR, {"currency": "GBP"})

    def asks(self) -> None:
        for name, amount in {"CNY 1": 100, "CNY 2": 200, "USD": 300, "JPY": 70}.items():
            self.request(name, amount)
        self.request("EUR", 100)
        self.request("GBP", 60)
        broken = {"order_id": "CNY", "amount": 1, "goods_condition": "damaged"}
        done = status(422)
        self.ask("request_refund", "POST", "/refunds", BUYER, broken, key="broken", done=done)

    def cancels_and_is_credited(self) -> None:
        self.ask("request_refund", "POST", f"/refunds/{refund('JPY')}/cancel", BUYER)
        self.credit("USD", 500)
        self.ask("operate_merchants", "POST", f"{M}/unfreeze", OPERATOR, {"currency": "GBP"})

    def loses_a_message(self) -> None:
        self.request("CNY 3", 50)
        for message in self.cloud.receive(DEBITS):
            self.cloud.delete(DEBITS, message)
        self.clock.on(timedelta(minutes=2))
        for _ in range(self.tries):
            self.on_schedule("sweep_refunds")
            if self.cloud.holds(DEBITS):
                break
        self.deliver()

    def pays_out_and_takes_back(self) -> None:
        for path, amount in {f"{M}/wallet/payouts": 100, f"{B}/payouts": 150}.items():
            body = {"amount": amount, "currency": "CNY"}
            done = status(201)
            self.ask("manage_wallet", "POST", path, PLATFORM, body, key=path[-9:], done=done)
        path, why = f"/refunds/{refund('EUR')}/reversal", {"reason": "x"}
        self.ask("correct_ledger", "POST", path, OPERATOR, why, done=reversed_now)
        for key, decision in {"fee": "approve", "mistake": "reject"}.items():
            self.correct(key, decision)
        shards = {"currency": "CNY", "shards": 2}
        self.ask("operate_merchants", "PUT", f"{M}/shards", OPERATOR, shards)

    def redrives(self) -> None:
        self.request("CNY 4", 40)
        for message in self.cloud.receive(DEBITS):
            self.cloud.delete(DEBITS, message)
        self.cloud.send(LETTERS["debits"], {"refund_id": refund("CNY 4")})
        now = self.clock.at.isoformat()
        order = {
            "order_id": "late",
            "merchant_id": MERCHANT,
            "buyer_id": examples.BUYER,
            "amount": 10,
            "currency": "CNY",
            "placed_at": now,
            "completed_at": now,
        }
        event = {"source": "marketplace.orders", "detail-type": "OrderCompleted", "detail": order}
        self.cloud.send(LETTERS["orders"], event)
        change = {"dynamodb": {"Keys": {"pk": {"S": "POSTING#x"}, "sk": {"S": "POSTING"}}}}
        self.cloud.send(LETTERS["changes"], change)
        for queue in LETTERS:
            path = f"/dead-letters/{queue}/redrive"
            self.ask("redrive_messages", "POST", path, OPERATOR, {"limit": 10}, done=moved)

    def looks(self) -> None:
        currency = {"currency": "CNY"}
        self.ask("manage_members", "GET", "/me", OPERATOR)
        certified = {"status": "certified"}
        self.ask("certify_merchants", "GET", "/certifications", OPERATOR, query=certified)
        self.ask("correct_ledger", "GET", "/corrections", OPERATOR)
        self.ask("manage_wallet", "GET", "/wallet", SELLER)
        self.ask("read_statement", "GET", "/wallet/statement", BUYER, query=currency)
        self.ask("request_refund", "GET", "/refunds", BUYER)
        self.ask("record_orders", "GET", "/orders", SELLER)
        waiting = f"{M}/waiting-refunds"
        self.ask("operate_merchants", "GET", waiting, OPERATOR, query=currency)
        self.ask("redrive_messages", "GET", "/dead-letters/debits", OPERATOR)

    def credit(self, currency: str, amount: int, target: str = "wallet") -> None:
        body = {"amount": amount, "currency": currency, "source": "top_up", "target": target}
        path, key, done = f"{M}/wallet/credits", f"{currency} {target}", status(201)
        self.ask("manage_wallet", "POST", path, PLATFORM, body, key=key, done=done)

    def request(self, name: str, amount: int) -> None:
        body = {"order_id": name[:3], "amount": amount, "goods_condition": "intact"}
        done = status(202)
        self.ask("request_refund", "POST", "/refunds", BUYER, body, key=name, done=done)

    def correct(self, key: str, decision: str) -> None:
        legs = [
            {"account": f"merchant:{MERCHANT}:available", "amount": -10},
            {"account": "platform:guarantee", "amount": 10},
        ]
        body = {"currency": "CNY", "legs": legs, "reason": key}
        made: list[str] = []

        def proposed(answer: Answer) -> bool:
            if answer.status == 201:
                made.append(answer.body["correction_id"])
            return bool(made)

        self.ask("correct_ledger", "POST", "/corrections", OPERATOR, body, key=key, done=proposed)
        path, done = f"/corrections/{made[0]}/{decision}", status(200, 409)
        self.ask("correct_ledger", "POST", path, OTHER_OPERATOR, {}, done=done)

    # ── How it is told ──────────────────────────────────────────────────────────────────────────

    def ask(
        self,
        function: str,
        method: str,
        path: str,
        claims: Claims,
        body: dict[str, Any] | None = None,
        *,
        done: Done = status(200),  # noqa: B008  # a constant
        **more: Any,
    ) -> None:
        """As a client does: the same again, until the answer is what was to come of it.

        What has to wait for the functions that nobody calls is asked again in the end.
        """

        def ask() -> bool:
            answer = self.functions.call(function, method, path, claims, body, **more)
            self.said[f"{method} {path}"] = answer.text
            assert answer.code != InternalError.code, f"{method} {path}: no fault of AWS is ours"
            return done(answer)

        if any(ask() for _ in range(self.tries)):
            return
        with self._over_for_a_moment():
            if not ask():
                self.left.append((f"{method} {path}", ask))

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """What it returns; `FAILED` where a call of AWS was its end, for Lambda to make good."""
        try:
            return self.functions.invoke(function, event)
        except FAILURES:
            return FAILED

    def on_schedule(self, function: str) -> None:
        """What fails is made up for by the next."""
        for _ in range(self.tries):
            if self.invoke(function, {}) is not FAILED:
                return

    def deliver(self) -> None:
        """As Lambda does with the queue: what is done is deleted, all else is shown again."""
        for _ in range(self.tries):
            messages = self.cloud.receive(DEBITS)
            if not messages:
                return
            records = [
                {"messageId": each["MessageId"], "body": each["Body"], "eventSource": "aws:sqs"}
                for each in messages
            ]
            answer = self.invoke("process_debits", {"Records": records})
            everyone = {each["MessageId"] for each in messages}
            failed = everyone
            if answer is not FAILED:
                failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            assert failed <= everyone
            for each in messages:
                settle = self.cloud.show_again if each["MessageId"] in failed else self.cloud.delete
                settle(DEBITS, each)

    def fan_out(self) -> None:
        """As Lambda does with the stream: in order, and the same again until it is done."""
        self.records += self.cloud.new_records()
        for _ in range(self.tries * (1 + len(self.records) // RECORDS)):
            if not self.records:
                return
            batch = self.records[:RECORDS]
            if self.invoke("fan_out_changes", {"Records": batch}) is not FAILED:
                del self.records[:RECORDS]

    def end(self) -> None:
        """Faults are over: everything comes to its end, by what the system does by itself."""
        for _ in range(ROUNDS):
            self.left = [(name, ask) for name, ask in self.left if not ask()]
            self.clock.on(timedelta(hours=1))
            self.on_schedule("sweep_refunds")
            self.deliver()
            self.fan_out()
            self.receive_events()
            self.on_schedule("tend_wallets")
            if not self.left and not self.unfinished():
                break
        else:
            said = {name: self.said[name] for name, _ in self.left}
            raise Stuck(said, self.unfinished())
        self.reconcile()

    def receive_events(self) -> None:
        """What came over the bus; an order's event goes to the function that records it."""
        while messages := self.cloud.receive(TOLD):
            for each in messages:
                event = json.loads(each["Body"])
                kind, told = event["detail-type"], event["detail"]
                if kind not in PASSING:
                    self.told.add(f"{kind} {told.get('refund_id') or told['merchant_id']}")
                if kind == OrderCompleted.__name__:
                    assert self.invoke("record_orders", event) is not FAILED
                self.cloud.delete(TOLD, each)

    def unfinished(self) -> list[str]:
        rows = tables.plain_items(self.cloud.dynamodb, "Table")
        refunds = [row for row in rows if row["sk"] == "REFUND"]
        return [row["refund_id"] for row in refunds if row["status"] in OPEN] + [
            each["eventID"] for each in self.records
        ]

    def reconcile(self) -> None:
        """The run under way is brought to its end, and a whole one after it."""
        began = self.clock.at
        for _ in range(ROUNDS):
            self.clock.on(timedelta(hours=1))
            self.on_schedule("reconcile_ledger")
            key = table.reconciliation(LATEST)
            report = from_item(tables.item(self.cloud.dynamodb, "Table", key) or {})
            if "ended_at" in report and report["began_at"] > format_instant(began):
                return
        raise Stuck(report)

    @contextmanager
    def _over_for_a_moment(self) -> Iterator[None]:
        self._stop()
        yield
        self._begin()

    def _begin(self) -> None:
        self.functions = self.faulty
        self.proxy.obey(self.rules)

    def _stop(self) -> None:
        self.functions = self.calm
        self.proxy.obey([])


def refund(name: str) -> str:
    return refund_id(examples.BUYER, name)
