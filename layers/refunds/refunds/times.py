"""Times as text: one form everywhere, so that the order of texts is the order of times."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

type Span = tuple[str, str]
"""From one instant to another, both included."""


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Raises ValueError: it is not in that form."""
    instant = datetime.fromisoformat(text)
    if format_instant(instant) != text:
        raise ValueError
    return instant


def merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The same time, in order, those that overlap being one."""
    begin = end = ""
    for from_, until in sorted(spans):
        if begin and from_ > end:
            yield begin, end
            begin = ""
        begin, end = begin or from_, max(end, until)
    if begin:
        yield begin, end
