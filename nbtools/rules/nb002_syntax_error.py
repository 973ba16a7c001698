"""NB002: a cell that does not parse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtools.convert.broken_cells import Refusal
from nbtools.formats.ipynb import find_python2
from nbtools.rules.finding import Finding, Span
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.rules.rule import Example, Rule
from nbtools.syntax import parse_source


def check(program: Program) -> Iterator[Finding]:
    """Report cells that the notebook's own Python refuses."""
    broken = [cell for cell in program.cells if cell.refusal is not None]
    if not broken or find_python2(program.notebook) is not None:
        return  # NB005 says it once for the whole notebook
    for cell in broken:
        refusal = cell.refusal
        if refusal is None or _is_asked_for(cell) or _reads_newer(program, refusal):
            continue
        message = f"cell does not parse as Python: {refusal.reason}"
        if refusal.needs:
            needed = ".".join(map(str, refusal.needs))
            message = f"cell needs Python {needed}, and the notebook does not say that it has it"
        yield RULE.finding(" ".join(message.split()), _place(cell, refusal))


def _is_asked_for(cell: CodeCell) -> bool:
    return skips(cell.cell) or "raises-exception" in cell.cell.tags


def _reads_newer(program: Program, refusal: Refusal) -> bool:
    """Whether the Python that the notebook names reads what this one refuses."""
    if refusal.needs is None:
        return False
    named = re.match(r"(\d+)\.(\d+)", program.notebook.language_version or "")
    return named is None or (int(named[1]), int(named[2])) >= refusal.needs


def _place(cell: CodeCell, refusal: Refusal) -> Span:
    """Where Python says that the error is, in the author's text."""
    line, column = _position(cell.plain.source, refusal)
    numbers = cell.plain.lines
    row = numbers[min(line, len(numbers)) - 1] if numbers else line
    whole = cell.line_span(row)
    plain = cell.plain.source.split("\n")
    written = cell.author_lines[row - 1] if row <= len(cell.author_lines) else ""
    if column is None or line > len(plain) or plain[line - 1].strip() != written.strip():
        return whole
    column += len(written) - len(written.lstrip()) - len(plain[line - 1])
    column += len(plain[line - 1].lstrip())
    last = max(whole.end_column, column + 1)
    return Span(cell.index, row, max(column, 1), row, last)


def _position(source: str, refusal: Refusal) -> tuple[int, int | None]:
    try:
        parse_source(source)
    except SyntaxError as error:
        return error.lineno or refusal.line, error.offset
    except (ValueError, RecursionError, MemoryError):
        return refusal.line, None
    return refusal.line, None


def _document(source: str, version: str) -> dict[str, object]:
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    metadata = {"language_info": {"name": "python", "version": version}}
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": [cell]}


RULE = Rule(
    code="NB002",
    name="syntax-error",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="cell does not parse as Python: {reason}",
    why="Nothing of the cell runs: the notebook stops here with a SyntaxError.",
    instead=(
        "Correct the cell. If it is meant to fail, give it the tag `raises-exception`; if it is "
        "no code, make it a markdown or raw cell."
    ),
    valid=(
        Example(("%matplotlib inline\n!ls\nx = !pwd\nlen?",)),
        Example(("ls -l",), note="IPython's automagic."),
        Example(("await f()",), note="IPython awaits at the top of a cell."),
        Example(("%%html\n<b>no Python</b>",)),
        Example(("  x = 1\n  y = 2",), note="IPython takes the common indentation away."),
        Example(
            document=_document("type A = int", "3.12.1"),
            note="The notebook's own Python reads it.",
        ),
        Example(document=_document("print x", "2.7.3"), note="NB005 says it once."),
    ),
    invalid=(
        Example(("x = 1\ny = (2",), found=("1:2:5",)),
        Example(("x = 1", "%time 1\nif x\n    pass"), found=("2:2:5",)),
        Example(("print 'hello'",), found=("1:1:1",)),
        Example(("x = 1\nreturn x",), found=("1:2:1",)),
    ),
    check=check,
    measured=(
        "81 of 81 flagged cells in the runs of 736 unseen notebooks are SyntaxErrors; 20 of 20 "
        "sampled others right; 54 findings in 774 public notebooks"
    ),
)
