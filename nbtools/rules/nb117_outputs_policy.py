"""NB117: outputs that the project wants in its files, or does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nbtools.cells import Cell
from nbtools.rules.finding import DocumentEdit, Finding, Fix
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, file_fix
from nbtools.rules.whole_file import holds_code, is_ipynb, span_of_file


def check(program: Program) -> Iterator[Finding]:
    """Report, once a notebook, outputs that are there, or runs that are not."""
    if not is_ipynb(program):
        return
    if program.outputs == "strip":
        kept = [c for c in program.cells if c.cell.outputs or c.cell.execution_count]
        if kept:
            cells = "1 cell has" if len(kept) == 1 else f"{len(kept)} cells have"
            message = f'{cells} outputs or counts, and the project sets outputs = "strip"'
            fix = _strip(program, [each.cell for each in kept])
            yield RULE.finding(message, kept[0].whole, fix=fix)
    elif program.outputs == "keep":
        coded = [cell for cell in program.cells if holds_code(cell)]
        if coded and not any(cell.cell.outputs or cell.cell.execution_count for cell in coded):
            message = (
                'the notebook was saved without outputs, and the project sets outputs = "keep"'
            )
            yield RULE.finding(message, span_of_file(program))


def _strip(program: Program, cells: Sequence[Cell]) -> Fix:
    """Clear what a run leaves, as Jupyter does: no outputs, and no counts."""
    edits: list[DocumentEdit] = []
    for cell in cells:
        if cell.outputs:
            edits.append(DocumentEdit("set", cell.index, ("outputs",), "[]"))
        if program.notebook.nbformat < (4, 0):
            edits.append(DocumentEdit("delete", cell.index, ("prompt_number",)))
        elif cell.execution_count is not None:
            edits.append(DocumentEdit("set", cell.index, ("execution_count",), "null"))
    return file_fix("Clear the outputs and counts", *edits)


def _document(count: int | None, outputs: Sequence[object]) -> Mapping[str, object]:
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {},
        "outputs": outputs,
    }
    cells = [cell | {"source": "1 + 1"}]
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}


_TWO = {"output_type": "execute_result", "data": {"text/plain": "2"}, "execution_count": 3}

RULE = Rule(
    code="NB117",
    name="outputs-policy",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary='outputs are saved or missing against the setting outputs = "{policy}"',
    why=(
        "Some teams keep outputs for readers, others strip them for small diffs and for secrecy. "
        "A file that does otherwise shows up in every review."
    ),
    instead=(
        "Clear all outputs before you commit (`jupyter nbconvert --clear-output --inplace`), or "
        "run all cells, as the setting `outputs` of the project says."
    ),
    fix="safe",
    valid=(
        Example(("1",), counts=(1,), note="Without the setting nothing is wrong."),
        Example(("1",), counts=(1,), outputs="keep"),
        Example(("1",), outputs="strip"),
        Example(("%%md Text", ""), outputs="keep"),
    ),
    invalid=(
        Example(
            document=_document(3, [_TWO | {"metadata": {}}]),
            outputs="strip",
            found=("1:1:1",),
            fixed_document=_document(None, []),
        ),
        Example(("x = 1", "x"), counts=(None, 2), outputs="strip", found=("2:1:1",)),
        Example(("1",), outputs="keep", found=("1:1:1",)),
    ),
    check=check,
)
