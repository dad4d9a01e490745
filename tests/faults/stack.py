"""The functions as they are, between them and a local AWS the fault proxy; no pause takes time."""

import importlib.util
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from local import aws
from local.paths import ROOT
from local.table import create_table
from refunds.deadline import Deadline
from refunds.settings import Settings
from refunds.stores import changes, dynamo, letters
from refunds.stores.dynamo import Dynamo
from refunds.stores.session import session
from tests.faults import access
from tests.faults.faulting import MOST_ACTIONS, TRANSACTIONS
from tests.faults.proxy import CALL
from tests.unit import api
from tests.unit.api import Answer, Claims, Context

if TYPE_CHECKING:
    from tests.contract.iam import Call

FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
PATIENT, HASTY = 20.0, 0.1
"""Seconds that the functions' clients wait for an answer."""
STEP = timedelta(seconds=1)
TABLE, BUS, FAN_OUT = "Table", "events", "FanOutChanges"
DEBITS, TOLD = "DebitQueue", "Told"
LETTERS = {"debits": "DebitLetters", "orders": "OrderLetters", "changes": "ChangeLetters"}
URL_NAMES = {
    DEBITS: "DEBIT_QUEUE_URL",
    "DebitLetters": "DEBIT_DEAD_LETTER_QUEUE_URL",
    "OrderLetters": "ORDER_DEAD_LETTER_QUEUE_URL",
    "ChangeLetters": "CHANGE_DEAD_LETTER_QUEUE_URL",
}
MOST_RECEIVED = 5
BATCH, RECORDS = 10, 100
REDRIVEN = "def handler(event, context):\n    return {'poisoned': 0}\n"
"""What stands for the function that a redriven change is given to."""


class Clock:
    """The only time that the handlers know."""

    at: datetime
    paused: float = 0.0
    """Seconds that the function at work has paused, as if they had passed: it comes to its end."""

    def on(self, by: timedelta = STEP) -> datetime:
        self.at += by
        return self.at

    def deadline(self, remaining_ms: Callable[[], int]) -> Deadline:
        return Deadline(remaining_ms, self._pause)

    def _pause(self, seconds: float) -> None:
        self.paused += seconds


@dataclass(frozen=True)
class Invocation(Context):
    clock: Clock = field(kw_only=True)

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms - int(self.clock.paused * 1000)


