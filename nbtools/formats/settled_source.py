"""A cell's text in the form that survives marimo's load and save unchanged."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

from nbtools.formats.reactive_dedent import dedent_cell, lines_in_strings
from nbtools.formats.reactive_layout import indent
from nbtools.formats.safe_source import safe_source
from nbtools.syntax import parse_source, walk_nodes

_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
_INDENTED_COMMENT = re.compile(r"\A(\n*)[ \t]+(?=#)")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LITERALS = frozenset({"Constant", "JoinedStr", "TemplateStr"})


def settle_source(source: str) -> str:
    """The cell as marimo would have it after any number of saves, as far as every form goes.

    Besides `safe_source`: blank lines at the end go, and an indented comment on the first
    line, whose indentation the loader would give to the whole cell, moves to the margin.
    """
    source = safe_source(source)
    end = len(source.rstrip(" \t\n"))
    if not end:
        return ""
    return _INDENTED_COMMENT.sub(r"\1", source[:end] + source[end:].partition("\n")[0])


def settle_body(source: str) -> str:
    """The source without those blanks on blank lines that go when it is indented and read back.

    On lines of code every four count as indentation. In a string all go, as they do when
    IPython 9 runs the cell.
    """
    if not _BLANK_LINE.search(source):
        return source
    lines: set[int] = set()
    for node in walk_nodes(parse_source(source)):
        if type(node).__name__ in _LITERALS:
            first, last = node.lineno, node.end_lineno  # type: ignore[attr-defined]
            lines.update(range(first, last))
    return _empty_blank_lines(source, lines)


def settle_block(source: str, module: ast.Module) -> str:
    """The source without anything behind its last statement on that statement's line.

    The loader drops it in functions, classes and setup: a comment there moves to a line of
    its own, below, or above a definition that has only one line.
    """
    node = module.body[-1]
    lines = source.split("\n")
    head, below = lines[: node.end_lineno], lines[node.end_lineno or 0 :]
    last = head[-1].encode()
    behind = last[node.end_col_offset :].decode().lstrip(" \t")
    head[-1] = last[: node.end_col_offset].decode() + ";" * behind.startswith(";")
    if comment := behind.strip(" \t;"):
        below = [comment, *below]
    if not any(below):
        return "\n".join(head)
    margin = ""
    if isinstance(node, _DEFINITIONS):
        start = lines[node.body[0].lineno - 1]
        margin = start[: len(start) - len(start.lstrip())]
        if not margin:
            return "\n".join([*(line.lstrip() for line in below if line), *head])
    return "\n".join([*head, *(_indent_to(margin, line) for line in below)])


def _indent_to(margin: str, line: str) -> str:
    return line if not line or line.startswith(margin) else margin + line.lstrip()


def settle_broken_source(source: str) -> str:
    """The same for text that is not Python, and is kept in `app._unparsable_cell`."""
    source = dedent_cell(safe_source(source)).strip()
    if not _BLANK_LINE.search(source):
        return source
    in_string = lines_in_strings(indent(source))
    if in_string is None:
        return _BLANK_LINE.sub("", source)
    return _empty_blank_lines(source, in_string)


def _empty_blank_lines(source: str, in_string: Collection[int]) -> str:
    """Empty blank lines as the loader does, given the numbers (0-based) of those in strings."""
    return "\n".join(
        line if line.strip(" \t") else _empty_line(line, number in in_string)
        for number, line in enumerate(source.split("\n"))
    )


def _empty_line(line: str, in_string: bool) -> str:
    blanks = len(line) - len(line.lstrip(" "))
    return "" if in_string else line[blanks - blanks % 4 :]
