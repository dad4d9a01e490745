"""Times as text: one form everywhere, so that the order of texts is the order of times."""

from datetime import UTC, datetime


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Raises ValueError: it is not in that form."""
    instant = datetime.fromisoformat(text)
    if format_instant(instant) != text:
        raise ValueError
    return instant
