"""Dead letters as an operator may see them: what each is about, and what of it can be sent again.

Of what somebody else wrote, only ids and names of the expected form are shown.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from refunds import orders
from refunds.debits import refund_named
from refunds.orders import OrderCompleted

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_#.:-]{1,300}")
_ERROR_TYPE = re.compile(r"[A-Za-z0-9_.]{1,100}")


class WhyNot(StrEnum):
    """Why a letter cannot be redriven."""

    MALFORMED = "malformed"
    REFUND_NOT_FOUND = "refund_not_found"
    POSITIONS_ONLY = "positions_only"
    """It says where in the stream the changes were; reconciliation books what is missing."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as received: `handle` is what it is deleted and put back by."""

    message_id: str
    handle: str
    body: str
    sent_at: datetime
    receives: int
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A letter that was read: what it is about, and what of it its target is sent."""

    letter: Letter
    about: str | None = None
    content: Any = None
    why_not: WhyNot | None = None
    error_type: str | None = None
    status: str | None = None


class Standing(NamedTuple):
    """What is known of a refund that a letter names."""

    merchant_id: str
    status: str


class RefundStore(Protocol):
    def standings(self, refund_ids: Iterable[str]) -> Mapping[str, Standing]: ...


type Reader = Callable[[Sequence[Letter]], list[Parcel]]


def debit_reader(store: RefundStore) -> Reader:
    """Letters of debits; a refund that is not there would only make a dead letter again."""

    def read(letters: Sequence[Letter]) -> list[Parcel]:
        named = {each.message_id: refund_named(each.body) for each in letters}
        known = store.standings(sorted({each for each in named.values() if each}))
        return [_debit(each, named[each.message_id], known) for each in letters]

    return read


def read_orders(letters: Sequence[Letter]) -> list[Parcel]:
    """Letters that hold the event itself, or Lambda's record of its failure around it."""
    return [_order(each) for each in letters]


def read_changes(letters: Sequence[Letter]) -> list[Parcel]:
    """Letters that hold a record of the stream, or only where some of them were."""
    return [_change(each) for each in letters]


def _debit(letter: Letter, refund_id: str | None, known: Mapping[str, Standing]) -> Parcel:
    if refund_id is None:
        return Parcel(letter, why_not=WhyNot.MALFORMED)
    about, standing = f"refund:{refund_id}", known.get(refund_id)
    if standing is None:
        return Parcel(letter, about, why_not=WhyNot.REFUND_NOT_FOUND)
    content = (refund_id, standing.merchant_id)
    return Parcel(letter, about, content, status=standing.status)


def _order(letter: Letter) -> Parcel:
    said = _json_of(letter)
    event = said.get("requestPayload", said)
    failed_by = said.get("responsePayload")
    error_type = failed_by.get("errorType") if isinstance(failed_by, dict) else None
    detail = event.get("detail") if isinstance(event, dict) else None
    order_id = detail.get("order_id") if isinstance(detail, dict) else None
    about = _named("order", _matching(_ID, order_id))
    if not detail or not _is_order_event(event):
        return Parcel(
            letter, about, why_not=WhyNot.MALFORMED, error_type=_matching(_ERROR_TYPE, error_type)
        )
    return Parcel(letter, about, event, error_type=_matching(_ERROR_TYPE, error_type))


def _is_order_event(event: Mapping[str, Any]) -> bool:
    """What no rule of the bus matches would be lost there; what is malformed would come back."""
    if (event.get("source"), event.get("detail-type")) != (orders.SOURCE, OrderCompleted.__name__):
        return False
    try:
        OrderCompleted.model_validate(event["detail"])
    except ValidationError:
        return False
    return True


def _change(letter: Letter) -> Parcel:
    record = _json_of(letter)
    if "DDBStreamBatchInfo" in record:
        return Parcel(letter, why_not=WhyNot.POSITIONS_ONLY)
    error_type = _matching(_ERROR_TYPE, letter.error_type)
    if not isinstance(record.get("dynamodb"), dict):
        return Parcel(letter, why_not=WhyNot.MALFORMED, error_type=error_type)
    return Parcel(letter, _item_of(record["dynamodb"]), record, error_type=error_type)


def _item_of(images: Mapping[str, Any]) -> str | None:
    """The changed item's key. A member's names a person: it is left out."""
    try:
        key = f"{images['Keys']['pk']['S']}:{images['Keys']['sk']['S']}"
    except (KeyError, TypeError):
        return None
    return "item:MEMBER" if key.startswith("MEMBER#") else _named("item", _matching(_KEY, key))


def _named(kind: str, name: str | None) -> str | None:
    return f"{kind}:{name}" if name else None


def _json_of(letter: Letter) -> dict[str, Any]:
    """The object in a letter; an empty one when there is none."""
    try:
        parsed = json.loads(letter.body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _matching(form: re.Pattern[str], text: object) -> str | None:
    """A text that is of the form, and so not anything that somebody else wrote."""
    return text if isinstance(text, str) and form.fullmatch(text) else None
