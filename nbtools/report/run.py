"""A run for people, line by line, and for programs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import nbtools
from nbtools.report.printable import printable
from nbtools.run.json_text import iterate_json
from nbtools.run.spool import measure_value
from nbtools.run.trace import CellRun, Output, Trace

_MOST_LINES = 60  # of one output that are shown
_TITLE = 60  # characters of a cell that are shown
_ANSI = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
_STATUS = {
    "ok": "ok",
    "error": "ERROR",
    "stopped": "stopped",
    "timed-out": "TIMED OUT",
    "interrupted": "INTERRUPTED",
    "died": "DIED",
    "cancelled": "cancelled",
    "not-run": "not run",
    "skipped": "skipped",
}


# --- text ---------------------------------------------------------------------------------------


def format_cell(run: CellRun, source: str) -> str:
    """The one line that says what became of a cell."""
    words = "error, as expected" if run.expected else _STATUS[run.status]
    if run.because is not None:
        words += f" (cell {run.because + 1})"
    line = f"cell {run.cell + 1}: {words}"
    if run.turn is not None:
        line += f", {format_seconds(run.seconds)}"
    title = format_title(source)
    return f"{line}  {title}" if title else line


def format_title(source: str) -> str:
    """The first line of a cell that is code, shortened."""
    lines = [" ".join(line.split()) for line in source.split("\n") if line.strip()]
    title = next((line for line in lines if not line.startswith("#")), "")
    return printable(title if len(title) <= _TITLE else title[: _TITLE - 3] + "...")


def format_seconds(seconds: float) -> str:
    """A duration with as many digits as matter."""
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.1f} s"


def format_outputs(run: CellRun) -> Iterator[str]:
    """What a cell showed, as indented text; nothing in it steers the terminal."""
    for output in run.outputs:
        lines = _lines_of(output)
        yield from (f"    {printable(line.expandtabs())}".rstrip() for line in lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            yield f"    ... {len(lines) - _MOST_LINES:,} more lines"
        if output.kind == "stream" and output.dropped:
            yield f"    ... {output.dropped:,} more bytes, which are not kept"


def _lines_of(output: Output) -> list[str]:
    if output.kind == "stream":
        lines = _ANSI.sub("", output.text).rstrip("\n").split("\n")
        return [*map(_overwrite, lines[:_MOST_LINES]), *lines[_MOST_LINES:]]
    if output.kind == "error":
        return _ANSI.sub("", "\n".join(output.traceback)).split("\n")
    text = output.data.get("text/markdown", output.data.get("text/plain"))
    lines = text.rstrip("\n").split("\n") if isinstance(text, str) else []
    others = [m for m in output.data if m not in ("text/plain", "text/markdown", "text/html")]
    if "text/html" in output.data and not lines:
        others.append("text/html")
    return lines + [f"[{mime}, {_size(output.data[mime])}]" for mime in others]


def _overwrite(line: str) -> str:
    r"""A line as a terminal shows it: `\r` goes back to its start."""
    shown = ""
    for piece in line.rstrip("\r").split("\r"):
        shown = piece + shown[len(piece) :]
    return shown


def _size(value: Any) -> str:
    return f"{measure_value(value):,} characters"


def format_trace(trace: Trace, name: str) -> Iterator[str]:
    """The last lines: how the run ended, and how many cells went which way."""
    counts = Counter("expected" if cell.expected else cell.status for cell in trace.cells)
    words = {
        "error": "raised an error",
        "expected": "raised an error as expected",
        "stopped": "stopped by mo.stop",
        "timed-out": "timed out",
        "interrupted": "interrupted",
        "died": "died",
        "cancelled": "cancelled",
        "not-run": "not run",
        "skipped": "skipped",
    }
    parts = [f"{_plural(trace.ran, 'cell')} ran in {format_seconds(trace.seconds)}"]
    parts += [f"{counts[status]} {word}" for status, word in words.items() if counts[status]]
    yield printable(f"{name}: {', '.join(parts)}")
    reason = describe_ending(trace)
    if reason:
        yield printable(f"{name}: {reason}")
    if trace.marimo == "stand-in":
        yield printable(f"{name}: marimo is not installed there: nbtools' stand-in was used")


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def describe_ending(trace: Trace) -> str:
    """Why the run was over, if there is something to say."""
    ending = trace.ending
    if ending.kind == "finished":
        return ""
    where = "" if ending.cell is None else f" in cell {ending.cell + 1}"
    if ending.kind != "error":
        return f"{ending.reason}{where}"
    errors = [cell for cell in trace.cells if cell.error is not None and not cell.expected]
    first = errors[0]
    assert first.error is not None
    place = f"cell {first.cell + 1}"
    frames = first.error.frames
    if frames:
        place = f"cell {frames[-1].cell + 1}, line {frames[-1].line}"
        if frames[-1].cell != first.cell:
            place += f" (called from cell {first.cell + 1})"
    text = first.error.text.strip().split("\n")[0]
    words = f"{first.error.name}: {text}" if text else first.error.name
    return f"{place}: {words}"


# --- JSON ---------------------------------------------------------------------------------------


def format_json(trace: Trace, name: str) -> Iterator[str]:
    """The run for programs, piece by piece; cells are numbered as people count them."""
    ending = trace.ending
    document = {
        "version": 1,
        "nbtools": nbtools.__version__,
        "source": name,
        "kind": trace.kind,
        "ending": {"kind": ending.kind, "cell": _number(ending.cell), "reason": ending.reason},
        "python": trace.python,
        "engine": trace.engine,
        "marimo": trace.marimo,
        "seconds": round(trace.seconds, 3),
        "peak_memory": trace.peak_memory,
        "cells": map(_document_cell, trace.cells),
    }
    return iterate_json(document, indent=2)


def _number(cell: int | None) -> int | None:
    return None if cell is None else cell + 1


def _document_cell(run: CellRun) -> dict[str, Any]:
    from nbtools.run.executed import document_output

    error = run.error and {
        "name": run.error.name,
        "text": run.error.text,
        "frames": [
            {"cell": f.cell + 1, "line": f.line, "function": f.function, "text": f.text}
            for f in run.error.frames
        ],
    }
    return {
        "cell": run.cell + 1,
        "status": run.status,
        "expected": run.expected,
        "turn": run.turn,
        "seconds": run.seconds,
        "because": _number(run.because),
        "error": error,
        "dropped": sum(output.dropped for output in run.outputs),
        "outputs": map(document_output, run.outputs),
    }
