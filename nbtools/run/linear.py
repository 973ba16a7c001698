"""A Jupyter notebook as a job: from top to bottom, as "Restart & Run All" runs it."""

from __future__ import annotations

from collections.abc import Mapping

from nbtools.analysis.facts import SourceError, read_statements
from nbtools.analysis.magics import to_plain_python
from nbtools.cells import Cell, Notebook
from nbtools.convert.helpers import HELPERS
from nbtools.run.job import Job, JobCell, place_values


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
    assigns = place_values(given or {}, [first, range(len(runs))], binds, name)
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
