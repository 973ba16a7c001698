"""NB802: a cell without any text."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.cells import Cell
from nbtools.rules.finding import DocumentEdit, Finding, Fix
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, file_fix
from nbtools.rules.whole_file import is_ipynb, span_of_cell


def check(program: Program) -> Iterator[Finding]:
    """Report code and markdown cells that hold nothing but blanks."""
    for cell in program.notebook.cells:
        if cell.kind != "raw" and not cell.source.strip():
            fix = _delete(cell) if is_ipynb(program) else None
            yield RULE.finding("empty cell: delete it", span_of_cell(cell), fix=fix)


def _delete(cell: Cell) -> Fix | None:
    """Nothing is lost with it; a tag may mean that another program fills the cell."""
    if cell.outputs or cell.execution_count or cell.tags or cell.attachments:
        return None
    return file_fix("Delete the cell", DocumentEdit("delete", cell.index))


RULE = Rule(
    code="NB802",
    name="empty-cell",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="empty cell: delete it",
    why="It was left behind; readers wonder whether something is missing.",
    instead="Delete the cell.",
    fix="safe",
    valid=(Example(("x = 1", "# to be continued")),),
    invalid=(
        Example(("x = 1", "", " \n"), found=("2:1:1", "3:1:1"), fixed=("x = 1",)),
        Example(("%%md ", "x = 1"), found=("1:1:1",)),
    ),
    check=check,
)
