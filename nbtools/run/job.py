"""What is sent to the process that runs a notebook: its cells in the order in which they run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct, field

from nbtools.analysis.graph import reachable
from nbtools.errors import NbtoolsError

_MARIMO = re.compile(r"^[ \t]*(?:import|from)[ \t]+marimo\b", re.M)


class JobCell(Struct, frozen=True):
    """One cell that is to run."""

    index: int  # 0-based, as in the file
    source: str
    raises: bool = False  # an exception is expected, and does not end the run
    plain: str | None = None  # without IPython's syntax, where it has any
    lines: tuple[int, ...] = ()  # of `plain`: the author's lines (1-based)
    children: tuple[int, ...] = ()  # the cells that cannot run without it
    setup: bool = False
    assigns: str = ""  # statements to run right after it: what `--set` gives
    defs: tuple[str, ...] = ()  # the names that it binds; of a reactive cell: those for others
    hides: bool = False  # it binds others, which stand nowhere: a star import, `%run`
    key: int | None = None  # what tells its `_x` from another's, if not its index


class Job(Struct, frozen=True, dict=True):
    """One notebook, ready to run."""

    kind: Literal["linear", "reactive"]
    name: str  # for tracebacks: "nb.ipynb"
    folder: str  # working directory
    cells: tuple[JobCell, ...]  # in the order in which they run
    skipped: tuple[int, ...] = ()  # cells that do not run at all
    disabled: Mapping[int, int | None] = field(default_factory=dict)  # and those due to which cell
    file: str | None = None  # what `__file__` is
    plain: bool = False  # do not use IPython even if it is there
    still: bool = False  # every figure is a PNG of one size: interactive ones, SVG, retina
    values: bool = False  # tell in the end what each name means
    random_seed: int | None = None  # of generators of random numbers that nobody seeds

    @cached_property
    def positions(self) -> Mapping[int, JobCell]:
        """The cells by their index in the file."""
        return {cell.index: cell for cell in self.cells}

    @cached_property
    def _turns(self) -> Mapping[int, int]:
        return {cell.index: turn for turn, cell in enumerate(self.cells)}

    def turn(self, cell: JobCell) -> int:
        """The place of a cell in the running order."""
        return self._turns[cell.index]

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
            "still": self.still,
            "values": self.values,
            "random_seed": self.random_seed,
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
    if cell.key is not None:
        found["key"] = cell.key
    return found


def document_round(cells: Sequence[JobCell], forgotten: Sequence[JobCell]) -> dict[str, Any]:
    """Another round for a process that stays: cells to run, and cells whose names go first."""
    return {
        "cells": [_document(cell) for cell in cells],
        "forget": [
            {"key": cell.index if cell.key is None else cell.key, "defs": cell.defs}
            for cell in forgotten
        ],
    }


def with_descendants(job: Job, cells: Iterable[int]) -> list[JobCell]:
    """Cells (0-based) and all that depend on them, in the order of the job."""
    positions = job.positions

    def children(cell: int) -> Iterator[int]:
        return (child for child in positions[cell].children if child in positions)

    found = reachable((cell for cell in cells if cell in positions), children)
    return sorted((job.positions[cell] for cell in found), key=job.turn)


def place_values(
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
