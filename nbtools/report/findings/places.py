"""Where a finding is, in words: `nb.ipynb:cell 3:2:7`, or `nb.py:12:5`."""

from __future__ import annotations

import os

from nbtools.lint.outcome import Outcome, Physical, Reported
from nbtools.report.printable import printable
from nbtools.rules.finding import Span
from nbtools.rules.registry import rule_names


def describe_span(outcome: Outcome, span: Span, physical: Physical) -> str:
    """A place in its file, counted from 1: `cell 3:2:7`; in a .py file line and column, `12:5`."""
    if outcome.is_notebook:
        return f"cell {span.cell + 1}:{span.line}:{span.column}"
    return f"{physical.line}:{physical.column}"


def describe_place(outcome: Outcome, reported: Reported) -> str:
    """The file and the place in it."""
    place = describe_span(outcome, reported.finding.span, reported.physical)
    return f"{printable(outcome.path)}:{place}"


def describe_finding(outcome: Outcome, reported: Reported) -> str:
    """The whole finding in one line without control characters."""
    finding = reported.finding
    place = describe_place(outcome, reported)
    return f"{place}: {finding.code} {printable(finding.message)}"


def rule_name(code: str) -> str:
    """The name of a rule."""
    return rule_names().get(code, code)


def slashed(path: str) -> str:
    """A path as CI systems want it: below the current folder if it can be, with slashes."""
    if os.path.isabs(path):
        try:
            near = os.path.relpath(path)
        except ValueError:  # another drive
            near = path
        path = path if near.startswith(os.pardir) else near
    return os.path.normpath(path).replace(os.sep, "/") if path != "-" else path
