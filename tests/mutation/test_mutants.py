"""A part of `make mutants`: the module whose mutants are the fewest, changed in every place."""

from pathlib import Path

from tests.mutation import mutants


def test_an_explanation_of_no_survivor_is_stale() -> None:
    gone, *known = mutants.EQUIVALENT
    score = mutants.Score(98, 100, {line: line for line in [*known, "unknown"]})
    assert [*score.unexplained.values()] == ["unknown"]
    assert score.stale == {gone}


def test_the_ledger_s_tests_notice_when_it_is_wrong(tmp_path: Path) -> None:
    score = mutants.run(["ledger"], tmp_path / "stage")
    assert score.total > 50
    assert score.share >= mutants.AT_LEAST
    assert not score.unexplained
