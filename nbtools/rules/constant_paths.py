"""Values of expressions that are constant: texts and paths put together from constants."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from nbtools.analysis.file_calls import qualify

Value = str | int | PurePosixPath
_PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "Path"})


def evaluate(
    node: ast.expr, values: Mapping[str, Value], imports: Mapping[str, str]
) -> Value | None:
    """The value of an expression; None if it is not constant, or of another kind."""
    try:
        return _evaluate(node, values, imports)
    except RecursionError:  # a sum of a thousand terms
        return None


def _evaluate(
    node: ast.expr, values: Mapping[str, Value], imports: Mapping[str, str]
) -> Value | None:
    if isinstance(node, ast.Constant):
        known = isinstance(node.value, str | int) and not isinstance(node.value, bool)
        return node.value if known else None  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        return values.get(node.id)
    if isinstance(node, ast.JoinedStr):
        return _join_fields(node, values, imports)
    if isinstance(node, ast.BinOp):
        return _combine(node, values, imports)
    return _call(node, values, imports) if isinstance(node, ast.Call) else None


def _join_fields(
    node: ast.JoinedStr, values: Mapping[str, Value], imports: Mapping[str, str]
) -> str | None:
    parts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            if part.format_spec is not None or part.conversion not in (-1, 115):
                return None
            value = _evaluate(part.value, values, imports)
        else:
            value = _evaluate(part, values, imports)
        if value is None:
            return None
        parts.append(str(value))
    return "".join(parts)


def _combine(
    node: ast.BinOp, values: Mapping[str, Value], imports: Mapping[str, str]
) -> Value | None:
    left = _evaluate(node.left, values, imports)
    right = _evaluate(node.right, values, imports)
    if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
        return left + right
    if not isinstance(node.op, ast.Div) or left is None or right is None:
        return None
    if isinstance(left, PurePosixPath) and not isinstance(right, int):
        return left / right
    if isinstance(right, PurePosixPath) and isinstance(left, str):
        return left / right
    return None


def _call(node: ast.Call, values: Mapping[str, Value], imports: Mapping[str, str]) -> Value | None:
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _format(node, values, imports)
    name = qualify(node.func, imports)
    if node.keywords or name is None:
        return None
    found = [_evaluate(argument, values, imports) for argument in node.args]
    parts = [str(each) for each in found if each is not None and not isinstance(each, int)]
    if len(parts) != len(found):
        return None
    if name in _PATHS:
        return PurePosixPath(*parts)
    if name == "pathlib.Path.cwd":
        return PurePosixPath()
    if name in ("os.path.join", "posixpath.join") and parts:
        return str(PurePosixPath(*parts))
    if name in ("str", "os.fspath", "os.path.normpath") and len(parts) == 1:
        return parts[0]
    return None


def _format(node: ast.Call, values: Mapping[str, Value], imports: Mapping[str, str]) -> str | None:
    """`"data/{}.csv".format(name)`."""
    assert isinstance(node.func, ast.Attribute)
    template = _evaluate(node.func.value, values, imports)
    found = [_evaluate(argument, values, imports) for argument in node.args]
    named = {k.arg: _evaluate(k.value, values, imports) for k in node.keywords}
    if not isinstance(template, str) or None in found or None in named or None in named.values():
        return None
    if ":" in template or "." in "".join(re.findall(r"\{[^}]*\}", template)):
        return None  # a width may be huge, and an attribute anything
    try:
        return template.format(*found, **named)  # type: ignore[arg-type]
    except (LookupError, ValueError, AttributeError, TypeError):
        return None
