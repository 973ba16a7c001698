"""Every edit to the source of one cell: text in, text out, only the edited tokens changed.

The source is plain Python (magics translated). All functions raise ValueError for what the
caller could have known: source that does not parse, an index that is no such statement.
libcst, which carries the edits, is imported when the first edit needs it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from keyword import iskeyword

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
    WrapInTry,
    changes_nothing,
)
from nbtools.convert.splices import splice_edits

__all__ = [
    "AssignExpression",
    "CellEdit",
    "DropDeletes",
    "DropImports",
    "ExpandStar",
    "Names",
    "QuoteAnnotations",
    "RenameNames",
    "ReplaceCalls",
    "WrapExpression",
    "WrapInTry",
    "assign_expression",
    "bound_names",
    "drop_deletes",
    "drop_imports",
    "edit_cell",
    "expand_star",
    "quote_annotations",
    "rename_names",
    "replace_calls",
    "wrap_expression",
    "wrap_in_try",
]

_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def edit_cell(source: str, edits: Sequence[CellEdit]) -> str:
    """Make all edits of one cell with one parse; their order does not matter.

    Every edit speaks of the original source: its statement indexes and its names. Text that
    an edit brings in (`before`, `new`, handlers) is never renamed.

    Raises:
        ValueError: the source does not parse or nests too deeply, an index is out of range
            or is not the kind of statement the edit needs, `import a.b` would have to
            bind another name than `a`, or the new text is not Python.
    """
    wanted = [edit for edit in edits if not changes_nothing(edit)]
    if not wanted:
        return source
    spliced = splice_edits(source, wanted)
    if spliced is not None:
        return spliced
    from nbtools.convert.module_edits import edit_module

    return edit_module(source, wanted)


def rename_names(source: str, statements: Mapping[int, Names]) -> str:
    """Rename notebook-wide names, statement by statement.

    Only tokens that mean a module-scope name change: no parameter, local, comprehension
    target, class-body name, keyword argument, attribute or string does. `f"{x=}"` still
    shows `x=`. Two names that become one are the caller's business (see `bound_names`).
    """
    return edit_cell(source, [RenameNames(statements)])


def drop_imports(source: str, drops: Mapping[int, frozenset[str]]) -> str:
    """Take names out of imports; an import with none left goes, with its line and comment."""
    return edit_cell(source, [DropImports(drops)])


def drop_deletes(source: str, drops: Mapping[int, frozenset[str]]) -> str:
    """Take names out of `del` statements; one with none left becomes a comment, `# del a`."""
    return edit_cell(source, [DropDeletes(drops)])


def wrap_expression(source: str, index: int, before: str, after: str) -> str:
    """Make `before + expression + after` of an expression statement; its last `;` goes."""
    return edit_cell(source, [WrapExpression(index, before, after)])


def assign_expression(source: str, index: int, name: str) -> str:
    """Make `name = expression` of an expression statement; its last `;` goes."""
    return edit_cell(source, [AssignExpression(index, name)])


def quote_annotations(source: str, index: int) -> str:
    """Put the annotations of a statement in quotes, as `from __future__ import annotations`.

    Those of parameters, results, class and module variables; Python never evaluates those
    of a function's locals, and what is a string already stays.
    """
    return edit_cell(source, [QuoteAnnotations(index)])


def expand_star(source: str, index: int, names: Sequence[str]) -> str:
    """Spell out `from m import *`: one name per line if the statement is over 88 characters."""
    return edit_cell(source, [ExpandStar(index, names)])


def replace_calls(source: str, is_target: Callable[[str], bool], new: str) -> str:
    """Put the expression `new` in the place of each call of what `is_target` accepts."""
    return edit_cell(source, [ReplaceCalls(is_target, new)])


def wrap_in_try(source: str, handler_lines: Sequence[str]) -> str:
    """Indent the whole cell by 4 under `try:` and append handlers; strings stay as they are."""
    return edit_cell(source, [WrapInTry(handler_lines)])


def bound_names(source: str) -> frozenset[str]:
    """Every identifier in the source, in any role, so that a fresh name can avoid it.

    Words of strings and comments count as well: strings may be evaluated, and a fresh name
    that a comment already uses would mislead. Needs no parse, so any text will do.
    """
    words = _IDENTIFIER.findall(unicodedata.normalize("NFKC", source))
    return frozenset(word for word in words if not iskeyword(word))
