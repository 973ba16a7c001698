"""What is sent to the process that runs a notebook: its cells in order, and who depends on whom."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from nbtools.analysis.facts import SourceError, read_statements
from nbtools.analysis.graph import components, running_order
from nbtools.analysis.magics import to_plain_python
from nbtools.cells import Cell, Notebook, ReactiveNotebook
from nbtools.convert.helpers import HELPERS
from nbtools.errors import NbtoolsError
from nbtools.formats.reactive_names import CellNames, cell_names

_MARIMO = re.compile(r"^[ \t]*(?:import|from)[ \t]+marimo\b", re.M)


class NotRunnableError(NbtoolsError):
    """Marimo refuses the notebook before its first cell; the text names the cells."""


@dataclass(frozen=True, slots=True)
class JobCell:
    """One cell that is to run."""

    index: int  # 0-based, as in the file
    source: str
    raises: bool = False  # an exception is expected, and does not end the run
    plain: str | None = None  # without IPython's syntax, where it has any
    lines: tuple[int, ...] = ()  # of `plain`: the author's lines (1-based)
    children: tuple[int, ...] = ()  # the cells that cannot run without it
    setup: bool = False
    assigns: str = ""  # statements to run right after it: what `--set` gives


@dataclass(frozen=True)
class Job:
    """One notebook, ready to run."""

    kind: Literal["linear", "reactive"]
    name: str  # for tracebacks: "nb.ipynb"
    folder: str  # working directory
    cells: tuple[JobCell, ...]  # in the order in which they run
    skipped: tuple[int, ...] = ()  # cells that do not run at all
    disabled: Mapping[int, int | None] = field(default_factory=dict)  # and those due to which cell
    file: str | None = None  # what `__file__` is
    plain: bool = False  # do not use IPython even if it is there

    @cached_property
    def positions(self) -> Mapping[int, JobCell]:
        """The cells by their index in the file."""
        return {cell.index: cell for cell in self.cells}

    def cell(self, index: int) -> JobCell:
        """The cell with an index."""
        return self.positions[index]

    def document(self) -> dict[str, Any]:
        """The job as JSON has it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "file": self.file,
            "plain": self.plain,
            "imports_marimo": any(_MARIMO.search(cell.source) for cell in self.cells),
            "cells": [_document(cell) for cell in self.cells],
        }


def _document(cell: JobCell) -> dict[str, Any]:
    found: dict[str, Any] = {"index": cell.index, "source": cell.source}
    if cell.plain is not None:
        found |= {"plain": cell.plain, "lines": list(cell.lines)}
    if cell.assigns:
        found["set"] = cell.assigns
    for name in ("raises", "setup"):
        if getattr(cell, name):
            found[name] = True
    if cell.children:
        found["children"] = list(cell.children)
    return found


# --- from top to bottom -----------------------------------------------------------------------


def plan_linear(
    notebook: Notebook, name: str, folder: str, given: Mapping[str, str] | None = None
) -> Job:
    """A Jupyter notebook, as "Restart & Run All" runs it.

    Args:
        notebook: The notebook.
        name: Its file's name.
        folder: The working directory.
        given: Names that are to have other values, and these as Python.

    Raises:
        NbtoolsError: no cell binds one of the names.
    """
    code = [cell for cell in notebook.cells if cell.kind == "code"]
    runs = [cell for cell in code if cell.source.strip() and "skip-execution" not in cell.tags]
    plain = [to_plain_python(cell.source) for cell in runs]
    binds = [_bound(each.source) for each in plain]
    first = [position for position, cell in enumerate(runs) if "parameters" in cell.tags]
    assigns = _place(given or {}, [first, range(len(runs))], binds, name)
    cells = tuple(
        _job_cell(cell, found.source, found.lines, found.helpers, found.imports, text)
        for cell, found, text in zip(runs, plain, assigns, strict=True)
    )
    skipped = tuple(cell.index for cell in code if cell not in runs)
    return Job("linear", name, folder, cells, skipped)


def _job_cell(
    cell: Cell,
    source: str,
    lines: tuple[int, ...],
    helpers: frozenset[str],
    imports: tuple[str, ...],
    assigns: str,
) -> JobCell:
    raises = "raises-exception" in cell.tags
    if source == cell.source:
        return JobCell(cell.index, cell.source, raises, assigns=assigns)
    above = [*imports, *(HELPERS[name].rstrip("\n") for name in sorted(helpers))]
    head = "\n".join(above) + "\n" if above else ""
    lines = (*[1] * head.count("\n"), *lines)
    return JobCell(cell.index, cell.source, raises, head + source, lines, assigns=assigns)


def _bound(source: str) -> frozenset[str]:
    try:
        statements = read_statements(source)
    except SourceError:
        return frozenset()
    return frozenset[str]().union(*(statement.facts.binds for statement in statements))


