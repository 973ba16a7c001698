"""The top-level statements of a cell, and what each does to the shared namespace.

One pass over `ast`: `flow` walks each statement in the order in which it is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

from nbtools.analysis.facts import SourceError, Statement, StatementKind
from nbtools.analysis.flow import facts_of
from nbtools.syntax import dotted_name, parse_anew, parse_source, walk_nodes


@lru_cache(maxsize=2048)  # cells like `import numpy as np` stand in many notebooks
def read_statements(source: str) -> tuple[Statement, ...]:
    """The top-level statements of a cell in plain Python, in order.

    Raises:
        SourceError: the source does not parse.
    """
    try:
        module = parse_source(source)
    except SyntaxError as error:
        raise SourceError(error.lineno or 1, error.msg) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(1, str(error) or "too deeply nested") from None
    return tuple(_statement(index, node) for index, node in enumerate(module.body))


ANNOTATIONS: Mapping[type[ast.AST], str] = {
    ast.arg: "annotation",
    ast.AnnAssign: "annotation",
    ast.FunctionDef: "returns",
    ast.AsyncFunctionDef: "returns",
}
"""The kinds of nodes that hold an annotation, and the field that has it."""


def read_unannotated(source: str) -> tuple[Statement, ...]:
    """The statements of a cell whose annotations are not evaluated, as `__future__` has it.

    source: Must parse.
    """
    plain = parse_anew(source)
    for node in walk_nodes(plain):
        if type(node) in ANNOTATIONS:
            # that of `x: int = 1` must be there
            nothing = ast.Constant(None) if isinstance(node, ast.AnnAssign) else None
            setattr(node, ANNOTATIONS[type(node)], nothing)
    return tuple(_statement(index, node) for index, node in enumerate(plain.body))


_KINDS: dict[type[ast.stmt], StatementKind] = {
    ast.Expr: "expression",
    ast.Assign: "assign",
    ast.AnnAssign: "assign",
    ast.AugAssign: "assign",
    ast.Import: "import",
    ast.ImportFrom: "import",
    ast.FunctionDef: "function",
    ast.AsyncFunctionDef: "function",
    ast.ClassDef: "class",
    ast.Delete: "delete",
}
_COMPOUND = frozenset(
    "For AsyncFor While If With AsyncWith Try TryStar Match".split()  # no Python has all of them
)


def _statement(index: int, node: ast.stmt) -> Statement:
    line = node.lineno
    if decorators := getattr(node, "decorator_list", None):
        line = min(line, decorators[0].lineno)
    kind = type(node)
    return Statement(
        index=index,
        line=line,
        end_line=node.end_lineno or node.lineno,
        kind=_KINDS.get(kind, "other"),
        facts=facts_of(node),
        column=node.col_offset,
        simple=kind.__name__ not in _COMPOUND,
        augmented=kind is ast.AugAssign,
        bare_name=isinstance(node, ast.Expr) and dotted_name(node.value) is not None,
    )
