"""Statements that may run earlier or later: they only bind code, modules and constants."""

from __future__ import annotations

import ast

from nbtools.syntax import dotted_name


def is_calm(node: ast.stmt) -> bool:
    """Whether the statement only binds code, modules or constants."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass)):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        arguments = node.args
        defaults = [*arguments.defaults, *(d for d in arguments.kw_defaults if d)]
        return all(map(_is_still, [*node.decorator_list, *defaults]))
    if isinstance(node, ast.ClassDef):
        values = [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
        return all(map(_is_still, values)) and all(map(_is_calm_in_class, node.body))
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Name) for t in node.targets) and is_constant(node.value)
    return False  # even a constant, if it is an expression, may be a value that is shown


def _is_calm_in_class(node: ast.stmt) -> bool:
    if isinstance(node, ast.AnnAssign):
        return node.value is None or is_constant(node.value)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return is_calm(node)


def _is_still(node: ast.expr) -> bool:
    """Reading it changes nothing and gives the same at any time: a name or a constant."""
    return dotted_name(node) is not None or is_constant(node)


def is_constant(node: ast.expr) -> bool:
    """Whether it is made of constants alone; a function without a name is one."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(map(is_constant, node.elts))
    if isinstance(node, ast.UnaryOp):
        return is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return is_constant(node.left) and is_constant(node.right)
    if isinstance(node, ast.Dict):
        return all(k is not None and is_constant(k) for k in node.keys) and all(
            map(is_constant, node.values)
        )
    return isinstance(node, (ast.Constant, ast.Lambda))
