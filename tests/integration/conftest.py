"""One local AWS for all integration tests of a worker; each test brings its own tenants."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import aws, deploy
from local.paths import STATE
from tests.integration.world import FUNCTIONS, Scene, Stack, World

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` one worker runs all of these, so that one stack is started."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("integration"))


@pytest.fixture(scope="session")
def stack(worker_id: str) -> Iterator[Stack]:
    log = STATE / f"integration-{worker_id}.log"
    with aws.start(aws.any_free_port(), log=log) as local:
        deploy.build()
        yield Stack(local.endpoint, deploy.deploy(local.endpoint), log)


@pytest.fixture(scope="session")
def world(stack: Stack) -> Iterator[World]:
    world = World(stack)
    world.warm_up(*FUNCTIONS)
    yield world
    world.http.close()


@pytest.fixture
def scene(world: World) -> Scene:
    return world.scene()
