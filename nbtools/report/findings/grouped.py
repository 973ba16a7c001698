"""Format `grouped`: the findings of each file below its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtools.lint.outcome import Outcome
from nbtools.report.findings.concise import verdict
from nbtools.report.findings.places import describe_span
from nbtools.report.findings.style import Style
from nbtools.report.printable import printable


def render(outcomes: Sequence[Outcome], style: Style) -> Iterator[str]:
    """The file's name, then a line for each finding, then a blank one."""
    for outcome in outcomes:
        if not outcome.found:
            continue
        yield style.place(f"{printable(outcome.path)}:")
        places = [describe_span(outcome, r.finding.span, r.physical) for r in outcome.found]
        width = max(map(len, places))
        for place, reported in zip(places, outcome.found, strict=True):
            yield f"  {place:<{width}}  {verdict(reported, style)}"
        yield ""
