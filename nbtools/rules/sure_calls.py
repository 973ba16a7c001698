"""Calls that a run from the top surely makes: not in a branch, not under `try`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import suppress

from nbtools.rules.program import Program
from nbtools.syntax import child_nodes

_CODE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def find_sure_calls(program: Program, words: Sequence[str]) -> Iterator[tuple[int, ast.Call]]:
    """Calls in cells with one of the words, and the positions of the cells in `program.cells`.

    Of functions, the bodies of those count that some cell calls by name, outside of branches.
    """
    called = {name for cell in program.cells for s in cell.statements for name in s.facts.calls}
    for position, cell in enumerate(program.cells):
        if any(word in cell.cell.source for word in words):
            for node in cell.tree.body:
                if not isinstance(node, _FUNCTIONS):
                    found = _walk([node])
                elif node.name in called:
                    found = _walk(node.body)
                else:
                    continue
                with suppress(RecursionError):  # a sum of a thousand terms
                    yield from [(position, call) for call in found]


def _walk(body: Sequence[ast.AST]) -> Iterator[ast.Call]:
    for node in body:
        if isinstance(node, _CODE):
            continue
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            always = isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
            yield from _walk([node.test, *(node.body if always else ())])  # type: ignore[misc]
            continue
        if isinstance(node, ast.Match):
            yield from _walk([node.subject])
            continue
        if isinstance(node, ast.BoolOp):
            yield from _walk(node.values[:1])
            continue
        if getattr(node, "handlers", None):
            yield from _walk(getattr(node, "finalbody", ()))
            continue
        if isinstance(node, ast.Call):
            yield node
        yield from _walk(child_nodes(node))
        if isinstance(node, ast.If | ast.Return | ast.Raise):
            return
