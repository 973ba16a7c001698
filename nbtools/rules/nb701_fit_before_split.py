"""NB701: a transformer sees rows that are later used as test data."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.analysis.regions import start_of
from nbtools.rules.finding import Finding, Related
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.splits import Fit, Split, find_fits, find_splits


def check(program: Program) -> Iterator[Finding]:
    """Report fits whose outcome is what is parted later."""
    splits = program.once(find_splits)
    for fit in program.once(find_fits) if splits else ():
        if not fit.is_transformer:
            continue
        split = next((s for s in splits if _flows(program, fit, s)), None)
        if split is None:
            continue
        cell, other = program.cells[fit.position], program.cells[split.position]
        where = other.span(split.node)
        kind = (fit.type or "").rpartition(".")[2]
        message = (
            f"`{kind}` is fitted to all rows, those included that are test data from cell "
            f"{where.cell + 1} on: split first, and fit to the training data"
        )
        related = (Related(where, "the data are split here"),)
        yield RULE.finding(message, cell.span(fit.node), symbol=fit.data, related=related)


def _flows(program: Program, fit: Fit, split: Split) -> bool:
    """Whether what the fit gave is what is parted, below it."""
    below = (fit.position, start_of(fit.node)) < (split.position, start_of(split.node))
    if not below or not split.sources:
        return False
    made = {fit.result} if fit.result else set()
    made |= _transformed(program, fit)
    return split.sources[0] in made


def _transformed(program: Program, fit: Fit) -> set[str]:
    """The names bound to `t.transform(data)` for `t.fit(data)`."""
    func = fit.node.func
    owner = ast.dump(func.value) if isinstance(func, ast.Attribute) else ""
    found: set[str] = set()
    for cell in program.cells[fit.position :]:
        for node in cell.nodes(ast.Assign):
            call, target = node.value, node.targets[0]
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            same = call.func.attr == "transform" and ast.dump(call.func.value) == owner
            if same and isinstance(target, ast.Name):
                found.add(target.id)
    return found


RULE = Rule(
    code="NB701",
    name="fit-before-split",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{transformer}` is fitted to rows that are test data later",
    why=(
        "What the transformer learns (means, components, a vocabulary) then holds something of "
        "the test data, and the score measured on them is too good."
    ),
    instead="Split first, fit to the training data, or put the transformer into a pipeline.",
    words=("train_test_split",),
    valid=(
        Example(
            (
                "from sklearn.preprocessing import StandardScaler\n"
                "from sklearn.model_selection import train_test_split\n"
                "X_train, X_test = train_test_split(X)\n"
                "X2 = StandardScaler().fit_transform(X_train)",
            )
        ),
        Example(
            (
                "from sklearn.decomposition import PCA\n"
                "from sklearn.model_selection import train_test_split\n"
                "shown = PCA(2).fit_transform(X)\n"
                "X_train, X_test = train_test_split(X)",
            ),
            note="For a plot only.",
        ),
        Example(
            (
                "from sklearn.preprocessing import LabelEncoder\n"
                "from sklearn.model_selection import train_test_split\n"
                "y = LabelEncoder().fit_transform(y)\n"
                "a, b = train_test_split(y)",
            )
        ),
    ),
    invalid=(
        Example(
            (
                "from sklearn.preprocessing import StandardScaler\n"
                "from sklearn.model_selection import train_test_split",
                "scaled = StandardScaler().fit_transform(X)",
                "X_train, X_test = train_test_split(scaled)",
            ),
            found=("2:1:10",),
        ),
        Example(
            (
                "from sklearn.preprocessing import StandardScaler\n"
                "from sklearn.model_selection import train_test_split",
                "s = StandardScaler()\ns.fit(X)\nX = s.transform(X)",
                "X_train, X_test = train_test_split(X)",
            ),
            found=("2:2:1",),
        ),
    ),
    measured="the 1 finding in 774 public notebooks is right",
    check=check,
)
