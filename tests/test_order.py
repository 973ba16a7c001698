"""In which order the cells of a notebook are taken to run."""

from __future__ import annotations

import re

import pytest

from nbtools.cells import Cell, CellKind, Notebook
from nbtools.convert.edits import Order
from nbtools.convert.log import Log
from nbtools.convert.order import running_order
from nbtools.convert.scripts import read_scripts

KINDS: dict[str, CellKind] = {"#": "markdown", "~": "raw"}


def order_of(*cells: str, order: Order = "auto") -> tuple[list[int], Log]:
    """`2: x = 1` is a code cell with an execution count, `#` begins a markdown cell, `~` a raw."""
    made = []
    for index, text in enumerate(cells):
        match = re.match(r"(\d+): ", text)
        source = text[match.end() :] if match else text
        count = int(match[1]) if match else None
        made.append(Cell(index, KINDS.get(text[0], "code"), source, execution_count=count))
    notebook, log = Notebook(tuple(made)), Log()
    return running_order(notebook, read_scripts(notebook, log), order, log), log


AUTO: dict[str, tuple[tuple[str, ...], list[int]]] = {
    "no cells": ((), []),
    "no counts": (("print(x)", "x = 1"), [0, 1]),
    "runs as it stands": (("2: x = 1", "1: print(x)"), [0, 1]),
    "runs only by counts": (("2: print(x)", "1: x = 1"), [1, 0]),
    "runs in neither order": (("1: print(x)", "2: x = 1"), [0, 1]),
    "counts leave no fewer": (("2: print(x)", "1: print(y)", "4: x = 1", "3: y = 1"), [0, 1, 2, 3]),
    "counts leave fewer": (("2: print(x, z)", "1: x = 1", "3: z = 1"), [1, 0, 2]),
    "nobody binds it": (("2: print(x)", "1: y = 1"), [0, 1]),
    "a builtin": (("2: print(max)", "1: max = 1"), [0, 1]),
    "the error is caught": (
        ("2: try: x\nexcept NameError: pass", "1: x = 1"),
        [0, 1],
    ),
    "a function is called too early": (("1: def f(): return x", "3: f()", "2: x = 1"), [0, 2, 1]),
    "a function is not called": (("2: def f(): return x", "1: x = 1"), [0, 1]),
    "text stays in front of its cell": (
        ("# a", "2: print(x)", "# b", "~ c", "1: x = 1", "# end"),
        [2, 3, 4, 0, 1, 5],
    ),
    "what did not run stays behind the cell before": (
        ("3: print(x)", "y = 1", "1: x = 1", "# a", "z = 1"),
        [2, 3, 4, 0, 1],
    ),
    "a first cell that did not run": (("y = 1", "2: print(x)", "1: x = 1"), [0, 2, 1]),
}


@pytest.mark.parametrize(("cells", "expected"), AUTO.values(), ids=AUTO)
def test_auto(cells: tuple[str, ...], expected: list[int]) -> None:
    assert order_of(*cells)[0] == expected


def test_document_order_is_kept_when_asked_for() -> None:
    assert order_of("2: print(x)", "1: x = 1", order="document")[0] == [0, 1]


def test_counts_are_obeyed_when_asked_for() -> None:
    assert order_of("2: y = 1", "1: x = 1", order="counts")[0] == [1, 0]


def test_cells_with_the_same_count_stay_in_order() -> None:
    assert order_of("2: y = 1", "1: x = 1", "2: z = 1", order="counts")[0] == [1, 0, 2]


def test_moved_cells_are_reported() -> None:
    _, log = order_of("3: print(x)", "1: x = 1", "4: y = 1")
    assert [(edit.kind, edit.cell) for edit in log.edits] == [("order", 1), ("order", 0)]
    assert "execution counts" in log.edits[0].reason


def test_nothing_is_reported_where_nothing_moved() -> None:
    assert order_of("1: x = 1", "2: print(x)")[1].edits == []
