"""What happened, in a form to read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.simulation.line import Fault

MOST_LINES = 200


@dataclass
class Trace:
    lines: list[list[Any]] = field(default_factory=list)

    def told(self, now: datetime, who: str, what: str) -> None:
        self.lines.append([now, who, what, "", None, 0, ""])

    def called(
        self, now: datetime, who: str, operation: str, body: Any, *, fault: Fault, behind: int
    ) -> None:
        self.lines.append([now, who, operation, body, fault, behind, ""])

    def answered(self, answer: str) -> None:
        self.lines[-1][-1] = answer

    def done_in_part(self) -> Iterator[str]:
        """Which operations were."""
        return (what for _, _, what, _, fault, *_ in self.lines if fault is Fault.IN_PART)

    def met_by_debits(self) -> Iterator[Fault]:
        """What became of each transaction that settles refunds."""
        for _, who, what, body, fault, *_ in self.lines:
            is_write = who.startswith("process_debits ") and what == "TransactWriteItems"
            if is_write and any(name.startswith("REFUND#") for name in _about(body)):
                yield fault

    def __str__(self) -> str:
        return "\n".join(map(_line, self.lines[-MOST_LINES:]))


def _line(line: list[Any]) -> str:
    now, who, what, body, fault, behind, answer = line
    said = f"{now:%H:%M:%S.%f}"[:-4] + f"  {who:<18} {what}"
    if body:
        said += " " + ", ".join(dict.fromkeys(_about(body)))
    if fault is not None and fault is not Fault.NONE:
        said += f"  !! {fault.value}"
    if behind:
        said += f"  (as {behind} commits ago)"
    return f"{said}  -> {answer}" if answer else said


def _about(body: Mapping[str, Any]) -> Iterator[str]:
    """The items that a request names, or the index that it reads."""
    if "IndexName" in body:
        yield body["IndexName"]
    for name, value in body.items():
        match name, value:
            case "Key" | "Item", {"pk": {"S": pk}}:
                yield pk
            case "MessageBody", str():
                yield value
            case _, dict():
                yield from _about(value)
            case _, list():
                for each in value:
                    if isinstance(each, dict):
                        if isinstance(each.get("pk"), dict):
                            yield each["pk"]["S"]
                        yield from _about(each)
