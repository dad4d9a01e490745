"""Waiting for what comes by itself."""

import pytest

from local.waiting import until


def test_what_is_there_already_is_told_after_one_look() -> None:
    looks = iter([1])
    seen = until(lambda: next(looks), lambda one: one == 1, missed=TimeoutError, within=0)
    assert seen == 1


def test_it_looks_until_it_sees_what_is_wanted() -> None:
    looks = iter([1, 2, 3, 4])
    assert until(lambda: next(looks), lambda n: n > 2, missed=TimeoutError, within=60, every=0) == 3


def test_what_was_seen_last_is_in_the_error() -> None:
    with pytest.raises(TimeoutError, match="still 1"):
        until(
            lambda: 1,
            lambda _: False,
            missed=lambda seen: TimeoutError(f"still {seen}"),
            within=0,
            every=0,
        )
