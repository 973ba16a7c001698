"""Renaming by position: the tokens of a statement that mean a renamed name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import EMPTY
from nbtools.convert.cell_edits import Names
from nbtools.convert.splice_text import Splice, Text, UnsureError
from nbtools.syntax import child_nodes, walk_nodes

_DEFINING = re.compile(rb"(?:async[ \t]+)?(?:def|class)[ \t]+")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FSTRING = re.compile(r"[fFtT][rR]?['\"]")
_MAY_SHOW = re.compile(rb"=[ \t]*[}!:]")
_EQUAL = re.compile(rb"[ \t]*=(?![=])[ \t]*")
_PLAIN = re.compile(rb"[^\n\\'\"{}]*")  # may stand in any string as it is
_FIELDS = frozenset({"FormattedValue", "Interpolation"})
_FSTRINGS = frozenset({"JoinedStr", "TemplateStr"})


class _Scope(Struct, frozen=True):
    """Where a node stands."""

    late: bool = False  # in code that runs later
    inner: bool = False  # where a binding may be another name than the notebook's
    own: frozenset[str] = EMPTY  # parameters and targets of comprehensions, whose names these are


def rename_by_position(statement: ast.stmt, names: Names, text: Text) -> Iterator[Splice]:
    """The renamed tokens, and what else must change for them; the tree is renamed, too."""
    renamed = list(_renamed_tokens(statement, names, text))
    yield from renamed
    if renamed:
        yield from _keep_shown(statement, [splice.start for splice in renamed], text)


def _renamed_tokens(statement: ast.stmt, names: Names, text: Text) -> Iterator[Splice]:
    wanted = names.loads.keys() | names.stores.keys() | names.late.keys()
    if any("__" in name for name in wanted):
        raise UnsureError  # a class may mangle it
    todo: list[tuple[ast.AST, _Scope]] = [(statement, _Scope())]
    while todo:
        node, scope = todo.pop()
        if isinstance(node, ast.Name):
            if node.id in wanted:
                new = _mapping(node, scope, names).get(node.id, node.id)
                yield from _rename_token(node.id, new, text.start(node), text)
                node.id = new
        elif isinstance(node, _DEFINITIONS) and node.name in wanted:
            if scope.inner:
                raise UnsureError
            new = names.stores.get(node.name, node.name)
            yield from _rename_definition(node, new, text)
            node.name = new
            todo.extend(_below(node, scope, wanted))
        elif isinstance(node, ast.alias):
            if bound_by_alias(node) in wanted:
                yield from _rename_alias(node, scope, names, text)
        elif not wanted.isdisjoint(_names_bound_as_text(node)):
            raise UnsureError
        else:
            todo.extend(_below(node, scope, wanted))


_NO_NAMES: Mapping[str, str] = {}


def _mapping(node: ast.Name, scope: _Scope, names: Names) -> Mapping[str, str]:
    if isinstance(node.ctx, ast.Load):
        if node.id in scope.own:
            return _NO_NAMES
        return names.late if scope.late else names.loads
    if scope.inner:
        raise UnsureError
    return names.stores if isinstance(node.ctx, ast.Store) else names.loads


def _rename_definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, new: str, text: Text
) -> Iterator[Splice]:
    word = _DEFINING.match(text.data, text.start(node))
    if word is None:
        raise UnsureError
    yield from _rename_token(node.name, new, word.end(), text)


def bound_by_alias(alias: ast.alias) -> str:
    """The name that an import binds: `a` for `import a.b`."""
    return (alias.asname or alias.name).split(".")[0]


def _rename_alias(alias: ast.alias, scope: _Scope, names: Names, text: Text) -> Iterator[Splice]:
    """`import x` as `import x as new`."""
    name = bound_by_alias(alias)
    new = names.stores.get(name, name)
    if scope.inner or new == alias.name or (alias.asname is None and "." in alias.name):
        raise UnsureError
    start = text.end(alias) - len(name.encode())
    yield from _rename_token(name, new, start, text, keeps=alias.asname is None)
    alias.asname = new


def _rename_token(
    name: str, new: str, start: int, text: Text, keeps: bool = False
) -> Iterator[Splice]:
    """The token becomes `new`, or `name as new` if it keeps its name."""
    end = start + len(name.encode())
    if text.data[start:end] != name.encode():  # it is written in other characters
        raise UnsureError
    if new != name:
        yield Splice(start, end, (f"{name} as {new}" if keeps else new).encode())


def _below(
    node: ast.AST, scope: _Scope, wanted: frozenset[str] | set[str]
) -> Iterator[tuple[ast.AST, _Scope]]:
    """The nodes below one, each with its scope."""
    if isinstance(node, (*_DEFINITIONS, ast.Lambda)):
        yield from _below_definition(node, scope, wanted)
    elif isinstance(node, _COMPREHENSIONS):
        yield from _below_comprehension(node, scope)
    else:
        for child in child_nodes(node):
            yield child, scope


def _below_definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda,
    scope: _Scope,
    wanted: frozenset[str] | set[str],
) -> Iterator[tuple[ast.AST, _Scope]]:
    if getattr(node, "type_params", None):
        raise UnsureError
    inside = _Scope(scope.late or not isinstance(node, ast.ClassDef), inner=True, own=scope.own)
    if isinstance(node, _FUNCTIONS):
        parameters = wanted & _parameters(node.args)
        inside = replace(inside, own=inside.own | parameters)
    body = {id(child) for child in (node.body if isinstance(node.body, list) else [node.body])}
    for child in child_nodes(node):
        if isinstance(child, ast.arguments):
            for part in child_nodes(child):
                below = child_nodes(part) if isinstance(part, ast.arg) else [part]
                yield from ((each, scope) for each in below)
        else:
            yield child, inside if id(child) in body else scope


def _parameters(arguments: ast.arguments) -> set[str]:
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {arg.arg for arg in (*listed, arguments.vararg, arguments.kwarg) if arg is not None}


def _below_comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: _Scope
) -> Iterator[tuple[ast.AST, _Scope]]:
    """The first iterable belongs to the scope around; targets are the comprehension's own."""
    own = {name for each in node.generators for name in _target_names(each.target)}
    inside = _Scope(scope.late, inner=True, own=scope.own | own)
    for clause in node.generators:
        if not isinstance(clause.target, ast.Name):
            yield from _below_target(clause.target, inside)
        yield clause.iter, scope if clause is node.generators[0] else inside
        yield from ((test, inside) for test in clause.ifs)
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    yield from ((part, inside) for part in parts)


