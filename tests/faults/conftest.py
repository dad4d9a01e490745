from collections.abc import Iterator

import pytest

from tests.faults import running
from tests.faults.running import Runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with running.started(tmp_path_factory.mktemp("faults")) as started:
        yield started