def _place(
    given: Mapping[str, str],
    preferred: Sequence[Sequence[int]],
    binds: Sequence[frozenset[str]],
    name: str,
) -> list[str]:
    """For each cell, the statements that give names their other values after it."""
    texts = [""] * len(binds)
    for variable, value in given.items():
        places = (p for positions in preferred for p in positions if variable in binds[p])
        place = next(places, None)
        if place is None:
            raise NbtoolsError(f"{name}: no cell binds `{variable}`, which --set names")
        texts[place] += f"{variable} = {value}\n"
    return texts


# --- by the graph -----------------------------------------------------------------------------


def plan_reactive(
    notebook: ReactiveNotebook,
    name: str,
    folder: str,
    given: Mapping[str, str] | None = None,
    *,
    file: str | None = None,
) -> Job:
    """A reactive notebook, in marimo's order.

    Args:
        notebook: The notebook.
        name: Its file's name.
        folder: The working directory.
        given: Names that are to have other values, and these as Python.
        file: What `__file__` is while it runs.

    Raises:
        NotRunnableError: marimo would refuse it.
        NbtoolsError: no cell binds one of the given names.
    """
    names = [_read_names(index, cell.source, name) for index, cell in enumerate(notebook.cells)]
    parents = find_parents(names, name)
    setup = [index for index, cell in enumerate(notebook.cells) if cell.name == "setup"]
    _put_first(setup, parents, name)
    _refuse_cycles(parents, names, name)
    children = _children(parents)
    disabled: dict[int, int | None] = {}
    for index, cell in enumerate(notebook.cells):
        if cell.disabled:
            below = _descendants(children, index)
            disabled |= {child: index for child in below if child not in disabled}
            disabled[index] = None
    binds = [each.defs for each in names]
    assigns = _place(given or {}, [range(len(binds))], binds, name)
    cells = tuple(
        JobCell(
            index,
            notebook.cells[index].source,
            children=tuple(children[index]),
            setup=index in setup,
            assigns=assigns[index],
        )
        for index in running_order(parents)
        if index not in disabled and notebook.cells[index].source.strip()
    )
    run = {cell.index for cell in cells}
    skipped = tuple(index for index in range(len(names)) if index not in run)
    return Job("reactive", name, folder, cells, skipped, disabled, file)


def _read_names(index: int, source: str, name: str) -> CellNames:
    try:
        return cell_names(source)
    except SyntaxError as error:
        place = f"cell {index + 1}, line {error.lineno or 1}"
        raise NotRunnableError(f"{name}: {place}: {error.msg}") from None


def find_parents(names: Sequence[CellNames], name: str) -> list[set[int]]:
    """The cells that each cell must run after.

    Raises:
        NotRunnableError: two cells define one name.
    """
    definers: dict[str, int] = {}
    for position, each in enumerate(names):
        for variable in sorted(each.defs):
            if variable in definers:
                cells = f"cells {definers[variable] + 1} and {position + 1}"
                reason = f"{cells} both define `{variable}`; in a reactive notebook one may"
                raise NotRunnableError(f"{name}: {reason}")
            definers[variable] = position
    parents = [{definers[ref] for ref in each.refs if ref in definers} for each in names]
    for position, each in enumerate(names):
        for variable in each.deleted:  # who deletes a name runs after all that read it
            parents[position].update(i for i, other in enumerate(names) if variable in other.refs)
    for position, found in enumerate(parents):
        found.discard(position)
    return parents


def _put_first(setup: Sequence[int], parents: list[set[int]], name: str) -> None:
    for index in setup:
        if parents[index]:
            cells = ", ".join(str(parent + 1) for parent in sorted(parents[index]))
            raise NotRunnableError(f"{name}: the setup cell needs a name of cell {cells}")
        for other, found in enumerate(parents):
            if other != index:
                found.add(index)


def _refuse_cycles(parents: Sequence[set[int]], names: Sequence[CellNames], name: str) -> None:
    for group in components(parents):
        if len(group) > 1:
            members = [names[index] for index in group]
            shared = {v for a in members for b in members if a is not b for v in a.refs & b.defs}
            cells = ", ".join(str(index + 1) for index in group)
            words = ", ".join(f"`{variable}`" for variable in sorted(shared))
            raise NotRunnableError(f"{name}: cells {cells} need each other (via {words})")


def _children(parents: Sequence[set[int]]) -> list[list[int]]:
    """For each cell, those that need it directly, ascending."""
    children: list[list[int]] = [[] for _ in parents]
    for child, found in enumerate(parents):
        for parent in found:
            children[parent].append(child)
    return children


def _descendants(children: Sequence[Sequence[int]], root: int) -> set[int]:
    found: set[int] = set()
    pending = [root]
    while pending:
        for child in children[pending.pop()]:
            if child not in found:
                found.add(child)
                pending.append(child)
    return found
