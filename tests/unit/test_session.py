"""The session that starts small: its clients call where boto3's own call, signed for the same."""

from itertools import product
from typing import Any, NoReturn

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

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
CALLS = {
    "dynamodb": "list_tables",
    "sqs": "list_queues",
    "events": "list_rules",
    "lambda": "list_functions",
    "sts": "get_caller_identity",
}


class Sent(Exception):
    """Where a call goes, and for what it is signed."""


def call(made: boto3.Session, service: str, region: str, *, fips: bool, dualstack: bool) -> None:
    """Raises Sent, before it is."""

    def stop(request: AWSPreparedRequest, **_: Any) -> NoReturn:
        signed: Any = request.headers["Authorization"]
        _, _, scope = signed.decode().partition("Credential=")
        raise Sent(request.url, scope.split(",")[0].split("/", 2)[2])

    config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dualstack)
    client: Any = made.client(service, region_name=region, config=config)  # type: ignore[call-overload]
    client.meta.events.register_first("before-send", stop)
    getattr(client, CALLS[service])()


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("service", CALLS)
def test_a_client_calls_where_boto3_s_own_does(service: str, region: str) -> None:
    theirs = boto3.Session(botocore_session=botocore.session.Session())
    for fips, dualstack in product((False, True), repeat=2):
        with pytest.raises(Sent) as expected:
            call(theirs, service, region, fips=fips, dualstack=dualstack)
        with pytest.raises(Sent) as found:
            call(session(), service, region, fips=fips, dualstack=dualstack)
        assert found.value.args == expected.value.args
