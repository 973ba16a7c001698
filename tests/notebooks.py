"""Notebooks written as lists of cells, for the tests of one stage of the conversion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from behaviour import Case, Fence, to_ipynb
from executor import Trace, run_reactive
from worker import Job, Worker

from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion

Tags = Sequence[str]


def make_notebook(cells: Sequence[str], tags: Sequence[Tags] = ()) -> bytes:
    """A notebook of code cells; `tags` are those of the first cells."""
    every = [*tags, *([()] * len(cells))]
    flags: list[dict[str, str]] = [{"tags": ",".join(t)} if t else {} for t in every]
    fences = (Fence("python", flag, cell) for flag, cell in zip(flags, cells, strict=False))
    return to_ipynb(Case("", "", tuple(fences)))


def convert(*cells: str, tags: Sequence[Tags] = ()) -> Conversion:
    return convert_source(make_notebook(cells, tags))


def run_in_ipython(
    worker: Worker, folder: Path, cells: Sequence[str], tags: Sequence[Tags] = ()
) -> Trace:
    job_tags = tuple(tuple(each) for each in tags)
    return worker.run(Job("ipython", tuple(cells), str(folder), job_tags, allow_errors=True))


def run_converted(*cells: str, tags: Sequence[Tags] = ()) -> Trace:
    return run_reactive(convert(*cells, tags=tags).text)


def code_cells(text: str) -> Iterator[str]:
    """The sources of the cells of a reactive notebook that nbtools did not add."""
    from dataflow import split_blocks

    for block in split_blocks(text):
        if block.kind == "cell" and "import marimo" not in block.source:
            yield block.source.strip("\n")
