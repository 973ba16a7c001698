"""`global x` outside any function: IPython takes it for nothing, a reactive cell cannot hold it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_MAY_HOLD = re.compile(r"^[ \t]*global[ \t]|[:;][ \t]*global[ \t]", re.MULTILINE)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def drop_global_statements(source: str) -> tuple[str, tuple[int, ...]]:
    """Put `pass` where a `global` statement stands outside functions and classes.

    A reactive cell is written as a function, whose parameters and locals cannot be global.

    Args:
        source: A cell in plain Python that parses.

    Returns:
        The source, with as many lines, and the lines (1-based) where it changed.
    """
    if not _MAY_HOLD.search(source):
        return source, ()
    lines = source.split("\n")
    found = sorted(_find_statements(ast.parse(source)), key=lambda node: -node.col_offset)
    for node in found:
        end = node.end_lineno or node.lineno
        head = lines[node.lineno - 1].encode()[: node.col_offset].decode()
        tail = lines[end - 1].encode()[node.end_col_offset :].decode()
        continued = "\\\n" * (end - node.lineno)  # it goes over lines by backslashes only
        lines[node.lineno - 1 : end] = f"{head}{continued}pass{tail}".split("\n")
    return "\n".join(lines), tuple(sorted({node.lineno for node in found}))


def _find_statements(module: ast.Module) -> Iterator[ast.Global]:
    stack: list[ast.AST] = [module]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global):
            yield node
        elif not isinstance(node, (*_SCOPES, ast.expr)):
            stack.extend(ast.iter_child_nodes(node))
