"""Each kind of field: what it takes, what it refuses, and that nothing is coerced."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from refunds import fields
from refunds.fields import Amount, Currency, Digest, Id, Instant, Label, Model, Phone, Reference
from refunds.times import format_instant

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
LONE_SURROGATE = "a\ud800"


def refuses(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("amount", [1, 100, 10**12])
def test_an_amount_is_a_whole_number_of_minor_units(amount: int) -> None:
    assert TypeAdapter(Amount).validate_python(amount) == amount


@pytest.mark.parametrize(
    "amount",
    [0, -1, 10**12 + 1, 10**400, True, False, 1.5, 100.0, float("nan"), float("inf"), "100", "",
     "\uff11\uff10\uff10", [100], {"amount": 100}, None, b"100"],
    ids=repr,
)  # fmt: skip
def test_nothing_else_is_taken_for_an_amount(amount: object) -> None:
    assert refuses(Amount, amount)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-03-01T12:00:00Z", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01t12:00:00z", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01T20:00:00+08:00", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-02-29T23:59:59.999999-00:00", datetime(2024, 2, 29, 23, 59, 59, 999999, UTC)),
        ("2024-03-01T12:00:00.5Z", datetime(2024, 3, 1, 12, 0, 0, 500_000, UTC)),
    ],
)
def test_a_time_is_rfc_3339_and_becomes_utc(text: str, instant: datetime) -> None:
    found = INSTANT.validate_python(text)
    assert found == instant
    assert found.tzinfo is UTC
    assert INSTANT.dump_python(found) == format_instant(instant)


@pytest.mark.parametrize(
    "value",
    [1_700_000_000, 1_700_000_000.5, "1700000000", "1700000000.5", "-1", True, None,
     "2024-03-01T12:00:00", "2024-03-01 12:00:00Z", "2024-03-01", "12:00:00Z",
     "2024-03-01T12:00Z", "2024-03-01T12Z", "2024-03-01T12:00:00.Z", "2024-03-01T1:2:3Z",
     "2024-03-01T12:00:00 08:00", "2023-02-29T12:00:00Z", "2024-13-01T12:00:00Z",
     "2024-03-01T25:00:00Z", "2024-03-01T12:00:60Z", "20240301T120000Z", " 2024-03-01T12:00:00Z",
     "2024-03-01T12:00:00Z\n", "\uff12024-03-01T12:00:00Z", "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59-12:00", "10000-01-01T00:00:00Z", "x", ""],
    ids=ascii,
)  # fmt: skip
def test_nothing_else_is_taken_for_a_time(value: object) -> None:
    assert refuses(Instant, value)


def test_a_time_without_an_offset_is_refused_also_when_it_is_no_text() -> None:
    assert refuses(Instant, datetime(2024, 3, 1, 12))  # noqa: DTZ001  # the point


moments = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001  # Hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(one=moments, other=moments)
def test_times_as_text_are_in_the_order_of_time(*, one: datetime, other: datetime) -> None:
    assert (format_instant(one) < format_instant(other)) is (one < other)
    assert len(format_instant(one)) == len("2024-03-01T12:00:00.000000Z")
    assert INSTANT.validate_python(format_instant(one)) == one


def test_a_time_is_written_in_utc_whatever_its_offset() -> None:
    there = datetime.fromisoformat("2024-03-01T20:00:00+08:00")
    assert format_instant(there) == "2024-03-01T12:00:00.000000Z"
    assert format_instant(there + timedelta(microseconds=1)) == "2024-03-01T12:00:00.000001Z"


@pytest.mark.parametrize("code", ["CNY", "JPY", "KWD", "USD"])
def test_a_currency_is_one_of_iso_4217(code: str) -> None:
    assert not refuses(Currency, code)


@pytest.mark.parametrize("code", ["cny", "CNX", "CN", "CNYY", " CNY", "CNY\n", "", "\uff23NY", 156])
def test_nothing_else_is_taken_for_a_currency(code: object) -> None:
    assert refuses(Currency, code)


@pytest.mark.parametrize("value", ["a", "A_-9", "x" * 64])
def test_an_id_is_1_to_64_plain_characters(value: str) -> None:
    assert not refuses(Id, value)


@pytest.mark.parametrize(
    "value",
    ["", "x" * 65, "a b", "a#b", "a/b", "a.b", "a\n", "é", "\uff11", LONE_SURROGATE, 1, None],
)
def test_nothing_else_is_taken_for_an_id(value: object) -> None:
    assert refuses(Id, value)


def test_a_text_may_have_lines_of_any_system() -> None:
    assert not refuses(fields.Text, "a\r\nb\n\tc")


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU"])
def test_what_one_can_not_pay_in_is_no_currency(code: str) -> None:
    assert refuses(Currency, code)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "a\0", "a\x1b[31m", "a\x7f", "a\x85b", "a\u202eb", LONE_SURROGATE, 1, None, ["a"]],
)
@pytest.mark.parametrize("kind", [Label, fields.Text])
def test_a_text_is_neither_empty_nor_unprintable(kind: object, text: object) -> None:
    assert refuses(kind, text)


@pytest.mark.parametrize(("kind", "most"), [(Label, 100), (fields.Text, 2000), (Reference, 512)])
def test_a_text_has_a_limit_counted_in_characters(kind: Any, most: int) -> None:
    assert not refuses(kind, "款" * most)
    assert refuses(kind, "款" * (most + 1))


def test_white_space_around_a_text_is_left_off() -> None:
    assert TypeAdapter(Label).validate_python("  小店\n") == "小店"


@pytest.mark.parametrize("value", ["", "a\0b", "a\x7f", LONE_SURROGATE])
def test_a_reference_is_neither_empty_nor_unprintable(value: str) -> None:
    assert refuses(Reference, value)


@pytest.mark.parametrize(
    "value",
    ["https://shop.example/logo.png", "http://shop.example:8080/a?b=%E5%BA%97#c", "https://x"],
)
def test_a_web_address_is_kept_as_it_is(value: str) -> None:
    assert TypeAdapter(fields.WebAddress).validate_python(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "logo.png", "//shop.example/logo.png", "javascript:alert(1)"),
        *("data:image/png,x", "https://", "https:///logo.png", "https://shop.example/a b"),
        *("https://店.example/", "https://shop.example/a\n"),
        "https://shop.example/" + "a" * 492,
    ],
)
def test_what_no_browser_would_open_as_a_page_is_no_web_address(value: str) -> None:
    assert refuses(fields.WebAddress, value)


@pytest.mark.parametrize("value", ["0" * 64, "0123456789abcdef" * 4])
def test_a_digest_is_64_lower_case_hexadecimal_digits(value: str) -> None:
    assert not refuses(Digest, value)
    assert refuses(Digest, value[:-1])
    assert refuses(Digest, value + "0")
    assert refuses(Digest, value[:-1] + "F")


@pytest.mark.parametrize("value", ["+86 10 12345678", "400-123-4567", "10086"])
def test_a_phone_number_is_digits_with_spaces_and_dashes(value: str) -> None:
    assert not refuses(Phone, value)


@pytest.mark.parametrize(
    "value", ["", "1", "abc", "++86", "1" * 26, "\uff11\uff10\uff10\uff18\uff16"]
)
def test_nothing_else_is_taken_for_a_phone_number(value: str) -> None:
    assert refuses(Phone, value)


def test_a_model_is_immutable_knows_its_fields_and_quotes_no_input() -> None:
    class Thing(Model):
        amount: Amount

    thing = Thing(amount=1)
    with pytest.raises(ValidationError, match="frozen"):
        thing.amount = 2  # type: ignore[misc]
    with pytest.raises(ValidationError) as refused:
        Thing.model_validate({"amount": "secret-1", "surprise": "secret-2"})
    assert "secret" not in str(refused.value)
