"""Lines of a cell with the numbers they came from: commented out, indented, spread."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Sequence

Line = tuple[str, int]
"""Text without its newline, and its 1-based line in the author's cell."""

_STRING_STARTS = frozenset(
    number
    for number in (tokenize.STRING, *(getattr(tokenize, f"{c}STRING_START", -1) for c in "FT"))
    if number >= 0
)


def is_blank(text: str) -> bool:
    """Tell whether a line holds no code."""
    return not text.strip() or text.lstrip().startswith("#")


def spread(code: Sequence[str], lines: Sequence[Line]) -> list[Line]:
    """Number new lines by the old ones they stand for; too many share the last number."""
    last = len(lines) - 1
    return [(text, lines[min(index, last)][1]) for index, text in enumerate(code)]


def comment_out(lines: Sequence[Line], indent: str) -> list[Line]:
    """Turn lines into comments; in an indented block a `pass` keeps the block whole."""
    used = max((index for index, (text, _) in enumerate(lines) if text.strip()), default=-1)
    result = []
    for index, (text, number) in enumerate(lines):
        mark = indent + ("pass  # " if indent and index == 0 else "# ")
        text = text[len(indent) :] if text.startswith(indent) else text.lstrip()
        result.append(((mark + text).rstrip() if index <= used else "", number))
    return result


def indent_block(lines: Sequence[Line], indent: str) -> list[Line]:
    """Indent code; lines that begin inside a string stay as they are."""
    inside = _rows_in_strings([text for text, _ in lines])
    return [
        (text if row in inside or not text.strip() else indent + text, number)
        for row, (text, number) in enumerate(lines, start=1)
    ]


def _rows_in_strings(texts: Sequence[str]) -> set[int]:
    """The 1-based rows that begin inside a string; none if the text cannot be tokenized."""
    rows: set[int] = set()
    open_strings: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(texts) + "\n").readline):
            if token.type == tokenize.STRING:
                rows.update(range(token.start[0] + 1, token.end[0] + 1))
            elif token.type in _STRING_STARTS:
                open_strings.append(token.start[0])
            elif tokenize.tok_name[token.type].endswith("STRING_END") and open_strings:
                rows.update(range(open_strings.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):
        pass
    return rows
