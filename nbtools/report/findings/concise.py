"""Format `concise`: one line for each finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtools.lint.outcome import Outcome, Reported
from nbtools.report.findings.places import describe_place
from nbtools.report.findings.style import Style
from nbtools.report.printable import printable


def render(outcomes: Sequence[Outcome], style: Style) -> Iterator[str]:
    """`nb.ipynb:cell 3:2:7: NB101 [*] message`; the star stands where --fix mends it."""
    for outcome in outcomes:
        for reported in outcome.found:
            yield heading(outcome, reported, style)


def heading(outcome: Outcome, reported: Reported, style: Style) -> str:
    """The line that says all."""
    place = style.place(describe_place(outcome, reported))
    return f"{place}: {verdict(reported, style)}"


def verdict(reported: Reported, style: Style) -> str:
    """The code, whether --fix mends it, and the message."""
    finding = reported.finding
    code = style.severity(finding.code, finding.severity)
    star = " [*]" if finding.fix and finding.fix.safety == "safe" else ""
    return f"{code}{star} {printable(finding.message)}"
