"""Places and texts of findings about a notebook as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from nbtools.cells import Cell
from nbtools.rules.finding import Span
from nbtools.rules.program import CodeCell, Program


def span_of_file(program: Program) -> Span:
    """What is underlined when the whole file is meant: the first line of its first code cell."""
    return program.cells[0].whole if program.cells else Span(0)


def is_ipynb(program: Program) -> bool:
    """Whether there is a file with metadata, ids and outputs: a script has none of them."""
    return program.kind == "jupyter" and not program.name.endswith(".py")


def span_of_cell(cell: Cell) -> Span:
    """The first line of any cell that is not blank."""
    for number, text in enumerate(cell.source.split("\n"), start=1):
        if text.strip():
            start = len(text) - len(text.lstrip()) + 1
            return Span(cell.index, number, start, number, len(text.rstrip()) + 1)
    return Span(cell.index)


def holds_code(cell: CodeCell) -> bool:
    """Whether running the cell would do anything: comments alone do not count."""
    return bool(cell.statements or cell.plain.magics or cell.refusal)


def list_words(words: Sequence[str], most: int = 3) -> str:
    """`a`, `b` and 2 more."""
    shown = ", ".join(f"`{word}`" for word in words[:most])
    return f"{shown} and {len(words) - most} more" if len(words) > most else shown
