"""Functions and classes that other code can import.

A definition that needs only imports and other such definitions becomes a cell of its own, which
marimo writes as `@app.function` or `@app.class_definition`; the imports it needs go to the setup
cell. Both then run before all other cells, so nothing moves whose effects could be noticed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from nbtools.analysis.facts import BUILTINS, Import
from nbtools.analysis.versions import Atom
from nbtools.convert.names import is_private

_SENSITIVE = frozenset(
    """sys os warnings importlib site logging matplotlib mpl shell shell_lines change_directory
    set_variable write_file run_script open exec runpy pathlib Path shutil subprocess pkg_resources
    locale multiprocessing __import__""".split()
)
"""A statement that looks one of these up may change what a later import does."""
_FORMATTED = frozenset(
    """IPython ipywidgets tqdm bokeh plotly altair holoviews panel leafmap lets_plot pyecharts
    anywidget bqplot ipympl ipyvolume pygwalker""".split()
)
"""Packages that show things by themselves: marimo fits them in when a cell imports them, but the
setup cell of a script is run before marimo is ready for that."""
_RESERVED = frozenset({"app", "marimo", "__name__", "__generated_with"})


class Arrangement(Struct, frozen=True):
    """The atoms of a notebook, those of the setup cell apart."""

    setup: tuple[Atom, ...]  # import statements, in running order
    cells: tuple[tuple[Atom, ...], ...]  # importable definitions stand alone


def arrange_importable(
    cells: Sequence[Sequence[Atom]], is_local: Callable[[str], bool]
) -> Arrangement:
    """Set importable definitions, and the imports they need, apart.

    Args:
        cells: The atoms of every cell in running order.
        is_local: Whether a dotted module lies beside the notebook: what loading it does is
            the author's, and may be meant to happen where it stands.
    """
    binders = Counter(name for cell in cells for atom in cell for name in _bound(atom))
    imports = _movable_imports(cells, binders, is_local)
    definitions = _importable(cells, binders, imports)
    if not definitions:
        return Arrangement((), tuple(map(tuple, cells)))
    needed = frozenset[str]().union(*(_needs(atom) for atom in definitions.values()))
    wanted = {name: atoms for name, atoms in imports.items() if name in needed}
    moved = _with_neighbours(cells, [atom for atoms in wanted.values() for atom in atoms], imports)
    apart = {id(atom) for atom in definitions.values()}
    kept = [[atom for atom in cell if id(atom) not in moved] for cell in cells]
    setup = tuple(atom for cell in cells for atom in cell if id(atom) in moved)
    return Arrangement(setup, tuple(part for cell in kept for part in _part(cell, apart)))


def _bound(atom: Atom) -> frozenset[str]:
    return atom.facts.binds | atom.facts.writes_late | atom.facts.annotated


def _needs(atom: Atom) -> frozenset[str]:
    return atom.facts.reads | atom.facts.late


def _movable_imports(
    cells: Sequence[Sequence[Atom]], binders: Counter[str], is_local: Callable[[str], bool]
) -> dict[str, list[Atom]]:
    """Names that only import statements bind which may run before all else, with these."""
    found: dict[str, list[Atom]] = {}
    meant: dict[
        str, tuple[str, str | None]
    ] = {}  # what a name stands for; more than one thing: it stays
    calm = True
    for cell in cells:
        for atom in cell:
            if _is_import(atom):
                roots = {bound.module.split(".")[0] for bound in atom.facts.imports}
                if roots & _FORMATTED or (not calm and any(map(is_local, roots))):
                    continue
                for bound in atom.facts.imports:
                    found.setdefault(bound.bound, []).append(atom)
                    binders.update({bound.bound} if _changes(meant, bound) else ())
            elif not atom.facts.calm:
                calm = False
                if _may_affect_imports(atom):
                    return _sole(found, binders)
    return _sole(found, binders)


def _changes(meant: dict[str, tuple[str, str | None]], bound: Import) -> bool:
    """Whether the name stood for something else before."""
    stands_for = (bound.bound if bound.dotted else bound.module, bound.name)
    return meant.setdefault(bound.bound, stands_for) != stands_for


def _may_affect_imports(atom: Atom) -> bool:
    facts = atom.facts
    touched = facts.loads | {call.split(".")[0] for call in facts.calls}
    return not _SENSITIVE.isdisjoint(touched) or facts.open or bool(facts.runs)


def _sole(found: dict[str, list[Atom]], binders: Counter[str]) -> dict[str, list[Atom]]:
    return {
        name: atoms
        for name, atoms in found.items()
        if binders[name] == len(atoms) and not is_private(name) and name not in _RESERVED
    }


def _is_import(atom: Atom) -> bool:
    return all(s.kind == "import" and s.facts.binds for s in atom.statements)


def _importable(
    cells: Sequence[Sequence[Atom]], binders: Counter[str], imports: dict[str, list[Atom]]
) -> dict[str, Atom]:
    """Definitions that need nothing but imports, builtins and each other."""
    found = {
        name: atom
        for cell in cells
        for index, atom in enumerate(cell)
        if not any(near.joined for near in cell[index : index + 2])
        for name in _defined(atom)
        if binders[name] == 1 and not is_private(name) and name not in _RESERVED
    }
    at_once = imports.keys() | (BUILTINS - binders.keys())  # what the def statement itself reads
    while True:
        known = at_once | found.keys()
        kept = {
            name: atom
            for name, atom in found.items()
            if atom.facts.late <= known and atom.facts.reads <= at_once
        }
        if len(kept) == len(found):
            return kept
        found = kept


def _defined(atom: Atom) -> Iterator[str]:
    """The name of the one definition that the atom is."""
    statement = atom.statements[0]
    facts = statement.facts
    alone = len(atom.statements) == 1 and statement.kind in ("function", "class")
    if alone and facts.calm and not facts.writes_late and not facts.strings and not facts.open:
        yield from facts.binds


def _with_neighbours(
    cells: Sequence[Sequence[Atom]], wanted: Sequence[Atom], imports: dict[str, list[Atom]]
) -> set[int]:
    """The atoms to move: the wanted, and with them all of a cell of imports alone."""
    moved = {id(atom) for atom in wanted}
    movable = {id(atom) for atoms in imports.values() for atom in atoms}
    for cell in cells:
        if any(id(atom) in moved for atom in cell):
            whole = all(id(atom) in movable and _wholly(atom, imports) for atom in cell)
            if whole:
                moved |= {id(atom) for atom in cell}
    return moved


def _wholly(atom: Atom, imports: dict[str, list[Atom]]) -> bool:
    return all(name in imports for name in atom.facts.binds)


def _part(cell: Sequence[Atom], apart: set[int]) -> Iterator[tuple[Atom, ...]]:
    """The cell's atoms with those to stand apart on their own."""
    rest: list[Atom] = []
    for atom in cell:
        if id(atom) in apart:
            if rest:
                yield tuple(rest)
            rest = []
            yield (atom,)
        else:
            rest.append(atom)
    if rest:
        yield tuple(rest)
