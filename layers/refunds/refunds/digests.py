"""The id that a caller's `Idempotency-Key` makes, and the digest that tells equal requests."""

from base64 import b32encode
from hashlib import sha256
from typing import Any

import rfc8785


def derived_id(prefix: str, *, caller: str, operation: str, key: str) -> str:
    """An id of caller, operation and key, so that the thing made is itself the key's record.

    160 bits of SHA-256: two keys do not meet by chance.
    """
    digest = sha256(f"{caller}\0{operation}\0{key}".encode()).digest()
    return f"{prefix}_{b32encode(digest[:20]).decode().lower()}"


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of canonical JSON (RFC 8785), in hexadecimal: equal content, equal digest.

    Numbers must stay below 2^53, as `fields.MAX_AMOUNT` does.
    """
    return sha256(rfc8785.dumps(content)).hexdigest()
