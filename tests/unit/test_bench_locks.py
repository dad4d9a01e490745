"""The proxy that lets transactions be in each other's way, before an engine that waits for us."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import pytest

from bench import locks

KEY = {"pk": {"S": "WALLET#m"}, "sk": {"S": "WALLET"}}
OTHER = {"pk": {"S": "BUYER#b"}, "sk": {"S": "BALANCE"}}


class Engine(BaseHTTPRequestHandler):
    """Says that it has a request in hand, and answers when it may."""

    protocol_version = "HTTP/1.1"
    arrived: SimpleQueue[bytes]
    may_answer: Event

    def do_POST(self) -> None:
        self.arrived.put(self.rfile.read(int(self.headers["content-length"])))
        self.may_answer.wait(10)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def engine() -> type[Engine]:
    Engine.arrived, Engine.may_answer = SimpleQueue(), Event()
    return Engine


@pytest.fixture
def proxy(engine: type[Engine]) -> Iterator[int]:
    with served(engine) as upstream:
        handler = type(
            "Proxy",
            (locks.Handler,),
            {"upstream": f"127.0.0.1:{upstream}", "held_for": 0.0, "locks": locks.Locks()},
        )
        with served(handler) as port:
            yield port


def send(port: int, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        "POST", "/", json.dumps(request), {"x-amz-target": f"DynamoDB_20120810.{operation}"}
    )
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def transaction(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"TransactItems": [{"Update": {"TableName": "T", "Key": key}} for key in keys]}


def test_what_overlaps_a_transaction_is_told_so_and_what_does_not_passes(
    proxy: int, engine: type[Engine]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, proxy, "TransactWriteItems", transaction(KEY))
        engine.arrived.get(timeout=10)
        overlapping = send(proxy, "TransactWriteItems", transaction(OTHER, KEY))
        read = send(proxy, "TransactGetItems", transaction(KEY))
        single = send(proxy, "UpdateItem", {"TableName": "T", "Key": KEY})
        engine.may_answer.set()
        assert first.result() == {}
    codes = [reason["Code"] for reason in overlapping["CancellationReasons"]]
    assert codes == ["None", "TransactionConflict"]
    assert read["CancellationReasons"] == [{"Code": "TransactionConflict"}]
    assert single["__type"].endswith("#TransactionConflictException")
    assert send(proxy, "TransactWriteItems", transaction(OTHER, KEY)) == {}


def test_a_refused_transaction_locks_nothing() -> None:
    held = locks.Locks()
    wallet, buyer = ("T", "WALLET", "WALLET"), ("T", "BUYER", "BALANCE")
    with held.all_or_none([wallet]):
        with held.all_or_none([buyer, wallet]) as taken:
            assert taken == [False, True]
        assert held.taken([buyer, wallet]) == [False, True]
    assert held.taken([wallet]) == [False]
