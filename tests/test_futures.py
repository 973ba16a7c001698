"""Annotations behind `from __future__ import annotations` become strings."""

from __future__ import annotations

import pytest
from plans import make_scripts

from nbtools.convert.futures import quote_annotations
from nbtools.convert.log import Log

FUTURE = "from __future__ import annotations"


def quote(*cells: str) -> tuple[list[str], Log]:
    _, scripts = make_scripts(cells)
    log = Log()
    return [script.source for script in quote_annotations(scripts, log)], log


QUOTED = {
    "x: A = 1": "x: 'A' = 1",
    "x: A": "x: 'A'",
    "def f(a: A, *b: B) -> C: pass": "def f(a: 'A', *b: 'B') -> 'C': pass",
    "class C:\n    x: A\n    def m(a: B): pass": "class C:\n    x: 'A'\n    def m(a: 'B'): pass",
    "if a:\n    x: A = 1": "if a:\n    x: 'A' = 1",
    "x: 'A' = 1": "x: 'A' = 1",
    "x = 1": "x = 1",
}


@pytest.mark.parametrize(("source", "expected"), QUOTED.items())
def test_annotations_are_quoted(source: str, expected: str) -> None:
    found, _ = quote(FUTURE, source)
    assert found[1].replace('"', "'") == expected


def test_the_import_holds_for_its_own_cell_and_those_below() -> None:
    found, _ = quote("x: A", f"{FUTURE}\ny: A", "z: A")
    assert [cell.replace('"', "'") for cell in found] == ["x: A", f"{FUTURE}\ny: 'A'", "z: 'A'"]


def test_other_features_change_nothing() -> None:
    cells = ["from __future__ import division", "x: A"]
    found, log = quote(*cells)
    assert found == cells
    assert log.edits == []


def test_each_statement_is_reported() -> None:
    _, log = quote(FUTURE, "x = 1\ny: A\ndef f(a: B): pass")
    assert [(e.kind, e.cell, e.line, e.lines) for e in log.edits] == [
        ("replace", 1, 2, 1),
        ("replace", 1, 3, 1),
    ]
