"""Values of any kind, read as the kind that is wanted."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from hpb.tolerant import Bool, Number, Object, Text, number, objects, record, text


class Model(BaseModel):
    text: Text = ""
    number: Number = 0
    true: Bool = False
    record: Object = {}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(Model.model_fields, ANYTHING)))
def test_no_value_is_an_error(values: dict[str, Any]) -> None:
    Model.model_validate(values)


def test_the_right_kind_is_kept() -> None:
    model = Model.model_validate({"text": "a", "number": 3, "true": True, "record": {"b": 1}})
    assert (model.text, model.number, model.true, model.record) == ("a", 3, True, {"b": 1})


def test_ids_may_be_numbers_but_not_endless_ones() -> None:
    assert [text(12), text(True), text(10**5000), text(1.5)] == ["12", "", "", ""]


def test_flags_may_be_true() -> None:
    assert [number(7), number(True), number("7"), number(None)] == [7, 1, 0, 0]


def test_lists_keep_their_objects_only() -> None:
    assert objects([{"a": 1}, None, "b", [2]]) == [{"a": 1}]
    assert objects({"a": 1}) == []
    assert record([1]) == {}
