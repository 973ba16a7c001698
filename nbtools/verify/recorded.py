"""The outputs that are saved in an .ipynb file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbtools.errors import InvalidNotebookError
from nbtools.formats.ipynb import read_document
from nbtools.run.executed import read_output
from nbtools.run.trace import CellError, CellRun


def read_recorded(data: bytes) -> Mapping[int, CellRun]:
    """What each code cell showed when the file was saved, by its index (0-based).

    A cell that was never run has the status "not-run". Raises InvalidNotebookError.
    """
    cells = enumerate(read_document(data)["cells"])
    try:
        return {i: _read_cell(i, cell) for i, cell in cells if cell["cell_type"] == "code"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidNotebookError(f"its saved outputs cannot be read: {error}") from None


def _read_cell(index: int, cell: Mapping[str, Any]) -> CellRun:
    outputs = tuple(map(read_output, cell.get("outputs") or ()))
    if not outputs and cell.get("execution_count") is None:
        return CellRun(index, "not-run")
    failures = [each for each in outputs if each.kind == "error"]
    error = CellError(failures[0].error_name, failures[0].error_text) if failures else None
    return CellRun(index, "error" if error else "ok", outputs, error=error)
