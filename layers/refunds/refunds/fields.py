"""The field types of every model: each text, list and number has a form and a limit."""

import re
from datetime import UTC, datetime
from typing import Annotated
from unicodedata import category

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from refunds.currencies import MINOR_DIGITS
from refunds.times import format_instant

MAX_AMOUNT = 10**12
"""The largest amount of one movement, in minor units."""

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a text read otherwise than it is written."""

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _rfc_3339(value: object) -> object:
    # A bare number would be taken for seconds or milliseconds since 1970, also in quotes: a guess.
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise ValueError("must be an RFC 3339 time with an offset, as text")


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be within the years 1 to 9999 of UTC") from error


def _known_currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError("must be an ISO 4217 currency code")
    return code


def _printable(text: str) -> str:
    controls = (each for each in text if category(each) == "Cc" and each not in "\r\n\t")
    if any(controls) or _BIDI_CONTROLS.intersection(text):
        raise ValueError("must not contain control characters")
    return text


Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Subject = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_|@.:+-]{1,128}$")]
"""A person, as an identity provider names one: a UUID, `auth0|abc`, an e-mail address."""
Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT)]
"""Minor units (分 for CNY)."""
Balance = Annotated[int, Field(strict=True)]
Switch = Annotated[bool, Field(strict=True)]
"""On or off: no word or number is taken for either."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, in lower-case hexadecimal."""
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc_3339),
    AfterValidator(_in_utc),
    PlainSerializer(format_instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_printable),
]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(_printable),
]
Reference = Annotated[
    str, StringConstraints(min_length=1, max_length=512), AfterValidator(_printable)
]
"""Where a document or a picture is kept; this product stores the reference, never the content."""
WebAddress = Annotated[
    str, StringConstraints(pattern=r"^https?://[A-Za-z0-9\[][!-~]*$", max_length=512)
]
"""Percent-encoded where it is not ASCII, as a browser's address bar gives it (RFC 3986)."""
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{4,23}$")]


class Model(BaseModel):
    """An immutable value; a field it does not know is an error, and no error quotes its input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
