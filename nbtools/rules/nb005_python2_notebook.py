"""NB005: a notebook for Python 2."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.formats.ipynb import find_python2
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.whole_file import span_of_file


def check(program: Program) -> Iterator[Finding]:
    """Report notebooks whose kernel is Python 2: an error where the code is Python 2, too."""
    notebook = program.notebook
    version = notebook.language_version
    place = find_python2(notebook)
    if place is not None:
        cell = next(each for each in program.cells if each.index == place.cell)
        message = f"kernel is Python {version or 2}, and so is this line: no current kernel runs it"
        yield RULE.finding(message, cell.line_span(place.line))
    elif version is not None and version.startswith("2"):
        message = f"kernel is Python {version}, the code is Python 3 too: choose a Python 3 kernel"
        yield RULE.finding(message, span_of_file(program), severity="warning")


def _document(source: str, version: str) -> dict[str, object]:
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    info = {"name": "python", "version": version}
    metadata = {"language_info": info}
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": [cell]}


RULE = Rule(
    code="NB005",
    name="python2-notebook",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="kernel is Python {version}",
    why=(
        "Python 2 ended in 2020, and no current Jupyter has a kernel for it. The first cell that "
        "holds Python 2 stops the notebook."
    ),
    instead="Port the cells with `2to3` or by hand, and choose a Python 3 kernel.",
    valid=(
        Example(document=_document("print(1)", "3.11.4")),
        Example(document=_document("print 1", "3.11.4"), note="That is a broken cell: NB002."),
    ),
    invalid=(
        Example(document=_document("x = 1\nprint x", "2.7.12"), found=("1:2:1",)),
        Example(
            document=_document("print(1)", "2.7.12"),
            found=("1:1:1",),
            note="A warning: only the metadata is old.",
        ),
    ),
    check=check,
    measured="20 of 20 sampled findings right; 61 findings in 774 public notebooks",
)
