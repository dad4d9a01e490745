"""The JSON Schema of each event, from its model.

`make openapi` writes them into `docs/events`; a test holds them to the code.
"""

import json
from pathlib import Path
from typing import Any

from local.paths import ROOT
from refunds import events
from refunds.events import Event

FOLDER = ROOT / "docs" / "events"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def generate() -> dict[str, str]:
    """The text of each schema, by the name of its file."""
    return {f"{event.__name__}.json": _schema(event) for event in events.ALL}


def write() -> Path:
    FOLDER.mkdir(exist_ok=True)
    for name, text in generate().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return FOLDER


def _schema(event: type[Event]) -> str:
    version = event.model_fields["version"].default
    schema: dict[str, Any] = event.model_json_schema(mode="serialization")
    named = {
        "$schema": DIALECT,
        "$id": f"urn:{events.SOURCE}:event:{event.__name__}:{version}",
        **schema,
    }
    # What is not listed may come in a later version without breaking anyone.
    del named["additionalProperties"]
    named["required"] = list(named["properties"])
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(write())
