"""Fixes that make a new value where a cell changes one of another cell in place.

The cell binds the name itself, to a copy or to what a method returns; then the values are
numbered, so that all who read the name after the change read the new value.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from nbtools.analysis.known_returns import ARRAY, FRAME, SERIES
from nbtools.analysis.mutation import Change
from nbtools.rules.edits import Sources, apply_edits, edits_to, with_sources
from nbtools.rules.finding import Edit, Fix
from nbtools.rules.mutations import CrossChange, find_cross_changes
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.renaming import fresh_name, insert_lines, number_values

_COPIED = frozenset(
    (FRAME, SERIES, ARRAY, "list", "dict", "set", "deque", "Counter", "defaultdict", "OrderedDict")
)
"""Types whose `copy()` can be changed without a trace in the original."""
_NO_ARGUMENT = (ast.Lambda, ast.Tuple, ast.Starred, ast.Yield, ast.YieldFrom, ast.NamedExpr)
"""Values that `assign(x=...)` would not take as they stand, or would call."""

Rewrite = Callable[[CodeCell, Sequence[Change]], str | None]
"""The cell's source in which the changes bind the name; None where that cannot be said."""


def make_new_values(
    program: Program, name: str, hows: Sequence[str], rewrite: Rewrite
) -> Fix | None:
    """The fix for all cells that change what a name stands for in these ways."""
    if program.kind != "jupyter" or _has_alias(program, name):
        return None
    by_cell: dict[int, list[Change]] = {}
    for each in _changes_of(program, name):
        by_cell.setdefault(each.position, []).append(each.change)
    sources: dict[int, str] = {}
    for position, changes in by_cell.items():
        if any(change.how in hows for change in changes):
            cell = program.cells[position]
            source = rewrite(cell, changes)
            if source is not None:
                sources[cell.index] = source
    return _number(program, name, sources) if sources else None


def _changes_of(program: Program, name: str) -> Iterator[CrossChange]:
    for each in program.once(find_cross_changes):
        if each.change.name == name and not each.module:
            yield each


def _has_alias(program: Program, name: str) -> bool:
    """Whether another name stands for the same object: it would not see the new one."""
    return any(
        isinstance(node.value, ast.Name) and node.value.id == name
        for cell in program.cells
        for node in cell.nodes(ast.Assign)
    )


def _number(program: Program, name: str, sources: Sources) -> Fix | None:
    meant = with_sources(program, sources)
    numbered = number_values(meant, name)
    if numbered is None:
        return None
    edits = edits_to(program, {**sources, **numbered})
    return Fix("unsafe", f"Make a new value `{fresh_name(program, name)}`", edits)


# --- rewriting a cell -----------------------------------------------------------------------


def assign_or_copy(cell: CodeCell, changes: Sequence[Change]) -> str | None:
    """`df["x"] = y` -> `df = df.assign(x=y)`; where the cell does more, `df = df.copy()` first."""
    kind = changes[0].type
    if kind not in _COPIED or not all(change.direct for change in changes):
        return None
    edits = [_assign(cell, change) for change in changes] if kind == FRAME else [None]
    found = [edit for each in edits if each is not None for edit in each]
    if None not in edits:
        return apply_edits(cell.cell.source, found)
    name, line = changes[0].name, min(change.root.lineno for change in changes)
    statement = next(s for s in cell.statements if s.line <= line <= s.end_line)
    return insert_lines(cell, cell.cell.source, [f"{name} = {name}.copy()"], statement)


def _assign(cell: CodeCell, change: Change) -> tuple[Edit, Edit] | None:
    """The edits of one statement at cell level that sets a column."""
    target = change.node
    statement = next((s for s in cell.tree.body if getattr(s, "targets", None) == [target]), None)
    if not isinstance(statement, ast.Assign) or isinstance(statement.value, _NO_ARGUMENT):
        return None
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        return None
    key = target.slice
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or key.value == "self":
        return None
    given = f"{key.value}=" if _may_be_keyword(key.value) else f"**{{{key.value!r}: "
    closing = ")" if given.endswith("=") else "})"
    whole, value = cell.span(statement), cell.span(statement.value)
    start, end = _with_brackets(cell, statement)
    if start is None or end is None:
        return None
    name = change.name
    first = replace(whole, end_line=start[0], end_column=start[1])
    last = replace(value, line=end[0], column=end[1], end_line=end[0], end_column=end[1])
    return Edit(first, f"{name} = {name}.assign({given}"), Edit(last, closing)


def _may_be_keyword(word: str) -> bool:
    from keyword import iskeyword

    return word.isidentifier() and word.isascii() and not iskeyword(word)


_Place = tuple[int, int]  # line and column, both 1-based


def _with_brackets(cell: CodeCell, statement: ast.Assign) -> tuple[_Place | None, _Place | None]:
    """Where a statement's value begins and ends, the brackets around it included."""
    target, whole = cell.span(statement.targets[0]), cell.span(statement)
    line = cell.author_lines[target.end_line - 1]
    mark = line.find("=", target.end_column - 1)
    if mark < 0 or line[target.end_column - 1 : mark].strip():
        return None, None
    rest = line[mark + 1 :]
    blanks = len(rest) - len(rest.lstrip())
    if not rest.strip() or rest.lstrip()[0] in "\\#":
        return None, None
    return (target.end_line, mark + 2 + blanks), (whole.end_line, whole.end_column)
