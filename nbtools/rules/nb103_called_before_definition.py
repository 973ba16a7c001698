"""NB103: a function that is called before a name it reads is defined."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding, Related
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.unbound import find_unbound


def check(program: Program) -> Iterator[Finding]:
    """Report calls of functions that look up a global which is bound further down."""
    for each in program.once(find_unbound):
        if each.kind != "called":
            continue
        cell = program.cells[each.position]
        name = each.function or ""
        span = cell.name_span(name, each.statement)
        place = program.cells[each.other or 0].name_span(each.name, store=True)
        there = f"cell {place.cell + 1}" if place.cell != span.cell else f"line {place.line}"
        message = f"`{name}()` reads `{each.name}`, first defined in {there}, below this call"
        related = (Related(place, f"`{each.name}` is first defined here"),)
        yield RULE.finding(message, span, symbol=each.name, related=related)


RULE = Rule(
    code="NB103",
    name="called-before-definition",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="`{function}()` reads `{name}`, first defined in cell {cell}, below this call",
    why=(
        "A function looks its global names up when it is called. It worked because the cell below "
        "had been run before; from the top, this call stops with a NameError."
    ),
    instead="Move the definition above the call, or hand the value to the function.",
    measured=(
        "the 1 flagged cell in the runs of 736 unseen notebooks is a NameError; 0 false alarms in "
        "349 that run; 3 findings in 774 public notebooks, all right"
    ),
    valid=(
        Example(("def f():\n    return x", "x = 1\nf()")),
        Example(("def f():\n    return x", "x = 1"), note="Nobody calls it."),
        Example(("def f(x):\n    return x", "f(1)", "x = 2")),
        Example(("def f():\n    if 'x' in globals():\n        print(x)\nf()", "x = 1")),
        Example(
            (
                "def f():\n    try:\n        return x\n    except NameError:\n        pass\nf()",
                "x = 1",
            )
        ),
        Example(("fs = [lambda: i for i in range(3)]\nfor f in fs:\n    f()", "i = 1")),
        Example(("def f():\n    return lambda: x", "g = f()", "x = 1\ng()")),
        Example(("def f():\n    return x", "f()", "x = 1"), kind="reactive"),
    ),
    invalid=(
        Example(("def f():\n    return later", "f()", "later = 1"), found=("2:1:1",)),
        Example(
            ("def g():\n    return x", "def f():\n    return g()", "print(f())", "x = 1"),
            found=("3:1:7",),
            note="Through a chain of calls.",
        ),
        Example(("f = lambda: x\nf()\nx = 1",), found=("1:2:1",)),
        Example(
            ("def f(a):\n    return pd.Series(a)", "f([])", "import pandas as pd"), found=("2:1:1",)
        ),
    ),
    check=check,
)
