"""NB115: an output of an earlier run of its cell."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.saved_counts import read_counts


def check(program: Program) -> Iterator[Finding]:
    """Report outputs that carry another count than their cell."""
    if not program.once(read_counts):
        return  # some program saves no counts of cells at all
    for cell in program.cells:
        count = cell.cell.execution_count or None
        for output in cell.cell.outputs:
            shown = output.execution_count
            if output.kind != "execute_result" or shown is None or shown == count:
                continue
            now = "has no count" if count is None else f"is [{count}]"
            message = f"the saved output is of run [{shown}], and the cell {now}: run it again"
            yield RULE.finding(message, cell.whole)
            break


def _document(count: int | None, output_count: int | None) -> dict[str, object]:
    """A cell with such counts, and one that was run."""
    output = {
        "output_type": "execute_result",
        "execution_count": output_count,
        "metadata": {},
        "data": {"text/plain": "1"},
    }
    cell = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": [output]}
    run: dict[str, object] = {"outputs": [], "execution_count": 9}
    cells = [cell | {"execution_count": count}, cell | run]
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}


RULE = Rule(
    code="NB115",
    name="stale-output",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="the saved output is of run [{shown}], and the cell is [{count}]",
    why="The file was edited or merged outside of Jupyter: what it shows is not of this code.",
    instead="Restart the kernel, run all cells, and save.",
    valid=(
        Example(document=_document(3, 3)),
        Example(document=_document(3, None), note="Some tools save outputs without a count."),
    ),
    invalid=(
        Example(document=_document(3, 2), found=("1:1:1",)),
        Example(document=_document(None, 2), found=("1:1:1",)),
    ),
    check=check,
    measured="20 of 20 findings right; 20 findings in 774 public notebooks",
)
