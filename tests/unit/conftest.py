from collections.abc import Iterator

import pytest

from tests.unit import cloud as clouds
from tests.unit.cloud import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with clouds.cloud() as made:
        yield made
