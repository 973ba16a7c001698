"""Edits by position: where `ast` says exactly which characters change, libcst is not needed.

libcst reads and writes a statement in twenty times what `ast` takes. Most edits rename plain
names or wrap an expression; these are spliced into the text here. Whatever is not certain (a
name that an inner scope binds too, comments of an import that goes) is left to `module_edits`,
which makes every edit: the two give the same text, and a test holds them together.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbtools.analysis.facts import dotted_name
from nbtools.convert.cell_edits import (
    AssignExpression,
    CellEdit,
    DropImports,
    Names,
    RenameNames,
    ReplaceCalls,
    WrapExpression,
)
from nbtools.syntax import child_nodes

_OPENING = re.compile(r"[\w.]+\(")
_CALL = re.compile(r"[\w.]+\(\)")
_DEFINING = re.compile(rb"(?:async[ \t]+)?(?:def|class)[ \t]+")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FSTRING = re.compile(r"[fFtT][rR]?['\"]")
_NOT_WRAPPED = (ast.Tuple, ast.Starred, ast.Yield, ast.YieldFrom)


class _UnsureError(Exception):
    """libcst has to look at it."""


@dataclass(frozen=True, slots=True, order=True)
class _Splice:
    """New text for some bytes of one line."""

    line: int  # 0-based
    start: int
    end: int
    new: bytes


def splice_edits(source: str, edits: Sequence[CellEdit]) -> str | None:
    """The source with all edits made; None if `module_edits` has to make them."""
    if "\r" in source or "\f" in source:
        return None  # lines may not be what `ast` counts
    try:
        body = ast.parse(source).body
        lines = source.encode().split(b"\n")
        if _is_dropped(body, lines, edits):
            return ""
        edits = sorted(edits, key=lambda edit: isinstance(edit, RenameNames))  # it changes the tree
        splices = [splice for edit in edits for splice in _splices(body, lines, edit)]
        text = _apply(lines, splices)
        _check_fstrings(source, edits, body, text)
        return text
    except (_UnsureError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_dropped(
    body: Sequence[ast.stmt], lines: Sequence[bytes], edits: Sequence[CellEdit]
) -> bool:
    """Whether the source is nothing but an import, of which no name is left."""
    match body, edits:
        case [ast.Import() | ast.ImportFrom() as node], [DropImports(drops)]:
            bound = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            last = (node.end_lineno or node.lineno) - 1
            rest = [lines[last][node.end_col_offset :], *lines[last + 1 :]]
            alone = not any(lines[: node.lineno - 1]) and not b"".join(rest).strip()
            return alone and node.lineno <= 2 and bound <= drops.get(0, frozenset())
    return False


def _apply(lines: list[bytes], splices: list[_Splice]) -> str:
    above = None
    for splice in sorted(splices, reverse=True):
        if above is not None and splice.line == above.line and splice.end > above.start:
            raise _UnsureError
        text = lines[splice.line]
        lines[splice.line] = text[: splice.start] + splice.new + text[splice.end :]
        above = splice
    return b"\n".join(lines).decode()


def _check_fstrings(
    source: str, edits: Sequence[CellEdit], renamed: Sequence[ast.stmt], text: str
) -> None:
    """Raise if the text is not what the renamed tree says.

    Before Python 3.12 places in f-strings are not exact, and `{x=}` shows its names.
    """
    renames = [isinstance(edit, RenameNames) for edit in edits]
    if any(renames) and _FSTRING.search(source):
        expected = ast.dump(ast.Module(list(renamed), []))
        if not all(renames) or ast.dump(ast.parse(text)) != expected:
            raise _UnsureError


def _splices(body: Sequence[ast.stmt], lines: Sequence[bytes], edit: CellEdit) -> Iterator[_Splice]:
    match edit:
        case RenameNames(statements):
            for index, names in statements.items():
                yield from _rename(_statement(body, index), names, lines)
        case AssignExpression(index, name) if name.isidentifier():
            yield from _wrap(_statement(body, index), f"{name} = ", "", lines)
        case WrapExpression(index, before, ")" as after) if _OPENING.fullmatch(before):
            yield from _wrap(_statement(body, index), before, after, lines)
        case ReplaceCalls(_, new) if _CALL.fullmatch(new):
            yield from _replace_calls(body, edit)
        case _:
            raise _UnsureError


def _statement(body: Sequence[ast.stmt], index: int) -> ast.stmt:
    if not 0 <= index < len(body):
        raise _UnsureError
    return body[index]


def _wrap(node: ast.stmt, before: str, after: str, lines: Sequence[bytes]) -> Iterator[_Splice]:
    """The text around an expression; a `;` that ends the line goes."""
    if not isinstance(node, ast.Expr) or isinstance(node.value, _NOT_WRAPPED):
        raise _UnsureError
    first, start = node.lineno - 1, node.col_offset
    last, end = (node.end_lineno or node.lineno) - 1, node.end_col_offset or 0
    yield _Splice(first, start, start, before.encode())
    yield _Splice(last, end, end, after.encode())
    rest = lines[last][end:]
    if b";" in rest:
        if rest.lstrip() != b";":
            raise _UnsureError
        yield _Splice(last, end, end + len(rest), b"")


def _replace_calls(body: Sequence[ast.stmt], edit: ReplaceCalls) -> Iterator[_Splice]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                called = dotted_name(node.value.func)
                if called is not None and edit.is_target(called):
                    if node.lineno != node.end_lineno:
                        raise _UnsureError
                    end = node.end_col_offset or 0
                    yield _Splice(node.lineno - 1, node.col_offset, end, edit.new.encode())


# --- names ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a node stands."""

    late: bool = False  # in code that runs later
    inner: bool = False  # where a binding may be another name than the notebook's


