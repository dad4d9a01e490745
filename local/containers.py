"""`sam local invoke`: one function in a container of Lambda's own image, on the running stack."""

import contextlib
import json
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import docker
from docker.errors import DockerException

from local import aws, processes
from local.deploy import TEMPLATE, function_name, logical_id_of
from local.failures import CommandFailed
from local.paths import EVENTS, STATE, TOOLS

DESKTOP_HOST = "host.docker.internal"
CHUNK_BYTES = 65_536
EVENT_CLIENTS = {"PEOPLE_CLIENT_IDS": "people-client", "SERVICE_CLIENT_IDS": "service-client"}
"""The clients whose tokens the sample events claim to carry."""


def invoke(function: str, endpoint: str, *, skip_pull_image: bool = False) -> None:
    """Run it on `events/<function>.json` and print its answer.

    Raises:
        CommandFailed: there is no such function or no Docker, or the function failed.
    """
    event = _event_of(function)
    logical_id = logical_id_of(function)
    variables = _variables_of(function, endpoint)
    with _reachable_from_containers(endpoint) as address, TemporaryDirectory(dir=STATE) as folder:
        settings, answer = Path(folder, "variables.json"), Path(folder, "answer")
        reaching = {name: value.replace(endpoint, address) for name, value in variables.items()}
        settings.write_text(json.dumps({logical_id: reaching}), encoding="utf-8")
        command = [
            str(TOOLS / "sam"),
            *("local", "invoke", logical_id),
            *("--config-env", "local", "--region", aws.REGION),
            *("--template", str(TEMPLATE)),
            *("--event", str(event)),
            *("--env-vars", str(settings)),
            *(["--skip-pull-image"] if skip_pull_image else []),
        ]
        status = _run(command, answer)
        said = answer.read_text(encoding="utf-8").strip()
    print(said)
    if status != 0 or is_failure(said):
        raise CommandFailed(
            f"{function} failed in its container.", next_step="read its log lines above."
        )


def is_failure(answer: str) -> bool:
    """Whether Lambda's answer is that of an exception that the function let out."""
    try:
        parsed = json.loads(answer.splitlines()[-1])
    except (IndexError, ValueError):
        return True
    return isinstance(parsed, dict) and {"errorType", "errorMessage"} <= parsed.keys()


def _event_of(function: str) -> Path:
    event = EVENTS / f"{function}.json"
    if not function or not event.exists():
        known = " ".join(sorted(path.stem for path in event.parent.glob("*.json")))
        raise CommandFailed(
            f"There is no event for the function '{function}'.",
            next_step=f"`make invoke FUNCTION=…` with one of: {known}",
        )
    return event


def _variables_of(function: str, endpoint: str) -> dict[str, str]:
    configuration = aws.lambdas(endpoint).get_function_configuration(
        FunctionName=function_name(endpoint, function)
    )
    return configuration["Environment"]["Variables"] | EVENT_CLIENTS


def _run(command: list[str], answer: Path) -> int:
    with (
        answer.open("wb") as output,
        processes.guarded(
            command, env=processes.environment(), output=output, errors=sys.stderr.buffer
        ) as process,
    ):
        return process.wait()


@contextmanager
def _reachable_from_containers(endpoint: str) -> Iterator[str]:
    """The endpoint as a container sees it.

    Docker's virtual machine on a desktop forwards to the host's loopback. On Linux nothing does, so
    a relay listens, meanwhile, on Docker's own bridge, which only this machine's containers reach.
    """
    port = int(urlsplit(endpoint).netloc.rpartition(":")[2])
    try:
        relay = Relay((_bridge_address(), 0), (aws.HOST, port))
    except OSError:
        yield f"http://{DESKTOP_HOST}:{port}"
        return
    with relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield "http://{}:{}".format(*relay.server_address)
        relay.shutdown()


def _bridge_address() -> str:
    try:
        bridge = docker.from_env().networks.get("bridge")
    except DockerException as error:
        raise CommandFailed(
            f"Docker does not answer: {error}",
            next_step="install and start Docker; every other command works without it.",
        ) from error
    network: dict[str, str] = bridge.attrs["IPAM"]["Config"][0]
    first_host = next(ip_network(network["Subnet"]).hosts())
    return network.get("Gateway", str(first_host))


class Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], target: tuple[str, int]) -> None:
        super().__init__(address, _RelayedConnection)
        self.target = target


class _RelayedConnection(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, self.request), daemon=True)
            back.start()
            _copy(self.request, upstream)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):  # either side may hang up at any time
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
