import socket
from collections.abc import Iterator

import pytest

from local import aws, processes
from local.failures import NotLoopback, PortTaken


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((aws.HOST, 0)) as listener:
        yield listener.getsockname()[1]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((aws.HOST, port)) != 0


def test_a_given_port_is_the_one_used() -> None:
    free = aws.choose_port(None)
    assert aws.choose_port(free) == free


def test_a_given_port_that_is_taken_is_said_so(taken_port: int) -> None:
    with pytest.raises(PortTaken, match=f"Port {taken_port} is taken"):
        aws.choose_port(taken_port)


def test_without_a_wish_the_usual_port_is_used_while_free(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = aws.choose_port(None)
    monkeypatch.setattr(aws, "USUAL_PORT", usual)
    assert aws.choose_port(None) == usual


def test_without_a_wish_another_free_port_is_used_when_the_usual_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    monkeypatch.setattr(aws, "USUAL_PORT", taken_port)
    chosen = aws.choose_port(None)
    assert chosen != taken_port
    assert is_free(chosen)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:4566",
        "http://127.9.9.9:1",
        "http://localhost:4566",
        "http://[::1]:4566",
    ],
)
def test_this_machine_is_accepted(endpoint: str) -> None:
    assert aws.require_loopback(endpoint) == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://dynamodb.us-east-1.amazonaws.com",
        "http://10.0.0.1:4566",
        "http://0.0.0.0:4566",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com/",
        "127.0.0.1:4566",
        "",
    ],
)
def test_every_other_endpoint_is_refused_before_a_client_exists(endpoint: str) -> None:
    for client_of in (aws.cloudformation, aws.cognito, aws.lambdas, aws.s3, aws.http):
        with pytest.raises(NotLoopback):
            client_of(endpoint)


def test_commands_know_nothing_of_the_persons_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("SAM_CLI_CONFIG", "elsewhere")
    variables = processes.environment({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert "AWS_PROFILE" not in variables
    assert "AWS_SESSION_TOKEN" not in variables
    assert "SAM_CLI_CONFIG" not in variables
    assert variables["AWS_ACCESS_KEY_ID"] == "test"
    assert variables["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
