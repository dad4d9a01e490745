"""Redriving dead letters: what is moved, what stays, and what an operator sees of either."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import letters, redrive
from refunds.errors import QueueNotFound
from refunds.letters import Letter, Parcel, Standing, WhyNot
from refunds.redrive import Queue, Sent, Way
from tests.unit.examples import NOON

ORDER_EVENT: dict[str, Any] = {
    "source": "marketplace.orders",
    "detail-type": "OrderCompleted",
    "detail": {
        "order_id": "order-1",
        "merchant_id": "m",
        "buyer_id": "b",
        "amount": 700,
        "currency": "CNY",
        "placed_at": "2024-03-01T12:00:00Z",
        "completed_at": "2024-03-01T12:00:00Z",
    },
}


def letter(number: int, body: object, error_type: str | None = None) -> Letter:
    text = body if isinstance(body, str) else json.dumps(body)
    return Letter(f"message-{number}", f"handle-{number}", text, NOON, 1, error_type)


@dataclass
class Box:
    """A queue that hides what it hands out until it is put back."""

    letters: dict[str, Letter]
    hidden: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *bodies: object) -> "Box":
        made = [letter(number, body) for number, body in enumerate(bodies)]
        return cls({each.message_id: each for each in made})

    def count(self) -> int:
        return len(self.letters)

    def receive(self, count: int, *, hidden_seconds: int) -> list[Letter]:
        assert hidden_seconds > 0
        seen = [each for each in self.letters.values() if each.message_id not in self.hidden]
        self.hidden.update(each.message_id for each in seen[:count])
        return seen[:count]

    def delete(self, letters: Sequence[Letter]) -> frozenset[str]:
        for each in letters:
            del self.letters[each.message_id]
            self.hidden.discard(each.message_id)
        return frozenset(each.message_id for each in letters)

    def put_back(self, letters: Sequence[Letter]) -> None:
        self.hidden -= {each.message_id for each in letters}


@dataclass
class Recorder:
    """A target that takes what it has room for."""

    room: int = 10_000
    at_once: int = 10
    taken: list[Any] = field(default_factory=list)

    def send(self, parcels: Sequence[Parcel]) -> Sent:
        fits = parcels[: self.room - len(self.taken)]
        self.taken += [each.content for each in fits]
        ids = frozenset(each.letter.message_id for each in fits)
        return Sent(ids, None if len(fits) == len(parcels) else "Full")


class Refunds:
    """Every refund but those that are called missing."""

    def standings(self, refund_ids: Iterable[str]) -> dict[str, Standing]:
        known = (each for each in refund_ids if "missing" not in each)
        return {each: Standing("m", "pending") for each in known}


def debits(box: Box, target: Recorder | None = None) -> Way:
    return Way(box, letters.debit_reader(Refunds()), target or Recorder())


def named(refund_id: object) -> dict[str, object]:
    return {"refund_id": refund_id}


def always(_: int) -> bool:
    return True


def test_what_can_be_redriven_is_moved_and_the_rest_stays_to_be_seen() -> None:
    box, target = Box.of(named("rf_1"), "{", named("rf_missing"), named("rf_2")), Recorder()
    done = redrive.redrive(debits(box, target), limit=100, ready=always)
    assert (done.moved, done.left_here, done.remaining, done.stopped_by) == (2, 2, 2, None)
    assert target.taken == [("rf_1", "m"), ("rf_2", "m")]
    assert box.hidden == set()


def test_redriving_again_moves_nothing_more() -> None:
    box, target = Box.of(named("rf_1"), "{"), Recorder()
    for moved in (1, 0, 0):
        assert redrive.redrive(debits(box, target), limit=9, ready=always).moved == moved
    assert target.taken == [("rf_1", "m")]


@given(good=st.integers(0, 40), bad=st.integers(0, 40), limit=st.integers(1, 50))
def test_never_more_than_the_limit_is_moved_and_no_letter_is_lost(
    *, good: int, bad: int, limit: int
) -> None:
    bodies = [named(f"rf_{number}") for number in range(good)]
    box, target = Box.of(*["{"] * bad, *bodies), Recorder()
    done = redrive.redrive(debits(box, target), limit=limit, ready=always)
    assert done.moved == len(target.taken) == min(good, limit)
    assert done.remaining == len(box.letters) == good + bad - done.moved
    assert box.hidden == set()


def test_a_target_that_takes_no_more_ends_the_call_and_loses_nothing() -> None:
    bodies = [named(f"rf_{number}") for number in range(25)]
    box, target = Box.of(*bodies), Recorder(room=12)
    done = redrive.redrive(debits(box, target), limit=100, ready=always)
    assert (done.moved, done.left_here, done.remaining, done.stopped_by) == (12, 8, 13, "Full")
    target.room = 100
    assert redrive.redrive(debits(box, target), limit=100, ready=always).moved == 13
    assert sorted(target.taken) == sorted((f"rf_{number}", "m") for number in range(25))


def test_without_time_nothing_is_begun() -> None:
    box, looks = Box.of(*[named("rf_1")] * 25), iter([True, False])
    done = redrive.redrive(debits(box), limit=100, ready=lambda _: next(looks))
    assert (done.moved, done.remaining) == (10, 15)


class Dies(Exception):
    """The function's end in the middle of its work."""


class DyingBox(Box):
    def delete(self, letters: Sequence[Letter]) -> frozenset[str]:  # noqa: ARG002
        raise Dies


