"""NB301: a statement changes an object that another cell has made."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.analysis.known_returns import ARRAY, FRAME, SERIES
from nbtools.analysis.mutation import Change
from nbtools.rules.finding import Finding, Fix
from nbtools.rules.mutations import (
    and_more,
    find_cross_changes,
    first_of_each,
    made_at,
    text_of,
)
from nbtools.rules.new_values import assign_or_copy, make_new_values
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_STATEMENTS = ("item", "attribute", "augmented", "delete-item")


def check(program: Program) -> Iterator[Finding]:
    """Report the first such statement for each name in each cell."""
    found = (
        each
        for each in program.once(find_cross_changes)
        if each.change.how in _STATEMENTS and not each.module
    )
    for each, more in first_of_each(found):
        change = each.change
        where, made = made_at(program, each)
        message = (
            f"`{change.name}` from {where} is changed in place{and_more(more)}: "
            f"{_consequence(change, where)}; {_instead(change)}"
        )
        cell = program.cells[each.position]
        yield RULE.finding(message, cell.span(change.node), symbol=change.name, related=(made,))


def _consequence(change: Change, where: str) -> str:
    if change.how == "augmented":
        return f"running this cell again changes it again, and running {where} undoes it"
    if change.how == "delete-item":
        return "running this cell again fails or deletes more"
    return f"running {where} again undoes it, and cells that use it are not told"


def _instead(change: Change) -> str:
    name, target = change.name, change.node
    make = "make a new value: "
    if not change.direct:
        return "change it in the cell that makes it, or make a new value"
    if change.type == FRAME:
        return make + _for_frame(change)
    if change.type == SERIES or change.type == ARRAY:
        return make + f"`{name}_1 = {name}.copy()`, and change that"
    if isinstance(target, ast.Subscript) and change.how == "item":
        key = text_of(target.slice, 20)
        if change.type == "dict":
            return make + f"`{name}_1 = {{**{name}, {key}: ...}}`"
        if change.type == "list":
            return make + f"`{name}_1 = list({name})`, and change that"
    if change.type == "list" and change.how == "augmented":
        return make + f"`{name}_1 = [*{name}, ...]`"
    if change.type == "dict" and change.how == "delete-item":
        return make + f"`{name}_1 = {{k: v for k, v in {name}.items() if ...}}`"
    return "change it in the cell that makes it, or make a new value"


def _for_frame(change: Change) -> str:
    name, target = change.name, change.node
    if isinstance(target, ast.Attribute):
        if target.attr == "columns":
            return f"`{name}_1 = {name}.set_axis([...], axis=1)`"
        if target.attr == "index":
            return f"`{name}_1 = {name}.set_axis([...])`"
        return f"`{name}_1 = {name}.assign({target.attr}=...)`"
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        key = target.slice
        word = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
        if change.how == "delete-item":
            return f"`{name}_1 = {name}.drop(columns={text_of(key, 20)})`"
        if word is not None and word.isidentifier():
            return f"`{name}_1 = {name}.assign({word}=...)`"
        if word is not None:
            return f"`{name}_1 = {name}.assign(**{{{word!r}: ...}})`"
    return f"`{name}_1 = {name}.copy()`, and change that"


def mend(program: Program, finding: Finding) -> Fix | None:
    """A new value for who reads the name afterwards, where the type of the old one is known."""
    return make_new_values(program, finding.symbol, _STATEMENTS, assign_or_copy)


RULE = Rule(
    code="NB301",
    name="cross-cell-mutation",
    severity="warning",
    default="reactive",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{name}` from cell {n} is changed in place",
    why=(
        "What the name holds then depends on which cells have run, and how often: neither the "
        "cell that made it nor the cells that use it show that. A reactive notebook does not run "
        "the users of a value again when it is changed in place."
    ),
    instead="Give the changed value a name of its own, or change it in the cell that makes it.",
    valid=(
        Example(("d = {}\nd['a'] = 1",)),
        Example(("import pandas as pd\ndf = pd.DataFrame()", "df = df.copy()\ndf['x'] = 1")),
        Example(("d = {}", "def f():\n    d['a'] = 1"), note="See NB306."),
        Example(("x = 1", "x += 1"), note="A number is not changed in place."),
        Example(("import matplotlib as mpl", "mpl.rcParams['font.size'] = 9"), note="See NB305."),
        Example(("d = {}", "d['a']")),
        Example(("_d = {}", "_d = {}\n_d['a'] = 1"), kind="reactive"),
    ),
    invalid=(
        Example(
            ("d = {}", "d['a'] = 1\nd['b'] = 2", "d"),
            found=("2:1:1",),
            fixed=("d = {}", "d_1 = d.copy()\nd_1['a'] = 1\nd_1['b'] = 2", "d_1"),
        ),
        Example(
            ("import pandas as pd\ndf = pd.read_csv('a.csv')", "%%md x", "df['x'] = df.a + 1"),
            found=("3:1:1",),
            fixed=(
                "import pandas as pd\ndf = pd.read_csv('a.csv')",
                "x",
                "df_1 = df.assign(x=df.a + 1)",
            ),
        ),
        Example(
            ("xs = [1]", "xs += [2]", "xs"),
            found=("2:1:1",),
            fixed=("xs = [1]", "xs_1 = xs.copy()\nxs_1 += [2]", "xs_1"),
        ),
        Example(("d = {'a': 1}", "del d['a']"), found=("2:1:5",)),
        Example(("import types\nn = types.SimpleNamespace()", "n.a = 1"), found=("2:1:1",)),
        Example(("a = {}", "for a['k'] in range(3):\n    pass"), found=("2:1:5",)),
        Example(("d = {}", "d['a'] = 1"), found=("2:1:1",), kind="reactive"),
    ),
    measured="40 of 40 sampled findings right; 363 findings in 774 public notebooks",
    check=check,
    mend=mend,
    fix="unsafe",
)
