from collections.abc import Iterator

import pytest

from tests.stores import engines
from tests.stores.engines import AWS_ENGINE, LOCAL_AWS, MOTO, REAL, Stores


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with engines.local_aws(tmp_path_factory.mktemp("local-aws") / "local-aws.log") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def aws_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with engines.aws_engine(tmp_path_factory.mktemp("aws-engine") / "engine.log") as endpoint:
        yield endpoint


@pytest.fixture(params=[MOTO, *REAL])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """An empty table, on each engine in turn."""
    if request.param == MOTO:
        with engines.moto() as made:
            yield made
    else:
        yield _real(request)


@pytest.fixture(params=REAL)
def racing(request: pytest.FixtureRequest) -> Stores:
    """An empty table on each engine that many threads may write to at once."""
    return _real(request)


def _real(request: pytest.FixtureRequest) -> Stores:
    """Started when the first test asks for it, and then shared."""
    started = {LOCAL_AWS: "local_aws", AWS_ENGINE: "aws_engine"}[request.param]
    return engines.stores_at(request.getfixturevalue(started))
