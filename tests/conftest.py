"""Before anything makes a boto3 client: credentials that open nothing, and moto, which answers."""

import os
from collections import Counter
from collections.abc import Iterator

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(
    {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "TABLE_NAME": "Table",
        "DEBIT_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/DebitQueue",
        "DEBIT_DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/DebitLetters",
        "ORDER_DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/OrderLetters",
        "CHANGE_DEAD_LETTER_QUEUE_URL": (
            "https://sqs.us-east-1.amazonaws.com/123456789012/ChangeLetters"
        ),
        "FAN_OUT_CHANGES_ALIAS": "FanOutChanges:live",
        "EVENT_BUS_NAME": "events",
        "PEOPLE_CLIENT_IDS": "people-client",
        "SERVICE_CLIENT_IDS": "service-client",
        "CLIENT_ID_CLAIM": "client_id",
        "SUBJECT_CLAIM": "sub",
        "SCOPE_CLAIM": "scope",
        "TOKEN_USE_CLAIM": "token_use",
        "TOKEN_USE_VALUE": "access",
        "SIGN_IN_ISSUER": "https://issuer.example/pool",
        "SIGN_IN_URL": "https://sign-in.example",
        "CONSOLE_CLIENT_ID": "people-client",
        "CONSOLE_SCOPES": "openid",
        "CONSOLE_ORIGINS": "",
    }
)

# ruff: noqa: E402
import moto  # noqa: F401  # only a client made after this import is moto's to answer
import pytest
from coverage import Coverage
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from local import aws, deploy
from local.paths import STATE
from tests.integration.world import FUNCTIONS, Scene, Stack, World
from tests.lacking import NOT_RUN

ON_THE_STACK = ("tests/browser/", "tests/integration/")
EXPLORING = ("tests/faults/", "tests/model/", "tests/simulation/")
APART = ("tests/faults/everything.py", "tests/simulation/")

# A test says what is so, not how fast: a busy machine is no failure.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


class OneStack(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Whole files to each worker, and all that need the deployed stack to one, which starts it.

    A simulation's schedules need nothing of each other, nor do the shares of `make faults`.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path.startswith(APART):
            return nodeid
        return "stack" if path.startswith(ON_THE_STACK) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneStack:
    return OneStack(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:  # noqa: ARG001
    """One more than there are cores: the worker with the stack mostly waits for it."""
    return (os.process_cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """What explores goes through the same lines again and again: others count them, once."""
    coverage = Coverage.current() if item.nodeid.startswith(EXPLORING) else None
    if coverage:
        coverage.stop()
    try:
        return (yield)
    finally:
        if coverage:
            coverage.start()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Not one line among many: who lacks something reads what did not run, and how to get it."""
    skipped: list[pytest.TestReport] = terminalreporter.getreports("skipped")
    reasons = [each.longrepr[2] for each in skipped if isinstance(each.longrepr, tuple)]
    for reason, count in Counter(each for each in reasons if NOT_RUN in each).items():
        terminalreporter.write_sep("=", f"{count} NOT RUN", red=True, bold=True)
        terminalreporter.write_line(reason)


@pytest.fixture(scope="session")
def stack(worker_id: str) -> Iterator[Stack]:
    """One local AWS for all tests that need the product deployed; each brings its own tenants."""
    log = STATE / f"stack-{worker_id}.log"
    with aws.start(aws.any_free_port(), log=log) as local:
        deploy.build()
        yield Stack(local.endpoint, deploy.deploy(local.endpoint), log)


@pytest.fixture(scope="session")
def world(stack: Stack) -> Iterator[World]:
    world = World(stack)
    world.spare_the_machine()
    world.warm_up(*FUNCTIONS)
    yield world
    world.http.close()


@pytest.fixture
def scene(world: World) -> Scene:
    return world.scene()
