"""Times as text: one form everywhere, so that the order of texts is the order of times."""

from datetime import UTC, datetime


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
