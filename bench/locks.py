"""A proxy before a local DynamoDB that lets transactions be in each other's way, as on AWS.

No local engine ever answers `TransactionConflict`. Here each item of a TransactWriteItems is locked
for at least so many milliseconds, the answer comes when they are over, and whatever else would
write one of them, or read it in a transaction, is answered as AWS answers it.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from local import aws

TRANSACTIONS = {"TransactWriteItems", "TransactGetItems"}
SINGLE_WRITES = {"PutItem", "UpdateItem", "DeleteItem"}
NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
PASSED_ON = ("content-type", "x-amz-target", "authorization", "x-amz-date")

type Locked = tuple[str, str, str]
"""Table, partition key and sort key of an item."""


class Locks:
    """Which items a transaction has in hand."""

    def __init__(self) -> None:
        self._guard, self._held = Lock(), set[Locked]()

    def taken(self, wanted: Iterable[Locked]) -> list[bool]:
        with self._guard:
            return [each in self._held for each in wanted]

    @contextmanager
    def all_or_none(self, wanted: list[Locked]) -> Iterator[list[bool]]:
        """Lock them all, unless one is locked: which, in their order."""
        with self._guard:
            taken = [each in self._held for each in wanted]
            mine = set() if any(taken) else set(wanted)
            self._held |= mine
        try:
            yield taken
        finally:
            with self._guard:
                self._held -= mine


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    locks = Locks()
    upstream: str
    held_for: float
    """Seconds."""
    connection_to: HTTPConnection | None = None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
        self._answer(*self._reply(operation, body))

    def _reply(self, operation: str, body: bytes) -> tuple[int, bytes]:
        if operation == "TransactWriteItems":
            return self._transact(body)
        if operation == "TransactGetItems":
            taken = self.locks.taken(_items(json.loads(body)))
            if any(taken):
                return _canceled(taken)
        elif operation in SINGLE_WRITES:
            request = json.loads(body)
            if any(self.locks.taken([_item(request)])):
                return _error("TransactionConflictException")
        return self._forward(body)

    def _transact(self, body: bytes) -> tuple[int, bytes]:
        over_at = time.monotonic() + self.held_for
        with self.locks.all_or_none(_items(json.loads(body))) as taken:
            if any(taken):
                return _canceled(taken)
            answer = self._forward(body)
            time.sleep(max(0.0, over_at - time.monotonic()))
            return answer

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        if self.connection_to is None:
            self.connection_to = HTTPConnection(self.upstream, timeout=60)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        self.connection_to.request("POST", "/", body, headers)
        answer = self.connection_to.getresponse()
        return answer.status, answer.read()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        super().finish()
        if self.connection_to:
            self.connection_to.close()

    def log_message(self, *_: Any) -> None:
        """Thousands of requests a minute: none is logged."""


def _items(request: Any) -> list[Locked]:
    return [_item(each) for action in request["TransactItems"] for each in action.values()]


def _item(request: Any) -> Locked:
    key = request["Key"] if "Key" in request else request["Item"]
    return request["TableName"], key["pk"]["S"], key["sk"]["S"]


def _canceled(taken: list[bool]) -> tuple[int, bytes]:
    reasons = [{"Code": "TransactionConflict" if each else "None"} for each in taken]
    return _error("TransactionCanceledException", CancellationReasons=reasons)


def _error(code: str, **more: Any) -> tuple[int, bytes]:
    return 400, json.dumps({"__type": f"{NAMESPACE}{code}", "Message": code, **more}).encode()


def serve(upstream: str, port: int, held_ms: float) -> None:
    """On loopback, until it is killed."""
    Handler.upstream, Handler.held_for = urlsplit(upstream).netloc, held_ms / 1000
    with ThreadingHTTPServer((aws.HOST, port), Handler) as server:
        server.daemon_threads = True
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
