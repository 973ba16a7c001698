"""NB304: running a cell again computes a name from its own earlier result."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.rules.finding import Finding, Related
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_SAME_TWICE = frozenset(
    "copy dropna drop_duplicates sort_values sort_index fillna strip lstrip rstrip lower upper "
    "title astype to_numpy tolist sorted list set tuple dict array asarray float int str abs "
    "ravel flatten reset_index DataFrame Series to_datetime to_numeric deepcopy unique nan_to_num "
    "infer_objects convert_dtypes ffill bfill fit eval to cpu cuda train normalize round "
    "asanyarray ascontiguousarray Path".split()
)
"""Functions and methods that give the same when they are given their own result."""


def check(program: Program) -> Iterator[Finding]:
    """Report assignments like `x = f(x)` whose `x` comes from another cell."""
    trace = program.run
    for block, (position, atom) in enumerate(program.atoms):
        if len(atom.statements) != 1 or atom.statements[0].kind != "assign":
            continue
        statement = atom.statements[0]
        facts = statement.facts
        for name in sorted(facts.binds & facts.reads):
            version = trace.reads[block].get(name)
            if version is None:
                continue
            definer, made = program.atoms[trace.versions[version].block]
            cell = program.cells[position]
            if definer >= position or _gives_same_twice(cell.node_of(statement)):
                continue
            if made.statements[0].kind in ("import", "function", "class"):
                continue
            span = cell.name_span(name, statement, store=True)
            first = program.cells[definer].name_span(name, made.statements[0], store=True)
            message = (
                f"`{name}` from cell {first.cell + 1} is replaced by what is computed from it: "
                "running this cell again computes it from its own result; give the result a "
                "name of its own"
            )
            related = (Related(first, f"`{name}` is made here"),)
            yield RULE.finding(message, span, symbol=name, related=related)


def _gives_same_twice(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if isinstance(value, ast.Call):
        func = value.func
        word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        return word in _SAME_TWICE
    return isinstance(value, ast.Name)


RULE = Rule(
    code="NB304",
    name="rerun-unsafe",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="`{name}` from cell {n} is replaced by what is computed from it",
    why=(
        "After `x = f(x)` the earlier value is gone. Whoever runs the cell twice has `f(f(x))`, "
        "and nothing in the notebook shows it."
    ),
    instead="Give the result a name of its own, or compute it in the cell that makes the value.",
    valid=(
        Example(("x = 1", "y = x + 1")),
        Example(("x = 1\nx = x + 1",)),
        Example(("xs = [3, 1]", "xs = sorted(xs)"), note="Twice gives the same."),
        Example(("x = 1", "x = 2\nx = x + 1")),
    ),
    invalid=(
        Example(("x = 1", "x = x + 1"), found=("2:1:1",)),
        Example(("x = 1", "x += 1"), found=("2:1:1",)),
        Example(("df = make()", "df = df[1:]"), found=("2:1:1",)),
    ),
    measured="12 of 12 sampled findings right; 102 findings in 774 public notebooks",
    check=check,
)
