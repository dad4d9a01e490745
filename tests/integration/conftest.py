"""One local AWS for all of these tests, which one worker runs; each brings its own tenants."""

from collections.abc import Iterator

import pytest

from local import aws, deploy
from local.paths import STATE
from tests.integration.world import FUNCTIONS, Scene, Stack, World


@pytest.fixture(scope="session")
def stack(worker_id: str) -> Iterator[Stack]:
    log = STATE / f"integration-{worker_id}.log"
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
