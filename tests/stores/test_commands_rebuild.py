"""`make rebuild`: every statement of a table, or one; told from what cannot be made."""

import pytest
from typer.testing import CliRunner, Result

from commands import rebuild
from local import running
from tests.stores import engines
from tests.stores.engines import Stores
from tests.stores.test_statements import (
    SELLER,
    delete,
    keys_of,
    over_months,
    statement_of,
)


def run(monkeypatch: pytest.MonkeyPatch, stores: Stores, *arguments: str) -> Result:
    monkeypatch.setenv("TABLE_NAME", stores.table)
    return CliRunner().invoke(rebuild.app, list(arguments))


def test_every_statement_is_made_again_or_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with engines.moto() as stores:
        over_months(stores)
        before = statement_of(stores)
        delete(stores, *keys_of(stores, "STATEMENT#"))
        result = run(monkeypatch, stores, ":".join(SELLER))
        assert result.exit_code == 0, result.output
        assert statement_of(stores) == [each for each in before if "#merchant#" in each]
        result = run(monkeypatch, stores)
        assert result.exit_code == 0, result.output
        assert "made again: 2" in result.output
        assert statement_of(stores) == before


def test_what_cannot_be_made_is_named_and_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with engines.moto() as stores:
        over_months(stores)
        delete(stores, *keys_of(stores, "POSTING#"))
        result = run(monkeypatch, stores)
        assert result.exit_code == 1
        assert ":".join(SELLER) in result.output
        assert "made again: 1" in result.output


def test_an_owner_that_nothing_was_booked_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with engines.moto() as stores:
        over_months(stores)
        result = run(monkeypatch, stores, "merchant:ID:CNY")
        assert result.exit_code == 1
        assert "merchant:ID:CNY" in result.output


def test_no_owner_and_no_table_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("merchant:m-1", "platform:m-1:CNY", "buyer::CNY"):
        assert CliRunner().invoke(rebuild.app, [text]).exit_code == 1
    monkeypatch.delenv("TABLE_NAME", raising=False)

    def nothing() -> str:
        raise running.NothingRuns

    monkeypatch.setattr(running, "endpoint", nothing)
    result = CliRunner().invoke(rebuild.app)
    assert result.exit_code == 1
    assert "TABLE_NAME" in result.output
