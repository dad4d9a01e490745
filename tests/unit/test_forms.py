from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from refunds.stores import forms

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


@given(values)
def test_a_value_has_the_form_that_boto3_gives_it(value: Any) -> None:
    assert forms.typed(value) == TypeSerializer().serialize(value)


@given(st.dictionaries(st.text(), values))
def test_what_is_stored_is_read_back_and_what_is_none_is_not_there(item: dict[str, Any]) -> None:
    kept = {name: value for name, value in item.items() if value is not None}
    assert forms.from_item(forms.to_item(item)) == kept


@pytest.mark.parametrize("value", [1.0, b"", {"a"}, object()])
def test_a_kind_that_the_table_does_not_have_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        forms.typed(value)
