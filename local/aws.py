"""The local AWS (MiniStack): started on loopback, reached by clients that refuse anything else."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.config import Config

from local import processes
from local.failures import NotLoopback, PortTaken
from local.paths import TOOLS

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

HOST = "127.0.0.1"
USUAL_PORT = 4566
START_SECONDS = 60.0
REQUEST_SECONDS = 30.0
INVOKE_SECONDS = 330.0
WARM_SECONDS = 1_800
REGION = "us-east-1"


@dataclass(frozen=True)
class LocalAws:
    endpoint: str


@contextmanager
def start(port: int | None = None, *, log: Path) -> Iterator[LocalAws]:
    """Run an empty local AWS until the block is left.

    Raises:
        PortTaken: the given port is in use.
        CommandFailed: it did not come up.
    """
    chosen = choose_port(port)
    endpoint = f"http://{HOST}:{chosen}"
    with processes.served(
        [str(TOOLS / "python"), "-m", "ministack"],
        lambda: is_ready(endpoint),
        env=_server_environment(chosen),
        log=log,
        seconds=START_SECONDS,
        doing="The local AWS",
        next_step="mend what the lines above name; or `make clean` and start afresh.",
    ):
        yield LocalAws(endpoint)


def choose_port(wanted: int | None) -> int:
    """The wanted port; without a wish the usual one, or any free one."""
    if wanted is not None:
        if not _is_free(wanted):
            raise PortTaken(wanted)
        return wanted
    return USUAL_PORT if _is_free(USUAL_PORT) else any_free_port()


def require_loopback(endpoint: str) -> str:
    """The endpoint itself, when it is this machine's own."""
    host = urlsplit(endpoint).hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopback(endpoint)
    return endpoint


def cloudformation(endpoint: str) -> "CloudFormationClient":
    return _session().client("cloudformation", endpoint_url=require_loopback(endpoint))


def cognito(endpoint: str) -> "CognitoIdentityProviderClient":
    return _session().client("cognito-idp", endpoint_url=require_loopback(endpoint))


def lambdas(endpoint: str) -> "LambdaClient":
    """For calls that wait for a function: none is sent twice because its function starts slowly."""
    patient = Config(read_timeout=INVOKE_SECONDS, retries={"total_max_attempts": 1})
    return _session().client("lambda", endpoint_url=require_loopback(endpoint), config=patient)


def logs(endpoint: str) -> "CloudWatchLogsClient":
    return _session().client("logs", endpoint_url=require_loopback(endpoint))


def s3(endpoint: str) -> "S3Client":
    return _session().client("s3", endpoint_url=require_loopback(endpoint))


def dynamodb(endpoint: str, config: Config | None = None) -> "DynamoDBClient":
    return _session().client("dynamodb", endpoint_url=require_loopback(endpoint), config=config)


def http(endpoint: str) -> httpx.Client:
    return httpx.Client(
        base_url=require_loopback(endpoint), timeout=REQUEST_SECONDS, trust_env=False
    )


def is_ready(endpoint: str) -> bool:
    with http(endpoint) as client:
        try:
            return client.get("/_ministack/ready").is_success
        except httpx.TransportError:
            return False


def _server_environment(port: int) -> dict[str, str]:
    # Its functions inherit all of this: of the person's own variables only what any program needs.
    needed = {
        name: value
        for name, value in processes.environment().items()
        if name in {"HOME", "LANG", "NO_PROXY", "PATH", "TMPDIR"} or name.startswith("AWS_")
    }
    return needed | {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        # Twenty starts at once take a minute: each unpacks the whole layer.
        "LAMBDA_WARM_TTL_SECONDS": str(WARM_SECONDS),
        "DOCKER_HOST": "unix:///nonexistent",  # it would remove containers of other local clouds
        "TZ": "UTC",
    }


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