def test_a_crash_between_sending_and_deleting_loses_no_letter() -> None:
    dying, target = DyingBox.of(named("rf_1")), Recorder()
    with pytest.raises(Dies):
        redrive.redrive(debits(dying, target), limit=1, ready=always)
    again = Box(dying.letters)
    assert redrive.redrive(debits(again, target), limit=1, ready=always).moved == 1
    assert target.taken == [("rf_1", "m")] * 2


class ForgetfulBox(Box):
    """It hands the same letter out again, as a queue rarely may."""

    def receive(self, count: int, *, hidden_seconds: int) -> list[Letter]:
        self.hidden.clear()
        return super().receive(count, hidden_seconds=hidden_seconds)


def test_no_letter_is_looked_at_twice_in_a_call() -> None:
    done = redrive.redrive(debits(ForgetfulBox.of("{")), limit=100, ready=always)
    assert (done.moved, done.left_here) == (0, 1)
    shown = redrive.show(Queue.DEBITS, debits(ForgetfulBox.of("{")), ready=always)
    assert len(shown.items) == 1


def test_looking_moves_nothing_and_shows_ten_at_the_most() -> None:
    box = Box.of(*[named(f"rf_{number}") for number in range(12)])
    shown = redrive.show(Queue.DEBITS, debits(box), ready=always)
    assert (shown.messages, len(shown.items)) == (12, 10)
    assert (len(box.letters), box.hidden) == (12, set())
    assert shown.items[0].about == "refund:rf_0"
    assert (shown.items[0].status, shown.items[0].redrivable) == ("pending", True)


@pytest.mark.parametrize("name", ["", "debit", "DEBITS", "debits "])
def test_another_name_is_no_queue(name: str) -> None:
    with pytest.raises(QueueNotFound):
        redrive.queue_named(name)


# ── What a letter is about ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "about", "why_not"),
    [
        (named("rf_1"), "refund:rf_1", None),
        (named("rf_missing"), "refund:rf_missing", WhyNot.REFUND_NOT_FOUND),
        (named("林小明"), None, WhyNot.MALFORMED),
        (named(1), None, WhyNot.MALFORMED),
        ("[" * 100_000, None, WhyNot.MALFORMED),
    ],
)
def test_a_letter_of_the_debits_is_about_its_refund(
    body: object, about: str | None, why_not: WhyNot | None
) -> None:
    [parcel] = letters.debit_reader(Refunds())([letter(1, body)])
    assert (parcel.about, parcel.why_not) == (about, why_not)


def lambda_s_record(event: dict[str, Any], error_type: object = "OrderConflict") -> dict[str, Any]:
    return {"requestPayload": event, "responsePayload": {"errorType": error_type}}


def order_event(**detail: object) -> dict[str, Any]:
    return {**ORDER_EVENT, "detail": ORDER_EVENT["detail"] | detail}


def test_an_order_s_event_is_redriven_as_it_came_whether_bare_or_in_lambda_s_record() -> None:
    bare, wrapped = letters.read_orders(
        [letter(1, ORDER_EVENT), letter(2, lambda_s_record(ORDER_EVENT))]
    )
    assert bare.content == wrapped.content == ORDER_EVENT
    assert bare.about == wrapped.about == "order:order-1"
    assert (bare.error_type, wrapped.error_type) == (None, "OrderConflict")


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (order_event(amount="700"), "order:order-1"),
        (order_event(order_id="李雷 +86"), None),
        ({**ORDER_EVENT, "source": "other"}, "order:order-1"),
        ({**ORDER_EVENT, "detail-type": "OrderPlaced"}, "order:order-1"),
        ({**ORDER_EVENT, "detail": "order-1"}, None),
        (lambda_s_record({}), None),
        ({"requestPayload": "?", "responsePayload": None}, None),
        ([ORDER_EVENT], None),
        ("{", None),
    ],
)
def test_an_event_that_would_be_lost_or_come_back_stays(body: object, about: str | None) -> None:
    [parcel] = letters.read_orders([letter(1, body)])
    assert (parcel.about, parcel.why_not) == (about, WhyNot.MALFORMED)


def test_an_error_s_type_that_is_no_name_is_not_shown() -> None:
    body = lambda_s_record(ORDER_EVENT, "李雷: no such order")
    assert letters.read_orders([letter(1, body)])[0].error_type is None


def record(pk: str, sk: str) -> dict[str, Any]:
    return {"dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "NewImage": {}}}


@pytest.mark.parametrize(
    ("body", "about", "why_not"),
    [
        (record("REFUND#rf_1", "REFUND"), "item:REFUND#rf_1:REFUND", None),
        (record("MEMBER#li@example.com", "MEMBER"), "item:MEMBER", None),
        (record("李雷", "REFUND"), None, None),
        ({"dynamodb": {}}, None, None),
        ({"DDBStreamBatchInfo": {"shardId": "s"}}, None, WhyNot.POSITIONS_ONLY),
        ({"dynamodb": "?"}, None, WhyNot.MALFORMED),
        ("?", None, WhyNot.MALFORMED),
    ],
)
def test_a_letter_of_the_changes_is_about_an_item_and_names_no_person(
    body: object, about: str | None, why_not: WhyNot | None
) -> None:
    [parcel] = letters.read_changes([letter(1, body, "KeyError")])
    assert (parcel.about, parcel.why_not) == (about, why_not)
    assert parcel.error_type == (None if why_not is WhyNot.POSITIONS_ONLY else "KeyError")