def _target_names(target: ast.expr) -> Iterator[str]:
    for node in walk_nodes(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _below_target(target: ast.expr, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    """What a target reads: `y` and `i` of `for y[i], x in z`."""
    for node in walk_nodes(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node, scope
        elif isinstance(node, (*_COMPREHENSIONS, ast.Lambda)):
            raise UnsureError


def _names_bound_as_text(node: ast.AST) -> Sequence[str]:
    """Names that a node binds or declares without a `Name` node of their own."""
    match node:
        case ast.ExceptHandler(name=str(name)):
            return (name,)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return (name,)
        case ast.MatchMapping(rest=str(name)):
            return (name,)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
        case ast.stmt() if type(node).__name__ == "TypeAlias":  # its value is a scope of its own
            raise UnsureError
    return ()


# --- f-strings -----------------------------------------------------------------------------


def _keep_shown(statement: ast.stmt, renamed: Sequence[int], text: Text) -> Iterator[Splice]:
    """`x={x_1!r}` of `{x=}`, which shows the name in it; `{x=:.2f}` and `{x=!s}` need no `!r`."""
    if not _MAY_SHOW.search(text.of(statement)):
        return
    for node in walk_nodes(statement):
        if type(node).__name__ not in _FIELDS:
            continue
        value: ast.expr = node.value  # type: ignore[attr-defined]
        start, end = text.start(value), text.end(value)
        equal = _EQUAL.match(text.data, end)
        if equal is None or not any(start <= place < end for place in renamed):
            continue
        brace = text.data.rfind(b"{", 0, start)
        shown = text.data[brace + 1 : equal.end()]
        if brace < 0 or not _PLAIN.fullmatch(shown):
            raise UnsureError
        yield Splice(brace, start, shown + b"{")
        yield Splice(end, equal.end(), b"!r" if text.data[equal.end() :][:1] == b"}" else b"")


def check_fstrings(source: str, renamed: Sequence[ast.stmt], text: str) -> None:
    """Raise UnsureError if the f-strings of the text are not those of the renamed tree.

    Before Python 3.12 places in f-strings are not exact, and `{x=}` shows its names. All other
    places are exact, so that a name was changed in the wrong place if one is missing here.
    """
    if not _FSTRING.search(source):
        return
    if _dump_fstrings(renamed) != _dump_fstrings(ast.parse(text).body):
        raise UnsureError


def _dump_fstrings(body: Sequence[ast.stmt]) -> list[str]:
    """The f-strings of some statements in the order in which they stand."""
    found: list[str] = []
    todo: list[ast.AST] = [*reversed(body)]
    while todo:
        node = todo.pop()
        if type(node).__name__ in _FSTRINGS:
            found.append(ast.dump(node))
        else:
            todo.extend(reversed(child_nodes(node)))
    return found
