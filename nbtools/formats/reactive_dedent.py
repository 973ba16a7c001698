"""Taking a cell's text out of its function, as marimo's loader does (`_ast/dedent.py`)."""

from __future__ import annotations

import io
import re
import textwrap
import tokenize
from collections.abc import Iterable

_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
_STARTS = ("FSTRING_START", "TSTRING_START")  # Python 3.12, 3.14
_ENDS = ("FSTRING_END", "TSTRING_END")


def dedent_cell(text: str) -> str:
    """The text without the indentation of its first line that is not blank.

    A line that has less is moved in first. The inside of a multi-line string is moved out
    with the code, unless one of its lines has less indentation: then it stays as it is.
    """
    lines = text.split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    if not _BLANK_LINE.search(text) and all(line[:4] == "    " or not line for line in lines):
        first = next((line for line in lines if line), "")
        if first[4:5] not in (" ", "\t"):
            return "\n".join(line[4:] for line in lines)  # canonical text: no need of tokens
    return _dedent_lines(lines, text)


def _dedent_lines(lines: list[str], text: str) -> str:
    in_string = lines_in_strings(text) or set()
    indents = (
        line[: len(line) - len(line.lstrip())]
        for number, line in enumerate(lines)
        if number not in in_string and line.strip()
    )
    first = next(indents, None)
    if first is None:
        return textwrap.dedent(text)
    padded = [
        line if number in in_string or line.startswith(first) else first + line
        for number, line in enumerate(lines)
    ]
    return _strip_indentation(padded)


def _strip_indentation(lines: list[str]) -> str:
    text = "\n".join(lines)
    in_string = lines_in_strings(text)
    if in_string is None:
        return textwrap.dedent(text)
    code = (line for number, line in enumerate(lines) if number not in in_string)
    width = min((_indentation(line) for line in code if line.strip()), default=0)
    kept = _under_indented(lines, in_string, width)
    return "\n".join(
        line if number in kept else _strip_width(line, width) for number, line in enumerate(lines)
    )


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _strip_width(line: str, width: int) -> str:
    head = line[:width]
    return head.lstrip(" \t") + line[width:]


def _under_indented(lines: list[str], in_string: set[int], width: int) -> set[int]:
    """Numbers of the lines in runs of string lines of which one has less than the width."""
    kept: set[int] = set()
    for run in _runs(in_string):
        widths = [_indentation(lines[number]) for number in run if lines[number].strip()]
        if widths and min(widths) < width:
            kept.update(run)
    return kept


def _runs(numbers: Iterable[int]) -> Iterable[list[int]]:
    run: list[int] = []
    for number in sorted(numbers):
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def lines_in_strings(text: str) -> set[int] | None:
    """Numbers (0-based) of the lines that begin inside a string; None if it has no tokens."""
    numbers: set[int] = set()
    opened: int | None = None
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                numbers.update(range(token.start[0], token.end[0]))
            elif name in _STARTS:
                opened = token.start[0]
            elif name in _ENDS and opened is not None:
                numbers.update(range(opened, token.end[0]))
                opened = None
    except (tokenize.TokenError, SyntaxError):
        return None
    return numbers
