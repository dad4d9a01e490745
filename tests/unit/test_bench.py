import pytest

from bench import meter, report

PARTS = {
    *("units", "throughput", "latency", "cost", "proof"),
    *("statement", "endure", "imports", "first-screen", "soak"),
}
PAGE = "before\n<!-- x:begin -->\nold\n<!-- x:end -->\nafter\n"


def test_a_table_is_put_between_its_own_markers_however_often() -> None:
    once = report.between(PAGE, "x", ["new"])
    assert once == "before\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nafter\n"
    assert report.between(once, "x", ["new"]) == once


def test_a_page_without_the_markers_is_not_written() -> None:
    with pytest.raises(ValueError, match="y:begin"):
        report.between(PAGE, "y", ["new"])


def test_every_bench_has_its_place_on_the_page() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    for name in PARTS:
        assert report.between(page, name, ["new"]) != page


def test_an_item_weighs_what_the_developer_guide_says() -> None:
    item = {"pk": {"S": "钱包"}, "n": {"N": "-1200"}, "m": {"M": {"a": {"BOOL": True}}}}
    assert meter.size_of(item) == (2 + 6) + (1 + 3) + (1 + 3 + 1 + 1 + 1)
