"""Clients of AWS, from botocore alone: boto3 would be a tenth of a function's start more."""

from functools import cache
from typing import Any

from botocore import session
from botocore.config import Config


def client(service: str, config: Config) -> Any:
    """One of the caller's own; region, credentials and endpoint are the environment's."""
    return _session().create_client(service, config=config)


@cache
def _session() -> session.Session:
    return session.get_session()
