"""Every function's handler, on a moto table made from the template's own resource."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from functions.certify_merchants import app as certify_merchants
from functions.correct_ledger import app as correct_ledger
from functions.fan_out_changes import app as fan_out_changes
from functions.manage_members import app as manage_members
from functions.manage_wallet import app as manage_wallet
from functions.operate_merchants import app as operate_merchants
from functions.process_debits import app as process_debits
from functions.read_statement import app as read_statement
from functions.reconcile_ledger import app as reconcile_ledger
from functions.record_orders import app as record_orders
from functions.redrive_messages import app as redrive_messages
from functions.request_refund import app as request_refund
from functions.serve_docs import app as serve_docs
from functions.submit_policy import app as submit_policy
from functions.sweep_refunds import app as sweep_refunds
from functions.tend_wallets import app as tend_wallets
from local.table import create_table
from refunds.members import Membership, Scope
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.merchants import MerchantStore
from refunds.stores.policies import PolicyStore
from refunds.stores.refunds import RefundStore
from refunds.stores.wallets import WalletStore
from tests.stores import tables
from tests.unit import api, examples
from tests.unit.api import Answer, Claims, Context

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

SETTINGS = Settings.from_env()
QUEUES = (
    SETTINGS.debit_queue_url,
    SETTINGS.debit_dead_letter_queue_url,
    SETTINGS.order_dead_letter_queue_url,
    SETTINGS.change_dead_letter_queue_url,
)
SELLER, BUYER, OPERATOR = api.person("seller"), api.person("buyer"), api.person("operator")
OTHER_OPERATOR = api.person("operator-2")
BOTH, STRANGER = api.person("both"), api.person("stranger")
OTHER_SELLER, OTHER_BUYER = api.person("seller-2"), api.person("buyer-2")
PLATFORM = api.machine(*Scope)
POWERLESS = api.machine("refunds/wallet.credit2")

MEMBERS = {
    "seller": Membership(merchant_id=examples.MERCHANT),
    "buyer": Membership(buyer_id=examples.BUYER),
    "operator": Membership(operator=True),
    "operator-2": Membership(operator=True),
    "both": Membership(merchant_id=examples.MERCHANT, buyer_id=examples.BUYER),
    "seller-2": Membership(merchant_id="merchant-2"),
    "buyer-2": Membership(buyer_id="buyer-2"),
}

__all__ = [
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
    "serve_docs",
    "submit_policy",
    "sweep_refunds",
    "tend_wallets",
]


@dataclass(frozen=True)
class Cloud:
    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"

    def call(
        self,
        function: ModuleType,
        method: str,
        path: str,
        claims: Claims | None = None,
        *,
        body: str | dict[str, Any] | None = None,
        key: str | None = None,
        query: dict[str, str] | None = None,
        at: datetime | None = None,
    ) -> Answer:
        """One HTTP call of a function; `key` is its Idempotency-Key."""
        headers = {"content-type": "application/json"} if body is not None else {}
        if key is not None:
            headers["idempotency-key"] = key
        event = api.request(
            method,
            path,
            claims=claims,
            body=body,
            headers=headers,
            query=query,
            at=at or examples.NOON,
        )
        return api.answer_of(function.lambda_handler(event, Context()))

    def store[Store: (MemberStore, MerchantStore, PolicyStore, RefundStore, WalletStore)](
        self, kind: type[Store]
    ) -> Store:
        return kind(self.dynamodb, SETTINGS.table_name)

    def item(self, key: Any) -> dict[str, Any] | None:
        return tables.item(self.dynamodb, SETTINGS.table_name, key)

    def items(self) -> list[dict[str, Any]]:
        return tables.items(self.dynamodb, SETTINGS.table_name)

    def messages(self) -> list[str]:
        """The bodies in the queue, taken out of it."""
        found: list[str] = []
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=SETTINGS.debit_queue_url, MaxNumberOfMessages=10
            )
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                found.append(message["Body"])
                self.sqs.delete_message(
                    QueueUrl=SETTINGS.debit_queue_url, ReceiptHandle=message["ReceiptHandle"]
                )

    def enqueued(self) -> list[str]:
        """The refunds that the queue's messages name, and nothing else is in them."""
        named = []
        for body in self.messages():
            message = json.loads(body)
            assert set(message) == {"refund_id"}
            named.append(message["refund_id"])
        return named

    def deliver(self, *bodies: str, remaining_ms: int = 30_000) -> set[int]:
        """Invoke the debits with a batch; the places of the messages to be delivered again."""
        records = [
            {"messageId": str(place), "body": body, "eventSource": "aws:sqs"}
            for place, body in enumerate(bodies)
        ]
        context = Context(remaining_ms=remaining_ms)
        answer = process_debits.lambda_handler({"Records": records}, context)
        return {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}


@cache
def _clients() -> "tuple[DynamoDBClient, SQSClient]":
    """Made once, for their making takes longer than most tests."""
    return boto3.client("dynamodb"), boto3.client("sqs")


@contextmanager
def cloud() -> Iterator[Cloud]:
    """An empty table and queue, with members of every kind."""
    with mock_aws():
        made = Cloud(*_clients())
        create_table(made.dynamodb, SETTINGS.table_name, streamed=False)
        for url in QUEUES:
            made.sqs.create_queue(QueueName=url.rsplit("/", 1)[-1])
        members = made.store(MemberStore)
        for subject, membership in MEMBERS.items():
            members.put_membership(subject, membership)
        yield made
