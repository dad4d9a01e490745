"""The session that starts small: its clients call where boto3's own call, signed for the same."""

import json
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.loaders import JSONFileLoader

from refunds.stores.session import session

REGIONS = {
    "aws": "us-east-1",
    "aws, and not known yet": "eu-north-9",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "none": "moon-far-1",
}
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
QUEUE = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/debits"
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": KEY}),
    (
        "dynamodb",
        "transact_write_items",
        {"TransactItems": [{"Delete": {"TableName": "t", "Key": KEY}}]},
    ),
    ("sqs", "send_message_batch", {"QueueUrl": QUEUE, "Entries": []}),
    ("events", "put_events", {"Entries": [{"Source": "s"}]}),
    ("lambda", "invoke", {"FunctionName": "f"}),
]
"""Calls of the product."""


class Sent(Exception):
    """Where a call goes, and for what it is signed."""


def call(
    made: boto3.Session, service: str, operation: str, arguments: dict[str, Any], **config: Any
) -> None:
    """Raises Sent, before it is."""

    def stop(request: AWSPreparedRequest, **_: Any) -> NoReturn:
        signed: Any = request.headers["Authorization"]
        _, _, scope = signed.decode().partition("Credential=")
        raise Sent(request.url, scope.split(",")[0].split("/", 2)[2])

    client: Any = made.client(service, config=Config(**config))  # type: ignore[call-overload]
    client.meta.events.register_first("before-send", stop)
    getattr(client, operation)(**arguments)


def boto3_s_own() -> boto3.Session:
    return boto3.Session(botocore_session=botocore.session.Session())


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("called", CALLS, ids=lambda called: called[1])
def test_a_client_calls_where_boto3_s_own_does(
    called: tuple[str, str, dict[str, Any]], region: str
) -> None:
    theirs, ours = boto3_s_own(), session()
    for fips, dualstack in product((False, True), repeat=2):
        config: dict[str, Any] = {
            "region_name": region,
            "use_fips_endpoint": fips,
            "use_dualstack_endpoint": dualstack,
        }
        with pytest.raises(Sent) as expected:
            call(theirs, *called, **config)
        with pytest.raises(Sent) as found:
            call(ours, *called, **config)
        assert found.value.args == expected.value.args


def test_partitions_of_ones_own_are_asked_as_boto3_s_own_asks_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = botocore.session.Session().get_component("data_loader").load_data("partitions")
    text = json.dumps(known).replace("amazonaws.com.cn", "amazonaws.example")
    (tmp_path / "partitions.json").write_text(text, encoding="utf-8")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    for made in (boto3_s_own(), session.__wrapped__()):
        with pytest.raises(Sent, match=r"https://dynamodb\.cn-north-1\.amazonaws\.example/"):
            call(made, *CALLS[0], region_name="cn-north-1")


def test_where_every_service_is_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    load, loaded = JSONFileLoader.load_file, set[str]()

    def noted(self: JSONFileLoader, path: str) -> Any:
        loaded.add(Path(path).name)
        return load(self, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", noted)
    session.__wrapped__().client("dynamodb")
    assert "partitions" in loaded
    assert "endpoints" not in loaded
    boto3_s_own().client("dynamodb")
    assert "endpoints" in loaded
