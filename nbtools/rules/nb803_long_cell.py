"""NB803: a cell that nobody reads to its end."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_MOST = 80  # lines with code on them


def check(program: Program) -> Iterator[Finding]:
    """Report code cells with more lines of code than fit on two screens."""
    for cell in program.cells:
        if len(cell.author_lines) > _MOST and not cell.cell.source.startswith("%%"):
            lines = (text.strip() for text in cell.author_lines)
            count = sum(1 for text in lines if text and not text.startswith("#"))
            if count > _MOST:
                message = f"cell has {count} lines of code (at most {_MOST}): split it"
                yield RULE.finding(message, cell.whole)


RULE = Rule(
    code="NB803",
    name="long-cell",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="cell has {n} lines of code: split it",
    why="A cell is what is run, shown and cached as one: a long one hides its steps.",
    instead="Split it where it shows something, or move functions to a module.",
    valid=(Example(("x = 1\n" * 80,)), Example(("# note\n" * 200,))),
    invalid=(Example(("x = 1\n" * 81,), found=("1:1:1",)),),
    check=check,
)
