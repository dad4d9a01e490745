"""The terms' digest, and what the merchant and the public see at each stage."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from refunds.policies import PolicyTerms, RefundStatement

VECTOR = (
    '{"instant_refund":true,"statement":'
    '{"handling":"商品完好无损即退款","reasons":"七天无理由退货"}}'
)
VECTOR_DIGEST = "db1af67ddfec5abdd2728d4881356a41e6b11c6fe22219ded29064bdec27be62"

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=50
).filter(str.strip)
terms = st.builds(
    PolicyTerms,
    instant_refund=st.booleans(),
    statement=st.builds(RefundStatement, reasons=texts, handling=texts),
)


def test_the_published_vector_has_its_published_digest() -> None:
    assert PolicyTerms.model_validate_json(VECTOR).digest() == VECTOR_DIGEST


def test_anyone_can_compute_the_digest_as_sha_256_of_the_canonical_text() -> None:
    assert sha256(VECTOR.encode()).hexdigest() == VECTOR_DIGEST


@given(given_terms=terms, order=st.permutations(["reasons", "handling"]), indent=st.integers(0, 4))
def test_the_order_of_fields_and_the_white_space_between_them_change_no_digest(
    given_terms: PolicyTerms, order: list[str], indent: int
) -> None:
    content = given_terms.model_dump()
    statement = {name: content["statement"][name] for name in order}
    for shuffled in (
        {"statement": statement, "instant_refund": content["instant_refund"]},
        {"instant_refund": content["instant_refund"], "statement": statement},
    ):
        written = json.dumps(shuffled, indent=indent, ensure_ascii=indent % 2 == 0)
        assert PolicyTerms.model_validate_json(written).digest() == given_terms.digest()


@given(one=terms, other=terms)
def test_two_terms_have_one_digest_only_when_they_are_equal(
    one: PolicyTerms, other: PolicyTerms
) -> None:
    assert (one.digest() == other.digest()) is (one == other)


@given(given_terms=terms, added=texts)
def test_any_change_of_content_changes_the_digest(given_terms: PolicyTerms, added: str) -> None:
    content: dict[str, Any] = given_terms.model_dump()
    changes = [content | {"instant_refund": not content["instant_refund"]}]
    for name in ("reasons", "handling"):
        longer = f"{content['statement'][name]}·{added}"
        changes.append(content | {"statement": content["statement"] | {name: longer}})
    digests = {PolicyTerms.model_validate(each).digest() for each in changes}
    assert len(digests) == 3
    assert given_terms.digest() not in digests


def test_the_two_texts_of_a_statement_are_not_interchangeable() -> None:
    one = RefundStatement(reasons="a", handling="b")
    other = RefundStatement(reasons="b", handling="a")
    assert (
        PolicyTerms(instant_refund=True, statement=one).digest()
        != PolicyTerms(instant_refund=True, statement=other).digest()
    )


@pytest.mark.parametrize("text", ["", " \n\t ", "x" * 2001, "a\0b", "a\x7fb"])
def test_a_statement_s_text_is_neither_empty_nor_endless_nor_unprintable(text: str) -> None:
    with pytest.raises(ValidationError):
        RefundStatement(reasons=text, handling="ok")


def test_a_statement_may_have_2000_characters_and_line_breaks() -> None:
    text = "退款\n" + "款" * 1997
    assert RefundStatement(reasons=text, handling="ok").reasons == text


@pytest.mark.parametrize("switch", [None, 1, 0, "true", "on", [True]])
def test_the_switch_is_on_or_off(switch: object) -> None:
    with pytest.raises(ValidationError):
        PolicyTerms.model_validate(
            {"instant_refund": switch, "statement": {"reasons": "a", "handling": "b"}}
        )
