"""The outputs that are saved in an .ipynb file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbtools.errors import InvalidNotebookError
from nbtools.formats.ipynb import read_document
from nbtools.run.trace import CellError, CellRun, Output


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
    outputs = tuple(_read_output(each) for each in cell.get("outputs") or ())
    if not outputs and cell.get("execution_count") is None:
        return CellRun(index, "not-run")
    failures = [each for each in outputs if each.kind == "error"]
    error = CellError(failures[0].error_name, failures[0].error_text) if failures else None
    return CellRun(index, "error" if error else "ok", outputs, error=error)


def _read_output(output: Mapping[str, Any]) -> Output:
    kind = output["output_type"]
    if kind == "stream":
        return Output(
            "stream", name=str(output.get("name") or "stdout"), text=_join(output["text"])
        )
    if kind == "error":
        name, text = str(output.get("ename", "")), str(output.get("evalue", ""))
        return Output("error", error_name=name, error_text=text)
    data = {str(mime): _join(value) for mime, value in (output.get("data") or {}).items()}
    return Output("execute_result" if kind == "execute_result" else "display_data", data=data)


def _join(value: Any) -> Any:
    """Text that is saved in lines, as one; JSON as it is."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value