def _rename(statement: ast.stmt, names: Names, lines: Sequence[bytes]) -> Iterator[_Splice]:
    """The renamed tokens; the tree is renamed, too."""
    wanted = names.loads.keys() | names.stores.keys() | names.late.keys()
    if any("__" in name for name in wanted):
        raise _UnsureError  # a class may mangle it
    todo: list[tuple[ast.AST, _Scope]] = [(statement, _Scope())]
    while todo:
        node, scope = todo.pop()
        if isinstance(node, ast.Name):
            if node.id in wanted:
                new = _mapping(node, scope, names).get(node.id, node.id)
                yield from _rename_token(node.id, new, node.lineno - 1, node.col_offset, lines)
                node.id = new
        elif isinstance(node, _DEFINITIONS) and node.name in wanted:
            if scope.inner:
                raise _UnsureError
            new = names.stores.get(node.name, node.name)
            yield from _rename_definition(node, new, lines)
            node.name = new
            todo.extend(_below(node, scope))
        elif isinstance(node, ast.alias):
            if _bound_by_alias(node) in wanted:
                yield from _rename_alias(node, scope, names, lines)
        elif not wanted.isdisjoint(_names_bound_as_text(node)):
            raise _UnsureError
        else:
            todo.extend(_below(node, scope))


def _mapping(node: ast.Name, scope: _Scope, names: Names) -> Mapping[str, str]:
    if isinstance(node.ctx, ast.Load):
        return names.late if scope.late else names.loads
    if scope.inner:
        raise _UnsureError
    return names.stores if isinstance(node.ctx, ast.Store) else names.loads


def _rename_definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, new: str, lines: Sequence[bytes]
) -> Iterator[_Splice]:
    row = node.lineno - 1
    word = _DEFINING.match(lines[row], node.col_offset)
    if word is None:
        raise _UnsureError
    yield from _rename_token(node.name, new, row, word.end(), lines)


def _bound_by_alias(alias: ast.alias) -> str:
    return (alias.asname or alias.name).split(".")[0]


def _rename_alias(
    alias: ast.alias, scope: _Scope, names: Names, lines: Sequence[bytes]
) -> Iterator[_Splice]:
    """`import x` as `import x as new`."""
    name = _bound_by_alias(alias)
    new = names.stores.get(name, name)
    if scope.inner or new == alias.name or (alias.asname is None and "." in alias.name):
        raise _UnsureError
    row, end = (alias.end_lineno or 0) - 1, alias.end_col_offset or 0
    yield from _rename_token(name, new, row, end - len(name.encode()), lines, alias.asname is None)
    alias.asname = new


def _rename_token(
    name: str, new: str, row: int, start: int, lines: Sequence[bytes], keeps: bool = False
) -> Iterator[_Splice]:
    """The token becomes `new`, or `name as new` if it keeps its name."""
    end = start + len(name.encode())
    if lines[row][start:end] != name.encode():  # it is written in other characters
        raise _UnsureError
    if new != name:
        yield _Splice(row, start, end, (f"{name} as {new}" if keeps else new).encode())


def _below(node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    """The nodes below one, each with its scope."""
    if isinstance(node, (*_DEFINITIONS, ast.Lambda)):
        if getattr(node, "type_params", None):
            raise _UnsureError
        inside = _Scope(scope.late or not isinstance(node, ast.ClassDef), inner=True)
        body = {id(child) for child in (node.body if isinstance(node.body, list) else [node.body])}
        for child in child_nodes(node):
            yield child, inside if id(child) in body else scope
        return
    if isinstance(node, _COMPREHENSIONS):
        scope = _Scope(scope.late, inner=True)
    for child in child_nodes(node):
        yield child, scope


def _names_bound_as_text(node: ast.AST) -> Sequence[str]:
    """Names that a node binds or declares without a `Name` node of their own."""
    match node:
        case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
            return (name,)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return (name,)
        case ast.MatchMapping(rest=str(name)):
            return (name,)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
        case ast.stmt() if type(node).__name__ == "TypeAlias":  # its value is a scope of its own
            raise _UnsureError
    return ()
