from pathlib import Path

import pytest

from local import console, deploy
from local.deploy import Outputs
from local.failures import CommandFailed

type Checkout = tuple[Path, list[str]]

ENDPOINT = "http://127.0.0.1:4566"
STACK = {
    "ApiId": "refunds",
    "ConsoleUrl": f"{ENDPOINT}/_aws/execute-api/refunds/$default/console/",
    "ApiUrl": "https://refunds.execute-api.us-east-1.amazonaws.com",
    "HostedUiUrl": "https://refunds.auth.us-east-1.amazoncognito.com",
    "UserPoolId": "pool",
    "PeopleClientId": "people",
    "ServiceClientId": "service",
    "TableName": "table",
    "DebitQueueUrl": "queue",
    "DebitDeadLetterQueueUrl": "dead-letters",
    "EventBusName": "bus",
    "SomethingElse": "ignored",
}


def test_outputs_are_those_of_the_template() -> None:
    outputs = Outputs.from_stack(STACK, endpoint=ENDPOINT)
    assert outputs.user_pool_id == "pool"
    assert outputs.debit_dead_letter_queue_url == "dead-letters"


def test_urls_are_those_of_the_local_aws() -> None:
    outputs = Outputs.from_stack(STACK, endpoint=ENDPOINT)
    assert outputs.api_url == f"{ENDPOINT}/_aws/execute-api/refunds/$default"
    assert outputs.hosted_ui_url == ENDPOINT


def test_a_stack_without_an_output_says_which() -> None:
    stack = {name: value for name, value in STACK.items() if name != "TableName"}
    with pytest.raises(CommandFailed, match="lacks the outputs TableName"):
        Outputs.from_stack(stack, endpoint=ENDPOINT)


def test_a_functions_folder_gives_its_name_in_the_template() -> None:
    assert deploy.logical_id_of("process_debits") == "ProcessDebitsFunction"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A tiny project, and the `sam` commands run in it, recorded."""
    for path in ("template.yaml", "requirements-local.txt", "functions/do_it/app.py"):
        source = tmp_path / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("first")
    state = tmp_path / ".local"
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    monkeypatch.setattr(deploy, "STATE", state)
    monkeypatch.setattr(deploy, "BUILT_FROM", state / "built-from")
    commands: list[str] = []
    monkeypatch.setattr(deploy, "_sam", lambda *command: commands.append(command[0]))
    monkeypatch.setattr(console, "build", lambda: None)
    monkeypatch.setattr(deploy, "_compile_to_bytecode", lambda _: None)
    return tmp_path, commands


def test_a_second_build_of_the_same_sources_does_nothing(checkout: Checkout) -> None:
    _, commands = checkout
    deploy.build()
    deploy.build()
    assert commands == ["build"]


@pytest.mark.parametrize("change", ["template.yaml", "functions/do_it/app.py", "layers/new.py"])
def test_a_changed_source_is_built_again(checkout: Checkout, change: str) -> None:
    root, commands = checkout
    deploy.build()
    (root / change).parent.mkdir(exist_ok=True)
    (root / change).write_text("second")
    deploy.build()
    assert commands == ["build", "build"]


def test_bytecode_is_no_change(checkout: Checkout) -> None:
    root, commands = checkout
    deploy.build()
    (root / "functions/do_it/__pycache__").mkdir()
    (root / "functions/do_it/__pycache__/app.pyc").write_text("compiled")
    deploy.build()
    assert commands == ["build"]
