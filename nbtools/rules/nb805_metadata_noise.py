"""NB805: metadata that changes with every session."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import DocumentEdit, Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, file_fix
from nbtools.rules.whole_file import list_words, span_of_cell, span_of_file

_ORDER = "Delete the metadata of one session"


def check(program: Program) -> Iterator[Finding]:
    """Report, once a notebook, what of its metadata and once what of its cells' is noise."""
    notebook = program.notebook
    if notebook.noise:
        message = f"metadata of one session is saved: {list_words(notebook.noise)}"
        edits = [DocumentEdit("delete", None, ("metadata", name)) for name in notebook.noise]
        yield RULE.finding(message, span_of_file(program), fix=file_fix(_ORDER, *edits))
    noisy = [cell for cell in notebook.cells if cell.noise]
    if noisy:
        names = sorted({name for cell in noisy for name in cell.noise})
        count = "1 cell has" if len(noisy) == 1 else f"{len(noisy)} cells have"
        message = f"{count} metadata of one session: {list_words(names)}"
        edits = [
            DocumentEdit("delete", cell.index, ("metadata", name))
            for cell in noisy
            for name in cell.noise
        ]
        yield RULE.finding(message, span_of_cell(noisy[0]), fix=file_fix(_ORDER, *edits))


def _document(metadata: dict[str, object], of_cell: dict[str, object]) -> dict[str, object]:
    cell = {"cell_type": "code", "metadata": of_cell, "source": "x = 1", "outputs": []}
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": [cell]}


RULE = Rule(
    code="NB805",
    name="metadata-noise",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="metadata of one session is saved: {names}",
    why="Times, widget states and editor settings differ with every run: diffs show nothing else.",
    instead="Strip it before you commit: `nbtools lint --select NB805 --fix`.",
    fix="safe",
    valid=(
        Example(document=_document({"title": "A"}, {"tags": ["a"], "collapsed": True})),
        Example(("x = 1",)),
    ),
    invalid=(
        Example(
            document=_document({"title": "A", "widgets": {}}, {"execution": {}, "tags": ["a"]}),
            found=("1:1:1", "1:1:1"),
            fixed_document=_document({"title": "A"}, {"tags": ["a"]}),
        ),
        Example(document=_document({"widgets": {}}, {}), found=("1:1:1",)),
        Example(document=_document({}, {"ExecuteTime": {"start_time": "x"}}), found=("1:1:1",)),
        Example(document=_document({"vscode": {}}, {"execution": {}}), found=("1:1:1", "1:1:1")),
    ),
    check=check,
)
