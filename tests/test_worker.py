"""What the worker makes of values, names and marimo, each held against the original."""

from __future__ import annotations

import ast
import collections
import sys
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.lib import pretty as ipython

from nbtools.run.worker import (
    Mangler,
    describe_value,
    figure_of,
    is_silenced,
    make_marimo,
    pretty,
)


def pretty_of_ipython(value: object) -> str:
    printed: str = ipython.pretty(value)  # type: ignore[no-untyped-call]
    return printed


# --- text -------------------------------------------------------------------------------------


class Table:
    """Its text has several lines, as that of an array has."""

    def __init__(self, *widths: int) -> None:
        self.widths = widths

    def __repr__(self) -> str:
        return "\n".join("-" * width for width in self.widths)


_LEAVES = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.booleans(),
    st.none(),
    st.lists(st.integers(1, 70), min_size=1, max_size=3).map(lambda widths: Table(*widths)),
)
_KEYS = st.one_of(st.integers(), st.text(max_size=12))
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=8),
        st.tuples(inner, inner),
        st.dictionaries(_KEYS, inner, max_size=6),
        st.sets(_KEYS, max_size=6),
        st.frozensets(st.integers(), max_size=6),
        st.lists(inner, max_size=6).map(collections.deque),
        st.dictionaries(_KEYS, inner, max_size=4).map(collections.OrderedDict),
        st.lists(_KEYS, max_size=6).map(collections.Counter),
        st.dictionaries(st.sampled_from(["a", "long_name"]), inner).map(
            lambda d: types.SimpleNamespace(**d)
        ),
    ),
    max_leaves=25,
)


@given(_VALUES)
def test_values_are_printed_as_ipython_does(value: object) -> None:
    assert pretty(value) == pretty_of_ipython(value)


class Plain:
    pass


class Own:
    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        with printer.group(4, "Own(", ")"):
            for number in range(40):
                if number:
                    printer.text(",")
                    printer.breakable()
                printer.pretty(number)


