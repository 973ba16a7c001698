"""ast_node_interactivity: the converted notebook shows what IPython shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebooks import code_cells, convert, run_converted, run_in_ipython
from worker import Worker

from nbtools.analysis.statements import read_statements
from nbtools.convert.conversion import convert_source
from nbtools.convert.interactivity import apply_interactivity
from nbtools.convert.log import Log
from nbtools.convert.scripts import read_scripts
from nbtools.formats.ipynb import read_notebook


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def setting(mode: str) -> str:
    return f"%config InteractiveShell.ast_node_interactivity = '{mode}'"


ALL: dict[str, list[str]] = {
    "it holds from the next cell on": ["1\n2", setting("all") + "\n3\n4", "5\n6"],
    "by an assignment": [
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.ast_node_interactivity = 'all'\n1\n2",
        "3\n4",
    ],
    "statements between": [setting("all"), "x = 1\nx\ny = x + 1\ny\nz = y", "z"],
    "a value above a statement": [setting("all"), "1\nx = 2"],
    "one value": [setting("all"), "x = 1\nx"],
    "None is not shown": [setting("all"), "None\nprint(1)\n[].append(2)\n3"],
    "a call that gives None": [setting("all"), "def f():\n    pass\nf()\n3"],
    "in one line": [setting("all"), "1; 2; x = 3; x"],
    "a semicolon in the middle": [setting("all"), "1;\n2 ;  # two; three\n3"],
    "a semicolon at the end hides all": [setting("all"), "1\n2\n3;", "4;"],
    "a tuple and a string": [setting("all"), "1, 2\n'''a\nb'''\n(\n3\n)"],
    "in a loop": [setting("all"), "for i in range(2):\n    i\n    print(i)\ni"],
    "tuples in a loop": [setting("all"), "for i in 'é', 'b':\n    i, 1; i\n"],
    "in branches": [
        setting("all"),
        "if 1:\n    'a'\nelse:\n    'b'",
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    'c'\nelse:\n    'd'\nfinally:\n    'e'",
        "with open(__import__('os').devnull) as f:\n    'f'\nwhile True:\n    'g'\n    break",
    ],
    "None in a loop": [setting("all"), "def f(x):\n    pass\nfor i in range(2):\n    f(i)\n    i"],
    "not in definitions": [setting("all"), "def f():\n    1\nclass C:\n    2\nf()"],
    "a name bound twice": [setting("all"), "x = 1\nx\nx = 2\nx\nx += 1\nx", "x"],
    "printed in between": [setting("all"), "print(1)\n2\nprint(3)\n4"],
    "a function under two values": [
        setting("all"),
        "k = 1\ndef f():\n    return k\nf()\nk = 2\nf()",
        "k = 3\nf()",
    ],
    "history": [setting("all"), "1\n2\n3", "_, __, _2, Out[2]", "4\n_ + 1"],
    "back to the default": [setting("all"), setting("last_expr"), "1\n2"],
}
OTHERS: dict[str, list[str]] = {
    "an assignment": [setting("last_expr_or_assign"), "x = 1", "x + 1", "1\n2"],
    "annotated, augmented": [setting("last_expr_or_assign"), "x: int = 1", "x += 2", "x"],
    "targets of other kinds": [
        setting("last_expr_or_assign"),
        "a, b = 1, 2",
        "a = b = 3",
        "xs = [1]",
        "xs[0] = 2",
        "import os",
    ],
    "a hidden assignment": [setting("last_expr_or_assign"), "x = 1;", "y = 2;  # hidden", "x"],
    "assigned None": [setting("last_expr_or_assign"), "x = None", "x"],
    "comments behind": [setting("last_expr_or_assign"), "x = 1  # a;\n# b\n\n"],
    "an assigned name in the history": [setting("last_expr_or_assign"), "x = 1", "_ + 1"],
    "a renamed name": [setting("last_expr_or_assign"), "x = 1", "x = x + 1", "x"],
    "nothing": [setting("none"), "1", "x = 2\nx  # comment", "print(3)", setting("all"), "4\n5"],
    "the last statement": [setting("last"), "1\nfor i in range(2):\n    i", "3\n4", "if 1:\n    5"],
}


@pytest.mark.parametrize("cells", [*ALL.values(), *OTHERS.values()], ids=[*ALL, *OTHERS])
def test_the_same_is_shown_as_in_ipython(cells: list[str], worker: Worker, tmp_path: Path) -> None:
    before = run_in_ipython(worker, tmp_path, cells)
    after = run_converted(*cells)
    assert (after.shown, after.stdout, after.errors) == (before.shown, before.stdout, before.errors)


TEXTS: dict[str, tuple[list[str], list[str]]] = {
    "each value ends a cell of its own": (
        [setting("all"), "# one\nx = 1  # first\nx  # shown\n\n# two\ny = 2\ny\n# end"],
        ["x = 1  # first\nx  # shown", "y = 2\ny\n# end"],
    ),
    "no part that shows nothing": (
        [setting("all"), "x = []\nx.append(1)\nprint(x)\nx\ny = 1"],
        ["x = []\nx.append(1)\nprint(x)\nx", "y = 1"],
    ),
    "the name of what is assigned": (
        [setting("last_expr_or_assign"), "x = 1  # one\n# end"],
        ["x = 1  # one\n# end\nx"],
    ),
    "a semicolon": ([setting("none"), "x = (1)  # one\n(x) # two"], ["x = (1)  # one\n(x); # two"]),
    "a setting that IPython does not know": ([setting("some"), "1\n2"], ["1\n2"]),
}


@pytest.mark.parametrize(("cells", "expected"), TEXTS.values(), ids=TEXTS)
def test_the_converted_cells_are(cells: list[str], expected: list[str]) -> None:
    found = [each for each in code_cells(convert(*cells).text) if not each.startswith("# %config")]
    assert [each for each in found if each] == expected


def test_statements_that_draw_one_figure_stay_together() -> None:
    cells = [
        setting("all"),
        "import matplotlib.pyplot as plt",
        "fig, ax = plt.subplots()",
        "1 + 1\nplt.figure()\nplt.plot([1])\nax.set_title('a')\nplt.show()",
    ]
    conversion = convert(*cells)
    (drawing,) = [each for each in code_cells(conversion.text) if "set_title" in each]
    assert "show_value(1 + 1)\nplt.figure()\nplt.plot([1])\nax.set_title('a')" in drawing
    (warning,) = conversion.warnings
    assert (warning.cell, warning.line) == (3, 2)
    assert "plotting calls" in warning.message


@pytest.mark.parametrize("mode", ["all", "last_expr_or_assign"])
def test_a_cell_magic_is_one_call(mode: str, worker: Worker, tmp_path: Path) -> None:
    cells = [setting(mode), "%%time\n1\n2", "%%time\n3\nx = 4", "%time y = 5", "x, y"]
    before = run_in_ipython(worker, tmp_path, cells)
    assert run_converted(*cells).shown == before.shown == ("2", "(4, 5)")


def test_a_cell_that_may_stop_is_not_parted() -> None:
    cells = [setting("all"), "'a'\n1 / 0\n'b'", "'c'"]
    tags = [(), ("raises-exception",)]
    assert run_converted(*cells, tags=tags).shown == ("'a'", "'c'")


def test_a_merge_of_parts_names_the_cell_once() -> None:
    cells = [
        setting("all"),
        "def f():\n    global n\n    n += 1\n    return n\nn = 0\nf()\nf()\nn = 5\nf()",
    ]
    reasons = [edit.reason for edit in convert(*cells).edits if edit.kind == "merge"]
    assert all("cells 2, 2" not in reason for reason in reasons)


STATEMENTS = st.sampled_from(
    ["x = 1", "x", "1;", "print(x)", "x; 2", "y = x; y", "for i in 'ab':\n    i", "# note", ""]
)


@given(st.lists(STATEMENTS, max_size=8))
def test_parts_have_all_statements_and_lines_in_order(statements: list[str]) -> None:
    from notebooks import make_notebook

    notebook = read_notebook(make_notebook([setting("all"), "\n".join(statements)]))
    log = Log()
    before = read_scripts(notebook, log)
    after = apply_interactivity(before, notebook, log)[1:]
    count = sum(len(script.statements) for script in after)
    assert count == len(before[1].statements)
    for script in after:
        assert script.statements == read_statements(script.source)
        assert len(script.lines) == len(script.text_lines())
    lines = [script.lines for script in after]
    assert [line for each in lines for line in each] == sorted(x for each in lines for x in each)


def test_a_notebook_without_the_setting_stays() -> None:
    text = convert_source(b'{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[]}').text
    assert "show_value" not in text
