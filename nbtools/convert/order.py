"""The order in which the cells of a notebook are meant to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtools.analysis.facts import BUILTINS, Facts, compose
from nbtools.cells import Cell, Notebook
from nbtools.convert.edits import Order
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script


def running_order(
    notebook: Notebook, scripts: Sequence[Script], order: Order, log: Log
) -> list[int]:
    """The indexes of all cells in the order in which they run and will stand.

    "auto" is document order, unless a cell there reads a name that only a later cell binds,
    and the order of the execution counts leaves fewer such reads. Cells that are not code
    stay in front of the code cell they stand in front of.
    """
    document = [cell.index for cell in notebook.cells]
    if order == "document":
        return document
    counted = _order_of_counts(notebook.cells)
    if counted == document:
        return document
    if order == "counts" or _is_better(counted, document, scripts):
        _report(counted, document, log)
        return counted
    return document


def _order_of_counts(cells: Sequence[Cell]) -> list[int]:
    """Cells by execution count; a cell without one stays behind the cell before it."""
    groups: list[tuple[int, list[int]]] = []  # the count of a group's code cell, its cells
    text: list[int] = []
    for cell in cells:
        text.append(cell.index)
        if cell.kind != "code":
            continue
        if cell.execution_count is None and groups:
            groups[-1][1].extend(text)
        else:
            groups.append((cell.execution_count or 0, text))
        text = []
    ordered = [index for _, group in sorted(groups, key=lambda group: group[0]) for index in group]
    return ordered + text


def _is_better(counted: Sequence[int], document: Sequence[int], scripts: Sequence[Script]) -> bool:
    facts = {
        script.cell: compose(statement.facts for statement in script.statements)
        for script in scripts
    }
    bound = frozenset[str]().union(*(f.binds for f in facts.values()))
    missing = sum(1 for _ in _early_reads(document, facts, bound))
    return missing > 0 and sum(1 for _ in _early_reads(counted, facts, bound)) < missing


def _early_reads(
    order: Sequence[int], facts: dict[int | None, Facts], bound: frozenset[str]
) -> Iterator[tuple[int, str]]:
    """Reads of names that only a later cell binds, where nothing would catch the NameError."""
    known: set[str] = set()
    late: dict[str, frozenset[str]] = {}  # a function -> the names it looks up
    for index in order:
        cell = facts.get(index)
        if cell is None:
            continue
        reads = set(cell.reads)
        for call in cell.calls:
            reads |= late.get(call, frozenset()) - cell.binds
        for name in sorted(reads - known - BUILTINS - cell.guarded):
            if name in bound:
                yield index, name
        known |= cell.binds | cell.writes_late
        late.update({name: code.reads for name, code in cell.code.items()})


def _report(counted: Sequence[int], document: Sequence[int], log: Log) -> None:
    reason = "document order cannot run: the cells stand in the order of their execution counts"
    for index, original in zip(counted, document, strict=True):
        if index != original:
            log.edit("order", index, reason)
