"""Names inside strings that code evaluates: `df.query("a > @limit")`, `eval("x + 1")`."""

from __future__ import annotations

import ast
import re
from string import Formatter

from msgspec import Struct

from nbtools.syntax import walk_nodes

_AT_NAME = re.compile(r"@([A-Za-z_]\w*)")
_PERCENT_NAME = re.compile(r"%\(([A-Za-z_]\w*)\)")
_NAMESPACES = frozenset({"globals", "locals", "vars"})
_MAIN_IMPORT = re.compile(r"\bfrom __main__ import ([\w, ]+)")
_PROFILERS = frozenset({"cProfile", "profile"})  # their `run` evaluates in `__main__`
_TIMERS = frozenset({"timeit", "repeat", "Timer"})  # what they time may import from `__main__`
_PANDAS = frozenset({"pd", "pandas"})  # `pd.eval` looks names up without any `@`


class StringNames(Struct, frozen=True):
    """The global names that a call touches through strings."""

    reads: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    open: bool = False  # it may touch names that nobody can list


NO_NAMES = StringNames()
_ANY_NAMES = StringNames(open=True)


def names_in_call(node: ast.Call) -> StringNames:
    """What `eval`, `exec`, `query`, `format(**globals())` and the like touch by name."""
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    if name in _TIMERS:
        return StringNames(_imported_from_main(node))
    if isinstance(function, ast.Attribute):
        if function.attr == "eval" and _is_call_on(function, _PANDAS):
            return _in_evaluated(node)
        if function.attr == "run" and _is_call_on(function, _PROFILERS):
            return _in_evaluated(node)
        if function.attr in ("query", "eval"):
            return StringNames(frozenset(_AT_NAME.findall(_query_text(node))))
        if function.attr in ("format", "format_map"):
            return _in_format(function, node)
        if function.attr == "get" and is_namespace(function.value):
            text = _constant(node)
            return StringNames(frozenset({text})) if text else StringNames(open=True)
        return _ANY_NAMES if is_namespace(function.value) else NO_NAMES
    if isinstance(function, ast.Name) and function.id in ("eval", "exec"):
        if len(node.args) > 1 and not is_namespace(node.args[1]):
            return StringNames()  # a namespace of its own
        return _in_evaluated(node)
    return _ANY_NAMES if is_namespace(node) else NO_NAMES


def name_in_namespace(node: ast.Subscript) -> str | None:
    """The name of `globals()["name"]`, else None."""
    if is_namespace(node.value) and isinstance(node.slice, ast.Constant):
        key = node.slice.value
        return key if isinstance(key, str) and key.isidentifier() else None
    return None


def name_asked_for(node: ast.Compare) -> str | None:
    """The name of `"name" in globals()` or `not in dir()`, else None."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.In, ast.NotIn)):
        return None
    if not isinstance(node.left, ast.Constant) or not isinstance(node.left.value, str):
        return None
    place = node.comparators[0]
    return node.left.value if is_namespace(place) or _is_call_of(place, "dir") else None


def script_run(node: ast.Call) -> str | None:
    """The path of a script or notebook that runs here, else None.

    `%run f.py` is written `globals().update(runpy.run_path("f.py", ...))`, and `%run f.ipynb`
    with the helper `run_notebook`.
    """
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "update"):
        return None
    if not is_namespace(node.func.value) or len(node.args) != 1:
        return None
    inner = node.args[0]
    if not isinstance(inner, ast.Call):
        return None
    called = inner.func.attr if isinstance(inner.func, ast.Attribute) else None
    runs = called == "run_path" or _is_call_of(inner, "run_notebook")
    return _constant(inner) if runs else None


def _is_call_of(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def is_namespace(node: ast.expr) -> bool:
    """Whether it is a call that gives the notebook's namespace."""
    return (
        isinstance(node, ast.Call)
        and not node.args
        and isinstance(node.func, ast.Name)
        and node.func.id in _NAMESPACES
    )


def _constant(node: ast.Call) -> str | None:
    if node.args and isinstance(node.args[0], ast.Constant):
        value = node.args[0].value
        return value if isinstance(value, str) else None
    return None


def _is_call_on(function: ast.Attribute, names: frozenset[str]) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id in names


def _query_text(node: ast.Call) -> str:
    """The constant text in the expression that `df.query` is given; f-strings have some too."""
    expressions = node.args[:1] + [k.value for k in node.keywords if k.arg == "expr"]
    parts = [part for expression in expressions for part in walk_nodes(expression)]
    texts = [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]
    return " ".join(texts)


def _imported_from_main(node: ast.Call) -> frozenset[str]:
    """The names that code in strings imports from the notebook, as what `timeit` runs does."""
    values = (*node.args, *(keyword.value for keyword in node.keywords))
    texts = (v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str))
    lists = (found for text in texts for found in _MAIN_IMPORT.findall(text))
    return frozenset(
        name.split()[0] for found in lists for name in found.split(",") if name.strip()
    )


def _in_format(function: ast.Attribute, node: ast.Call) -> StringNames:
    spreads = [k.value for k in node.keywords if k.arg is None] + list(node.args)
    if not any(map(is_namespace, spreads)):
        return StringNames()
    if not isinstance(function.value, ast.Constant):
        return StringNames(open=True)
    return StringNames(format_fields(str(function.value.value)))


def format_fields(template: str) -> frozenset[str]:
    """The names that a `str.format` template asks for."""
    try:
        fields = [name for _, name, _, _ in Formatter().parse(template) if name]
    except ValueError:
        return frozenset()
    names = frozenset(re.split(r"[.\[]", name)[0] for name in fields)
    return frozenset(filter(str.isidentifier, names))


def names_in_percent(node: ast.BinOp) -> frozenset[str]:
    """The names of `"%(name)s" % globals()`."""
    if not is_namespace(node.right) or not isinstance(node.left, ast.Constant):
        return frozenset()
    return frozenset(_PERCENT_NAME.findall(str(node.left.value)))


def _in_evaluated(node: ast.Call) -> StringNames:
    text = _constant(node)
    if text is None:
        return StringNames(open=True)
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError):
        return StringNames(open=True)
    names = [n for n in walk_nodes(tree) if isinstance(n, ast.Name)]
    binds = frozenset(n.id for n in names if isinstance(n.ctx, ast.Store))
    return StringNames(frozenset(n.id for n in names if isinstance(n.ctx, ast.Load)), binds)
