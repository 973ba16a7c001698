"""What names mean in the end: fingerprints of values, and which name stands for which."""

from __future__ import annotations

import copy
import io
import types
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nbtools.run import worker
from nbtools.run.job import Job, JobCell
from nbtools.run.trace import Ending, Trace, Value
from nbtools.run.worker import Fingerprint, describe_kind, describe_names
from nbtools.verify.groups import Group
from nbtools.verify.values import compare_values, read_endings


def fingerprint(value: object) -> str:
    return Fingerprint(value, worker.MOST_INSIDE).text


# --- fingerprints -----------------------------------------------------------------------------

_KEYS = st.one_of(st.integers(), st.text(max_size=4))
_VALUES = st.recursive(
    st.one_of(_KEYS, st.none(), st.booleans(), st.floats(), st.binary(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(_KEYS, inner, max_size=4),
    ),
)


@given(_VALUES, _VALUES)
def test_values_have_the_same_fingerprint_if_and_only_if_they_are_the_same(
    one: object, other: object
) -> None:
    assert fingerprint(one)
    assert fingerprint(one) == fingerprint(copy.deepcopy(one))
    assert (fingerprint(one) == fingerprint(other)) == (repr(one) == repr(other))


@given(st.lists(_KEYS, unique=True))
def test_the_order_of_a_set_is_nothing(values: list[object]) -> None:
    turned = values[::-1]
    assert fingerprint(set(values)) == fingerprint(set(turned))


Pair = namedtuple("Pair", "left right")


class Own:
    """A class of the notebook's own: the tests say that it is from `__main__`."""

    def __init__(self, **attributes: object) -> None:
        object.__getattribute__(self, "__dict__").update(attributes)

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("the notebook's code runs")


Own.__module__ = "__main__"


def _table(last: object) -> pd.DataFrame:
    return pd.DataFrame({"a": [1.0, 2.0], "b": ["x", last], "c": pd.Categorical(["u", "v"])})


DIFFERENT: Mapping[str, Callable[[int], object]] = {
    "array": lambda i: np.array([1, i]),
    "array of objects": lambda i: np.array([1, [i]], dtype=object),
    "array of dates": lambda i: np.array([f"2020-01-0{i}"], dtype="datetime64[D]"),
    "array with a mask": lambda i: np.ma.array([1, 2, 3], mask=[False, i == 1, False]),
    "shape": lambda i: np.zeros((i, 2 // i)),
    "dtype": lambda i: np.zeros(2, dtype=["i4", "f4"][i - 1]),
    "number of numpy": lambda i: np.float64(i),
    "table": lambda i: _table(i),
    "columns": lambda i: pd.DataFrame([[1, 2]], columns=["a", i]),
    "index": lambda i: pd.Series([1, 2], index=["a", i]),
    "name": lambda i: pd.Series([1, 2], name=i),
    "level": lambda i: pd.MultiIndex.from_tuples([(1, "x"), (1, i)]),
    "category": lambda i: pd.Categorical(["x", "y"], ordered=i == 1),
    "time": lambda i: pd.Timestamp(2020, 1, i),
    "times": lambda i: pd.date_range(f"2020-01-0{i}", periods=2, tz="Europe/Vienna"),
    "missing": lambda i: pd.array([1, None if i == 1 else 2], dtype="Int64"),
    "tuple with names": lambda i: Pair(1, i),
    "deque": lambda i: deque([i]),
    "dictionary": lambda i: defaultdict(list, {1: [i]}),
    "order": lambda i: OrderedDict([(i, 0), (3 - i, 0)]),
    "date": lambda i: date(2020, 1, i),
    "decimal": lambda i: Decimal(i),
    "path": lambda i: Path(f"x{i}"),
    "namespace": lambda i: types.SimpleNamespace(a=i),
    "own": lambda i: Own(a=[i]),
    "own, within": lambda i: [Own(a=Own(b=i))],
    "range": lambda i: range(i),
    "digits": lambda i: 10**9000 + i,
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_looked_into(name: str) -> None:
    make = DIFFERENT[name]
    assert fingerprint(make(1)) == fingerprint(make(1)) != ""
    assert fingerprint(make(1)) != fingerprint(make(2))


def test_a_cycle_ends() -> None:
    values: list[object] = [1]
    values.append(values)
    other: list[object] = [1]
    other.append(other)
    assert fingerprint(values) == fingerprint(other) != ""


def test_what_is_closed_has_no_fingerprint() -> None:
    closed = (
        io.StringIO("x"),
        (i for i in "ab"),
        object(),
        Own(),
        globals(),
    )
    assert [fingerprint(value) for value in closed] == [""] * len(closed)
    assert fingerprint([1, io.StringIO("x")]) == fingerprint([1, io.StringIO("y")]) != ""


def made(source: str) -> object:
    """What a cell binds to `f`."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(source, names)
    return names["f"]


def test_functions_and_classes_are_their_code() -> None:
    one = "def f(a, b=2):\n    'Text'\n    return g(a, b, [x + 1 for x in c])"
    same = "\n\ndef f_1(a, b=2):\n    'Text'\n    return g_2(a, b, [x + 1 for x in c_3])\nf = f_1"
    assert fingerprint(made(one)) == fingerprint(made(same)) != ""
    for old, new in (("b=2", "b=3"), ("+ 1", "+ 2"), ("'Text'", "'Txt'"), ("(a, b, [", "(b, a, [")):
        assert fingerprint(made(one.replace(old, new))) != fingerprint(made(one))
    one = "class f:\n    n = 1\n    @staticmethod\n    def m(x): return x * 2"
    same = one.replace("f:", "g:") + "\nf = g"
    assert fingerprint(made(one)) == fingerprint(made(same)) != ""
    for old, new in (("n = 1", "n = 2"), ("* 2", "* 3"), ("(x)", "(x, y)")):
        assert fingerprint(made(one.replace(old, new))) != fingerprint(made(one))


def test_what_is_imported_is_its_name() -> None:
    imported = (np, pd, len, fingerprint, Pair)
    assert len({fingerprint(each) for each in imported}) == len(imported)
    assert all(fingerprint(each).startswith("code:") for each in imported)


def test_settings_that_differ_between_jupyter_and_marimo_are_closed() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    assert fingerprint(matplotlib.rcParams) == fingerprint(matplotlib.rcParams.copy()) == ""


def test_what_is_too_large_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MOST_INSIDE", 10_000)
    large = (np.zeros(2000), [0] * 2000, "x" * 20_000, [np.zeros(2000)])
    assert [fingerprint(value) for value in large] == ["?"] * len(large)
    assert len(fingerprint([0] * 100)) == 32
    monkeypatch.setattr(worker, "MOST_IN_ALL", 10_000)
    told = describe_names({"a": [0] * 150, "b": [0] * 150, "c": 1}, {})
    assert [fingerprint != "?" for fingerprint, _ in told.values()] == [True, False, False]


def test_a_value_in_words() -> None:
    assert describe_kind(3) == "3"
    assert describe_kind(10**9000) == "int"
    assert describe_kind("x" * 100) == "'" + "x" * 56 + "..."
    assert describe_kind([1, {"a": (2.5, None)}]) == "[1, {'a': (2.5, None)}]"
    assert describe_kind([1, 2] * 15) == "list of 30"
    assert describe_kind([np.float64(1)]) == "list of 1"
    loop: list[object] = []
    loop.append(loop)
    assert describe_kind(loop) == "list of 1"
    assert describe_kind(np.zeros((2, 3))) == "ndarray of shape (2, 3)"


def test_names_are_those_that_the_notebook_bound() -> None:
    before: dict[str, Any] = {"In": [], "x": 1}
    after = {**before, "x": 2, "y": 3, "_": 4, "_i1": "", "_cell_3_z": 5, "__doc__": None}
    assert {name: words for name, (_, words) in describe_names(after, before).items()} == {
        "x": "2",
        "y": "3",
        "_cell_3_z": "5",
    }


# --- which name stands for which ---------------------------------------------------------------


def run(**values: object) -> Trace:
    found = {name: Value(fingerprint(value), str(value)) for name, value in values.items()}
    return Trace("linear", (), Ending("finished"), values=found)


def job(*defs: str) -> Job:
    cells = tuple(JobCell(index, "", defs=tuple(d.split())) for index, d in enumerate(defs))
    return Job("linear", "nb.ipynb", ".", cells)


def judged(
    groups: list[Group], original: Job, reactive: Job, renamed: dict[str, str], *traces: Trace
) -> dict[tuple[int, ...], tuple[int, list[str]]]:
    """Of each group: how many values are the same, and which are not."""
    endings = read_endings(groups, original, reactive, renamed)
    found = compare_values(endings, traces[:-1], traces[-1])
    return {g.parts: (v.same + v.code, [item.what for item in v.items]) for g, v in found.items()}


EACH = [Group((i,), (i,)) for i in range(3)]
X = {"x_1": "x", "x_2": "x", "_x": "x"}


def test_the_last_version_of_a_name_counts() -> None:
    original, reactive = job("x", "y", "x"), job("x_1", "y", "x")
    end = run(x=3, y=2)
    good = run(x_1=1, y=2, x=3)
    assert judged(EACH, original, reactive, X, end, end, good) == {(1,): (1, []), (2,): (1, [])}
    bad = run(x_1=3, y=2, x=1)
    assert judged(EACH, original, reactive, X, end, end, bad)[2,] == (0, ["value of `x`"])


def test_a_name_of_a_cell_alone_counts() -> None:
    original, reactive = job("x", "x", ""), job("", "", "")
    good, bad = run(_cell_0_x=1, _cell_1_x=2), run(_cell_0_x=2, _cell_1_x=1)
    end = run(x=2)
    assert judged(EACH, original, reactive, X, end, good) == {(1,): (1, [])}
    assert judged(EACH, original, reactive, X, end, bad) == {(1,): (0, ["value of `x`"])}


def test_cells_that_were_merged_count_as_one() -> None:
    groups = [Group((0, 2), (0,)), Group((1,), (1,))]
    original, reactive = job("x", "x", "y"), job("x_1 y", "x")
    end = run(x=2, y=3)
    good = run(x_1=1, x=2, y=3)
    assert judged(groups, original, reactive, X, end, good) == {(1,): (1, []), (0,): (1, [])}


def test_what_cannot_be_told_is_not_compared() -> None:
    original = reactive = job("x", "f", "x_1")
    here = run(x=1, f=len)
    assert judged(EACH, original, reactive, {}, here, run(x=2, f=len), run(x=1)) == {}  # it varies
    assert judged(EACH, original, reactive, {}, here, run(x=1, f=print)) == {(0,): (1, [])}
    twice = job("x x_1", "", "")
    assert judged(EACH, job("x", "", ""), twice, X, run(x=1), run(x=2, x_1=3)) == {}
    large = replace(here, values={"x": Value("?", "list of 9"), "f": here.values["f"]})
    assert judged(EACH, original, reactive, {}, here, large) == {(1,): (1, [])}
    assert judged(EACH, original, reactive, {}, large, here) == {(1,): (1, [])}
    stopped = Trace("linear", (), Ending("error", 1), values=here.values)
    assert judged(EACH, original, reactive, {}, stopped, run(x=2)) == {}


def test_a_star_import_may_bind_anything() -> None:
    cells = (*job("x", "", "y").cells[:1], JobCell(1, "", hides=True), JobCell(2, "", defs=("y",)))
    original = Job("linear", "nb.ipynb", ".", cells)
    here = run(x=1, y=2, z=3)
    assert judged(EACH, original, job("x", "", "y"), {}, here, run(x=5, y=2)) == {(2,): (1, [])}
    assert judged(EACH, original, job("x", "", "y"), {}, here, run(y=3))[2,][1] == ["value of `y`"]
    assert judged(EACH, original, job("x", "", "y"), {}, here, here)[0,] == (1, [])


def test_a_name_that_nothing_stands_for_is_missing() -> None:
    here, there = run(x=1, y=2), run(y=2)
    found = judged(EACH, job("x y", "", ""), job("", "y", ""), {}, here, there)
    assert found == {(0,): (0, ["value of `x`"]), (1,): (1, [])}
    assert judged(EACH, job("x y", "", ""), job("", "y", ""), {}, run(x=len, y=2), there) == {
        (1,): (1, [])
    }


def test_code_that_differs_is_not_compared() -> None:
    def code(**sources: str) -> Trace:
        return run(**{name: made(f"def f(): return {source}") for name, source in sources.items()})

    original = reactive = job("f g", "", "")
    here, there = code(f="1", g="2"), code(f="1", g="3")
    assert judged(EACH, original, reactive, {}, here, there) == {(0,): (1, [])}
    assert judged(EACH, original, reactive, {}, here, run(f=1, g=2))[0,][1] == [
        "value of `f`",
        "value of `g`",
    ]


def test_a_value_that_became_closed_differs() -> None:
    original = reactive = job("x", "", "")
    assert judged(EACH, original, reactive, {}, run(x=1), run(x=len))[0,][0] == 0
