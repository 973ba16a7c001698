"""NB105: a name that only code nobody can read may define."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.unbound import find_unbound


def check(program: Program) -> Iterator[Finding]:
    """Report names that are bound nowhere, but for what nbtools cannot read."""
    for each in program.once(find_unbound):
        if each.kind != "maybe":
            continue
        cell = program.cells[each.position]
        span = cell.name_span(each.name, each.statement)
        message = f"`{each.name}` is defined by no cell, but may come from {each.why_maybe}"
        yield RULE.finding(message, span, symbol=each.name)


RULE = Rule(
    code="NB105",
    name="maybe-undefined-name",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{name}` is defined by no cell, but may come from {source}",
    why=(
        "Star imports, `%run`, `exec` and extensions bind names that cannot be read off the "
        "notebook: whether this one is among them only a run can tell."
    ),
    instead="Import or define the name in plain sight.",
    measured=(
        "11 of 13 flagged cells in the runs of 736 unseen notebooks fail, 10 of them with a "
        "NameError; 254 findings in 774 public notebooks"
    ),
    valid=(
        Example(("from math import *", "sqrt(2)"), note="The module is at hand."),
        Example(("x = 1", "x")),
    ),
    invalid=(
        Example(("from somewhere_unknown import *", "thing"), found=("2:1:1",)),
        Example(("exec(input())", "thing"), found=("2:1:1",)),
        Example(("%load_ext my_extension", "thing"), found=("2:1:1",)),
    ),
    check=check,
)
