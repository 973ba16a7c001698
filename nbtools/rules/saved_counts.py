"""The execution counts that a file was saved with."""

from __future__ import annotations

from nbtools.rules.program import CodeCell, Program
from nbtools.rules.whole_file import holds_code

Counted = tuple[tuple[CodeCell, int], ...]


def read_counts(program: Program) -> Counted:
    """The cells that do something and have a count, as they stand, and the counts."""
    counts = ((cell, cell.cell.execution_count) for cell in program.cells)
    return tuple((cell, count) for cell, count in counts if count and holds_code(cell))
