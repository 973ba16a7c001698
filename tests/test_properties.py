"""Whatever plain notebook is drawn: its conversion prints, shows and leaves the same."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from executor import Rename, find_differences, lost_names, run_linear, run_reactive
from hypothesis import assume, given, settings
from strategies import Written, notebooks

from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion
from nbtools.formats.reactive import read_reactive, write_reactive


def notebook_bytes(cells: Sequence[str]) -> bytes:
    """The cells as an `.ipynb`."""
    code: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(cells)
    ]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def convert(cells: Sequence[str]) -> Conversion:
    return convert_source(notebook_bytes(cells))


def find_renames(conversion: Conversion) -> list[Rename]:
    return [
        Rename(each.cell, each.name, each.new_name)
        for each in conversion.edits
        if each.name and each.new_name
    ]


@given(notebooks())
@settings(max_examples=100)
def test_what_is_drawn_runs(notebook: Written) -> None:
    assert run_linear(notebook.cells).errors == ()


@given(notebooks())
@settings(max_examples=300)
def test_the_reactive_notebook_does_what_the_linear_one_does(notebook: Written) -> None:
    linear = run_linear(notebook.cells)
    assume(not linear.errors)
    conversion = convert(notebook.cells)
    reactive = run_reactive(conversion.text)
    renames = find_renames(conversion)
    assert find_differences(linear, reactive, renames) == [], conversion.text
    assert lost_names(linear, reactive, renames) == set(), conversion.text


# Each was drawn once, and came out wrong.
DRAWN: dict[str, tuple[str, ...]] = {
    "an entry copy of what may be unbound": (
        "match [3, 4]:\n    case [0, y]:\n        xs = 1\n    case [y, *_]:\n        pass",
        "while y > 0:\n    y -= 1\n    xs = [1]\nys = xs[:1]",
    ),
    "a value above a dropped `del`": ("x = 1", "1\ndel x"),
    "a value above a dropped import": ("import math", "1\nimport math"),
    "a builtin again behind a `del`": (
        "max = 4\nprint(i := 1)\nprint(y := 1)",
        "del max",
        "y = max(i, 2)",
        "def f(a):\n    global y",
    ),
    "a merge past a definition that reads a deleted name": (
        "for x in range(1):\n    def h(a):\n        global y\ni = x",
        "def g(a, *, x=i): pass",
        "del i\nimport contextlib\nwith contextlib.nullcontext() as y: pass",
    ),
    "a merge past a default that a builtin would fill": (
        "class K:\n    def m(self, a): return y\nk = K()\nmax = 0",
        "def g(a, *, x=max): return 1 + x",
        "y = max",
        "class K:\n    base = g(2)",
    ),
    "a merge that takes up a block with effects": (
        "def f(a):\n    global fresh\nprint(f(*[2]))\nf = f",
        "print()\ndef g(a):\n    global fresh",
    ),
    "two functions of one name, merged": (
        "n = 6",
        "def f(a): pass\nwhile n > 0:\n    n -= 1\n    f(0)\n    print(y := 1)",
        "def f(a):\n    global y\n    y += 1",
    ),
    "what is waited for is calm": (
        "d = {'a': 2}",
        "class K:\n    base = d.get('a')\n    def m(self, a): return x\nk = K()",
        "d |= {'a': 6}",
        "x = 1",
        "k.base += 1",
    ),
    "a constant is shown": ("f = lambda a: 1 + sum(xs)\n7", "xs = 1\n1"),
    "a function that is called in its own default": (
        "if 0:\n    def f(a, *, b=f()): return x + y\ne = dict()",
        "x_1 = e.get(1)",
        "x_1\ndef g(a):\n    global y\n    y = 1",
    ),
    "a del that does not happen": ("x = 1\nc = False", "if c:\n    del x", "print(x)"),
    "a loop over nothing": ("i = 5", "for i in dict(): pass", "print(i)"),
    "a name that holds code twice in one statement": (
        "if 1:\n    f = lambda a: sum(xs)\n    def f(a): return a + 1",
        "xs = [0]\nf = f",
    ),
}


@pytest.mark.parametrize("cells", DRAWN.values(), ids=DRAWN)
def test_what_was_once_wrong(cells: tuple[str, ...]) -> None:
    linear = run_linear(cells)
    assert linear.errors == ()
    conversion = convert(cells)
    reactive, renames = run_reactive(conversion.text), find_renames(conversion)
    assert find_differences(linear, reactive, renames) == [], conversion.text
    assert lost_names(linear, reactive, renames) == set(), conversion.text


@given(notebooks())
@settings(max_examples=60)
def test_the_text_is_canonical_and_the_same_each_time(notebook: Written) -> None:
    text = convert(notebook.cells).text
    compile(text, "converted.py", "exec", dont_inherit=True)
    assert convert(notebook.cells).text == text
    assert write_reactive(read_reactive(text)) == text


@given(notebooks())
@settings(max_examples=60)
def test_a_cell_without_an_edit_is_byte_identical(notebook: Written) -> None:
    conversion = convert(notebook.cells)
    edited = {each.cell for each in conversion.edits}
    kept = [cell.source for cell in read_reactive(conversion.text).cells]
    untouched = [cell for number, cell in enumerate(notebook.cells) if number not in edited]
    assert [cell for cell in untouched if cell not in kept] == [], conversion.text


@given(notebooks())
@settings(max_examples=100)
def test_the_order_of_unlinked_cells_does_not_matter(notebook: Written) -> None:
    """Where nothing is changed in place, the graph alone says what must run before what."""
    if notebook.mutates:
        return
    text = convert(notebook.cells).text
    forwards, backwards = run_reactive(text), run_reactive(text, "reverse")
    cells = sorted(backwards.cells, key=lambda cell: cell.position)
    assert sorted(forwards.cells, key=lambda cell: cell.position) == cells, text
