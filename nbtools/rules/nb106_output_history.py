"""NB106: IPython's history, which depends on what was run in the session."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.lazy_patterns import lazy_pattern
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_HISTORY = lazy_pattern(r"_{1,3}|_i{0,3}\d*|_[io]h|In|Out")


def check(program: Program) -> Iterator[Finding]:
    """Report reads of `_`, `_3`, `Out` and the like, where the notebook does not bind them."""
    for cell in program.cells:
        for statement in cell.statements:
            read = statement.facts.loads | statement.facts.late
            for name in sorted(filter(_HISTORY.fullmatch, read)):
                if name in program.binders:
                    continue
                span = cell.name_span(name, statement)
                message = f"`{name}` is what the session showed last: give the value a name"
                if name not in ("_", "__", "___"):
                    message = f"`{name}` depends on what was run in the session: name the value"
                yield RULE.finding(message, span, symbol=name)


RULE = Rule(
    code="NB106",
    name="output-history",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="`{name}` depends on what was run in the session",
    why=(
        "`_`, `__`, `_3`, `Out[3]` and `In[3]` are IPython's history. The numbers change with "
        "every run, and a cell that is run twice moves them."
    ),
    instead=(
        "Give the value a name in the cell that computes it, as `nbtools convert` does for values "
        "that a run from the top gives."
    ),
    measured="24 of 24 sampled findings right; 52 findings in 774 public notebooks",
    valid=(
        Example(("for _ in range(3):\n    pass\nprint(_)",), note="`_` is the notebook's own."),
        Example(("x = [0 for _ in range(3)]",)),
        Example(("class In:\n    pass", "In()")),
        Example(("_x = 1", "_x")),
    ),
    invalid=(
        Example(("1 + 1", "_ * 2"), found=("2:1:1",)),
        Example(("1 + 1", "x = Out[1]\n_1 + x"), found=("2:1:5", "2:2:1")),
    ),
    check=check,
    words=("_", "In", "Out"),
)
