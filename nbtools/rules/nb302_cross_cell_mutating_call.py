"""NB302: a call changes an object that another cell has made."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.analysis.known_returns import ARRAY
from nbtools.analysis.mutation import Change
from nbtools.rules.finding import Finding
from nbtools.rules.mutations import (
    and_more,
    find_cross_changes,
    first_of_each,
    made_at,
    text_of,
)
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_MODELS = ("sklearn.", "keras.", "tensorflow.keras.", "torch.nn.")
_DRAWN = ("matplotlib.axes.Axes", "matplotlib.figure.Figure")


def check(program: Program) -> Iterator[Finding]:
    """Report the first such call for each name in each cell."""
    found = (
        each
        for each in program.once(find_cross_changes)
        if each.change.how in ("call", "function") and not each.module
    )
    for each, more in first_of_each(found):
        change = each.change
        where, made = made_at(program, each)
        does = f"`.{change.what}()`" if change.how == "call" else f"`{change.what}()`"
        message = (
            f"{does} changes `{change.name}` from {where}{and_more(more)}: "
            f"{_consequence(change, where)}; {_instead(change)}"
        )
        cell = program.cells[each.position]
        yield RULE.finding(message, cell.span(change.node), symbol=change.name, related=(made,))


def _consequence(change: Change, where: str) -> str:
    kind = change.type or ""
    if kind.startswith(_MODELS):
        return f"running {where} again forgets it, and cells that use it are not told"
    if change.type in _DRAWN:
        return "running this cell again changes the same figure again"
    return f"running this cell again changes it again, and running {where} undoes it"


def _instead(change: Change) -> str:
    name, node = change.name, change.node
    kind = change.type or ""
    if kind.startswith(_MODELS) or change.type in _DRAWN:
        return "do it in the cell that makes it, or make it here"
    if change.direct and isinstance(node, ast.Call):
        argument = text_of(node.args[0], 20) if len(node.args) == 1 else ""
        new = _IDIOMS.get((kind, change.what))
        if new is not None:
            return "make a new value: `" + new.format(x=name, y=argument or "...") + "`"
        if kind == ARRAY:
            return f"make a new value: `{name}_1 = {name}.copy()`, and change that"
    return "do it in the cell that makes it, or make a new value"


_IDIOMS = {
    ("list", "append"): "{x}_1 = [*{x}, {y}]",
    ("list", "extend"): "{x}_1 = [*{x}, *{y}]",
    ("list", "sort"): "{x}_1 = sorted({x})",
    ("list", "reverse"): "{x}_1 = {x}[::-1]",
    ("list", "pop"): "{x}_1 = {x}[:-1]",
    ("dict", "update"): "{x}_1 = {{**{x}, **{y}}}",
    ("set", "add"): "{x}_1 = {x} | {{{y}}}",
    ("set", "update"): "{x}_1 = {x} | set({y})",
    ("set", "discard"): "{x}_1 = {x} - {{{y}}}",
    ("set", "remove"): "{x}_1 = {x} - {{{y}}}",
    ("pandas.DataFrame", "pop"): "{x}_1 = {x}.drop(columns={y})",
    (ARRAY, "sort"): "{x}_1 = np.sort({x})",
    (ARRAY, "numpy.random.shuffle"): "{x}_1 = np.random.permutation({x})",
}


RULE = Rule(
    code="NB302",
    name="cross-cell-mutating-call",
    severity="warning",
    default="reactive",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`.{method}()` changes `{name}` from cell {n}",
    why=(
        "Each run of the cell changes the value once more, or draws or trains once more, so what "
        "it holds depends on which cells have run and how often. A reactive notebook does not run "
        "the users of a value again when it is changed in place."
    ),
    instead="Do it in the cell that makes the value, or make a new value with its own name.",
    valid=(
        Example(("xs = []\nxs.append(1)",)),
        Example(("xs = []", "xs = list(xs)\nxs.append(1)")),
        Example(("s = ' a'", "s.strip()")),
        Example(("def f(thing):\n    return thing\nx = f(1)", "x.update(3)"), note="Any type."),
        Example(("import logging", "logging.append(1)")),
        Example(("xs = []", "def f(x):\n    xs.append(x)"), note="See NB306."),
        Example(("xs = []", "ys = [xs for xs in [[1], [2]] if xs.pop()]")),
    ),
    invalid=(
        Example(("xs = []", "xs.append(1)\nxs.append(2)"), found=("2:1:1",)),
        Example(("seen = set()", "for x in 'abc':\n    seen.add(x)"), found=("2:2:5",)),
        Example(
            ("import random\nxs = list(range(9))", "random.shuffle(xs)"),
            found=("2:1:1",),
        ),
        Example(
            ("from sklearn.svm import SVC\nmodel = SVC()", "model.fit([[1]], [1])"),
            found=("2:1:1",),
        ),
        Example(
            ("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()", "ax.plot([1, 2])"),
            found=("2:1:1",),
        ),
        Example(("import numpy as np\na = np.arange(3)", "np.add(a, 1, out=a)"), found=("2:1:1",)),
        Example(("from lib import make\nx = make()", "x.append(1)"), found=("2:1:1",)),
        Example(("xs = []", "xs.append(1)"), found=("2:1:1",), kind="reactive"),
    ),
    measured="40 of 40 sampled findings right; 101 findings in 774 public notebooks",
    check=check,
)
