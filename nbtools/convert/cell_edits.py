"""The edits a plan may ask for in the source of one cell, as data.

A statement's index counts the top-level statements of the cell's ORIGINAL source as
`ast.parse(source).body` does (0-based; `a = 1; b = 2` are two), whatever other edits do.
Names in an edit are those of the original source too, unless it is said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field


class Names(Struct, frozen=True):
    """How the notebook-wide names of one top-level statement change; each maps old -> new."""

    loads: Mapping[str, str] = field(default_factory=dict)  # reads that happen now, and `del`
    stores: Mapping[str, str] = field(default_factory=dict)  # bindings of any kind, and `x += 1`
    late: Mapping[str, str] = field(default_factory=dict)  # looked up when a function is called


class RenameNames(Struct, frozen=True):
    """Rename what means a notebook-wide name, statement by statement."""

    statements: Mapping[int, Names]


class DropImports(Struct, frozen=True):
    """Take the names that these imports bind (`a` for `import a.b`) out of them."""

    drops: Mapping[int, frozenset[str]]


class DropDeletes(Struct, frozen=True):
    """Take names out of `del` statements; one with none left stays as a comment."""

    drops: Mapping[int, frozenset[str]]


class WrapExpression(Struct, frozen=True):
    """Put `before` and `after` around an expression statement; both stay as given.

    A `;` that ends its line goes: with nothing around it, that alone.
    """

    index: int
    before: str
    after: str


class AssignExpression(Struct, frozen=True):
    """Give the value of an expression statement a name, which stays as given."""

    index: int
    name: str


class QuoteAnnotations(Struct, frozen=True):
    """Turn the annotations that Python would evaluate in a statement into strings."""

    index: int


class ExpandStar(Struct, frozen=True):
    """Spell out `from m import *`; the names follow the statement's `Names.stores`."""

    index: int
    names: Sequence[str]


class ReplaceCalls(Struct, frozen=True):
    """Put `new` (an expression) for calls, `plt.show()`, at any depth."""

    is_target: Callable[[str], bool]  # asked with the dotted name that is called: "plt.show"
    new: str


class WrapInTry(Struct, frozen=True):
    """Put the whole cell, with all its other edits, into a `try` with these handlers."""

    handler_lines: Sequence[str]  # "except ...:" and its body, as they stand at column 0


CellEdit = (
    RenameNames
    | DropImports
    | DropDeletes
    | WrapExpression
    | AssignExpression
    | QuoteAnnotations
    | ExpandStar
    | ReplaceCalls
    | WrapInTry
)


def changes_nothing(edit: CellEdit) -> bool:
    """Tell whether an edit asks for nothing at all, so that no source need be parsed."""
    match edit:
        case RenameNames(statements):
            return not any(
                names.loads or names.stores or names.late for names in statements.values()
            )
        case DropImports(drops) | DropDeletes(drops):
            return not any(drops.values())
        case _:
            return False
