from collections.abc import Iterator

import pytest

from tests.stores import engines
from tests.stores.engines import Stores


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """A table in AWS's own engine."""
    with engines.aws_engine(tmp_path_factory.mktemp("aws-engine") / "engine.log") as endpoint:
        yield engines.stores_at(endpoint)
