"""What a rule reports: where, what, and how it can be mended. No logic, no I/O."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning", "info"]
Safety = Literal["safe", "unsafe"]


class Span(Struct, frozen=True, order=True):
    """A piece of one cell's own source, as its author wrote it."""

    cell: int  # 0-based, among all cells of the file
    line: int = 1  # 1-based, in the cell
    column: int = 1  # 1-based, in characters
    end_line: int = 1  # 1-based, inclusive
    end_column: int = 1  # 1-based, exclusive


class Related(Struct, frozen=True):
    """Another place that a finding is about: the other definition, a step of a cycle."""

    span: Span
    message: str  # "first defined here"


class Edit(Struct, frozen=True):
    """A piece of a cell's source and what is to stand there instead."""

    span: Span
    content: str


class DocumentEdit(Struct, frozen=True):
    """A change of an .ipynb file beside the sources of its cells.

    A path leads from the cell (or the notebook) down by keys of JSON objects. A deletion with no
    path at all takes the cell away, "move" puts it above another one. "upgrade" turns the whole
    file into nbformat 4.5.
    """

    action: Literal["set", "delete", "move", "upgrade"]
    cell: int | None = None  # 0-based, among all cells of the file; None: the notebook itself
    path: tuple[str, ...] = ()  # ("metadata", "widgets")
    value: str = ""  # of "set": JSON
    before: int | None = None  # of "move": 0-based, the cell above which this one is to stand

    @property
    def deletes_cell(self) -> bool:
        """Whether nothing is left of the cell."""
        return self.action == "delete" and not self.path

    @property
    def changes_order(self) -> bool:
        """Whether other cells have other numbers afterwards."""
        return self.deletes_cell or self.action == "move"


class Fix(Struct, frozen=True):
    """How a finding can be mended. All edits are made, or none."""

    safety: Safety  # safe: the notebook does the same as before
    message: str  # what is done, as an order: "Remove the unused import"
    edits: tuple[Edit, ...] = ()
    document: tuple[DocumentEdit, ...] = ()  # of an .ipynb only


class Finding(Struct, frozen=True):
    """One thing that a rule found."""

    code: str  # "NB101"
    message: str  # one line; what is wrong and, where it is not plain, what to do
    span: Span
    severity: Severity
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    symbol: str = ""  # the name it is about: with the code and the cell, it tells findings apart
    offer: Safety | None = None  # there may be a fix, of this kind, which nobody has worked out yet
