"""What a rule reports: where, what, and how it can be mended. No logic, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
Safety = Literal["safe", "unsafe"]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of one cell's own source, as its author wrote it."""

    cell: int  # 0-based, among all cells of the file
    line: int = 1  # 1-based, in the cell
    column: int = 1  # 1-based, in characters
    end_line: int = 1  # 1-based, inclusive
    end_column: int = 1  # 1-based, exclusive


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that a finding is about: the other definition, a step of a cycle."""

    span: Span
    message: str  # "first defined here"


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of a cell's source and what is to stand there instead."""

    span: Span
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    """How a finding can be mended. All edits are made, or none."""

    safety: Safety  # safe: the notebook does the same as before
    message: str  # what is done, as an order: "Remove the unused import"
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found."""

    code: str  # "NB101"
    message: str  # one line; what is wrong and, where it is not plain, what to do
    span: Span
    severity: Severity
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    symbol: str = ""  # the name it is about: with the code and the cell, it tells findings apart
