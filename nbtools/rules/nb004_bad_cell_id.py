"""NB004: cells that cannot be told apart by their ids."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from nbtools.cells import Cell
from nbtools.formats.cell_ids import make_cell_ids
from nbtools.rules.finding import DocumentEdit, Finding, Fix, Related
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, file_fix
from nbtools.rules.whole_file import is_ipynb, span_of_cell

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # as in the schema of nbformat 4.5


def check(program: Program) -> Iterator[Finding]:
    """Report cells whose id is missing, malformed or taken, where the format asks for ids."""
    if program.notebook.nbformat < (4, 5) or not is_ipynb(program):
        return
    cells = program.notebook.cells
    if all(cell.id is None for cell in cells):
        if cells:
            message = "no cell has an id: nbformat 4.5 asks for one in each"
            yield RULE.finding(message, span_of_cell(cells[0]), fix=_give_ids(cells))
        return
    taken = frozenset(cell.id for cell in cells if cell.id is not None)
    seen: dict[str, int] = {}
    for cell in cells:
        span = span_of_cell(cell)
        is_good = cell.id is not None and cell.id not in seen and _ID.fullmatch(cell.id)
        fix = None if is_good else _give_ids([cell], taken)
        if cell.id is None:
            yield RULE.finding("the cell has no id: save the notebook with Jupyter", span, fix=fix)
        elif not _ID.fullmatch(cell.id):
            message = f"the cell's id `{cell.id[:80]}` is not 1 to 64 of A-Z a-z 0-9 - _"
            yield RULE.finding(" ".join(message.split()), span, symbol=cell.id, fix=fix)
        elif cell.id in seen:
            place = span_of_cell(cells[seen[cell.id]])
            message = f"the cell's id `{cell.id}` is also that of cell {place.cell + 1}"
            related = (Related(place, "the same id"),)
            yield RULE.finding(message, span, symbol=cell.id, related=related, fix=fix)
        else:
            seen[cell.id] = cell.index


def _give_ids(cells: Sequence[Cell], taken: Collection[str] = ()) -> Fix:
    """Ids that depend on what the cells hold, so that the same file is mended alike everywhere."""
    made = make_cell_ids([f"{cell.index}\n{cell.source}" for cell in cells], taken)
    pairs = zip(cells, made, strict=True)
    edits = (DocumentEdit("set", cell.index, ("id",), f'"{own}"') for cell, own in pairs)
    return file_fix("Give each cell an id of its own", *edits)


def _document(minor: int, *ids: str | None) -> dict[str, object]:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []}
        | ({} if each is None else {"id": each})
        for each in ids
    ]
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": cells}


RULE = Rule(
    code="NB004",
    name="bad-cell-id",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="the cell's id is missing, malformed or that of another cell",
    why=(
        "Tools that compare, merge and comment notebooks follow cells by their ids. nbformat "
        "calls such a file invalid; Jupyter gives the cell another id at each save."
    ),
    instead="Open and save the notebook with Jupyter, which gives every cell an id of its own.",
    fix="safe",
    valid=(
        Example(document=_document(5, "a1", "b-2")),
        Example(document=_document(4, None, None), note="Before 4.5 there were no ids."),
    ),
    invalid=(
        Example(document=_document(5, "a1", None), found=("2:1:1",)),
        Example(
            document=_document(5, "a1", "b", "a1"),
            found=("3:1:1",),
            fixed_document=_document(5, "a1", "b", "8ab3d164"),
        ),
        Example(document=_document(5, "a 1"), found=("1:1:1",)),
        Example(document=_document(5, None, None), found=("1:1:1",), note="Once for the file."),
    ),
    check=check,
    measured="1 of 1 finding right, in 1,843 held-out public notebooks; none in 774 others",
)
