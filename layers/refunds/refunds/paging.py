"""Pages of a list, and cursors: opaque, and good only for the caller and query they came from."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Annotated, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from refunds.digests import digest
from refunds.errors import InvalidCursor

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Page[Item](NamedTuple):
    items: list[Item]
    after: str | None
    """The last item's position when there may be more; a page may be short, even empty."""


_CURSOR = TypeAdapter(tuple[str, Annotated[str, Field(min_length=1, max_length=200)]])


def encode(position: str | None, **query: str | None) -> str | None:
    """A cursor for `position` of this query; none when there is no more."""
    if position is None:
        return None
    return urlsafe_b64encode(_CURSOR.dump_json((_bound(query), position))).decode().rstrip("=")


def decode(cursor: str | None, **query: str | None) -> str | None:
    """Raises InvalidCursor: not a cursor, or another caller's or query's."""
    if cursor is None:
        return None
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        bound, position = _CURSOR.validate_json(raw)
    except (Base64Error, ValidationError, ValueError) as error:
        raise InvalidCursor from error
    if bound != _bound(query):
        raise InvalidCursor
    return position


def _bound(query: dict[str, str | None]) -> str:
    return digest(dict(query))[:16]
