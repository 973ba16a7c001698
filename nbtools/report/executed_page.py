"""An executed notebook as one page that can be sent to somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nbtools.cells import Cell
from nbtools.report.html import escape_html, render_code, render_page, render_value
from nbtools.report.run import format_cell, format_trace
from nbtools.run.trace import CellRun, Output, Trace
from nbtools.verify.compare import richest
from nbtools.verify.rules import as_text

_ANSI = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")


def format_page(name: str, cells: Sequence[Cell], trace: Trace) -> Iterator[str]:
    """The page, line by line.

    Args:
        name: The notebook's file name.
        cells: Its cells, those of text as well.
        trace: What the code cells did.
    """
    return render_page(name, _body(name, cells, trace))


def _body(name: str, cells: Sequence[Cell], trace: Trace) -> Iterator[str]:
    yield f"<header><h1>{escape_html(name)}</h1>"
    for line in format_trace(trace, name):
        yield f'<p class="soft">{escape_html(line)}</p>'
    yield "</header><main>"
    runs = {run.cell: run for run in trace.cells}
    for cell in cells:
        yield '<article class="card">'
        if cell.kind == "code":
            yield from _code_cell(cell, runs.get(cell.index))
        else:
            yield f"<pre>{escape_html(cell.source)}</pre>"
        yield "</article>"
    yield "</main>"


def _code_cell(cell: Cell, run: CellRun | None) -> Iterator[str]:
    yield render_code(cell.source)
    if run is None:
        return
    for output in run.outputs:
        yield _render_output(output)
        if output.dropped:
            yield f'<p class="soft">{output.dropped:,} more bytes, which are not kept</p>'
    yield f'<p class="soft">{escape_html(format_cell(run, ""))}</p>'


def _render_output(output: Output) -> str:
    if output.kind == "stream":
        return f"<pre>{escape_html(_ANSI.sub('', output.text))}</pre>"
    if output.kind == "error":
        lines = output.traceback or (f"{output.error_name}: {output.error_text}",)
        return f"<pre>{escape_html(_ANSI.sub('', chr(10).join(lines)))}</pre>"
    mime = richest(output.data)
    return render_value(mime, as_text(output.data[mime])) if mime else ""
