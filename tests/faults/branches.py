"""Which `except` branches of the product have been executed."""

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from local.paths import ROOT

TOOL = 4
"""Of `sys.monitoring`; coverage has another."""
PACKAGE = ROOT / "layers/refunds/refunds"


class Branch(NamedTuple):
    module: str
    place: str
    """Module, class and function."""
    caught: str
    file: str
    line: int


class Branches:
    """The lines of the product that were executed while it was watched."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()

    def executed(self, branch: Branch) -> bool:
        return (branch.file, branch.line) in self.lines

    @contextmanager
    def watched(self) -> Iterator[None]:
        monitoring = sys.monitoring
        monitoring.use_tool_id(TOOL, __name__)
        monitoring.register_callback(TOOL, monitoring.events.LINE, self._line)
        monitoring.set_events(TOOL, monitoring.events.LINE)
        try:
            yield
        finally:
            monitoring.free_tool_id(TOOL)

    def _line(self, code: CodeType, line: int) -> Any:
        if code.co_filename.startswith(str(ROOT)):
            self.lines.add((code.co_filename, line))
        return sys.monitoring.DISABLE


def of_the_product() -> list[Branch]:
    modules = [*sorted(PACKAGE.rglob("*.py")), *sorted(ROOT.glob("functions/*/app.py"))]
    return [branch for path in modules for branch in _of(path)]


def _of(path: Path) -> Iterator[Branch]:
    name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    name = name.removeprefix("layers.refunds.refunds.")

    def walk(node: ast.AST, place: str) -> Iterator[Branch]:
        for child in ast.iter_child_nodes(node):
            inner = place
            if isinstance(child, ast.ClassDef | ast.FunctionDef):
                inner = f"{place}.{child.name}"
            if isinstance(child, ast.ExceptHandler):
                caught = ast.unparse(child.type) if child.type else ""
                yield Branch(name, place, caught, str(path), child.body[0].lineno)
            yield from walk(child, inner)

    return walk(ast.parse(path.read_text(encoding="utf-8")), name)
