"""NB102: a name that only a cell further down defines."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.analysis.facts import EMPTY
from nbtools.rules.finding import DocumentEdit, Finding, Fix, Related
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.unbound import find_unbound
from nbtools.rules.whole_file import is_ipynb


def check(program: Program) -> Iterator[Finding]:
    """Report names that are read above the first cell that binds them."""
    for each in program.once(find_unbound):
        if each.kind != "below":
            continue
        cell = program.cells[each.position]
        span = cell.name_span(each.name, each.statement)
        below = program.cells[each.other or 0]
        place = below.name_span(each.name, store=True)
        where = f"in cell {place.cell + 1}, below" if place.cell != span.cell else "further down"
        message = f"`{each.name}` is defined only {where}: move the definition up"
        related = (Related(place, f"`{each.name}` is defined here"),)
        yield RULE.finding(message, span, symbol=each.name, related=related)


def mend(program: Program, finding: Finding) -> Fix | None:
    """Move the defining cell up, where no other cell is concerned by that."""
    for each in program.once(find_unbound):
        here = program.cells[each.position].index == finding.span.cell
        if each.kind == "below" and each.name == finding.symbol and here:
            if each.other is None or not is_ipynb(program):
                return None
            return _move(program, each.other, each.position)
    return None


def _move(program: Program, moved: int, before: int) -> Fix | None:
    if moved <= before or not _may_move(program, moved, before):
        return None
    cell, target = program.cells[moved].index, program.cells[before].index
    edit = DocumentEdit("move", cell, before=target)
    return Fix("unsafe", f"Move cell {cell + 1} above cell {target + 1}", (), (edit,))


def _may_move(program: Program, moved: int, before: int) -> bool:
    """Whether a cell may as well run earlier: it takes nothing from those that it passes.

    Neither do they take anything from it but what was not there before.
    """
    own = program.cells[moved].facts
    made = own.binds | own.writes_late
    touched = own.loads | own.late | own.mutates | made
    known = EMPTY.union(*(cell.facts.binds for cell in program.cells[:before]))
    if own.open or own.deletes:
        return False
    for facts in (cell.facts for cell in program.cells[before:moved]):
        written = facts.binds | facts.writes_late | facts.deletes | facts.mutates
        taken = (facts.loads | facts.late) & (own.mutates | (made & known))
        if facts.open or written & touched or taken:
            return False
    return True


RULE = Rule(
    code="NB102",
    name="used-before-definition",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="`{name}` is defined only in cell {cell}, below",
    why=(
        "The cells were run in another order than they stand in. Whoever runs the notebook from "
        "the top gets a NameError here. In a reactive notebook the order of cells does not matter."
    ),
    instead="Move the cell that defines the name above the cell that uses it.",
    measured=(
        "13 of 13 flagged cells in the runs of 736 unseen notebooks are NameErrors; 0 false "
        "alarms in 349 that run; 13 findings in 774 public notebooks"
    ),
    valid=(
        Example(("x = 1", "print(x)")),
        Example(("def f():\n    return x", "x = 1", "f()"), note="`x` is looked up by the call."),
        Example(("try:\n    x\nexcept NameError:\n    x = 0", "x = 1")),
        Example(
            ("b = Button(action=lambda: x)\nx = 1\nb.click()",),
            note="What keeps a lambda may call it later.",
        ),
        Example(("sum([1])", "sum = 3"), note="Before, `sum` is Python's."),
        Example(("print(x)", "x = 1"), kind="reactive"),
        Example(("!echo $line", "line = 1"), note="IPython leaves `$line` to the shell."),
    ),
    invalid=(
        Example(("print(x)", "x = 1"), found=("1:1:7",)),
        Example(
            ("df.head()", "%%md Load", "import pandas as pd\ndf = pd.DataFrame()"),
            found=("1:1:1",),
            fixed=("import pandas as pd\ndf = pd.DataFrame()", "df.head()", "Load"),
        ),
        Example(("n += 1", "n = 0"), found=("1:1:1",)),
        Example(("y = [x for _ in range(3)]\nx = 1",), found=("1:1:6",)),
        Example(("class A(Base):\n    pass", "class Base:\n    pass"), found=("1:1:9",)),
    ),
    check=check,
    mend=mend,
    fix="unsafe",
)
