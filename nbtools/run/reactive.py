"""A reactive notebook as a job: in marimo's order, by who defines and who reads each name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbtools.analysis.graph import components, reachable, running_order
from nbtools.cells import ReactiveNotebook
from nbtools.errors import NbtoolsError
from nbtools.formats.reactive_names import CellNames, cell_names
from nbtools.run.job import Job, JobCell, place_values


class NotRunnableError(NbtoolsError):
    """Marimo refuses the notebook before its first cell; the text names the cells."""


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
            below = reachable(children[index], children.__getitem__)
            disabled |= {child: index for child in below if child not in disabled}
            disabled[index] = None
    binds = [each.defs for each in names]
    assigns = place_values(given or {}, [range(len(binds))], binds, name)
    cells = tuple(
        JobCell(
            index,
            notebook.cells[index].source,
            children=tuple(children[index]),
            setup=index in setup,
            assigns=assigns[index],
            defs=tuple(sorted(names[index].defs)),
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
