"""NB203: a function or class that is defined again, differently, after it was used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from nbtools.analysis.facts import Statement
from nbtools.rules.definitions import cross_reads
from nbtools.rules.finding import Finding, Related
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.rule import Example, Rule


class _Definition(Struct, frozen=True):
    position: int
    cell: CodeCell
    statement: Statement


def check(program: Program) -> Iterator[Finding]:
    """Report the second definition, if cells in between have used the first."""
    reads = program.once(cross_reads)
    for name, definitions in _definitions(program).items():
        for before, after in pairwise(definitions):
            readers = {r.reader for r in reads.get(name, ()) if r.definer == before.position}
            used = before.position != after.position and any(
                before.position <= reader < after.position for reader in readers
            )
            if not used or _same(before, after):
                continue
            span = after.cell.name_span(name, after.statement, store=True)
            place = before.cell.name_span(name, before.statement, store=True)
            message = (
                f"`{name}` is defined again: cells in between use the definition of cell "
                f"{before.cell.index + 1}; give this one another name"
            )
            related = (Related(place, f"`{name}` is defined here first"),)
            yield RULE.finding(message, span, symbol=name, related=related)


def _definitions(program: Program) -> dict[str, list[_Definition]]:
    found: dict[str, list[_Definition]] = {}
    for position, cell in enumerate(program.cells):
        for statement in cell.statements:
            if statement.kind in ("function", "class"):
                for name in statement.facts.binds:
                    found.setdefault(name, []).append(_Definition(position, cell, statement))
    return found


def _same(before: _Definition, after: _Definition) -> bool:
    left, right = before.cell.node_of(before.statement), after.cell.node_of(after.statement)
    return ast.dump(left) == ast.dump(right)


RULE = Rule(
    code="NB203",
    name="function-redefined",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="`{name}` is defined again: cells in between use the first definition",
    why=(
        "Run again, the cells in between use the new function and give other results than the "
        "notebook shows."
    ),
    instead="Give the second function a name of its own, or delete the first with its uses.",
    measured="24 of 24 sampled findings right; 112 findings in 774 public notebooks",
    valid=(
        Example(("def f(): return 1", "def f(): return 2", "f()"), note="Nobody used the first."),
        Example(("def f(): return 1", "f()", "def f():  # the same\n    return 1", "f()")),
    ),
    invalid=(
        Example(("def f(): return 1", "f()", "def f(): return 2", "f()"), found=("3:1:5",)),
        Example(("class A: pass", "a = A()", "class A:\n    x = 1"), found=("3:1:7",)),
    ),
    check=check,
    words=("def", "class"),
)
