"""Format `github`: commands that make GitHub Actions annotate the changed files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtools.lint.outcome import Outcome, Reported
from nbtools.report.escapes import escape_data, escape_property
from nbtools.report.findings.places import describe_finding, slashed
from nbtools.report.findings.style import Style
from nbtools.report.printable import printable

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(outcomes: Sequence[Outcome], _: Style) -> Iterator[str]:
    """A command for each finding, and one for each file that could not be checked.

    The line is that of the file itself, where the annotation is to appear; the message has the
    place in the cell.
    """
    for outcome in outcomes:
        if outcome.status == "failed":
            name = printable(slashed(outcome.path))
            properties = f"title=nbtools,file={escape_property(name)}"
            message = f"{name}: {printable(outcome.reason)}"
            yield f"::error {properties}::{escape_data(message)}"
        for reported in outcome.found:
            yield _command(outcome, reported)


def _command(outcome: Outcome, reported: Reported) -> str:
    finding, at = reported.finding, reported.physical
    properties = {
        "title": f"nbtools ({finding.code})",
        "file": printable(slashed(outcome.path)),
        "line": str(at.line),
    }
    if at.end_line == at.line:  # GitHub takes columns within one line only
        properties |= {"col": str(at.column), "endColumn": str(at.end_column)}
    properties["endLine"] = str(at.end_line)
    told = ",".join(f"{key}={escape_property(value)}" for key, value in properties.items())
    message = escape_data(describe_finding(outcome, reported))
    return f"::{_COMMANDS[finding.severity]} {told}::{message}"
