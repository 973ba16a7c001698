"""Cells that Python refuses, wholly or from some statement on: why, and what is kept of them."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from nbtools.syntax import awaits, parse_source

if TYPE_CHECKING:  # lint imports this module, and most notebooks have no broken cell
    from nbtools.analysis.versions import Atom
    from nbtools.convert.log import Log
    from nbtools.convert.newer_syntax import Version
    from nbtools.convert.scripts import Script

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)  # all that compile() raises


class Refusal(Struct, frozen=True):
    """Why Python does not run a cell, or only its first statements."""

    line: int  # 1-based, in the source: where the error is
    reason: str
    error: str = "SyntaxError"  # the class of the exception
    first: int = 1  # 1-based line of the statement that is refused; what follows does not run
    runs: str = ""  # the statements before it, which Jupyter runs
    needs: Version | None = None  # the Python that would read it


def find_refusal(source: str) -> Refusal | None:
    """Why Python would refuse a cell in plain Python; None if it does not.

    IPython reads a cell as a whole, and compiles its statements one by one when their turn comes:
    `x = 1` and then `return` binds `x`, and `from __future__` may stand anywhere.
    """
    if _compiles(source):
        return None
    try:
        module = parse_source(source)
    except _ERRORS as unread:
        return _explain_unread(source, unread)
    for node in module.body:
        error = _try_to_compile(ast.Module([node], []))
        if error is not None:
            return _explain_uncompiled(source, node, error)
    return None


def _compiles(source: str) -> bool:
    try:
        awaits(source)
    except RecursionError:
        return _try_to_compile(source) is None  # without its tree it may nest deeper
    except _ERRORS:
        return False
    return True


def _try_to_compile(code: str | ast.Module) -> Exception | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<cell>", "exec", flags=_FLAGS, dont_inherit=True)
    except _ERRORS as error:
        return error
    return None


def _explain_unread(source: str, error: Exception) -> Refusal:
    """A cell of which nothing runs."""
    if not isinstance(error, SyntaxError):
        return Refusal(1, str(error) or "it is nested too deeply")
    from nbtools.convert.newer_syntax import find_newer_python

    newer = find_newer_python(source)
    return Refusal(error.lineno or 1, error.msg, type(error).__name__, needs=newer)


def _explain_uncompiled(source: str, node: ast.stmt, error: Exception) -> Refusal:
    """A cell whose statements run as far as one that has no meaning where it stands."""
    reason, line = str(error) or "it is nested too deeply", node.lineno
    if isinstance(error, SyntaxError):
        reason, line = error.msg, error.lineno or line
    above = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
    lines = source.split("\n")
    first = min(above)
    before = lines[first - 1].encode()[: node.col_offset].decode()  # `x = 1; return`
    runs = "\n".join([*lines[: first - 1], *([before.rstrip()] if before.strip() else [])])
    return Refusal(line, reason, first=first, runs=runs)


def keep_as_comment(refusal: Refusal, source: Sequence[str], place: str) -> str:
    """What stands in place of the lines that are refused: their text, and their error.

    Args:
        refusal: Why they are refused.
        source: The author's lines, from the first one that does not run.
        place: Where the error is, as in `nb.ipynb:cell 3:2`.
    """
    from nbtools.formats.safe_source import safe_source

    kept = safe_source("\n".join(f"# {line}".rstrip() for line in source))
    message = f"{place}: {refusal.reason}"
    if refusal.needs:
        message = f"{place}: {explain_refusal(refusal)}"
    return f"{kept}\nraise {refusal.error}({message!r})"


def explain_refusal(refusal: Refusal) -> str:
    """What is wrong with the cell, or with the Python that reads it."""
    if refusal.needs is None:
        return f"the cell is not Python ({refusal.reason})"
    needed = ".".join(map(str, refusal.needs))
    running = ".".join(map(str, sys.version_info[:2]))
    return f"the cell needs Python {needed}, and nbtools runs on Python {running}"


def set_refused_apart(
    cells: Sequence[Sequence[Atom]], scripts: Sequence[Script], log: Log
) -> list[tuple[Atom, ...]]:
    """Part the error of a refused cell from its statements that run.

    In marimo an error stops all cells that depend on the one that raises.
    """
    parts: list[tuple[Atom, ...]] = []
    for cell in map(tuple, cells):
        script = _ends_refused(cell, scripts)
        if script is None or script.cell is None:
            parts.append(cell)
            continue
        reason = "what Python refuses stands alone: cells that need the rest still run"
        log.edit("split", script.cell, reason)
        parts += [cell[:-1], cell[-1:]]
    return parts


def _ends_refused(cell: Sequence[Atom], scripts: Sequence[Script]) -> Script | None:
    """The script whose error ends a cell behind statements that run."""
    if len(cell) < 2:
        return None
    script = scripts[cell[-1].cell]
    ends = cell[-1].statements[-1] is script.statements[-1]
    return script if script.refused and ends else None
