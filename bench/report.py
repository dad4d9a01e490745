"""What a bench found goes where it is read: between its markers in `docs/performance.md`."""

import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from local.paths import ROOT
from local.terminal import data, messages

BUILD = ROOT / "build"
PAGE = ROOT / "docs" / "performance.md"
_missed: list[str] = []


def publish(name: str, said: Sequence[str], found: dict[str, Any]) -> None:
    """Print it, write `build/bench-<name>.json`, and put it between the page's markers."""
    lines = [*said, "", f"{datetime.now(UTC):%Y-%m-%d}, {machine()}."]
    BUILD.mkdir(exist_ok=True)
    path = BUILD / f"bench-{name}.json"
    path.write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), name, lines), encoding="utf-8")
    data.print("\n".join(lines), markup=False)
    messages.print(f"→ {PAGE.relative_to(ROOT)}, {path.relative_to(ROOT)}", style="dim")


def miss(what: str) -> None:
    """A bar was missed: the rest is measured and published all the same."""
    _missed.append(what)
    messages.print(f"✗ {what}", style="red", markup=False)


def end() -> None:
    """Raises SystemExit: a bar was missed."""
    if _missed:
        sys.exit(1)


def between(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with these lines between markers of this name. Raises ValueError: no such."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"no {begin} … {end}")
    return "\n".join([before + begin, "", *lines, "", end + after])


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Markdown; every column but the first is of numbers."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return [f"| {' | '.join(map(str, row))} |" for row in (heads, rule, *rows)]


def machine() -> str:
    """Processor, how many of them, system and Python."""
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    model = named[1].strip() if named else platform.processor() or platform.machine()
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}"
    )


def progress() -> Progress:
    """For what takes longer than a person looks at a still screen."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=messages,
    )
