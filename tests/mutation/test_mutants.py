"""A part of `make mutants`: the module whose mutants are the fewest, changed in every place."""

from pathlib import Path

from tests.mutation import mutants


def test_an_explanation_of_no_survivor_is_stale() -> None:
    gone, *known = mutants.EQUIVALENT
    elsewhere = ("ledger.elsewhere", gone[1])
    survivors = {str(number): each for number, each in enumerate([*known, elsewhere])}
    score = mutants.Score(98, 100, survivors)
    assert [*score.unexplained.values()] == [elsewhere]
    assert score.stale == {gone}


def test_the_ledger_s_tests_notice_when_it_is_wrong(tmp_path: Path) -> None:
    score = mutants.run(["ledger"], tmp_path / "stage")
    assert score.total > 50
    assert score.share >= mutants.AT_LEAST
    assert not score.unexplained
