"""Where a notebook parts its data into training and test data, and what is fitted to what."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from nbtools.analysis.imported import full_name
from nbtools.analysis.regions import start_of
from nbtools.rules.program import Program
from nbtools.rules.receivers import find_imported, find_types
from nbtools.syntax import root_name

_SPLITS = frozenset(
    ("sklearn.model_selection.train_test_split", "sklearn.cross_validation.train_test_split")
)
_TRANSFORMERS = (
    "sklearn.preprocessing.",
    "sklearn.decomposition.",
    "sklearn.feature_selection.",
    "sklearn.feature_extraction.",
    "sklearn.impute.",
    "sklearn.manifold.",
)
_HARMLESS = frozenset("LabelEncoder LabelBinarizer MultiLabelBinarizer FunctionTransformer".split())
_FITS = frozenset(("fit", "fit_transform"))


class Split(Struct, frozen=True):
    """One call that parts data."""

    position: int  # of the cell
    node: ast.Call
    sources: tuple[str, ...]  # names of what is parted
    tests: tuple[str, ...]  # names of the test parts


class Fit(Struct, frozen=True):
    """One call of `.fit(data)` or `.fit_transform(data)`."""

    position: int
    node: ast.Call
    type: str | None  # of what is fitted
    data: str  # the name of what it is fitted to
    result: str | None  # the name that what comes out is bound to

    @property
    def is_transformer(self) -> bool:
        """Whether it is known to be a transformer that learns from the rows it sees."""
        kind = self.type or ""
        return kind.startswith(_TRANSFORMERS) and kind.rpartition(".")[2] not in _HARMLESS


def find_splits(program: Program) -> tuple[Split, ...]:
    """The calls of train_test_split, in order."""
    imported = program.once(find_imported)
    return tuple(
        Split(position, node, _names(node.args), _test_names(target))
        for position, node, target in _assigned_calls(program)
        if full_name(node.func, imported) in _SPLITS
    )


def find_fits(program: Program) -> tuple[Fit, ...]:
    """The calls of `.fit` and `.fit_transform` with a named argument, in order."""
    types = program.once(find_types)
    found = []
    for position, node, target in _assigned_calls(program):
        func = node.func
        if not isinstance(func, ast.Attribute) or func.attr not in _FITS or not node.args:
            continue
        data = root_name(node.args[0])
        if data is None or types.regions[position].scopes_around(node):
            continue
        kind = types.of(func.value, position)
        found.append(Fit(position, node, kind, data, root_name(target) if target else None))
    return tuple(found)


def _assigned_calls(program: Program) -> Iterator[tuple[int, ast.Call, ast.expr | None]]:
    """Every call, and what its result, or a call of its result, is assigned to."""
    for position, cell in enumerate(program.cells):
        targets = {id(node.value): node.targets[0] for node in cell.nodes(ast.Assign)}
        for node in sorted(cell.nodes(ast.Call), key=start_of):
            yield position, node, targets.get(id(node))


def _names(nodes: list[ast.expr]) -> tuple[str, ...]:
    return tuple(name for name in map(root_name, nodes) if name)


def _test_names(target: ast.expr | None) -> tuple[str, ...]:
    """Every second name of `X_train, X_test, y_train, y_test`."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        return ()
    return tuple(e.id for e in target.elts[1::2] if isinstance(e, ast.Name))
