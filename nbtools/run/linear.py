"""A Jupyter notebook as a job: from top to bottom, as "Restart & Run All" runs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from nbtools.analysis.facts import Facts, SourceError
from nbtools.analysis.magics import PlainCell, to_plain_python
from nbtools.analysis.statements import read_statements
from nbtools.cells import Cell, Notebook
from nbtools.convert.helpers import HELPERS
from nbtools.run.job import Job, JobCell, place_values


def plan_linear(
    notebook: Notebook,
    name: str,
    folder: str,
    given: Mapping[str, str] | None = None,
    *,
    order: Sequence[int] = (),
    raising: Collection[int] = (),
) -> Job:
    """A Jupyter notebook, as "Restart & Run All" runs it.

    Args:
        notebook: The notebook.
        name: Its file's name.
        folder: The working directory.
        given: Names that are to have other values, and these as Python.
        order: All cells (0-based) in the order in which they run, if not from top to bottom.
        raising: Cells (0-based) of which an exception is expected, beside those tagged so.

    Raises:
        NbtoolsError: no cell binds one of the names.
    """
    cells = [notebook.cells[i] for i in order] if order else notebook.cells
    code = [cell for cell in cells if cell.kind == "code"]
    runs = [cell for cell in code if cell.source.strip() and "skip-execution" not in cell.tags]
    plain = [to_plain_python(cell.source) for cell in runs]
    facts = [_facts(each.source) for each in plain]
    binds = [frozenset[str]().union(*(each.binds for each in parts)) for parts in facts]
    first = [position for position, cell in enumerate(runs) if "parameters" in cell.tags]
    assigns = place_values(given or {}, [first, range(len(runs))], binds, name)
    expected = {cell.index for cell in runs if "raises-exception" in cell.tags} | set(raising)
    jobs = tuple(
        replace(
            _job_cell(cell, found, cell.index in expected, text),
            defs=tuple(sorted(defs)),
            hides=any(each.stars or each.runs for each in parts),
        )
        for cell, found, text, defs, parts in zip(runs, plain, assigns, binds, facts, strict=True)
    )
    skipped = tuple(cell.index for cell in code if cell not in runs)
    return Job("linear", name, folder, jobs, skipped)


def _job_cell(cell: Cell, plain: PlainCell, raises: bool, assigns: str) -> JobCell:
    if plain.source == cell.source:
        return JobCell(cell.index, cell.source, raises, assigns=assigns)
    above = [*plain.imports, *(HELPERS[name].rstrip("\n") for name in sorted(plain.helpers))]
    head = "\n".join(above) + "\n" if above else ""
    lines = (*[1] * head.count("\n"), *plain.lines)
    return JobCell(cell.index, cell.source, raises, head + plain.source, lines, assigns=assigns)


def _facts(source: str) -> Sequence[Facts]:
    """What each statement of a cell does; nothing is known of what is no Python."""
    try:
        return [statement.facts for statement in read_statements(source)]
    except SourceError:
        return []
