"""ruff's formatter over one cell, by ruff-api: the layout changes, what runs and shows does not."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterator

from nbtools.convert.log import Log
from nbtools.convert.scripts import ends_silent

LINE_WIDTH = 84
"""Characters: ruff's default of 88, less the four blanks by which a cell is indented."""

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def format_block(source: str, cell: int | None, log: Log) -> str:
    """Format the source of a reactive cell, and say so where it is an author's cell (0-based)."""
    text = format_source(source)
    if text == source or cell is None:
        return text
    gone = Counter(source.split("\n")) - Counter(text.split("\n"))
    log.edit("replace", cell, "formatted by ruff", lines=gone.total())
    return text


def format_source(source: str) -> str:
    """The source as `ruff format` lays it out.

    It comes back as it is where that would change more than the layout, and where it is no
    Python. ruff also changes the blanks in docstrings, which are values: those stay.
    """
    before = _parse(source)
    if before is None or not source.strip():
        return source
    text = _run_ruff(source)
    after = _parse(text)
    if after is None:
        return source
    text = _restore_docstrings(source, before, text, after)
    after = _parse(text)
    if after is None or _describe(before) != _describe(after):
        return source
    shows = isinstance(after.body[-1], ast.Expr) if after.body else False
    return text if not shows or ends_silent(source) == ends_silent(text) else source


def _run_ruff(source: str) -> str:
    """Format Python that parses; on deep nesting, which does not, ruff would crash."""
    from ruff_api import FormatOptions, RuffError, format_string  # a slow import for a rare option

    try:
        # The name of a notebook keeps the `;` at the end, which hides a value.
        text = format_string("cell.ipynb", source, FormatOptions(line_width=LINE_WIDTH))
    except RuffError:
        return source
    return text.rstrip("\n")


def _parse(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the author's affair
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _describe(module: ast.Module) -> str:
    """All of a tree that matters when it runs."""
    for node in ast.walk(module):
        if isinstance(node, ast.Constant):
            node.kind = None  # u"..." is "..."
    return ast.dump(module)


def _restore_docstrings(source: str, before: ast.Module, text: str, after: ast.Module) -> str:
    """Put the author's docstrings back where their values are no longer the same."""
    lines, old_lines = text.split("\n"), source.split("\n")
    pairs = list(zip(_docstrings(before), _docstrings(after), strict=False))
    for old, new in reversed(pairs):  # from the bottom up: the lines above stay where they are
        if old.value == new.value:
            continue
        start, end = new.lineno - 1, new.end_lineno or new.lineno
        head = lines[start].encode()[: new.col_offset].decode()
        tail = lines[end - 1].encode()[new.end_col_offset :].decode()
        lines[start:end] = f"{head}{_text_of(old, old_lines)}{tail}".split("\n")
    return "\n".join(lines)


def _docstrings(module: ast.Module) -> Iterator[ast.Constant]:
    """The docstrings of a tree, from top to bottom."""
    found = [
        node.body[0].value
        for node in ast.walk(module)
        if isinstance(node, _Documented) and node.body and isinstance(node.body[0], ast.Expr)
    ]
    strings = [n for n in found if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return iter(sorted(strings, key=lambda node: (node.lineno, node.col_offset)))


def _text_of(node: ast.Constant, lines: list[str]) -> str:
    end = node.end_lineno or node.lineno
    own = [line.encode() for line in lines[node.lineno - 1 : end]]
    own[-1] = own[-1][: node.end_col_offset]
    own[0] = own[0][node.col_offset :]
    return b"\n".join(own).decode()
