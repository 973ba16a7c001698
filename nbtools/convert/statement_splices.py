"""Edits of whole statements by position: what goes, star imports, annotations, brackets around."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nbtools.convert.cell_edits import (
    AssignExpression,
    DropDeletes,
    DropImports,
    ExpandStar,
    Names,
    ReplaceCalls,
    WrapExpression,
)
from nbtools.convert.name_splices import bound_by_alias
from nbtools.convert.quoting import string_literal
from nbtools.convert.splice_text import Splice, Text, UnsureError, keep_items
from nbtools.syntax import child_nodes, dotted_name, walk_nodes

LINE_LENGTH = 88  # characters; what black and ruff break a line at

_OPENING = re.compile(r"[\w.]+\(")
_CALL = re.compile(r"[\w.]+\(\)")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NOT_WRAPPED = (ast.Starred, ast.Yield, ast.YieldFrom)


# --- what goes -----------------------------------------------------------------------------


def drop_by_position(
    body: Sequence[ast.stmt], edit: DropImports | DropDeletes, text: Text
) -> Iterator[Splice]:
    """Names taken out of imports and `del`; a statement with none left goes."""
    gone: set[int] = set()
    for index, names in edit.drops.items():
        node = statement_at(body, index)
        items = _droppable(node, edit)
        kept = [_name_of(item) not in names for item in items]
        if all(kept):
            continue
        if b"#" in text.of(node) or b"\\" in text.of(node):
            raise UnsureError
        if any(kept):
            if isinstance(edit, DropDeletes) and text.end(items[-1]) != text.end(node):
                raise UnsureError
            yield from keep_items(text, items, kept)
        elif isinstance(edit, DropDeletes):
            yield _comment_out(body, index, text)
        else:
            gone.add(index)
    yield from _drop_statements(body, gone, text)


def dropped_statements(edit: object, body: Sequence[ast.stmt]) -> set[int]:
    """The statements of which an edit leaves nothing."""
    if not isinstance(edit, (DropImports, DropDeletes)):
        return set()
    return {
        index
        for index, names in edit.drops.items()
        if all(_name_of(item) in names for item in _droppable(statement_at(body, index), edit))
    }


def _droppable(
    node: ast.stmt, edit: DropImports | DropDeletes
) -> Sequence[ast.alias] | Sequence[ast.expr]:
    match edit, node:
        case DropImports(), ast.Import(names) | ast.ImportFrom(names=names) if names[0].name != "*":
            return names
        case DropDeletes(), ast.Delete(targets) if not any(map(_is_row, targets)):
            return targets
    raise UnsureError


def _is_row(target: ast.expr) -> bool:
    return isinstance(target, (ast.Tuple, ast.List))


def _name_of(item: ast.alias | ast.expr) -> str:
    if isinstance(item, ast.alias):
        return bound_by_alias(item)
    return item.id if isinstance(item, ast.Name) else ""


def _comment_out(body: Sequence[ast.stmt], index: int, text: Text) -> Splice:
    """`# del a` in place of a statement that has lines of its own."""
    node = body[index]
    start, end = text.start(node), text.end(node)
    if len(_row(body, index)) > 1 or text.line_end(start) != end:
        raise UnsureError
    return Splice(start, end, b"# " + text.of(node))


def _row(body: Sequence[ast.stmt], index: int) -> range:
    """The statements that stand on one line with another, `a; b`."""
    first = last = index
    while first and body[first - 1].end_lineno == body[first].lineno:
        first -= 1
    while last + 1 < len(body) and body[last].end_lineno == body[last + 1].lineno:
        last += 1
    return range(first, last + 1)


def _drop_statements(body: Sequence[ast.stmt], gone: set[int], text: Text) -> Iterator[Splice]:
    """Take statements out, each with its line if nothing else is left there."""
    rows: dict[int, range] = {}
    for index in gone:
        row = _row(body, index)
        rows[row[0]] = row
    lines = [row for row in rows.values() if all(index in gone for index in row)]
    if len(lines) > 1:
        raise UnsureError
    for row in rows.values():
        if row not in lines:
            yield from keep_items(text, body[row[0] : row[-1] + 1], [i not in gone for i in row])
    for row in lines:
        yield _drop_line(body, row, text)


def _drop_line(body: Sequence[ast.stmt], row: range, text: Text) -> Splice:
    """The line of statements that go: own-line comments around it stay, and blanks as they fit.

    What libcst calls a module's header, the lines above its first statement, stays as it is;
    without one, and at the end, blank lines that set apart what is gone go as well.
    """
    start = text.line_start(text.start(body[row[0]]))
    end = min(text.line_end(text.end(body[row[-1]])) + 1, len(text.data))
    if row[-1] + 1 < len(body):
        return Splice(start, end + (_blank_start(text.data[end:]) if not start else 0), b"")
    below = text.data[end:].rstrip()
    if not start:
        below = below[_blank_start(below) :]
    elif row[0]:
        if below or b"#" in text.data[text.end(body[row[0] - 1]) : start]:
            raise UnsureError  # whose comment it is decides which blank lines go
        start = text.end(body[row[0] - 1])
        start = text.line_end(start)
    return _close_end(text, start, below)


def _close_end(text: Text, start: int, below: bytes) -> Splice:
    """The end of a source from some place on; its blank margin stays if anything is left."""
    end = len(text.data.rstrip())
    if below:
        return Splice(start, end, below)
    above = text.data[:start]
    if above.endswith(b"\n"):
        start -= 1  # the last line needs no newline of its own
        above = above[:-1]
    return Splice(start, end if above else len(text.data), b"")


def _blank_start(data: bytes) -> int:
    """How many bytes at the start are blank lines."""
    kept = data.lstrip()
    return data.rfind(b"\n", 0, len(data) - len(kept)) + 1


# --- expressions ---------------------------------------------------------------------------


def wrap_by_position(
    body: Sequence[ast.stmt], edit: WrapExpression | AssignExpression, text: Text
) -> Iterator[Splice]:
    """The text around an expression; a `;` that ends the line goes."""
    node = statement_at(body, edit.index)
    if not isinstance(node, ast.Expr) or isinstance(node.value, _NOT_WRAPPED):
        raise UnsureError
    before, after = _surroundings(edit)
    if after and isinstance(node.value, ast.Tuple) and not _is_bracketed(node.value, text):
        before, after = f"{before}(", f"){after}"
    start, end = text.start(node), text.end(node)
    yield Splice(start, start, before.encode())
    line_end = text.line_end(end)
    rest = text.data[end:line_end]
    if b";" not in rest:
        yield Splice(end, end, after.encode())
    elif rest.lstrip() == b";":
        yield Splice(end, line_end, after.encode())
    else:
        raise UnsureError


def _surroundings(edit: WrapExpression | AssignExpression) -> tuple[str, str]:
    if isinstance(edit, AssignExpression):
        if edit.name.isidentifier():
            return f"{edit.name} = ", ""
    elif not (edit.before or edit.after) or (_OPENING.fullmatch(edit.before) and edit.after == ")"):
        return edit.before, edit.after
    raise UnsureError


def _is_bracketed(node: ast.Tuple, text: Text) -> bool:
    """Whether a tuple has brackets: `(a, b)` and not `(a), (b)`."""
    if not node.elts:
        return True
    following = text.start(node.elts[1]) if len(node.elts) > 1 else text.end(node)
    ahead = text.data[text.start(node) : text.start(node.elts[0])]
    behind, comma, _ = text.data[text.end(node.elts[0]) : following].partition(b",")
    if not comma or b"#" in ahead or b"#" in behind:
        raise UnsureError
    return ahead.count(b"(") > behind.count(b")")


def replace_calls_by_position(
    body: Sequence[ast.stmt], edit: ReplaceCalls, text: Text
) -> Iterator[Splice]:
    """Other text for each such call."""
    if not _CALL.fullmatch(edit.new):
        raise UnsureError
    for statement in body:
        for node in walk_nodes(statement):
            if isinstance(node, ast.Call):
                called = dotted_name(node.func)
                if called is not None and edit.is_target(called):
                    if node.lineno != node.end_lineno:
                        raise UnsureError
                    yield Splice(text.start(node), text.end(node), edit.new.encode())


def statement_at(body: Sequence[ast.stmt], index: int) -> ast.stmt:
    """A top-level statement."""
    if not 0 <= index < len(body):
        raise UnsureError
    return body[index]


# --- star imports and annotations ----------------------------------------------------------


def expand_by_position(
    body: Sequence[ast.stmt], edit: ExpandStar, names: Names, text: Text
) -> Iterator[Splice]:
    """`from m import a, b`, each under the name that `names` gives it."""
    node = statement_at(body, edit.index)
    if not isinstance(node, ast.ImportFrom) or node.names[0].name != "*" or not edit.names:
        raise UnsureError
    head, end = text.of(node).removesuffix(b"*"), text.end(node)
    if not head.endswith(b" import ") or b"\n" in head:
        raise UnsureError
    new = {name: names.stores.get(name, name) for name in edit.names}
    items = [name if name == after else f"{name} as {after}" for name, after in new.items()]
    flat = ", ".join(items)
    if len(head.decode() + flat) > LINE_LENGTH:
        flat = "(\n" + "".join(f"    {item},\n" for item in items) + ")"
    yield Splice(end - 1, end, flat.encode())


def quote_by_position(statement: ast.stmt, text: Text) -> Iterator[Splice]:
    """The annotations that Python evaluates when it runs a statement, as strings."""
    for node in _annotations(statement):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            continue
        start, end = text.start(node), text.end(node)
        ahead = text.data[:start].rstrip()
        if not ahead.endswith((b":", b"->")) or isinstance(node, (ast.JoinedStr, ast.Starred)):
            raise UnsureError
        if type(node).__name__ == "TemplateStr" or b"#" in text.data[len(ahead) : start]:
            raise UnsureError
        yield Splice(start, end, string_literal(text.of(node).decode()).encode())


def _annotations(statement: ast.stmt) -> Iterator[ast.expr]:
    todo: list[tuple[ast.AST, bool]] = [(statement, False)]
    while todo:
        node, local = todo.pop()
        own: ast.expr | None = None
        if isinstance(node, ast.arg):
            own = node.annotation
        elif isinstance(node, _FUNCTIONS):
            own = node.returns
        elif isinstance(node, ast.AnnAssign):
            own = None if local else node.annotation
        if own is not None:
            yield own
        body = {id(child) for child in node.body} if isinstance(node, _FUNCTIONS) else set[int]()
        for child in child_nodes(node):
            if child is not own:
                inside = id(child) in body or (local and not isinstance(node, ast.ClassDef))
                todo.append((child, inside))
