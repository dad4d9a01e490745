import re
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import httpx
import pytest

from bench import cost, latency, meter, report, shop, throughput, units
from bench.meter import Consumed
from bench.units import Units

PARTS = {
    *("units", "throughput", "latency", "cost", "proof"),
    *("statement", "endure", "imports", "first-screen", "soak", "mutants"),
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
        [block] = re.findall(f"<!-- {name}:begin -->(.*?)<!-- {name}:end -->", page, re.DOTALL)
        assert "| --- |" in block, f"{name} has not been run"


def measured_units() -> dict[str, tuple[float, ...]]:
    """Of each step: table and index writes, and reads, as the page has them."""
    page = report.PAGE.read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| ([a-z ,0-9]+) \| ([0-9.]+) \| ([0-9.]+) \| ([0-9.]+) \|", page, re.MULTILINE
    )
    return {name: tuple(map(float, figures)) for name, *figures in rows}


def rows_of_scale(columns: int) -> dict[str, list[str]]:
    """By their first cell, so many cells of each; a cell `6 + 3` is two."""
    page = (report.PAGE.parent / "scale.md").read_text(encoding="utf-8")
    lines = [line.replace("*", "").strip("| ") for line in page.splitlines() if line[:1] == "|"]
    cells = [re.split(r" *[|] *| [+] ", line) for line in lines]
    return {name: rest[:columns] for name, *rest in cells}


@pytest.mark.parametrize(("total", "batch"), [("in all", 10), ("in all, 1 a batch", 1)])
def test_what_the_page_on_scale_reckons_with_is_what_was_measured(total: str, batch: int) -> None:
    measured, rows = measured_units(), rows_of_scale(4)
    besides = (0, 0, float(rows["read besides"][1]))
    used = [
        measured["asked for, one by one"],
        measured[f"debited, {batch} a batch"],
        measured[f"told in statements, {batch} a batch"],
        besides,
    ]
    summed = [sum(column) for column in zip(*used, strict=True)]
    assert [float(each) for each in rows[total][:3]] == pytest.approx(summed, abs=0.005)


@pytest.mark.parametrize("rate", ["1", "5,000", "50,000"])
def test_what_the_page_on_scale_says_of_a_second_is_that_of_one_refund(rate: str) -> None:
    written, _, read = map(float, rows_of_scale(3)["in all"])
    refunds, *units = (int(each.replace(",", "")) for each in (rate, *rows_of_scale(2)[rate]))
    assert units == pytest.approx([refunds * written, refunds * read], rel=0.02)


UNITS = {
    each: Units(
        asked=Consumed(table_writes=6, index_writes=3, reads=1, milliseconds=20),
        debited=Consumed(table_writes=4, index_writes=1, milliseconds=5),
        told=Consumed(table_writes=10, reads=20, milliseconds=120),
        weighed=4,
        hottest=0.2,
    )
    for each in units.BATCHES
}


def test_a_debit_of_the_bench_is_a_batch_of_the_template() -> None:
    assert cost.BATCH in units.BATCHES
    assert cost.told_at_once(UNITS) == pytest.approx(100 / 10)
    assert cost.quantities(UNITS)["Lambda request"] == pytest.approx(1 + 1 / 10 + 1 / 10)


def test_the_stream_keeps_up_with_a_full_partition_when_enough_batches_are_taken_at_once() -> None:
    said = cost.keeping_up(UNITS)
    assert "Told in 120 ms a refund." in said
    assert "8 refunds a second of one shard of the stream, 33 of a new table's 4" in said
    assert (
        "a full partition brings 50. `ParallelizationFactor` keeps up from 6 on; it is 1." in said
    )


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"engine": 0.96, "proxy": 0.0, "workers": 0.52}, "the one core of the engine"),
        ({"engine": 0.25, "proxy": 0.14, "workers": 0.56}, "nothing that was busy: it waited"),
        ({"engine": 0.85, "proxy": 0.15, "workers": 0.85}, "this machine's 2 cores"),
        (
            {"engine": 0.96, "proxy": 0.0, "workers": 0.88},
            "the one core of the engine and this machine's 2 cores",
        ),
    ],
)
def test_it_stops_at_what_was_busy_all_the_time(shares: dict[str, float], said: str) -> None:
    assert throughput.stops(shares, 2) == said


def test_an_item_weighs_what_the_developer_guide_says() -> None:
    item = {"pk": {"S": "钱包"}, "n": {"N": "-1200"}, "m": {"M": {"a": {"BOOL": True}}}}
    assert meter.size_of(item) == (2 + 6) + (1 + 3) + (1 + 3 + 1 + 1 + 1)


def test_a_rate_does_not_care_for_a_straggler() -> None:
    began = datetime(2026, 3, 1, tzinfo=UTC)
    evenly = [began + timedelta(milliseconds=100 * number) for number in range(40)]
    assert latency.rate(evenly) == pytest.approx(10)
    assert latency.rate([*evenly[:-1], began + timedelta(seconds=30)]) == pytest.approx(10)


def test_a_call_that_nobody_answers_is_made_again_and_a_refusal_is_not() -> None:
    asked = httpx.Request("POST", "http://127.0.0.1/")
    failed, refused = (
        httpx.HTTPStatusError("", request=asked, response=httpx.Response(status, request=asked))
        for status in (503, 422)
    )
    call, unanswered = Mock(side_effect=[httpx.ReadTimeout(""), failed, "answer"]), Mock()
    assert shop.patiently(call, unanswered) == "answer"
    assert unanswered.call_count == 2
    with pytest.raises(httpx.HTTPStatusError):
        shop.patiently(Mock(side_effect=[refused, "answer"]), unanswered)
