"""NB209: a setup cell that needs another cell."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding, Related
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_SETUP = "setup"  # marimo's name for the cell, which is its id here


def check(program: Program) -> Iterator[Finding]:
    """Report names that the setup cell reads from other cells."""
    for cell in program.cells:
        if cell.cell.id != _SETUP:
            continue
        facts = cell.facts
        for name in sorted((facts.reads | facts.late) - facts.binds):
            places = program.binders.get(name, ())
            if places:
                source = program.cells[places[0]]
                message = (
                    f"the setup cell reads `{name}` of cell {source.index + 1}, but runs before "
                    "all others: move the definition into it"
                )
                related = (Related(source.name_span(name, store=True), "defined here"),)
                yield RULE.finding(message, cell.name_span(name), symbol=name, related=related)


RULE = Rule(
    code="NB209",
    name="setup-cell-dependency",
    severity="error",
    default="reactive",
    kinds=frozenset({"reactive"}),
    summary="the setup cell reads `{name}` of cell {cell}, but runs before all others",
    why="marimo runs the setup cell before any other cell, so it can use nothing of theirs.",
    instead="Move the definition into the setup cell, or the use out of it.",
    measured="no finding in 773 reactive notebooks that were converted from public ones",
    valid=(
        Example(("import math\nx = math.pi", "y = x"), kind="reactive", ids=("setup", "_")),
        Example(("x = 1", "x"), kind="reactive"),
    ),
    invalid=(
        Example(
            ("import math\nx = y", "y = 1"), found=("1:2:5",), kind="reactive", ids=("setup", "_")
        ),
    ),
    check=check,
)
