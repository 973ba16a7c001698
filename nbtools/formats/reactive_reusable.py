"""Which cells marimo writes as `@app.function` or `@app.class_definition`.

This follows `marimo/_ast/toplevel.py` step by step. The order of its steps shows in the
result (a function may rest on a later one, but its decorator may not), so it is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct, field

from nbtools.formats.reactive_names import BUILTINS, CompiledCell
from nbtools.formats.reactive_scopes import DefinitionNode

Form = Literal["cell", "reusable", "unresolved", "unparsable"]

_RESERVED = frozenset({"app", "__name__", "__generated_with"})


class CellForm(Struct):
    """How a cell is written; settled once `choose_forms` returns."""

    compiled: CompiledCell | None
    name: str
    form: Form = "unparsable"

    @property
    def refs(self) -> frozenset[str]:
        """Names the cell reads from elsewhere."""
        return self.compiled.names.refs if self.compiled else frozenset()


class Forms(Struct):
    """The form of every cell but the setup cell, and what follows from them all."""

    cells: list[CellForm]
    free: set[str]  # names no signature needs: builtins, setup's names, reusable definitions
    used: set[str] = field(default_factory=set)  # names that some cell reads


def choose_forms(
    cells: Sequence[tuple[CompiledCell | None, str]], setup_names: Iterable[str]
) -> Forms:
    """Choose the form of each cell, given in order as (None if it does not compile, name)."""
    forms = Forms([CellForm(compiled, name) for compiled, name in cells], set(setup_names))
    index = _Index()
    for cell in forms.cells:
        if cell.compiled is not None:
            _judge(cell, forms.free)
        index.add(cell)
        forms.used |= cell.refs
    defined = {name for cell in forms.cells if cell.compiled for name in cell.compiled.names.defs}
    forms.free |= BUILTINS - defined
    _promote(forms, index)
    _resolve(forms, index)
    original = {id(cell): name for cell, (_, name) in zip(forms.cells, cells, strict=True)}
    for cell in index.by_form["cell"].values():
        cell.name = original[id(cell)]
    return forms


class _Index:
    """Cells by form and name. As in marimo, of two cells of one name the last counts."""

    def __init__(self) -> None:
        self.by_form: dict[Form, dict[str, CellForm]] = {
            "cell": {},
            "reusable": {},
            "unresolved": {},
            "unparsable": {},
        }

    def add(self, cell: CellForm) -> None:
        self.by_form[cell.form][cell.name] = cell

    def remove(self, cell: CellForm) -> None:
        self.by_form[cell.form].pop(cell.name, None)


def _judge(
    cell: CellForm,
    free: set[str],
    *,
    unresolved: Iterable[str] = (),
    not_reusable: Iterable[str] = (),
    reusable: Iterable[str] = (),
) -> None:
    """Give the cell the form that is known of it so far."""
    assert cell.compiled is not None
    cell.form = "cell"
    node = cell.compiled.only_definition
    if node is None:
        return
    cell.name = node.name
    if node.name in _RESERVED or _ends_with_comment(cell.compiled.source, node):
        return
    own = {node.name, "_lambda"}
    (definition,) = cell.compiled.definitions[node.name]
    if (definition.unbounded - free - own).difference(unresolved) or cell.compiled.local_refs:
        return
    names = cell.compiled.names
    open_names = (names.refs - names.sql_refs - own - free).difference(reusable)
    if not open_names:
        cell.form = "reusable"
    elif not open_names.difference(not_reusable):
        cell.form = "unresolved"


def _ends_with_comment(source: str, only: DefinitionNode) -> bool:
    """Whether a comment at column 0 stands below the cell's only statement."""
    last = source.rstrip()
    below = last.count("\n") + 1 > (only.end_lineno or 0)
    return below and last[last.rfind("\n") + 1 :].startswith("#")


def _promote(forms: Forms, index: _Index) -> None:
    """Judge again in file order, now that all names are known."""
    not_reusable = {cell.name for cell in forms.cells if cell.form != "reusable"}
    unresolved: set[str] = set()
    for cell in forms.cells:
        if cell.form in ("cell", "unresolved"):
            index.remove(cell)
            _judge(
                cell,
                forms.free,
                unresolved=unresolved,
                not_reusable=not_reusable,
                reusable=index.by_form["reusable"],
            )
            index.add(cell)
        if cell.form == "unresolved":
            unresolved.add(cell.name)
        elif cell.form != "cell":
            forms.free.add(cell.name)


def _resolve(forms: Forms, index: _Index) -> None:
    """Settle the definitions that wait for one another."""
    waiting = index.by_form["unresolved"]
    settled: dict[str, bool] = {}
    for name in list(waiting):
        if name in waiting:
            _resolve_from(name, forms, index, settled)


def _resolve_from(start: str, forms: Forms, index: _Index, settled: dict[str, bool]) -> None:
    """Walk the definitions that `start` needs, depth first; no recursion, chains may be long."""
    waiting = index.by_form["unresolved"]
    path = [_open(start, waiting)]
    while path:
        step = path[-1]
        name = next(step.names, None)
        if name is None:
            path.pop()
            _close(step, forms, index, settled)
            if path:
                path[-1].resolved &= step.resolved
        elif name in waiting:
            path.append(_open(name, waiting))
        else:
            step.resolved &= _is_resolved(name, index, settled)


def _close(step: _Step, forms: Forms, index: _Index, settled: dict[str, bool]) -> None:
    step.cell.form = "reusable" if step.resolved else "cell"
    index.add(step.cell)
    settled[step.cell.name] = step.resolved
    if step.resolved:
        forms.free.add(step.cell.name)


class _Step(Struct):
    cell: CellForm
    names: Iterator[str]
    resolved: bool = True


def _open(name: str, waiting: dict[str, CellForm]) -> _Step:
    cell = waiting.pop(name)
    return _Step(cell, iter(sorted(cell.refs)))


def _is_resolved(name: str, index: _Index, settled: dict[str, bool]) -> bool:
    if name in settled:
        return settled[name]
    if name in index.by_form["reusable"]:
        return True
    # What is left is a builtin, a name of setup, or one on a cycle: marimo takes all three.
    return name not in index.by_form["cell"] and name not in index.by_form["unparsable"]
