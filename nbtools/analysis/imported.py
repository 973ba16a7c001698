"""What the names that a notebook imports stand for: `np` is `numpy`, `sleep` is `time.sleep`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from nbtools.analysis.regions import IndexedCell
from nbtools.syntax import dotted_name

Imported = Mapping[str, str]
"""Name -> the dotted name of what it was imported as. Names with two meanings are left out."""


def read_imported(cells: Iterable[IndexedCell], bound_otherwise: frozenset[str]) -> Imported:
    """The imports of all cells, those in functions too.

    Args:
        cells: The notebook's code cells.
        bound_otherwise: Names that something else than an import binds, somewhere.
    """
    found: dict[str, str] = {}
    unclear = set(bound_otherwise)
    for cell in cells:
        for bound, full in _imports_of(cell):
            if found.setdefault(bound, full) != full:
                unclear.add(bound)
    return {name: full for name, full in found.items() if name not in unclear}


def _imports_of(cell: IndexedCell) -> Iterable[tuple[str, str]]:
    for node in cell.nodes(ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.asname, alias.name
            else:
                top = alias.name.partition(".")[0]
                yield top, top
    for each in cell.nodes(ast.ImportFrom):
        module = "." * each.level + (each.module or "")
        for alias in each.names:
            if alias.name != "*":
                yield alias.asname or alias.name, f"{module}.{alias.name}"


def full_name(node: ast.expr, imported: Imported) -> str | None:
    """The dotted name of what an expression like `np.random.rand` is; None if not imported."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    meant = imported.get(root.id) if isinstance(root, ast.Name) else None
    if meant is None:
        return None
    _, dot, rest = (dotted_name(node) or "").partition(".")
    if meant == "pylab":
        meant = "matplotlib.pylab"
    return meant + dot + rest