class Calls:
    """Which function is at work, and what it has called: each call is told the proxy."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.asked: set[tuple[str, Call]] = set()
        """Of IAM, by which function."""
        self.function = ""

    def tag(self, model: Any, params: Any, **_: Any) -> None:
        call = f"{self.function} {model.service_model.service_name}.{model.name}"
        self.made[call] += 1
        params["headers"][CALL] = f"{call} {self.made[call]};"
        if model.service_model.service_name == "dynamodb":
            body = json.loads(params["body"])
            self.asked.update((self.function, each) for each in access.asked(model.name, body))
        if model.name in TRANSACTIONS:
            assert params["body"].count(b'"TableName"') <= MOST_ACTIONS


class Functions:
    """Every function, loaded as Lambda does it: its environment, then its module."""

    def __init__(
        self,
        clock: Clock,
        calls: Calls,
        *,
        endpoint: str,
        read_timeout: float,
        environment: dict[str, str],
    ) -> None:
        self.clock, self.calls = clock, calls
        self._clients = partial(self._client, endpoint, read_timeout)
        with self._environment(environment):
            self.modules = {name: self._load(name) for name in FUNCTIONS if "serve" not in name}

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        module = self.modules[name]
        for store in vars(module).values():
            if isinstance(store, Dynamo) and hasattr(store, "known"):
                store.known.clear()
        self.calls.function = name
        self.clock.on()
        self.clock.paused = 0.0
        return module.lambda_handler(event, Invocation(clock=self.clock))

    def call(
        self,
        name: str,
        method: str,
        path: str,
        claims: Claims,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        query: dict[str, str] | None = None,
    ) -> Answer:
        headers = {"content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        event = api.request(
            method, path, claims=claims, body=body, headers=headers, query=query, at=self.clock.at
        )
        return api.answer_of(self.invoke(name, event))

    def _load(self, name: str) -> ModuleType:
        path = ROOT / "functions" / name / "app.py"
        spec = importlib.util.spec_from_file_location(f"faulty_{name}", path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "datetime"):
            module.datetime = _moving(self.clock)  # type: ignore[attr-defined]
        if hasattr(module, "Deadline"):
            module.Deadline = self.clock.deadline  # type: ignore[attr-defined]
        return module

    @contextmanager
    def _environment(self, environment: dict[str, str]) -> Iterator[None]:
        """Clients of our own for as long as the modules are loaded; nobody else gets them."""
        from_settings = Dynamo.from_settings.__func__  # type: ignore[attr-defined]

        def without_pause[Store: Dynamo](kind: type[Store], settings: Settings) -> Store:
            made: Store = replace(from_settings(kind, settings), pause=no_pause)
            return made

        caches = (dynamo._client, changes._client, letters._queues, letters._lambdas)  # noqa: SLF001
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(session(), "client", self._clients)
            patch.setattr(Dynamo, "from_settings", classmethod(without_pause))
            for cached in caches:
                cached.cache_clear()
            yield
            for cached in caches:
                cached.cache_clear()

    def _client(self, endpoint: str, read_timeout: float, service: Any, config: Config) -> Any:
        client: Any = boto3.Session().client(
            service, endpoint_url=endpoint, config=config.merge(Config(read_timeout=read_timeout))
        )
        client.meta.events.register("before-call", self.calls.tag)
        return client


class Cloud:
    """What the functions run in: tables, queues, bus, stream, looked at past the proxy."""

    def __init__(self, endpoint: str) -> None:
        made = partial(boto3.Session().client, endpoint_url=aws.require_loopback(endpoint))
        self.dynamodb: Any = made("dynamodb")
        self.sqs: Any = made("sqs")
        self.events: Any = made("events")
        self.lambdas: Any = made("lambda")
        self.streams: Any = made("dynamodbstreams")
        self.urls = {
            name: self.sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in (DEBITS, TOLD, *LETTERS.values())
        }
        letters_at = self._arn("DebitLetters")
        policy = {"deadLetterTargetArn": letters_at, "maxReceiveCount": MOST_RECEIVED}
        self.sqs.set_queue_attributes(
            QueueUrl=self.urls[DEBITS], Attributes={"RedrivePolicy": json.dumps(policy)}
        )
        self.events.create_event_bus(Name=BUS)
        pattern = json.dumps({"source": [{"prefix": ""}]})
        self.events.put_rule(Name=TOLD, EventBusName=BUS, EventPattern=pattern)
        targets = [{"Id": "1", "Arn": self._arn(TOLD)}]
        self.events.put_targets(Rule=TOLD, EventBusName=BUS, Targets=targets)
        self._make_function()
        self._iterator = self._make_table()

    @property
    def environment(self) -> dict[str, str]:
        urls = {variable: self.urls[name] for name, variable in URL_NAMES.items()}
        return urls | {
            "TABLE_NAME": TABLE,
            "EVENT_BUS_NAME": BUS,
            "FAN_OUT_CHANGES_ALIAS": f"{FAN_OUT}:live",
        }

    def empty(self) -> None:
        self.dynamodb.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
        self.dynamodb.delete_table(TableName=TABLE)
        self._iterator = self._make_table()
        for url in self.urls.values():
            self.sqs.purge_queue(QueueUrl=url)

    def send(self, queue: str, *bodies: object) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.urls[queue], MessageBody=json.dumps(body))

    def receive(self, queue: str) -> list[Any]:
        answer = self.sqs.receive_message(
            QueueUrl=self.urls[queue], MaxNumberOfMessages=BATCH, VisibilityTimeout=600
        )
        messages: list[Any] = answer.get("Messages", [])
        return messages

    def holds(self, queue: str) -> int:
        name = "ApproximateNumberOfMessages"
        url = self.urls[queue]
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def delete(self, queue: str, message: Any) -> None:
        self.sqs.delete_message(QueueUrl=self.urls[queue], ReceiptHandle=message["ReceiptHandle"])

    def show_again(self, queue: str, message: Any) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.urls[queue], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )

    def new_records(self) -> list[dict[str, Any]]:
        """Of the stream, in Lambda's form: those that no earlier call has brought."""
        answer = self.streams.get_records(ShardIterator=self._iterator, Limit=1000)
        self._iterator = answer["NextShardIterator"]
        records: list[dict[str, Any]] = answer["Records"]
        for each in records:
            images = each["dynamodb"]
            seen: datetime = images["ApproximateCreationDateTime"]
            images["ApproximateCreationDateTime"] = seen.timestamp()
        return records

    def _make_table(self) -> str:
        """Where its stream begins."""
        create_table(self.dynamodb, TABLE)
        stream = self.dynamodb.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        [shard] = self.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        iterator: str = self.streams.get_shard_iterator(
            StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return iterator

    def _make_function(self) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("app.py", REDRIVEN)
        self.lambdas.create_function(
            FunctionName=FAN_OUT,
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/none",
            Handler="app.handler",
            Code={"ZipFile": archive.getvalue()},
            Publish=True,
        )
        self.lambdas.create_alias(FunctionName=FAN_OUT, Name="live", FunctionVersion="1")

    def _arn(self, queue: str) -> str:
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.urls[queue], AttributeNames=["QueueArn"]
        )
        arn: str = answer["Attributes"]["QueueArn"]
        return arn


def no_pause(_: float) -> None:
    pass


def _moving(clock: Clock) -> type[datetime]:
    class Moving(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return clock.at.astimezone(tz)

    return Moving
