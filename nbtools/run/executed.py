"""A Jupyter notebook with what a run showed, and outputs as nbformat 4 has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbtools.cells import Cell
from nbtools.run.json_text import iterate_json
from nbtools.run.trace import Output, Trace


def write_executed(data: bytes | None, cells: Sequence[Cell], trace: Trace) -> Iterator[str]:
    """The text of the notebook as an .ipynb file, piece by piece.

    Args:
        data: The .ipynb file that was run, whose metadata is kept; None if it was another.
        cells: The cells that were run, and the text between them.
        trace: What they did.
    """
    document = _read_document(data, len(cells)) or _make_document(cells, trace)
    runs = {run.cell: run for run in trace.cells}
    for index, cell in enumerate(document["cells"]):
        if index in runs and cell.get("cell_type") == "code":
            cell["outputs"] = map(document_output, runs[index].outputs)
            cell["execution_count"] = runs[index].turn
    yield from iterate_json(document, indent=1, ascii_only=False)
    yield "\n"


def _read_document(data: bytes | None, count: int) -> dict[str, Any] | None:
    """The document of nbformat 4 in a file; None if it is anything else."""
    try:
        found = json.loads(data) if data else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("nbformat") != 4:
        return None
    cells = found.get("cells")
    whole = isinstance(cells, list) and len(cells) == count
    return found if whole and all(isinstance(cell, dict) for cell in found["cells"]) else None


def _make_document(cells: Sequence[Cell], trace: Trace) -> dict[str, Any]:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"name": "python", "version": trace.python}
    return {
        "cells": [_make_cell(cell) for cell in cells],
        "metadata": {"kernelspec": kernel, "language_info": language},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _make_cell(cell: Cell) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": cell.kind, "id": f"cell-{cell.index + 1}", "metadata": {}}
    if cell.kind == "code":
        made |= {"execution_count": None, "outputs": []}
    return made | {"source": cell.source.splitlines(keepends=True)}


def document_output(output: Output) -> dict[str, Any]:
    """An output as nbformat 4 has it."""
    if output.kind == "stream":
        lines = output.text.splitlines(keepends=True)
        return {"name": output.name, "output_type": "stream", "text": lines}
    if output.kind == "error":
        return {
            "ename": output.error_name,
            "evalue": output.error_text,
            "output_type": "error",
            "traceback": list(output.traceback),
        }
    found: dict[str, Any] = {
        "data": {mime: _split(mime, value) for mime, value in output.data.items()},
        "metadata": dict(output.metadata),
        "output_type": output.kind,
    }
    if output.kind == "execute_result":
        found["execution_count"] = output.count
    return found


def read_output(output: Mapping[str, Any]) -> Output:
    """An output of nbformat 4, what `document_output` writes. Raises KeyError, TypeError."""
    kind = output["output_type"]
    if kind == "stream":
        name = str(output.get("name") or "stdout")
        return Output("stream", name=name, text=_join("text/plain", output["text"]))
    if kind == "error":
        name, text = str(output.get("ename", "")), str(output.get("evalue", ""))
        lines = tuple(map(str, output.get("traceback") or ()))
        return Output("error", error_name=name, error_text=text, traceback=lines)
    return Output(
        "execute_result" if kind == "execute_result" else "display_data",
        data={str(mime): _join(mime, each) for mime, each in (output.get("data") or {}).items()},
        metadata=dict(output.get("metadata") or {}),
        count=output.get("execution_count"),
    )


def _join(mime: str, value: Any) -> Any:
    """Text that is saved in lines, as one; JSON as it is."""
    is_lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "".join(value) if is_lines and not mime.endswith("json") else value


def _split(mime: str, value: Any) -> Any:
    """Text in lines, as Jupyter saves it; JSON and what is base64 as it is."""
    if not isinstance(value, str) or not (mime.startswith("text/") or mime.endswith("+xml")):
        return value
    return value.splitlines(keepends=True)
