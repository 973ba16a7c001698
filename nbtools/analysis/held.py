"""What a value may hold on to: code that runs when somebody else uses the value."""

from __future__ import annotations

import ast

from nbtools.syntax import COMPREHENSIONS, child_nodes, dotted_name, target_names


def may_be_code(value: ast.expr, inner: frozenset[str]) -> bool:
    """Whether a value may be code or an instance; `inner` are functions defined around it."""
    if isinstance(value, (ast.Lambda, ast.GeneratorExp)):
        return True
    if isinstance(value, ast.Name):
        return value.id in inner
    if isinstance(value, ast.Call):
        name = dotted_name(value.func)
        last = name.rsplit(".", 1)[-1] if name else ""
        keeps = last in inner or last[:1].isupper() or keeps_arguments(value)
        return keeps or (name is None and may_be_code(value.func, inner))
    if isinstance(value, (ast.Tuple, ast.List, ast.Dict, ast.IfExp)):
        children = child_nodes(value)
        return any(isinstance(c, ast.expr) and may_be_code(c, inner) for c in children)
    return isinstance(value, ast.Attribute) and may_be_code(value.value, inner)


_HOLDING_WORDS = (
    "partial partialmethod map filter vectorize defaultdict lru_cache cache cached wraps iter "
    "property staticmethod classmethod starmap takewhile dropwhile accumulate groupby memo "
    "memoize interactive interact jit njit frompyfunc lambdify reversed zip enumerate"
)
HOLDING_CALLS = frozenset(_HOLDING_WORDS.split())
_KEEPING_WORDS = (
    "append add insert extend update setdefault register connect subscribe on_click observe "
    "appendleft push put compile fit"
)
KEEPING_METHODS = frozenset(_KEEPING_WORDS.split())


def held_names(value: ast.expr) -> set[str]:
    """Names whose code the value may hold: aliases, containers, and some calls' arguments."""
    if isinstance(value, ast.Name):
        return {value.id}
    if isinstance(value, ast.Attribute):
        return held_names(value.value)
    if isinstance(value, ast.Call):
        return _held_by_call(value)
    if isinstance(value, (ast.Compare, ast.BinOp, ast.JoinedStr)):
        return set()
    held: set[str] = set()
    for child in child_nodes(value):
        if isinstance(child, ast.expr):
            held |= held_names(child)
    if isinstance(value, COMPREHENSIONS):
        for generator in value.generators:
            held = (held - target_names(generator)) | held_names(generator.iter)
    return held


def _held_by_call(node: ast.Call) -> set[str]:
    """What a call's result may hold: what a function returns, an instance's class."""
    called = dotted_name(node.func)
    if called is None:
        held = held_names(node.func)
    elif "." not in called or called.rsplit(".", 1)[-1] in _RETURNING_SELF:
        held = {called.split(".")[0]}
    else:
        held = set()
    if keeps_arguments(node):
        for argument in (*node.args, *(k.value for k in node.keywords)):
            held |= held_names(argument)
    return held


_RETURNING_SELF = frozenset({"fit", "copy", "compile", "bind", "set_params", "partial_fit"})


def may_keep_code(node: ast.Call) -> bool:
    """Whether code given to the call may wait for a later one: it is kept, or put somewhere."""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return method in KEEPING_METHODS or keeps_arguments(node)


def keeps_arguments(node: ast.Call) -> bool:
    """Whether code given to the call may run after it: a class, `partial`, `map`, a decorator."""
    if isinstance(node.func, ast.Call):
        return True
    called = dotted_name(node.func)
    last = called.rsplit(".", 1)[-1] if called else ""
    return last in HOLDING_CALLS or last[:1].isupper()
