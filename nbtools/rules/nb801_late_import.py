"""NB801: an import below code."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.rule import Example, Rule


def check(program: Program) -> Iterator[Finding]:
    """Report the first import of each cell that stands below the first cell that does more."""
    below = False
    for cell in program.cells:
        late = [each for each in cell.statements if each.kind == "import"]
        if below and late and "import" in cell.cell.source:
            span = cell.first_line(cell.node_of(late[0]))
            if "import" in cell.author_lines[span.line - 1]:
                yield RULE.finding("import in the middle: move it to the first cell", span)
        below = below or _works(cell)


def _works(cell: CodeCell) -> bool:
    """Whether a cell does more than to import, define and set constants."""
    return not cell.facts.calm


RULE = Rule(
    code="NB801",
    name="late-import",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="import in the middle: move it to the first cell",
    why=(
        "Readers see what a notebook needs only when it has run half way, and so does a kernel "
        "that lacks a module."
    ),
    instead="Import everything in the first code cell.",
    valid=(
        Example(("import math", "import json\nx = 1", "print(x)")),
        Example(("print(1)", "def f():\n    import json")),
    ),
    invalid=(
        Example(("print(1)", "import json\nimport math"), found=("2:1:1",)),
        Example(("import math\nprint(1)", "x = 1\nfrom json import *"), found=("2:2:1",)),
    ),
    check=check,
    words=("import",),
)
