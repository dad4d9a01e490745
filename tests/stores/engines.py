"""Where the store tests run: moto, the local AWS, and AWS's own engine (DynamoDB Local)."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
from botocore.config import Config
from moto import mock_aws

from local import aws, engine, processes
from local.failures import CommandFailed
from local.paths import STATE
from local.table import create_table
from refunds.stores.changes import ChangeStore
from refunds.stores.corrections import CorrectionStore
from refunds.stores.debits import DebitStore
from refunds.stores.dynamo import Dynamo
from refunds.stores.members import MemberStore
from refunds.stores.merchants import MerchantStore
from refunds.stores.operations import OperationStore
from refunds.stores.policies import PolicyStore
from refunds.stores.rebuilds import RebuildStore
from refunds.stores.reconciliation import ReconciliationStore
from refunds.stores.refunds import RefundStore
from refunds.stores.sweeps import SweepStore
from refunds.stores.upkeep import UpkeepStore
from refunds.stores.wallets import WalletStore
from tests.lacking import leave_out

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOTO, LOCAL_AWS, AWS_ENGINE = "moto", "local-aws", "aws-engine"
REAL = (LOCAL_AWS, AWS_ENGINE)
"""Those that keep a transaction whole while other threads write; moto does not."""
ONE_TRY = Config(
    connect_timeout=2,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=32,
)


@dataclass(frozen=True)
class Stores:
    """One table of an engine, through each of the product's stores; no pause takes time."""

    client: "DynamoDBClient"
    table: str

    @property
    def members(self) -> MemberStore:
        return self._made(MemberStore)

    @property
    def merchants(self) -> MerchantStore:
        return self._made(MerchantStore)

    @property
    def policies(self) -> PolicyStore:
        return self._made(PolicyStore)

    @property
    def refunds(self) -> RefundStore:
        return self._made(RefundStore)

    @property
    def debits(self) -> DebitStore:
        return self._made(DebitStore)

    @property
    def sweeps(self) -> SweepStore:
        return self._made(SweepStore)

    @property
    def wallets(self) -> WalletStore:
        return self._made(WalletStore)

    @property
    def corrections(self) -> CorrectionStore:
        return self._made(CorrectionStore)

    @property
    def operations(self) -> OperationStore:
        return self._made(OperationStore)

    @property
    def upkeep(self) -> UpkeepStore:
        return self._made(UpkeepStore)

    @property
    def statements(self) -> ChangeStore:
        return self._made(ChangeStore)

    @property
    def rebuilds(self) -> RebuildStore:
        return self._made(RebuildStore)

    @property
    def reconciliation(self) -> ReconciliationStore:
        return self._made(ReconciliationStore)

    def _made[Store: Dynamo](self, kind: type[Store]) -> Store:
        return kind(self.client, self.table, pause=lambda _: None, clock=lambda: 0)


@cache
def _client(endpoint: str | None) -> "DynamoDBClient":
    """Made once, for its making takes longer than most tests. moto has no endpoint."""
    if endpoint is None:
        return boto3.client("dynamodb", config=ONE_TRY)
    return aws.dynamodb(endpoint, ONE_TRY)


@contextmanager
def moto() -> Iterator[Stores]:
    with mock_aws():
        client = _client(None)
        yield Stores(client, create_table(client, "Table", streamed=False))


@contextmanager
def local_aws(log: Path) -> Iterator[str]:
    """Its endpoint, for as long as the block runs."""
    with aws.start(aws.any_free_port(), log=log) as started:
        yield started.endpoint


@contextmanager
def aws_engine(log: Path) -> Iterator[str]:
    """Its endpoint: the one that is named, or one of our own; or skipped tests that say so."""
    named = os.environ.get("DYNAMODB_LOCAL_URL")
    if named:
        yield named
        return
    with ExitStack() as stack:
        try:
            # Of several test processes, one fetches the engine and the others find it.
            with processes.one_at_a_time(STATE / "engine.lock"):
                url = stack.enter_context(engine.start(log=log))
        except CommandFailed as error:
            leave_out(f"tests on AWS's own engine. {error}", unless="REQUIRE_ENGINE")
        yield url


def stores_at(endpoint: str) -> Stores:
    """A table of its own in a running engine, so that tests may share the engine."""
    client = _client(endpoint)
    return Stores(client, create_table(client, f"Table-{uuid4().hex}"))
