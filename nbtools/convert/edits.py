"""What a conversion did to a notebook, as data: every edit has its reason."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

EditKind = Literal["rename", "merge", "split", "move", "drop", "replace", "add", "order"]
Order = Literal["auto", "document", "counts"]


class Options(Struct, frozen=True):
    """What a user may choose about a conversion."""

    order: Order = "auto"
    format: bool = False  # ruff's formatter over every code cell
    script_metadata: bool = False  # infer a PEP 723 block from the imports


class Edit(Struct, frozen=True):
    """One change, in words a user understands."""

    kind: EditKind
    cell: int  # 0-based, as Place.cell
    reason: str
    line: int | None = None  # 1-based in the cell's own source; None: the whole cell
    name: str | None = None  # the name a rename started from
    new_name: str | None = None
    lines: int = 0  # how many lines of the author's text it replaced or removed


class Warning(Struct, frozen=True):  # noqa: A001 - the word users know; nothing here raises Python's
    """Something the reactive notebook cannot do as Jupyter did, or may not."""

    cell: int  # 0-based, as Place.cell
    message: str
    line: int | None = None  # 1-based


class Conversion(Struct, frozen=True):
    """A converted notebook: the reactive text, and how it came about."""

    text: str
    cells: int  # cells in the reactive notebook
    edits: tuple[Edit, ...] = ()
    warnings: tuple[Warning, ...] = ()
    origins: tuple[tuple[int, ...], ...] = ()
    """For each reactive cell, in the order of the file, the author's cells (0-based, ascending)
    that it comes from; () for a cell that nbtools added."""
    order: tuple[int, ...] = ()  # all cells of the author's (0-based) in the order they run in
