"""The rules that decide over money, each changed in one place: does a test of theirs notice?

mutmut knows a package by the folder that it lies in, so that rules and their tests are put side by
side into `build/mutation` first. `python -m tests.mutation.mutants` is `make mutants`.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bench import report
from local import processes
from local.paths import ROOT
from local.terminal import data

AT_LEAST = 0.9
"""Of all mutants are killed."""
MODULES = ("debits", "eligibility", "funding", "ledger", "policies")
TESTS = (*MODULES, "policy_rules")
type Survivor = tuple[str, str]
"""A function as `module.name`, and what its line became."""

GROUPS, NEXT_MOVE = "debits.groups", "funding.next_move"
EQUIVALENT: dict[Survivor, str] = {
    (GROUPS, "yield from batched(group, MAX_REFUNDS, strict=None)"): "None is as false as False.",
    (GROUPS, "yield from batched(group, MAX_REFUNDS, )"): (
        "False is what strict is when it is not given."
    ),
    (NEXT_MOVE, "above = [amount - wanted for amount, wanted in zip(shards, goal, strict=None)]"): (
        "As above."
    ),
    (NEXT_MOVE, "above = [amount - wanted for amount, wanted in zip(shards, goal, )]"): "As above.",
    ("policies.confirm", "standing = None"): (
        "The database refuses what is confirmed already, and then it is looked up all the same."
    ),
    (
        "eligibility.decide",
        "if arrived_at.replace(microsecond=0) > closes_at.replace(microsecond=1):",
    ): "A whole second is later than another and a microsecond exactly when it is later than it.",
}
"""What survives since it is the same rule in other words: where, the changed line, and why."""
SETTINGS = """\
[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]

[tool.mutmut]
source_paths = ["src"]
only_mutate = {modules}
pytest_add_cli_args_test_selection = {tests}
"""


@dataclass(frozen=True)
class Score:
    killed: int
    total: int
    survivors: dict[str, Survivor]
    """By the name of the mutant."""

    @property
    def share(self) -> float:
        return self.killed / self.total

    @property
    def unexplained(self) -> dict[str, Survivor]:
        return {name: each for name, each in self.survivors.items() if each not in EQUIVALENT}

    @property
    def explained(self) -> int:
        return len(self.survivors) - len(self.unexplained)

    @property
    def stale(self) -> set[Survivor]:
        """What is explained, and is not among the survivors of all modules."""
        return EQUIVALENT.keys() - set(self.survivors.values())


def run(modules: Collection[str], stage: Path) -> Score:
    """Change these modules in every place, one at a time. Raises CommandFailed."""
    _put_side_by_side(modules, stage)
    _mutmut(stage, "run")
    _mutmut(stage, "export-cicd-stats")
    counts = json.loads((stage / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    told = _mutmut(stage, "results").split("\n")
    survivors = [line.split(":")[0].strip() for line in told if not line.endswith(": timeout")]
    return Score(
        counts["killed"] + counts["timeout"],
        counts["total"],
        {
            name: (_function(name), _line(_mutmut(stage, "show", name)))
            for name in survivors
            if name
        },
    )


def _put_side_by_side(modules: Collection[str], stage: Path) -> None:
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(ROOT / "layers" / "refunds" / "refunds", stage / "src" / "refunds")
    tests = stage / "tests" / "unit"
    tests.mkdir(parents=True)
    names = [f"test_{each}.py" for each in TESTS]
    for name in ("examples.py", *names):
        shutil.copy(ROOT / "tests" / "unit" / name, tests / name)
    settings = SETTINGS.format(
        modules=[f"src/refunds/{each}.py" for each in modules],
        tests=[f"tests/unit/{name}" for name in names],
    )
    (stage / "pyproject.toml").write_text(settings, encoding="utf-8")


def _mutmut(stage: Path, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    done = subprocess.run(
        command,
        cwd=stage,
        env=processes.environment({"CI": "true"}),  # Hypothesis then draws the same each time
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr}")
    return done.stdout


def _function(mutant: str) -> str:
    """Of `refunds.debits.x_groups__mutmut_15`, `debits.groups`."""
    changed, _, _ = mutant.removeprefix("refunds.").rpartition("__mutmut_")
    return changed.replace(".x_", ".", 1)


def _line(diff: str) -> str:
    """What a mutant's changed line became."""
    return next(
        (line[1:].strip() for line in diff.split("\n") if line[:1] == "+" and line[:3] != "+++"),
        "a line that is gone",
    )


def main() -> None:
    score = run(MODULES, ROOT / "build" / "mutation")
    rows = [["are killed", f"{score.killed} of {score.total} ({score.share:.1%})"]]
    rows.append(["survive, as the same rule in other words", f"{score.explained}"])
    keys = {"mutants": score.total, "mutants_killed": score.killed}
    report.publish("mutants", report.table(["wrong rules", "count"], rows), keys)
    for name, each in score.survivors.items():
        why = EQUIVALENT.get(each, "NOT EXPLAINED")
        data.print(f"  {name}: {each[1]}\n    {why}", markup=False)
    for function, line in score.stale:
        data.print(f"  STALE: no survivor in {function} is {line}", markup=False)
    if score.share < AT_LEAST or score.unexplained or score.stale:
        sys.exit(1)


if __name__ == "__main__":
    main()
