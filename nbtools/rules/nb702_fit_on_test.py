"""NB702: something is fitted to the test data."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.lazy_patterns import lazy_pattern
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.splits import Fit, find_fits, find_splits

_TEST = lazy_pattern(r"[Xx]_?(?:test|tst)\w*|test_?[Xx]\w*|(?:test|X_val|x_val)(?:_data|_set|_df)?")


def check(program: Program) -> Iterator[Finding]:
    """Report `.fit_transform(X_test)`, and `.fit(X_test)` of what is fitted elsewhere as well."""
    tests = {name for split in program.once(find_splits) for name in split.tests}
    fits = program.once(find_fits)
    for fit in fits:
        if fit.data not in tests and not _TEST.fullmatch(fit.data):
            continue
        if not _is_wrong(fit, fits):
            continue
        cell = program.cells[fit.position]
        text = ast.unparse(fit.node.func)
        right = text.rpartition(".")[0] + (".transform" if _makes_data(fit) else ".predict")
        message = (
            f"`{text}()` learns from the test data `{fit.data}`: fit to the training data, then "
            f"`{right}({fit.data})`"
        )
        yield RULE.finding(message, cell.span(fit.node), symbol=fit.data)


def _makes_data(fit: Fit) -> bool:
    func = fit.node.func
    return fit.is_transformer or (isinstance(func, ast.Attribute) and func.attr != "fit")


def _is_wrong(fit: Fit, fits: tuple[Fit, ...]) -> bool:
    """Whether it is a transformer, or the notebook fits the same thing to other data too."""
    if fit.is_transformer:
        return True
    if len(fit.node.args) > 1 and fit.type is None:
        return False  # `.fit(X_test, y_test)` of anything: a comparison, perhaps
    func = fit.node.func
    if fit.type is None and isinstance(func, ast.Attribute) and func.attr == "fit_transform":
        owner = ast.dump(func.value)
        return any(
            other is not fit
            and isinstance(other.node.func, ast.Attribute)
            and ast.dump(other.node.func.value) == owner
            for other in fits
        )
    return False


RULE = Rule(
    code="NB702",
    name="fit-on-test",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`.{method}()` learns from the test data `{name}`",
    why=(
        "The test data are scaled or parted by what they themselves say, other than the training "
        "data were: the score is not the one that new data would give."
    ),
    instead="Fit to the training data only, and call `.transform()` for the test data.",
    words=("fit",),
    valid=(
        Example(
            (
                "from sklearn.preprocessing import StandardScaler\ns = StandardScaler()",
                "X_train = s.fit_transform(X_train)\nX_test = s.transform(X_test)",
            )
        ),
        Example(("tool.fit(X_test, y_test)",), note="Any tool."),
        Example(
            (
                "from sklearn.model_selection import train_test_split\n"
                "first, second = train_test_split(X)\nmodel.fit(first)",
            )
        ),
    ),
    invalid=(
        Example(
            (
                "from sklearn.preprocessing import StandardScaler\ns = StandardScaler()",
                "X_train = s.fit_transform(X_train)\nX_test = s.fit_transform(X_test)",
            ),
            found=("2:2:10",),
        ),
        Example(
            (
                "from sklearn.model_selection import train_test_split\n"
                "from sklearn.decomposition import PCA\n"
                "first, second = train_test_split(X)\nPCA().fit(second)",
            ),
            found=("1:4:1",),
        ),
    ),
    measured="1 of 1 finding right in 433 held-out notebooks; none in 774 public ones",
    check=check,
)
