"""IPython's history: the same values as IPython has, and the names they get."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from executor import run_linear
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from notebooks import code_cells, convert, make_notebook, run_converted, run_in_ipython
from worker import Worker

from nbtools.convert.conversion import convert_source


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


SAME_AS_IPYTHON: dict[str, list[str]] = {
    "the last value": ["6 * 7", "_ + 1"],
    "three values back": ["1", "2", "3", "(_, __, ___)"],
    "a chain of reads": ["1", "_ + 1", "_ + 1", "_, _2, Out[3]"],
    "numbers": ["10", "20", "_1 + _2 + Out[1] + _oh[2]"],
    "blank cells have no number": ["10", "", "20", "_1, _2"],
    "comments have one": ["10", "# only a comment", "20", "_1, _3"],
    "nothing shown is nothing kept": ["1", "x = 2", "None", "3;", "print(4)", "_"],
    "a statement is nothing shown": ["1", "if True:\n    2", "_"],
    "in-place methods give None": ["1", "xs = [3]\nxs.append(4)", "_", "xs.sort()", "_"],
    "a semicolon and a comment": ["1", "2;  # hidden", "_"],
    "a comment behind the value": ["1  # one;\n# end", "_"],
    "several statements in a line": ["a = 1; a + 1", "_; a = _", "a"],
    "read twice in one cell": ["5", "print(_)\n_ * _"],
    "in an f-string": ["5", 'f"{_} {_!r} {Out[1]:>4}"'],
    "in a comprehension": ["[1, 2]", "[x + len(_) for x in _]"],
    "as a local name": ["5", "[_ for _ in range(3)]", "(lambda _: _)(1) + 1"],
    "in a function": ["def f():\n    return _, Out[2]", "11", "f()"],
    "in a lambda that runs at once": ["2", "list(map(lambda x: x * _, [1, 2]))"],
    "assigned": ["[3, 1]", "kept = _\nkept.sort()", "kept"],
    "bound from itself": ["1", "_ = _ + 1", "_"],
    "bound by a loop": ["5", "for _ in range(3):\n    pass", "_", "7", "_"],
    "bound by a tuple": ["5", "a, _ = 1, 2", "9", "_, a"],
    "bound: the others stay": ["0", "1", "2", "_ = 3", "4", "_, __, ___, _2, _5"],
    "bound and deleted": ["1", "_ = 3", "del _", "4", "_"],
    "deleted": ["1", "x = 2\ndel _, x", "_1", "del _1; 3", "_"],
    "throw-away in a cell before the read": ["a, _b = 1, 2", "3", "_ + a"],
    "the value is an alias": ["xs = [1]\nxs", "_.append(2)", "xs"],
    "a renamed name": ["x = 1\nx", "x = 2", "_ + x"],
    "text of cells": ["x = 1", "In[1], _ih[1], _i1, _i, In[-2]"],
    "text of this cell": ["In[-1], In[1]"],
    "text of more cells": ["'a'", "'b'", "'c'", "_i, _ii, _iii"],
    "text with lines and quotes": ['x = """a\n\'b"""  # c\ny = 1', "In[1]"],
    "text without the indent": ["\n    x = 1\n    y = 2", "In[1], _i1"],
    "a shown name in a later merge": [
        "k = 1\ndef f():\n    return k",
        "f()",
        "k = _ + 1\nf()",
        "_, f()",
    ],
}


@pytest.mark.parametrize("cells", SAME_AS_IPYTHON.values(), ids=SAME_AS_IPYTHON)
def test_the_same_is_shown_as_in_ipython(cells: list[str], worker: Worker, tmp_path: Path) -> None:
    before = run_in_ipython(worker, tmp_path, cells)
    after = run_converted(*cells)
    assert (after.shown, after.stdout, after.errors) == (before.shown, before.stdout, before.errors)


TEXTS: dict[str, tuple[list[str], list[str]]] = {
    "the value keeps its place and comments": (
        ["# above\na = 1\n# here\na + 1  # beside\n# below", "_"],
        ["a = 1\n# here\nout_1 = a + 1  # beside\n# below\nout_1", "out_1"],
    ),
    "only values that are read are named": (["1", "2", "_"], ["1", "out_2 = 2\nout_2", "out_2"]),
    "a name of the notebook is not taken": (
        ["out_1 = 3\n4", "_ + out_1"],
        ["out_1 = 3\nout_1_ = 4\nout_1_", "out_1_ + out_1"],
    ),
    "no history, no change": (["1", "_x = 2\n[_ for _ in [1]]"], ["1", "_x = 2\n[_ for _ in [1]]"]),
    "a notebook's own In and Out": (
        ["In = [1]\nOut = {1: 2}", "In[0], Out[1]"],
        ["In = [1]\nOut = {1: 2}", "In[0], Out[1]"],
    ),
    "gettext": (
        ["import gettext\ngettext.install('a')", "1", "_('text')"],
        ["import gettext\ngettext.install('a')", "1", "_('text')"],
    ),
}


@pytest.mark.parametrize(("cells", "expected"), TEXTS.values(), ids=TEXTS)
def test_the_converted_cells_are(cells: list[str], expected: list[str]) -> None:
    assert list(code_cells(convert(*cells).text)) == expected


