"""What a machine may lack: tests are left out for want of it, and say so at the very end."""

import os
from typing import NoReturn

import pytest

NOT_RUN = "Not run"
"""So begins the reason of each test that is left out so."""


def leave_out(told: str, *, unless: str) -> NoReturn:
    """Fails instead where the environment's `unless` demands what is lacking, as CI's does."""
    if os.environ.get(unless):
        pytest.fail(told)
    pytest.skip(f"{NOT_RUN}: {told}")
