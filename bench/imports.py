"""What each function's start costs: the import of its module, each time in a fresh interpreter.

Without the interpreter's own start and without AWS: nothing is called. Measured by the processor's
time, which other programs on the machine disturb less than a clock.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench import report
from local import processes
from local.openapi import SETTINGS
from local.paths import ROOT

TRIES = 7
PROBE = """
import importlib, resource, sys, time
began, cpu = time.perf_counter(), time.process_time()
importlib.import_module(sys.argv[1])
took, cpu = time.perf_counter() - began, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(cpu * 1000, took * 1000, peak / 1024, len(sys.modules), "pydantic" in sys.modules)
"""


@dataclass(frozen=True)
class Start:
    cpu_ms: float
    wall_ms: float
    peak_mib: float
    modules: int
    pydantic: bool


def start(module: str) -> Start:
    """The median of `TRIES` starts; the first one, which writes bytecode, is not counted."""
    tries = [_once(module) for _ in range(TRIES + 1)][1:]
    return Start(
        median(each.cpu_ms for each in tries),
        median(each.wall_ms for each in tries),
        median(each.peak_mib for each in tries),
        tries[0].modules,
        tries[0].pydantic,
    )


def _once(module: str) -> Start:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "refunds")])
    done = subprocess.run(
        [sys.executable, "-c", PROBE, module],
        env=processes.environment({**SETTINGS, "PYTHONPATH": path}),
        capture_output=True,
        text=True,
        check=True,
    )
    cpu, wall, peak, modules, pydantic = done.stdout.split()
    return Start(float(cpu), float(wall), float(peak), int(modules), pydantic == "True")


def modules() -> Iterator[str]:
    """An empty one first, to tell what is Python's own."""
    yield "refunds"
    for handler in sorted((ROOT / "functions").glob("*/app.py")):
        yield f"functions.{handler.parent.name}.app"


def main() -> None:
    found: dict[str, Start] = {}
    every = [*modules()]
    with report.progress() as bar:
        for module in bar.track(every, description="functions start"):
            found[module] = start(module)
    heads = ["module", "processor, ms", "clock, ms", "peak memory, MiB", "modules", "pydantic"]
    rows = (
        [
            f"`{module.removeprefix('functions.').removesuffix('.app')}`",
            *(f"{each.cpu_ms:.0f}", f"{each.wall_ms:.0f}", f"{each.peak_mib:.0f}"),
            *(each.modules, "yes" if each.pydantic else "no"),
        ]
        for module, each in found.items()
    )
    said = [*report.table(heads, rows), "", f"Median of {TRIES} fresh interpreters each."]
    report.publish("imports", said, {module: vars(each) for module, each in found.items()})


if __name__ == "__main__":
    main()
