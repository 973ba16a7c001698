"""What became of one file that lint was given."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from nbtools.rules.finding import Finding

Status = Literal["checked", "skipped", "failed", "not-a-notebook"]
Mend = Literal["fixes", "noqa"]
"""What findings are mended by: the fixes that settings allow, or comments that hide them."""


class Physical(Struct, frozen=True):
    """Where a span stands in the file itself, as editors and CI count."""

    line: int  # 1-based
    column: int  # 1-based, in characters
    end_line: int  # inclusive
    end_column: int  # exclusive


NOT_ASKED = Physical(0, 0, 0, 0)
"""Of notebooks, where the report says cells: to find lines of the file costs as much as a rule."""


class Excerpt(Struct, frozen=True):
    """Another place that a finding is about, as reports show it."""

    physical: Physical
    lines: tuple[str, ...] = ()  # the source of the cell around it
    first_line: int = 1  # 1-based number, in the cell, of the first of `lines`


class Reported(Struct, frozen=True):
    """A finding, and what reports say of its place besides."""

    finding: Finding
    physical: Physical
    lines: tuple[str, ...] = ()  # the source of the cell around it, for format "full"
    first_line: int = 1  # 1-based number, in the cell, of the first of `lines`
    cell_id: str | None = None
    source_hash: str = ""  # of the cell's source: a fingerprint where there is no id
    related: tuple[Excerpt, ...] = ()  # of the finding's related places, in their order


class Outcome(Struct, frozen=True):
    """One file: what was found in it, or why it was not checked."""

    path: str  # as the user named it
    status: Status
    found: tuple[Reported, ...] = ()
    reason: str = ""  # of "skipped" ("R notebook") and "failed" (one line)
    is_notebook: bool = True  # .ipynb: places are shown as `cell 3:2:7`; else as `12:5`
    fixed: int = 0  # findings that were mended
    fixed_codes: tuple[tuple[str, int], ...] = ()  # the same by code, in the order of the codes
    text: bytes | None = None  # the file after the fixes, where there were any
    bug: str = ""  # the traceback, if a rule failed
    line: int | None = None  # of "failed": the line (1-based) of the file that is to blame
