"""JSON that is written piece by piece is what the standard library writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtools.run.json_text import iterate_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.integers(0, 3), st.booleans())
def test_it_is_the_text_of_json_dumps(value: Any, indent: int, ascii_only: bool) -> None:
    expected = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert "".join(iterate_json(value, indent, ascii_only=ascii_only)) == expected


@pytest.mark.parametrize("items", [[], [1], [{"a": [2, "b"]}, []]])
def test_an_iterator_is_an_array(items: list[Any]) -> None:
    text = "".join(iterate_json({"all": iter(items)}, 2))
    assert text == json.dumps({"all": items}, indent=2)
