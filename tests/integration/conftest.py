import pytest

from tests.integration.world import Scene, World


@pytest.fixture
def scene(world: World) -> Scene:
    return world.scene()
