"""Python source as CPython's `ast` and its compiler see it, at the least cost."""

from __future__ import annotations

import ast
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from inspect import CO_COROUTINE

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

# Fields without a node below them, or only with one that says nothing: `Load()`, `Add()`.
_BARE = frozenset(
    "ctx op ops id attr arg asname module level kind kwd_attrs rest tag simple is_async "
    "type_comment conversion".split()
)
_NAMED_BY_NODE = "TypeAlias"  # everywhere else `name` is text
_LEAVES = (ast.Constant, ast.Global, ast.Nonlocal, ast.MatchSingleton)  # `value`, `names`: no nodes

NODE_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(
        name
        for name in kind._fields
        if name not in _BARE
        and kind not in _LEAVES
        and (name != "name" or kind.__name__ == _NAMED_BY_NODE)
    )
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""The names of the fields of each kind of node that hold a node, a list with nodes, or None."""

_LAST_FIELD_FIRST = {kind: fields[::-1] for kind, fields in NODE_FIELDS.items()}


@lru_cache(maxsize=2048)
def parse_source(source: str) -> ast.Module:
    """The tree of a cell, which nobody may change: who asks again is given the same one.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: all that `compile` raises.
    """
    return parse_anew(source)


def parse_anew(source: str) -> ast.Module:
    """As `parse_source`, but the tree is for one who changes it; it takes a tenth of a copy."""
    if warnings.filters[:1] == [_QUIET]:
        return _parse(source)
    with no_warnings():
        return _parse(source)


def _parse(source: str) -> ast.Module:
    flags = _FLAGS | ast.PyCF_ONLY_AST
    module: ast.Module = compile(source, "<cell>", "exec", flags, dont_inherit=True)
    return module


_QUIET = ("ignore", None, Warning, None, 0)  # what `simplefilter("ignore")` puts in front


@contextmanager
def no_warnings() -> Iterator[None]:
    """Without Python's warnings of invalid escapes and the like, which are the author's affair.

    To do so for each of a thousand cells takes a fifth of the time that it takes to parse them:
    who parses many does it once around all.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@lru_cache(maxsize=10_000)
def awaits(source: str) -> bool:
    """Whether a cell awaits outside of functions; it is compiled to see, and never run.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: all that `compile` raises.
    """
    module = parse_source(source)
    with no_warnings():
        code = compile(module, "<cell>", "exec", _FLAGS, dont_inherit=True)
    return bool(code.co_flags & CO_COROUTINE)


def child_nodes(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below one, in the order of its fields, without contexts and operators.

    `ast.iter_child_nodes` takes twice the time.
    """
    children: list[ast.AST] = []
    for name in NODE_FIELDS[type(node)]:
        value = getattr(node, name, None)
        if type(value) is list:
            children += filter(None, value)  # `{**x}` has a key that is None
        elif value is not None:
            children.append(value)
    return children


def index_nodes(body: Sequence[ast.AST]) -> Mapping[type[ast.AST], Sequence[ast.AST]]:
    """The nodes of statements by their kind, in the order of the text."""
    found: defaultdict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    pending: list[ast.AST | None] = [*reversed(body)]
    while pending:
        node = pending.pop()
        if node is None:  # `{**x}` has a key that is None
            continue
        kind = type(node)
        found[kind].append(node)
        for name in _LAST_FIELD_FIRST[kind]:
            value = getattr(node, name, None)
            if type(value) is list:
                pending += value[::-1]
            elif value is not None:
                pending.append(value)
    return dict(found)


def walk_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """As `ast.walk`, in the same order but without contexts and operators, in half the time."""
    nodes = [tree]
    for node in nodes:
        nodes += child_nodes(node)
        yield node


def dotted_name(node: ast.expr) -> str | None:
    """`a.b.c` for a chain of attributes of a name, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return None
    if isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def module_of(node: ast.ImportFrom) -> str:
    """The dotted module that names are imported from, with leading dots if relative."""
    return "." * node.level + (node.module or "")


def root_name(node: ast.expr) -> str | None:
    """The name whose object `x[k].a[j]` is part of, else None."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


ComprehensionNode = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def target_names(generator: ast.comprehension) -> frozenset[str]:
    """The names that one `for` of a comprehension binds inside it."""
    names = (n for n in walk_nodes(generator.target) if isinstance(n, ast.Name))
    return frozenset(n.id for n in names if isinstance(n.ctx, ast.Store))
