"""The real template, built and deployed by the SAM CLI into the local AWS."""

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from local import aws, processes
from local.failures import CommandFailed
from local.paths import BUILD, ROOT, STATE, TOOLS

STACK = "refunds"
BUCKET = "refunds-artifacts"
API_ID = "refunds"
CALLBACK_URL = "http://localhost:8400/callback"
TEMPLATE = BUILD / "template.yaml"
BUILT_FROM = BUILD / ".built-from"


@dataclass(frozen=True)
class Outputs:
    """The outputs of the template, in Python's spelling; URLs as they are on the local AWS."""

    api_id: str
    api_url: str
    hosted_ui_url: str
    user_pool_id: str
    people_client_id: str
    service_client_id: str
    table_name: str
    debit_queue_url: str
    debit_dead_letter_queue_url: str
    event_bus_name: str

    @classmethod
    def from_stack(cls, stack: dict[str, str], *, endpoint: str) -> Self:
        wanted = {_output_name(field.name): field.name for field in fields(cls)}
        missing = sorted(wanted.keys() - stack.keys())
        if missing:
            raise CommandFailed(
                f"The deployed stack lacks the outputs {', '.join(missing)}.",
                next_step="add them under Outputs in template.yaml.",
            )
        values = {field: stack[output] for output, field in wanted.items()}
        api_url = f"{endpoint}/_aws/execute-api/{values['api_id']}/$default"
        return cls(**values | {"api_url": api_url, "hosted_ui_url": endpoint})


def build() -> None:
    """Run `sam build` unless the sources are those of the last build."""
    with processes.one_at_a_time(STATE / "build.lock"):
        sources = _digest_of_sources()
        if BUILT_FROM.exists() and BUILT_FROM.read_text(encoding="ascii") == sources:
            return
        _sam("build", "--cached", "--parallel", *_BUILD_FOLDERS, *_parameters(_on_this_machine()))
        _compile_to_bytecode(BUILD)
        BUILT_FROM.write_text(sources, encoding="ascii")


def deploy(endpoint: str) -> Outputs:
    """Run `sam deploy` of what was built, into the local AWS behind the endpoint."""
    aws.require_loopback(endpoint)
    aws.s3(endpoint).create_bucket(Bucket=BUCKET)
    parameters = _on_this_machine() | {
        "AwsEndpointUrl": endpoint,
        "ApiCustomId": API_ID,
        "CallbackUrl": CALLBACK_URL,
    }
    _sam(
        "deploy",
        *("--template-file", str(TEMPLATE)),
        *("--stack-name", STACK),
        *("--s3-bucket", BUCKET),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        "--no-progressbar",
        *_parameters(parameters),
        endpoint=endpoint,
    )
    return outputs(endpoint)


def outputs(endpoint: str) -> Outputs:
    """What the stack that is already deployed says of itself."""
    [stack] = aws.cloudformation(endpoint).describe_stacks(StackName=STACK)["Stacks"]
    named = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return Outputs.from_stack(named, endpoint=endpoint)


def logical_id_of(function: str) -> str:
    """`process_debits` is `ProcessDebitsFunction` in the template."""
    return "".join(word.capitalize() for word in function.split("_")) + "Function"


def function_name(endpoint: str, function: str) -> str:
    """What the deployed stack calls the function of this folder."""
    resource = aws.cloudformation(endpoint).describe_stack_resource(
        StackName=STACK, LogicalResourceId=logical_id_of(function)
    )
    return resource["StackResourceDetail"]["PhysicalResourceId"]


_BUILD_FOLDERS = ("--build-dir", str(BUILD), "--cache-dir", str(STATE / "build-cache"))


def _sam(command: str, *arguments: str, endpoint: str | None = None) -> None:
    processes.run(
        [str(TOOLS / "sam"), command, "--config-env", "local", "--region", aws.REGION, *arguments],
        log=STATE / f"sam-{command}.log",
        env=processes.environment({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}),
        doing=f"sam {command}",
    )


def _compile_to_bytecode(folder: Path) -> None:
    """Halve the cold start here, where each worker unpacks the layer anew, with other times."""
    unchecked = ("--invalidation-mode", "unchecked-hash")
    processes.run(
        [str(TOOLS / "python"), "-m", "compileall", "-q", "-j", "0", *unchecked, str(folder)],
        log=STATE / "compile.log",
        env=processes.environment(),
        doing="compiling to bytecode",
    )


def _parameters(parameters: dict[str, str]) -> list[str]:
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]


def _on_this_machine() -> dict[str, str]:
    machine = platform.machine().lower()
    return {"Architecture": "arm64" if machine in {"arm64", "aarch64"} else "x86_64"}


def _output_name(field: str) -> str:
    return "".join(word.capitalize() for word in field.split("_"))


def _digest_of_sources() -> str:
    digest = hashlib.sha256("".join(_on_this_machine().values()).encode())
    for path in _sources():
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield ROOT / "template.yaml"
    yield ROOT / "requirements-local.txt"
    for folder in ("functions", "layers"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