WARNINGS: dict[str, tuple[list[str], int, str]] = {
    "a number that shows nothing": (["x = 1", "_1"], 2, "`_1` cannot be told"),
    "a number of no cell": (["1", "Out[7]"], 2, "`Out[7]` cannot be told"),
    "its own number": (["1", "_2"], 2, "`_2` cannot be told"),
    "the whole list": (["1", "len(Out)"], 2, "`Out` cannot be told"),
    "a number that is computed": (["1", "n = 1\nOut[n]"], 2, "`Out` cannot be told"),
    "text of a magic": (["%alias_magic a b", "In[1]"], 2, "`In[1]` cannot be told"),
    "a call that may give None": (["def f():\n    pass", "f()", "_"], 3, "must not be None"),
    "a loop that reads and binds": (["[1]", "for _ in _:\n    print(_)"], 2, "bound here too"),
    "an augmented assignment": (["1", "_ += 1"], 2, "bound here too"),
    "a function under two values": (
        ["def f():\n    return _", "1", "x = f()", "2", "x = f()"],
        1,
        "`_` cannot be told",
    ),
    "nothing shown before": (["x = _", "x"], 1, "no cell above"),
}


@pytest.mark.parametrize(("cells", "cell", "words"), WARNINGS.values(), ids=WARNINGS)
def test_what_cannot_be_told_is_a_warning(cells: list[str], cell: int, words: str) -> None:
    warnings = convert(*cells).warnings
    assert [w.cell + 1 for w in warnings if words in w.message] == [cell]


def test_what_is_told_gives_no_warning() -> None:
    for cells in SAME_AS_IPYTHON.values():
        messages = [warning.message for warning in convert(*cells).warnings]
        assert not [each for each in messages if "must not be None" not in each]


def saved(*cells: tuple[str, int, list[str]]) -> bytes:
    """A notebook whose cells have an execution count and saved outputs of these kinds."""
    import json

    data = json.loads(make_notebook([source for source, _, _ in cells]))
    for cell, (_, count, kinds) in zip(data["cells"], cells, strict=True):
        cell["execution_count"] = count
        bundle = {"data": {"text/plain": "x"}, "metadata": {}, "execution_count": count}
        stream = {"output_type": "stream", "name": "stdout", "text": "x"}
        error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
        made = {"stream": stream, "error": error}
        cell["outputs"] = [made.get(kind, {"output_type": kind, **bundle}) for kind in kinds]
        for output in cell["outputs"]:
            if output["output_type"] == "display_data":
                del output["execution_count"]
    return json.dumps(data).encode()


def find_names(data: bytes) -> list[str]:
    return re.findall(r"out_\d+", convert_source(data).text)[-1:]


OUTPUTS: dict[str, tuple[list[str], str]] = {
    "a result": (["execute_result"], "out_2"),
    "a result and a figure": (["display_data", "execute_result"], "out_2"),
    "no result": ([], "out_1"),
    "only print": (["stream"], "out_1"),
    "an error": (["error"], "out_1"),
}


@pytest.mark.parametrize(("kinds", "name"), OUTPUTS.values(), ids=OUTPUTS)
def test_saved_outputs_tell_whether_a_call_gave_a_value(kinds: list[str], name: str) -> None:
    data = saved(("1", 1, ["execute_result"]), ("abs(2)", 2, kinds), ("_", 3, []))
    assert find_names(data) == [name]
    assert not convert_source(data).warnings


def test_an_output_that_may_be_a_value_is_a_warning() -> None:
    data = saved(("1", 1, ["execute_result"]), ("f()", 2, ["display_data"]), ("_", 3, []))
    assert find_names(data) == ["out_2"]
    assert "must not be None" in convert_source(data).warnings[0].message


def test_a_magic_that_became_a_comment_may_have_had_a_value() -> None:
    data = saved(("1", 1, ["execute_result"]), ("%recall", 2, ["execute_result"]), ("_", 3, []))
    conversion = convert_source(data)
    assert "out_" not in conversion.text
    assert [w.cell for w in conversion.warnings if "`_` cannot be told" in w.message] == [2]


def test_a_magic_that_ipython_runs_has_a_value() -> None:
    data = saved(("1", 1, ["execute_result"]), ("%%csv\na,b", 2, ["execute_result"]), ("_", 3, []))
    conversion = convert_source(data)
    assert 'out_2 = run_magic("csv", ""' in conversion.text
    assert not any("`_` cannot be told" in w.message for w in conversion.warnings)


def test_a_number_from_when_it_was_saved_is_a_hint() -> None:
    data = saved(("5", 12, ["execute_result"]), ("_12", 13, ["execute_result"]))
    (warning,) = convert_source(data).warnings
    assert warning.cell == 1
    assert "when it was saved: cell 1" in warning.message


def test_numbers_follow_the_order_in_which_the_cells_run() -> None:
    data = saved(("_1 + y", 2, []), ("y = 3\n7", 1, ["execute_result"]))
    assert "out_1 = 7" in convert_source(data).text


def test_a_skipped_cell_has_no_number_and_no_value() -> None:
    cells, tags = ["1", "2", "_, _1"], [(), ("skip-execution",)]
    assert run_converted(*cells, tags=tags).shown[-1] == "(1, 1)"


READS = st.sampled_from(["_", "_ + 1", "(_, __)", "Out[1]", "_2", "_1 + Out[3]", "_i", "In[2]"])
OTHERS = st.sampled_from(
    ["x = 1", "x", "x + 1", "print(x)", "4;", "", "# note", "None", "[_ for _ in 'ab']", "x = _"]
)
BINDINGS = st.sampled_from(["for _ in [8]:\n    x = 2", "_ = 6", "a, __ = 1, 2", "del _"])


@settings(max_examples=60)
@given(
    st.lists(READS | OTHERS, max_size=6),
    st.lists(READS | OTHERS | BINDINGS, max_size=4),
    st.lists(READS | OTHERS, max_size=3),
)
def test_any_notebook_shows_what_it_showed(
    first: list[str], second: list[str], third: list[str]
) -> None:
    cells = ["x = 10\nx", "20", "30", *first, *second, *third]
    before = run_linear(cells, allow_errors=True)
    assume(not before.errors)  # what runs after `"text" + 1` is another matter
    assert run_converted(*cells).shown == before.shown
