"""What each function's start costs: the import of its module, each time in a fresh interpreter.

Without the interpreter's own start and without AWS: nothing is called. Measured by the processor's
time, which other programs on the machine disturb less than a clock.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench import report
from local import processes
from local.openapi import SETTINGS
from local.paths import ROOT

TRIES, HELD_TRIES = 7, 21
"""Pairs of starts of each function, and of one that is held to a bar."""
AT_MOST = {"process_debits": 1 / 2, "request_refund": 2 / 3}
"""Of what each would take with every Powertools utility besides, of time and of memory."""
PROBE = """
import importlib, pathlib, resource, sys, time
began, cpu = time.perf_counter(), time.process_time()
for module in sys.argv[1:]:
    importlib.import_module(module)
took, cpu = time.perf_counter() - began, time.process_time() - cpu
status = pathlib.Path("/proc/self/status")
if status.exists():
    # Not ru_maxrss: on Linux it goes on from that of the process that started this one.
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(cpu * 1000, took * 1000, peak, len(sys.modules), "pydantic" in sys.modules)
"""


@dataclass(frozen=True)
class Start:
    cpu_ms: float
    wall_ms: float
    peak_mib: float
    modules: int
    pydantic: bool


def _median(tries: Sequence[Start]) -> Start:
    return Start(
        median(each.cpu_ms for each in tries),
        median(each.wall_ms for each in tries),
        median(each.peak_mib for each in tries),
        tries[0].modules,
        tries[0].pydantic,
    )


def _once(*modules: str) -> Start:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "refunds")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROBE, *modules],
        env=processes.environment({**SETTINGS, "PYTHONPATH": path}),
        capture_output=True,
        text=True,
        check=True,
    )
    cpu, wall, peak, count, pydantic = done.stdout.split()
    return Start(float(cpu), float(wall), float(peak), int(count), pydantic == "True")


def functions() -> dict[str, str]:
    """The module of each, by its name."""
    handlers = sorted((ROOT / "functions").glob("*/app.py"))
    return {each.parent.name: f"functions.{each.parent.name}.app" for each in handlers}


@dataclass(frozen=True)
class Compared:
    """A function as it is, and with every utility besides."""

    own: Start
    every: Start
    ratio: float
    """Of the least processor time of either: whatever else the machine does only adds to it."""

    @property
    def memory_ratio(self) -> float:
        """Of peak memory."""
        return self.own.peak_mib / self.every.peak_mib


def compared(module: str, tries: int) -> Compared:
    """So many pairs; the first one, which writes bytecode, is not counted."""
    pairs = [(_once(module), _once(module, "bench.utilities")) for _ in range(tries + 1)][1:]
    own, every = zip(*pairs, strict=True)
    ratio = min(each.cpu_ms for each in own) / min(each.cpu_ms for each in every)
    return Compared(_median(own), _median(every), ratio)


def run() -> dict[str, Compared]:
    """By name: first nothing, to tell what is Python's own; then each function."""
    modules = {"nothing": "refunds"} | functions()
    with report.progress() as bar:
        every = bar.track(modules.items(), description="functions start")
        return {
            name: compared(module, HELD_TRIES if name in AT_MOST else TRIES)
            for name, module in every
        }


def rows(found: dict[str, Compared]) -> Iterator[list[object]]:
    known = functions()
    for name, each in found.items():
        own, every = each.own, each.every
        yield [
            f"`{name}`" if name in known else name,
            *(f"{own.cpu_ms:.0f}", f"{own.wall_ms:.0f}", f"{own.peak_mib:.0f}", own.modules),
            "yes" if own.pydantic else "no",
            *(f"{every.cpu_ms:.0f}", f"{each.ratio:.2f}"),
            *(f"{every.peak_mib:.0f}", f"{each.memory_ratio:.2f}"),
        ]


def main() -> dict[str, Any]:
    found = run()
    heads = ["start of", "processor, ms", "clock, ms", "peak memory, MiB", "modules", "pydantic"]
    heads += ["with every utility, ms", "ratio", "with every utility, MiB", "ratio of memory"]
    tries = (
        f"Medians of {TRIES} pairs of fresh interpreters, {HELD_TRIES} of what is held to a bar;"
        " the ratio is of the least of either, that of memory of the medians."
    )
    said = [*report.table(heads, rows(found)), "", tries]
    ratios = {name: round(found[name].ratio, 3) for name in functions()}
    memory = {name: round(found[name].memory_ratio, 3) for name in functions()}
    numbers = {name: {"own": vars(e.own), "every": vars(e.every)} for name, e in found.items()}
    report.publish("imports", said, numbers | {"import_ratio": ratios, "memory_ratio": memory})
    for name, most in AT_MOST.items():
        for what, share in (("time", ratios[name]), ("memory", memory[name])):
            if share > most:
                report.miss(f"{name} starts with {share:.3f} of the {what}, at most {most:.3f}.")
    return {"import_ratio": ratios, "memory_ratio": memory}


if __name__ == "__main__":
    main()
    report.end()
