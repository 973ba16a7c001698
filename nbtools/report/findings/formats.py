"""The formats by name; a format's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module

from nbtools.lint.outcome import Outcome
from nbtools.report.findings.style import PLAIN, Style

FOR_PEOPLE = frozenset({"full", "concise", "grouped"})
"""The formats that a summary may follow, and that say cells of notebooks, not lines of files."""


def render(name: str, outcomes: Sequence[Outcome], style: Style = PLAIN) -> Iterator[str]:
    """The lines of a report, without their newlines."""
    module = import_module(f"nbtools.report.findings.{name.replace('-', '_')}")
    lines: Iterator[str] = module.render(outcomes, style)
    return lines
