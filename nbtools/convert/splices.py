"""Edits by position: where `ast` says exactly which characters change, libcst is not needed.

libcst reads and writes a statement in twenty times what `ast` takes, and its import alone takes
longer than most conversions. So edits are spliced into the text here. Whatever is not certain (a
name that a function binds too, a comment among the names of an import) is left to `module_edits`,
which makes every edit: the two give the same text, and a test holds them together.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from nbtools.convert.cell_edits import (
    AssignExpression,
    CellEdit,
    DropDeletes,
    DropImports,
    ExpandStar,
    Names,
    QuoteAnnotations,
    RenameNames,
    ReplaceCalls,
    WrapExpression,
)
from nbtools.convert.name_splices import check_fstrings, rename_by_position
from nbtools.convert.splice_text import Splice, Text, UnsureError, apply_splices
from nbtools.convert.statement_splices import (
    drop_by_position,
    dropped_statements,
    expand_by_position,
    quote_by_position,
    replace_calls_by_position,
    statement_at,
    wrap_by_position,
)


def splice_edits(source: str, edits: Sequence[CellEdit]) -> str | None:
    """The source with all edits made; None if `module_edits` has to make them."""
    if "\r" in source or "\f" in source:
        return None  # lines may not be what `ast` counts
    try:
        body = ast.parse(source).body
        edited = apply_splices(text := Text(source), list(_all_splices(body, edits, text)))
        if any(isinstance(edit, RenameNames) for edit in edits):
            check_fstrings(source, body, edited)
        return edited
    except (UnsureError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _all_splices(
    body: Sequence[ast.stmt], edits: Sequence[CellEdit], text: Text
) -> Iterator[Splice]:
    gone = {index for edit in edits for index in dropped_statements(edit, body)}
    renames = {
        index: names
        for edit in edits
        if isinstance(edit, RenameNames)
        for index, names in edit.statements.items()
        if index not in gone
    }
    for edit in edits:
        yield from _splices(body, edit, renames, text)
    for index, names in renames.items():  # last: it changes the tree
        yield from rename_by_position(statement_at(body, index), names, text)


def _splices(
    body: Sequence[ast.stmt], edit: CellEdit, renames: Mapping[int, Names], text: Text
) -> Iterator[Splice]:
    match edit:
        case RenameNames():
            return
        case DropImports() | DropDeletes():
            yield from drop_by_position(body, edit, text)
        case AssignExpression() | WrapExpression():
            yield from wrap_by_position(body, edit, text)
        case ExpandStar(index):
            yield from expand_by_position(body, edit, renames.get(index, Names()), text)
        case QuoteAnnotations(index):
            yield from quote_by_position(statement_at(body, index), text)
        case ReplaceCalls():
            yield from replace_calls_by_position(body, edit, text)
        case _:
            raise UnsureError
