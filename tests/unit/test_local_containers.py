import socket
import threading

import pytest

from local import containers
from local.failures import CommandFailed


@pytest.mark.parametrize(
    "answer",
    [
        '{"errorMessage": "boom", "errorType": "KeyError", "stackTrace": []}',
        "",
        "not json",
    ],
)
def test_an_exception_that_left_the_function_is_a_failure(answer: str) -> None:
    assert containers.is_failure(answer)


@pytest.mark.parametrize("answer", ['{"batchItemFailures": []}', "null", '{"statusCode": 404}'])
def test_any_answer_of_the_function_itself_is_none(answer: str) -> None:
    assert not containers.is_failure(answer)


@pytest.mark.parametrize("function", ["", "no_such_function", "../Makefile"])
def test_an_unknown_function_is_told_with_those_there_are(function: str) -> None:
    with pytest.raises(CommandFailed, match="There is no event") as told:
        containers.invoke(function, "http://127.0.0.1:1")
    assert "make invoke FUNCTION=" in told.value.next_step


def test_the_relay_carries_bytes_both_ways() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as echo,
        containers.Relay(("127.0.0.1", 0), echo.getsockname()) as relay,
    ):
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        with socket.create_connection(("127.0.0.1", relay.server_address[1])) as client:
            upstream, _ = echo.accept()
            with upstream:
                client.sendall(b"there")
                assert upstream.recv(16) == b"there"
                upstream.sendall(b"and back")
                assert client.recv(16) == b"and back"
        relay.shutdown()
