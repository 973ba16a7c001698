"""What is to be proved: a notebook and its conversion, read and ready to run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.blocks import is_blank
from nbtools.cells import Notebook, ReactiveNotebook
from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion
from nbtools.formats.ipynb import read_notebook, require_python
from nbtools.formats.reactive_reader import parse_reactive
from nbtools.run.job import Job
from nbtools.run.linear import plan_linear
from nbtools.run.reactive import plan_reactive
from nbtools.verify.groups import Group, align_cells, code_cells, group_cells, moved_cells

_INTERACTIVE = re.compile(r"^\s*%(?:matplotlib|pylab)\s+(?:notebook|nbagg|widget|ipympl)\b", re.M)


class Subject(Struct, frozen=True):
    """A notebook to be proved."""

    groups: tuple[Group, ...]
    reactive: Job  # the conversion, or the reactive notebook itself
    sources: tuple[str, ...]  # of the cells that groups count: the original's, if there is one
    linear: Job | None = None  # the original; None of a reactive notebook alone
    renamed: Mapping[str, str] = {}  # the conversion's name -> the author's
    data: bytes = b""  # of the .ipynb
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no code to run: no cell, or comments alone."""
        cells = (self.linear or self.reactive).cells
        return all(is_blank(line) for cell in cells for line in cell.source.split("\n"))


def read_original(data: bytes) -> Notebook:
    """A Jupyter notebook. Raises NbtoolsError."""
    notebook = read_notebook(data)
    require_python(notebook)
    return notebook


def plan_original(notebook: Notebook, path: Path, order: tuple[int, ...] = ()) -> Job:
    """The original from top to bottom; cells whose saved output is an exception may raise."""
    raising = [
        cell.index
        for cell in notebook.cells
        if any(output.kind == "error" for output in cell.outputs)
    ]
    job = plan_linear(notebook, path.name, str(path.parent), order=order, raising=raising)
    return replace(job, still=True, values=True)


def read_conversion(data: bytes, path: Path, target: tuple[bytes, Path] | None) -> Subject:
    """A Jupyter notebook with its conversion: the one at hand, or one made now.

    Args:
        data: The .ipynb file's bytes.
        path: Its name.
        target: The reactive notebook's bytes and name, where there is one.

    Raises:
        NbtoolsError: one of them cannot be read, or marimo would refuse the reactive one.
    """
    notebook = read_original(data)
    conversion = convert_source(data, name=path.name, folder=path.parent)
    fresh = parse_reactive(conversion.text).notebook
    origins = list(conversion.origins)
    order = conversion.order if _is_reordered(conversion) else ()
    notes = ["it runs in the order of its execution counts"] if order else []
    if any(_INTERACTIVE.search(cell.source) for cell in notebook.cells if cell.kind == "code"):
        notes.append("its interactive figures are compared as the pictures that they start with")
    reactive, at = fresh, path.with_suffix(".py")
    if target is not None:
        reactive, at = parse_reactive(target[0].decode("utf-8")).notebook, target[1]
        sources = [cell.source for cell in fresh.cells]
        origins = align_cells(sources, origins, [cell.source for cell in reactive.cells])
        notes += [
            f"cell {cell + 1} stands in another place in {at.name} than `nbtools convert` puts it"
            for cell in sorted(moved_cells(conversion.origins, origins))
        ]
    cells = code_cells([cell.kind for cell in notebook.cells], order)
    return Subject(
        group_cells(origins, cells),
        _plan_reactive(reactive, at),
        tuple(cell.source for cell in notebook.cells),
        plan_original(notebook, path, order),
        _renamed(conversion),
        data,
        tuple(notes),
    )


def _plan_reactive(notebook: ReactiveNotebook, path: Path) -> Job:
    job = plan_reactive(notebook, path.name, str(path.parent), file=str(path.absolute()))
    return replace(job, values=True)


def _is_reordered(conversion: Conversion) -> bool:
    return list(conversion.order) != sorted(conversion.order)


def _renamed(conversion: Conversion) -> Mapping[str, str]:
    return {
        edit.new_name: edit.name
        for edit in conversion.edits
        if edit.kind == "rename" and edit.name and edit.new_name
    }


def read_reactive(data: bytes, path: Path) -> Subject:
    """A reactive notebook by itself. Raises NbtoolsError."""
    notebook: ReactiveNotebook = parse_reactive(data.decode("utf-8")).notebook
    job = _plan_reactive(notebook, path)
    groups = tuple(Group((index,), (index,)) for index in range(len(notebook.cells)))
    return Subject(groups, job, tuple(cell.source for cell in notebook.cells))
