"""NB205: a name of Python's own that a cell takes for all cells after it."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

from nbtools.rules.finding import Finding, Fix
from nbtools.rules.program import Program
from nbtools.rules.renaming import fresh_name, fresh_names, rename_fix, trace_cells
from nbtools.rules.rule import Example, Rule

_NAMES = frozenset(name for name in dir(builtins) if not name.startswith("_")) - frozenset(
    "copyright credits license exit quit help display get_ipython".split()
)
"""What code calls; the others are for people at a prompt."""


def check(program: Program) -> Iterator[Finding]:
    """Report the first cell that binds such a name, unless by an import."""
    deleted = frozenset[str]().union(*(cell.facts.deletes for cell in program.cells))
    seen: set[str] = set(deleted)
    for cell in program.cells:
        for statement in cell.statements:
            imported = {each.bound for each in statement.facts.imports}
            for name in sorted((statement.facts.binds & _NAMES) - imported - seen):
                seen.add(name)
                span = cell.name_span(name, statement, store=True)
                message = (
                    f"`{name}` is Python's: from here on it is something else in every cell; "
                    "choose another name"
                )
                yield RULE.finding(message, span, symbol=name)


def mend(program: Program, finding: Finding) -> Fix | None:
    """Rename what the notebook binds: each value on its own, or all alike."""
    if program.kind != "jupyter":
        return None
    name, numbers = finding.symbol, program.once(trace_cells).of(finding.symbol)
    new = fresh_name(program, name)
    for chosen in (fresh_names(program, name, numbers), dict.fromkeys(numbers, new)):
        fix = rename_fix(program, name, chosen, f"Rename `{name}` to `{new}`")
        if fix is not None:
            return fix
    return None


RULE = Rule(
    code="NB205",
    name="builtin-shadowed",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{name}` is Python's: from here on it is something else in every cell",
    why=(
        "The name stays taken until the kernel restarts: `list(x)` in a cell further up then fails "
        "with `'list' object is not callable`."
    ),
    instead="Choose another name; what was taken comes back with `del`.",
    measured="4 of 4 findings right in 774 public notebooks",
    valid=(
        Example(("def f(list):\n    sum = 1",)),
        Example(("sum = 1", "del sum")),
        Example(("from io import open",)),
        Example(("[id for id in 'ab']",), note="A comprehension has names of its own."),
    ),
    invalid=(
        Example(("list = [1]", "list[0]"), found=("1:1:1",), fixed=("list_1 = [1]", "list_1[0]")),
        Example(
            ("x = 1", "for id in range(3):\n    pass", "id = 2"),
            found=("2:1:5",),
            fixed=("x = 1", "for id_1 in range(3):\n    pass", "id_2 = 2"),
        ),
        Example(("def input():\n    pass",), found=("1:1:5",)),
    ),
    check=check,
    mend=mend,
    fix="unsafe",
)
