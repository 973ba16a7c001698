"""NB204: an imported name that a later cell binds to something else."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.analysis.facts import Statement
from nbtools.rules.finding import Finding, Fix, Related
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.renaming import fresh_name, fresh_names, rename_fix, trace_cells
from nbtools.rules.rule import Example, Rule


def check(program: Program) -> Iterator[Finding]:
    """Report the first cell that binds an imported name anew, other than by an import."""
    imported: dict[str, CodeCell] = {}
    for cell in program.cells:
        for statement in cell.statements:
            bound = {each.bound for each in statement.facts.imports}
            for name in sorted(statement.facts.binds - bound):
                origin = imported.pop(name, None)
                if origin is not None and origin is not cell:
                    yield _report(name, cell, statement, origin)
            if statement.kind == "import":
                imported.update(dict.fromkeys(bound, cell))


def _report(name: str, cell: CodeCell, statement: Statement, origin: CodeCell) -> Finding:
    span = cell.name_span(name, statement, store=True)
    place = origin.name_span(name, store=True)
    message = (
        f"`{name}`, imported in cell {origin.index + 1}, means something else from here on: "
        "choose another name"
    )
    related = (Related(place, f"`{name}` is imported here"),)
    return RULE.finding(message, span, symbol=name, related=related)


def mend(program: Program, finding: Finding) -> Fix | None:
    """Rename what is no import; where one function sees several such values, all alike."""
    if program.kind != "jupyter":
        return None
    name, found = finding.symbol, program.once(trace_cells)
    numbers = []
    for number in found.of(name):
        facts = found.blocks[found.versions.versions[number].block].facts
        if not any(each.bound == name for each in facts.imports):
            numbers.append(number)
    new = fresh_name(program, name)
    for chosen in (fresh_names(program, name, numbers), dict.fromkeys(numbers, new)):
        fix = rename_fix(program, name, chosen, f"Rename the value `{name}` to `{new}`")
        if fix is not None:
            return fix
    return None


RULE = Rule(
    code="NB204",
    name="import-shadowed",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{name}`, imported in cell {cell}, means something else from here on",
    why=(
        "Cells that use the module work until this cell has run, and fail or do something else "
        "when they are run again."
    ),
    instead="Choose another name.",
    measured="9 of 9 findings right in 774 public notebooks, 4 of 4 in 433 held-out ones",
    valid=(
        Example(("import time", "def f():\n    time = 1")),
        Example(("import json", "import simplejson as json"), note="An import for another."),
        Example(("try:\n    import lxml\nexcept ImportError:\n    lxml = None",)),
        Example(("from a import b\nb = b.c",), note="Within one cell it is meant."),
    ),
    invalid=(
        Example(
            ("import time", "time = 3\nprint(time)"),
            found=("2:1:1",),
            fixed=("import time", "time_1 = 3\nprint(time_1)"),
        ),
        Example(("from data import x, y", "for x in y:\n    pass"), found=("2:1:5",)),
    ),
    check=check,
    mend=mend,
    fix="unsafe",
    words=("import",),
)