class Lines:
    """As patsy's design matrices are printed."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        with printer.group(2, "Lines", ""):
            printer.text("\n" + " " * printer.indentation)
            printer.breakable("\n" + " " * printer.indentation)
            printer.text("two")


class Words(list[int]):
    def __repr__(self) -> str:
        return "Words!\nof two lines"


def _cycle() -> list[object]:
    found: list[object] = [1]
    found.append(found)
    return found


@pytest.mark.parametrize(
    "value",
    [
        Plain,
        int,
        type((1.0).is_integer),
        [Plain, ValueError],
        Own(),
        [Own(), Own()],
        [Lines()],
        Words([1]),
        [Words([1]), 2],
        _cycle(),
        list(range(2000)),
        set(range(1500)),
        {"k" * 50: {"j" * 40: [1, 2, 3]}},
        collections.defaultdict(list, {"a": [1]}),
        collections.deque([1], maxlen=3),
        ValueError("a", 1),
        len,
        _cycle,
        {1: (2,), 3: ()},
        range(3),
        b"bytes",
        {True: None, 1.5: ...},
    ],
    ids=lambda value: type(value).__name__,
)
def test_odd_values_are_printed_as_ipython_does(value: object) -> None:
    assert pretty(value) == pretty_of_ipython(value)


def test_an_object_without_words_shows_its_address() -> None:
    value = Plain()
    assert pretty([value]) == pretty_of_ipython([value])


class Rich:
    def _repr_html_(self) -> str:
        return "<b>"

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return b"png", {"width": 3}

    def _repr_latex_(self) -> None:
        return None


class Anything:
    def __getattr__(self, name: str) -> Any:
        return lambda *_arguments, **_more: "anything"


def test_a_bundle_has_what_the_methods_give() -> None:
    found = describe_value(Rich())
    assert found is not None
    data, metadata = found
    assert {mime: data[mime] for mime in data if mime != "text/plain"} == {
        "text/html": "<b>",
        "image/png": b"png",
    }
    assert metadata == {"image/png": {"width": 3}}


def test_a_class_and_an_object_that_answers_to_any_name_are_text_only() -> None:
    for value in (Rich, Anything()):
        found = describe_value(value)
        assert found is not None
        assert list(found[0]) == ["text/plain"]


@pytest.mark.parametrize(
    ("source", "silent"),
    [
        ("x", False),
        ("x;", True),
        ("x ; # why", True),
        ("(x);", True),
        ("'é';", True),
        ("x # ;", False),
    ],
)
def test_a_semicolon_hides_the_value(source: str, silent: bool) -> None:
    last = ast.parse(source).body[-1]
    assert isinstance(last, ast.Expr)
    assert is_silenced(source, last.value) == silent


# --- names ------------------------------------------------------------------------------------


def mangle(source: str) -> str:
    return ast.unparse(Mangler("@").visit(ast.parse(source)))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("_x = 1\nprint(_x)", "@_x = 1\nprint(@_x)"),
        ("__x = __name__", "__x = __name__"),
        ("import a as _m", "import a as @_m"),
        ("from a import _c\n_c", "from a import _c as @_c\n@_c"),
        ("import _a.b", "import _a.b"),
        ("def _f(_a, *, b=_x):\n    return _a + _y", "def @_f(_a, *, b=@_x):\n    return _a + @_y"),
        ("def f():\n    _x = 1\n    return _x", "def f():\n    _x = 1\n    return _x"),
        ("def f():\n    global _x\n    _x = 1", "def f():\n    global @_x\n    @_x = 1"),
        ("[_i for _i in _s]", "[_i for _i in @_s]"),
        ("[(_w := i) for i in s]\n_w", "[(@_w := i) for i in s]\n@_w"),
        ("lambda _a: _a + _b", "lambda _a: _a + @_b"),
        ("o._x\nf(_k=_v)", "o._x\nf(_k=@_v)"),
        ("class A(_B):\n    _x = 1\n    def _m(self):\n        return _x",
         "class A(@_B):\n    _x = 1\n\n    def _m(self):\n        return @_x"),
        ("try:\n    pass\nexcept E as _e:\n    _e", "try:\n    pass\nexcept E as @_e:\n    @_e"),
        ("match v:\n    case [_a, *_r]:\n        1", "match v:\n    case [@_a, *@_r]:\n        1"),
        ("def f():\n    def g():\n        return _x\n    _x = 1",
         "def f():\n\n    def g():\n        return _x\n    _x = 1"),
        ("f'{_x}'", "f'{@_x}'"),
        ("del _x", "del @_x"),
    ],
)  # fmt: skip
def test_local_names_get_a_prefix(source: str, expected: str) -> None:
    assert mangle(source) == expected


# --- marimo -----------------------------------------------------------------------------------


class FakeArea:
    append = replace = replace_at_index = clear = staticmethod(lambda *_arguments: None)


MO = make_marimo(FakeArea(), "/folder/nb.py")  # type: ignore[arg-type]

ELEMENTS = [
    "slider(1, 10)",
    "slider(1, 10, value=4)",
    "slider(steps=[2, 4, 8])",
    "range_slider(1, 10)",
    "number(1, 10)",
    "dropdown(['a', 'b'])",
    "dropdown(['a', 'b'], value='b')",
    "dropdown({'one': 1}, value='one')",
    "radio(['a', 'b'], value='a')",
    "multiselect(['a', 'b'])",
    "multiselect({'one': 1, 'two': 2}, value=['two'])",
    "checkbox()",
    "switch(value=True)",
    "run_button()",
    "text()",
    "text('hi')",
    "text_area('hi')",
    "array([mo.ui.slider(1, 2), mo.ui.text('x')])",
    "dictionary({'a': mo.ui.checkbox()})",
    "slider(1, 10).form()",
]


@pytest.mark.parametrize("call", ELEMENTS)
def test_an_element_has_its_initial_value_as_in_marimo(call: str) -> None:
    import marimo

    ours = eval(f"mo.ui.{call}", {"mo": MO})
    theirs = eval(f"mo.ui.{call}", {"mo": marimo})
    assert ours.value == theirs.value


def test_the_stand_in_says_what_it_lacks() -> None:
    with pytest.raises(AttributeError, match=r"marimo\.mpl: nbtools' stand-in .* install marimo"):
        _ = MO.mpl
    with pytest.raises(AttributeError, match=r"marimo\.ui\.table"):
        _ = MO.ui.table


def test_a_grid_of_seaborn_shows_its_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    class PairGrid:
        figure = "a figure"

    class FacetGrid:
        fig = "a figure"  # before seaborn 0.11.2

    seaborn = types.SimpleNamespace(PairGrid=PairGrid, FacetGrid=FacetGrid)
    monkeypatch.setitem(sys.modules, "seaborn.axisgrid", seaborn)
    assert figure_of(PairGrid()) == figure_of(FacetGrid()) == "a figure"
    assert figure_of(object()) is None
