"""The product as its callers meet it, over HTTP; its AWS only to look at it, or to break it."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any, Literal, get_args

import boto3
import httpx

from local import accounts, aws, deploy, waiting
from local.deploy import Outputs
from refunds import table
from refunds.stores.dynamo import from_item
from refunds.times import format_instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

HTTP_SECONDS = 300.0  # longer than any crowd of functions takes to start
OUTCOME_SECONDS = 60.0
LOOK_SECONDS = 0.05
FUNDS = 100_000
SCOPES = (
    "refunds/members.write",
    "refunds/orders.write",
    "refunds/wallet.credit",
    "refunds/wallet.payout",
)
LONG_AGO = timedelta(hours=1)

SHOP: dict[str, Any] = {
    "name": "Green Hill Tea",
    "logo_url": "https://shop.example/logo.png",
    "category": "tea",
    "customer_service_phone": "+8657187654321",
    "return_address": {
        "recipient": "Returns",
        "phone": "+8657187654321",
        "province": "Zhejiang",
        "city": "Hangzhou",
        "street": "1 Longjing Road",
    },
}
APPLICATION: dict[str, Any] = {
    "company_name": "Hangzhou Green Hill Tea",
    "unified_social_credit_code": "91110000600037341L",
    "legal_representative": "Lin Qing",
    "contact": {"name": "Lin Qing", "phone": "+8613800000000", "email": "lin@shop.example"},
    "documents": [{"kind": "business_licence", "reference": "licence-2025-001"}],
}
TERMS: dict[str, Any] = {
    "instant_refund": True,
    "statement": {"reasons": "No reason is needed for seven days.", "handling": "To the wallet."},
}

type Json = dict[str, Any]
type Function = Literal[
    "certify_merchants",
    "correct_ledger",
    "fan_out_changes",
    "manage_members",
    "manage_wallet",
    "operate_merchants",
    "process_debits",
    "read_statement",
    "reconcile_ledger",
    "record_orders",
    "redrive_messages",
    "request_refund",
    "serve_console",
    "serve_docs",
    "submit_policy",
    "sweep_refunds",
    "tend_wallets",
]
FUNCTIONS: tuple[Function, ...] = get_args(Function.__value__)


@dataclass(frozen=True)
class Stack:
    """One local AWS with the product deployed, shared by every test of a run."""

    endpoint: str
    outputs: Outputs
    log: Path


@dataclass(frozen=True, kw_only=True)
class Caller:
    token: str


@dataclass(frozen=True, kw_only=True)
class Person(Caller):
    subject: str
    username: str
    password: str
    id_token: str


@dataclass(frozen=True, kw_only=True)
class Party(Person):
    """A person who acts for one merchant or one buyer."""

    id: str


@dataclass(frozen=True)
class Scene:
    """A certified merchant with a confirmed policy and a wallet, a buyer, a completed order."""

    merchant: Party
    buyer: Party
    order_id: str


class World:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.outputs = stack.outputs
        self.http = httpx.Client(
            base_url=stack.outputs.api_url,
            timeout=HTTP_SECONDS,
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )
        session = boto3.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=aws.REGION
        )
        endpoint = aws.require_loopback(stack.endpoint)
        self.dynamodb: DynamoDBClient = session.client("dynamodb", endpoint_url=endpoint)
        self.sqs: SQSClient = session.client("sqs", endpoint_url=endpoint)
        self.events: EventBridgeClient = session.client("events", endpoint_url=endpoint)
        self.logs: CloudWatchLogsClient = session.client("logs", endpoint_url=endpoint)
        self.lambdas = aws.lambdas(endpoint)
        self.cognito = aws.cognito(endpoint)
        self.cloudformation = aws.cloudformation(endpoint)
        self._taken: list[str] = []
        self.platform = self.machine(*SCOPES)
        self.operator = self.person(operator=True)

    # ── Callers ─────────────────────────────────────────────────────────────────────────────────

    def machine(self, *scopes: str) -> Caller:
        return Caller(token=accounts.service_token(self.stack.endpoint, self.outputs, list(scopes)))

    def person(self, outputs: Outputs | None = None, **membership: object) -> Person:
        """A new person, signed in; without a membership they may act for nobody."""
        where = outputs or self.outputs
        account = accounts.create_person(self.stack.endpoint, where, unique("p"))
        tokens = accounts.sign_in(self.stack.endpoint, where, account)
        person = Person(
            token=tokens.access_token,
            subject=account.subject,
            username=account.username,
            password=account.password,
            id_token=tokens.id_token,
        )
        if membership:
            self.ok(self.platform, "PUT", f"/members/{person.subject}", membership)
        return person

    def newcomer(self) -> Party:
        """Somebody for a merchant of whom nothing is known yet."""
        merchant_id = unique("m")
        return Party(**vars(self.person(merchant_id=merchant_id)), id=merchant_id)

    def buyer(self) -> Party:
        buyer_id = unique("b")
        return Party(**vars(self.person(buyer_id=buyer_id)), id=buyer_id)

    def certified_merchant(
        self, *, shop: Json = SHOP, application: Json = APPLICATION, reason: str = "checked"
    ) -> Party:
        merchant = self.newcomer()
        self.ok(merchant, "PUT", "/shop", shop)
        self.ok(merchant, "POST", "/certification", application, status=201)
        self.decide(merchant.id, "certified", reason)
        return merchant

    def merchant(self, *, terms: Json = TERMS, **certified: Any) -> Party:
        """A certified merchant whose refund policy is confirmed."""
        merchant = self.certified_merchant(**certified)
        draft = self.ok(merchant, "PUT", "/refund-policy/draft", terms)
        confirmation = {"digest": draft["digest"]}
        self.ok(merchant, "POST", "/refund-policy/confirm", confirmation, status=201)
        return merchant

    def scene(self, *, amount: int = 1000, currency: str = "CNY", funds: int = FUNDS) -> Scene:
        merchant, buyer = self.merchant(), self.buyer()
        if funds:
            self.credit(merchant.id, funds, currency)
        order_id = self.order(merchant.id, buyer.id, amount, currency)
        return Scene(merchant, buyer, order_id)

    # ── Calls ───────────────────────────────────────────────────────────────────────────────────

    def call(
        self,
        caller: Caller | None,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        sent: dict[str, str | bytes] = dict(headers or {})
        if caller:
            sent["Authorization"] = f"Bearer {caller.token}"
        if key is not None:
            sent["Idempotency-Key"] = key
        if body is not None:
            request["json"] = body
        encoded = [(name.encode(), _bytes(value)) for name, value in sent.items()]
        return self.http.request(method, path, headers=encoded, **request)

    def ok(
        self,
        caller: Caller | None,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int = 200,
        **request: Any,
    ) -> Json:
        answer = self.call(caller, method, path, body, **request)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        content: Json = answer.json() if answer.content else {}
        return content

    def decide(self, merchant_id: str, decision: str, reason: str = "checked") -> Json:
        path = f"/certifications/{merchant_id}/decision"
        return self.ok(self.operator, "POST", path, {"decision": decision, "reason": reason})

    def order(
        self,
        merchant_id: str,
        buyer_id: str,
        amount: int = 1000,
        currency: str = "CNY",
        **fields: object,
    ) -> str:
        order_id, now = unique("o"), datetime.now(UTC).isoformat()
        order = {
            "merchant_id": merchant_id,
            "buyer_id": buyer_id,
            "amount": amount,
            "currency": currency,
            "placed_at": now,
            "completed_at": now,
        }
        self.ok(self.platform, "PUT", f"/orders/{order_id}", order | fields, status=201)
        return order_id

    def credit(
        self, merchant_id: str, amount: int, currency: str = "CNY", target: str = "wallet"
    ) -> Json:
        path = f"/merchants/{merchant_id}/wallet/credits"
        credit = {"amount": amount, "currency": currency, "source": "top_up", "target": target}
        return self.ok(self.platform, "POST", path, credit, key=unique("credit"), status=201)

    def limit(
        self, merchant_id: str, *, deposit: int = 0, guarantee: int = 0, currency: str = "CNY"
    ) -> Json:
        """Set a merchant's limits; the wallet after it, as an operator sees it."""
        path = f"/merchants/{merchant_id}/limits"
        limits = {
            "currency": currency,
            "deposit_required": deposit,
            "guarantee_limit": guarantee,
        }
        return self.ok(self.operator, "PUT", path, limits)

    def freeze(self, merchant_id: str, *, frozen: bool = True) -> Json:
        path = f"/merchants/{merchant_id}/{'freeze' if frozen else 'unfreeze'}"
        return self.ok(self.operator, "POST", path, {"currency": "CNY"})

    def pay_out(
        self, path: str, amount: int, currency: str = "CNY", *, key: str | None = None
    ) -> httpx.Response:
        """`path` is that of the party: `/merchants/{id}/wallet`, `/buyers/{id}`."""
        payout = {"amount": amount, "currency": currency}
        return self.call(
            self.platform, "POST", f"{path}/payouts", payout, key=key or unique("payout")
        )

    def overview(self, merchant_id: str) -> Json:
        return self.ok(self.operator, "GET", f"/merchants/{merchant_id}")

    def suspended(self, merchant_id: str, *causes: str) -> Json:
        """The merchant once it is suspended for these causes; once for none, once it is not."""
        return until(
            lambda: self.overview(merchant_id),
            lambda merchant: merchant["suspension_causes"] == [*causes],
        )

    def ask(
        self,
        buyer: Caller,
        order_id: str,
        amount: int | None = None,
        *,
        key: str | bytes | None = None,
        **fields: object,
    ) -> httpx.Response:
        """POST /refunds for intact goods; without an amount, for all that is left."""
        wanted: Json = {"order_id": order_id, "goods_condition": "intact"}
        if amount is not None:
            wanted["amount"] = amount
        return self.call(buyer, "POST", "/refunds", wanted | fields, key=key or unique("key"))

    def accepted(self, buyer: Caller, order_id: str, amount: int | None = None) -> str:
        """The id of a new refund."""
        answer = self.ask(buyer, order_id, amount)
        assert answer.status_code == 202, answer.text
        refund_id: str = answer.json()["refund_id"]
        return refund_id

    def refund(self, caller: Caller, refund_id: str) -> Json:
        return self.ok(caller, "GET", f"/refunds/{refund_id}")

    def refunds(self, caller: Caller) -> list[Json]:
        items: list[Json] = self.ok(caller, "GET", "/refunds?limit=100")["items"]
        return items

    def becomes(self, caller: Caller, refund_id: str, status: str) -> Json:
        """The refund once it has this status."""
        return until(
            lambda: self.refund(caller, refund_id), lambda refund: refund["status"] == status
        )

    def settled(self, caller: Caller, refund_id: str) -> Json:
        return self.becomes(caller, refund_id, "succeeded")

    def wallet(self, party: Caller, currency: str = "CNY") -> Json:
        wallets: list[Json] = self.ok(party, "GET", "/wallet")["wallets"]
        [wallet] = [each for each in wallets if each["currency"] == currency]
        return wallet

    def balance(self, party: Caller, currency: str = "CNY") -> int:
        wallets = self.ok(party, "GET", "/wallet")["wallets"]
        return sum(each["available"] for each in wallets if each["currency"] == currency)

    def statement(self, party: Caller, **query: str | int) -> list[Json]:
        """A party's whole statement, newest first, page by page."""
        lines: list[Json] = []
        params: dict[str, Any] = {"currency": "CNY", **query}
        while True:
            page = self.ok(party, "GET", "/wallet/statement", params=params)
            lines += page["items"]
            if page["next_cursor"] is None:
                return lines
            params["cursor"] = page["next_cursor"]

    def booked(self, party: Caller, *, postings: int, **query: str | int) -> list[Json]:
        """The statement, once the stream has brought so many postings."""
        return until(lambda: self.statement(party, **query), lambda lines: len(lines) >= postings)

    def refundable(self, buyer: Caller, order_id: str) -> int:
        left: int = self.ok(buyer, "GET", f"/orders/{order_id}")["refundable"]
        return left

    # ── Rows ────────────────────────────────────────────────────────────────────────────────────

    def row(self, key: table.Key) -> Json:
        answer = self.dynamodb.get_item(
            TableName=self.outputs.table_name, Key=key, ConsistentRead=True
        )
        return from_item(answer.get("Item", {}))

    def rows_naming(self, *words: str) -> list[Json]:
        """Every row that has one of the words in it; a report of all the books is nobody's."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.outputs.table_name)
        rows = [from_item(item) for page in pages for item in page["Items"]]
        rows = [row for row in rows if not row["pk"].startswith("RECONCILIATION#")]
        named = [row for row in rows if any(word in json.dumps(row) for word in words)]
        return sorted(named, key=lambda row: (row["pk"], row["sk"]))

    def make_due(self, *refund_ids: str) -> None:
        """Let time pass for the sweeper: each was due an hour ago."""
        for refund_id in refund_ids:
            self.dynamodb.update_item(
                TableName=self.outputs.table_name,
                Key=table.refund(refund_id),
                UpdateExpression="SET due_at = :at",
                ConditionExpression="attribute_exists(due_bucket)",
                ExpressionAttributeValues={
                    ":at": {"S": format_instant(datetime.now(UTC) - LONG_AGO)}
                },
            )

    def tend(self, merchant_id: str) -> None:
        """Let time pass for the upkeep: it looks at this merchant, suspended for funds, now."""
        with suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
            self.dynamodb.update_item(
                TableName=self.outputs.table_name,
                Key=table.merchant(merchant_id),
                UpdateExpression="SET due_at = :at",
                ConditionExpression="attribute_exists(due_bucket)",
                ExpressionAttributeValues={
                    ":at": {"S": format_instant(datetime.now(UTC) - LONG_AGO)}
                },
            )
        self.invoke("tend_wallets", {})

    # ── Queues and functions ────────────────────────────────────────────────────────────────────

    @contextmanager
    def debits_paused(self) -> Iterator[None]:
        """While inside, messages stay in the debit queue."""
        source = self._debit_source()
        self.lambdas.update_event_source_mapping(UUID=source, Enabled=False)
        try:
            yield
        finally:
            self.lambdas.update_event_source_mapping(UUID=source, Enabled=True)

    @contextmanager
    def redelivering_after(self, seconds: int) -> Iterator[None]:
        """While inside, what the debit function does not finish comes back this soon."""
        before = self.sqs.get_queue_attributes(
            QueueUrl=self.outputs.debit_queue_url, AttributeNames=["VisibilityTimeout"]
        )["Attributes"]["VisibilityTimeout"]
        self._set_visibility(str(seconds))
        try:
            yield
        finally:
            self._set_visibility(before)

    def messages_for(self, *refund_ids: str) -> list[str]:
        """Take what is in the debit queue, while it is paused; each refund's own message is due."""
        bodies = list(self.taken_from(self.outputs.debit_queue_url))
        wanted = [body for body in bodies if any(each in body for each in refund_ids)]
        assert len(wanted) == len(refund_ids), bodies
        return wanted

    def send_debits(self, *bodies: str) -> None:
        """As few batches as they fit in."""
        for start in range(0, len(bodies), 10):
            answer = self.sqs.send_message_batch(
                QueueUrl=self.outputs.debit_queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": body, "MessageGroupId": "test"}
                    for number, body in enumerate(bodies[start : start + 10])
                ],
            )
            assert not answer.get("Failed"), answer

    def debit_queue_is_empty(self) -> bool:
        """Nothing to deliver, nothing being worked on."""
        counts = self.sqs.get_queue_attributes(
            QueueUrl=self.outputs.debit_queue_url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return all(int(count) == 0 for count in counts.values())

    def all_debits_done(self) -> None:
        until(self.debit_queue_is_empty, bool)

    def queue_url(self, logical_id: str) -> str:
        resource = self.cloudformation.describe_stack_resource(
            StackName=deploy.STACK, LogicalResourceId=logical_id
        )
        return resource["StackResourceDetail"]["PhysicalResourceId"]

    def parked(self, queue_url: str, word: str) -> str:
        """The message with this word in it, once it is in that queue; all are taken out."""

        def look() -> list[str]:
            self._taken.extend(self.taken_from(queue_url))
            return [body for body in self._taken if word in body]

        return until(look, bool)[0]

    def taken_from(self, queue_url: str) -> Iterator[str]:
        """What is in a queue now, taken out of it."""
        while messages := self.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                yield message["Body"]

    def invoke(self, function: Function, event: Json) -> Any:
        answer = self.lambdas.invoke(
            FunctionName=deploy.function_name(self.stack.endpoint, function),
            Qualifier="live",
            Payload=json.dumps(event).encode(),
        )
        content = json.loads(answer["Payload"].read() or b"null")
        assert not answer.get("FunctionError"), content
        return content

    def deliver(self, detail: Json) -> None:
        """The event `OrderCompleted`, by its bus."""
        entry = {
            "EventBusName": self.outputs.event_bus_name,
            "Source": "marketplace.orders",
            "DetailType": "OrderCompleted",
            "Detail": json.dumps(detail),
        }
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0  # type: ignore[list-item]

    def deliver_unheeded(self, detail: Json) -> None:
        """The event `OrderCompleted` as its bus hands it over, at the last of its tries.

        The local AWS neither retries nor parks what comes by a bus, and heeds what the alias says
        of asynchronous calls only at the function itself: so it is told there what the alias says.
        """
        name = deploy.function_name(self.stack.endpoint, "record_orders")
        said = self.lambdas.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
        self.lambdas.put_function_event_invoke_config(
            FunctionName=name,
            MaximumRetryAttempts=0,
            DestinationConfig=said["DestinationConfig"],
        )
        event = {"source": "marketplace.orders", "detail-type": "OrderCompleted", "detail": detail}
        self.lambdas.invoke(
            FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
        )

    def sweep(self) -> None:
        self.invoke("sweep_refunds", {})

    @contextmanager
    def reconfigured(self, function: Function, **variables: str) -> Iterator[None]:
        """While inside, callers reach a version of the function with these variables."""
        name = deploy.function_name(self.stack.endpoint, function)
        before = self.lambdas.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        environment = self.lambdas.get_function_configuration(FunctionName=name)["Environment"]
        changed = environment["Variables"] | variables
        self.lambdas.update_function_configuration(
            FunctionName=name, Environment={"Variables": changed}
        )
        version = self.lambdas.publish_version(FunctionName=name)["Version"]
        self.lambdas.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
        try:
            yield
        finally:
            self.lambdas.update_alias(FunctionName=name, Name="live", FunctionVersion=before)
            self.lambdas.update_function_configuration(
                FunctionName=name, Environment={"Variables": environment["Variables"]}
            )

    def warm_up(self, *functions: Function, copies: int = 1) -> None:
        """Let functions start; nothing is changed by it."""
        at_once([partial(self._start, function) for function in functions * copies])

    def spare_the_machine(self) -> None:
        """Two debit functions at a time, instead of a process for each batch."""
        self.lambdas.update_event_source_mapping(
            UUID=self._debit_source(), ScalingConfig={"MaximumConcurrency": 2}
        )

    def _debit_source(self) -> str:
        name = deploy.function_name(self.stack.endpoint, "process_debits")
        [source] = [
            each["UUID"]
            for each in self.lambdas.list_event_source_mappings()["EventSourceMappings"]
            if f":{name}:" in each["FunctionArn"]
        ]
        return source

    def _start(self, function: Function) -> None:
        self.invoke(function, {"Records": [], **http_event("GET", "/warm-up")})

    def _set_visibility(self, seconds: str) -> None:
        self.sqs.set_queue_attributes(
            QueueUrl=self.outputs.debit_queue_url, Attributes={"VisibilityTimeout": seconds}
        )


def unique(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(6)}"


def until[Seen](look: Callable[[], Seen], wanted: Callable[[Seen], object]) -> Seen:
    """What `look` sees once it is as wanted: for outcomes that come by themselves."""
    return waiting.until(
        look,
        wanted,
        missed=lambda seen: AssertionError(f"not in {OUTCOME_SECONDS:.0f} s: {seen}"),
        within=OUTCOME_SECONDS,
        every=LOOK_SECONDS,
    )


def at_once[Answer](jobs: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Every job's answer; all are released in the same instant."""
    gate = Barrier(len(jobs))

    def run(job: Callable[[], Answer]) -> Answer:
        gate.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal in the documented form."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    content = answer.json()
    assert content["status"] == answer.status_code
    return answer.status_code, content["code"]


def http_event(method: str, path: str, body: str | None = None, **fields: Any) -> Json:
    """What API Gateway hands a function, for what cannot be sent through it."""
    now = datetime.now(UTC)
    context = {
        "accountId": "000000000000",
        "apiId": "refunds",
        "domainName": "localhost",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
        "requestId": unique("request"),
        "routeKey": "$default",
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }
    event: Json = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": context | fields.pop("context", {}),
        "isBase64Encoded": False,
    }
    if body is not None:
        event["body"] = body
    return event | fields


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
