"""Sixteen writers and a reader for as long as you like: no read may show a unit lost or made.

What they do, and what is true of every read, is in `tests/stores/conservation.py`.
"""

import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from bench import engines, report
from local.terminal import messages
from tests.stores.conservation import WRITERS, Scene, Tally, Violation
from tests.stores.engines import stores_at

SHOWN_PER_SECOND = 2
ENDS = ("done", "refused", "conflict")


def endure(seconds: Annotated[int, typer.Option(min=1, help="On each engine.")] = 60) -> None:
    """Let them write and read on each engine; 1 when a read was not as it must be."""
    found: dict[str, Tally] = {}
    violations: list[str] = []
    for name, endpoint in engines.each(engines.MINISTACK, engines.AWS_ENGINE):
        try:
            found[name] = _play(name, endpoint, seconds)
        except Violation as violation:
            messages.print(f"✗ {name}: {violation}", style="red", markup=False)
            violations.append(name)
    if violations or not found:
        sys.exit(1)
    _publish(found)


def _play(name: str, endpoint: str, seconds: int) -> Tally:
    with Live(console=messages, auto_refresh=False, transient=True) as live:
        scene, ends_at, shown_at = Scene(stores_at(endpoint)), time.monotonic() + seconds, 0.0

        def show(tally: Tally) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at > 1 / SHOWN_PER_SECOND:
                shown_at = time.monotonic()
                live.update(_so_far(name, tally, seconds), refresh=True)

        return scene.play(lambda _: time.monotonic() < ends_at, told=show)


def _so_far(name: str, tally: Tally, seconds: int) -> Table:
    shown = Table(title=f"{name}: {tally.seconds:.0f} of {seconds} s", title_justify="left")
    for head, _ in _figures(tally):
        shown.add_column(head, justify="right")
    shown.add_row(*(figure for _, figure in _figures(tally)))
    return shown


def _figures(tally: Tally) -> Iterator[tuple[str, str]]:
    """What is shown while it goes on, and written down in the end."""
    yield "reads", f"{tally.reads:,}"
    for how in ENDS:
        yield how, f"{tally.that(how):,}"
    yield "operations a second", f"{sum(tally.ended.values()) / max(tally.seconds, 1):.1f}"
    yield "in and out", f"{tally.crossed:,}"
    yield "shards", f"{min(tally.shards, default=1)} to {max(tally.shards, default=1)}"


def _publish(found: dict[str, Tally]) -> None:
    some = next(iter(found.values()))
    heads = ["engine", "seconds", *(head for head, _ in _figures(some)), "violations"]
    lines = report.table(
        heads,
        (
            [name, f"{tally.seconds:.0f}", *(figure for _, figure in _figures(tally)), 0]
            for name, tally in found.items()
        ),
    )
    kinds = sorted({kind for tally in found.values() for kind, _ in tally.ended})
    by_kind = report.table(
        ["done / refused / conflict", *found],
        (
            [kind, *(" / ".join(str(t.ended[kind, how]) for how in ENDS) for t in found.values())]
            for kind in kinds
        ),
    )
    said = [*lines, "", *by_kind, "", f"{WRITERS} writers, 1 reader. {engines.versions(found)}."]
    numbers = {
        name: {"reads": tally.reads, "seconds": tally.seconds, "shards": sorted(tally.shards)}
        | {f"{kind}_{how}": count for (kind, how), count in sorted(tally.ended.items())}
        for name, tally in found.items()
    }
    report.publish("endure", said, numbers)


if __name__ == "__main__":
    typer.run(endure)
