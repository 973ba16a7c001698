"""What names of a notebook stand for, for rules: imported things, and types of values."""

from __future__ import annotations

from nbtools.analysis.imported import Imported, read_imported
from nbtools.analysis.types import Types, read_types
from nbtools.rules.program import Program


def find_imported(program: Program) -> Imported:
    """What the imported names mean: ask `program.once(find_imported)`."""
    other: set[str] = set()
    for cell in program.cells:
        for statement in cell.statements:
            facts = statement.facts
            if statement.kind != "import":
                other |= facts.binds - {each.bound for each in facts.imports}
            other |= facts.writes_late
    return read_imported(program.cells, frozenset(other))


def find_types(program: Program) -> Types:
    """The types of the notebook's values: ask `program.once(find_types)`."""
    return read_types(program.cells, program.once(find_imported))
