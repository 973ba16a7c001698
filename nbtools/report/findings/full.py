"""Format `full`: each finding with the lines of its cell, and every other place it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbtools.lint.outcome import Excerpt, Outcome, Reported
from nbtools.report.findings.concise import heading
from nbtools.report.findings.places import describe_span
from nbtools.report.findings.style import Style
from nbtools.report.printable import printable
from nbtools.rules.finding import Severity, Span

WIDTH = 120
"""Longer lines of source are cut around what is underlined."""


def render(outcomes: Sequence[Outcome], style: Style) -> Iterator[str]:
    """For each finding its line, its source underlined, its other places, and the way out."""
    for outcome in outcomes:
        for reported in outcome.found:
            yield heading(outcome, reported, style)
            yield from _describe(outcome, reported, style)
            yield ""


def _describe(outcome: Outcome, reported: Reported, style: Style) -> Iterator[str]:
    finding = reported.finding
    own = Excerpt(reported.physical, reported.lines, reported.first_line)
    yield from _quote(outcome, finding.span, own, finding.code, finding.severity, style)
    for index, related in enumerate(finding.related):
        message = printable(related.message)
        if index >= len(reported.related):
            span = related.span
            yield f"{style.frame('  :::')} cell {span.cell + 1}:{span.line}: {message}"
            continue
        excerpt = _only_line(reported.related[index], related.span.line)
        place = describe_span(outcome, related.span, excerpt.physical)
        yield f"{style.frame('  :::')} {place}: {message}"
        yield from _quote(outcome, related.span, excerpt, "", "info", style)
    if finding.fix:
        option = "--fix" if finding.fix.safety == "safe" else "--fix --unsafe-fixes"
        yield f"{style.frame('  =')} {printable(finding.fix.message)} ({option})"


def _only_line(excerpt: Excerpt, line: int) -> Excerpt:
    """One line of an excerpt: other places are many, and need less room."""
    index = line - excerpt.first_line
    lines = excerpt.lines[index : index + 1] if index >= 0 else ()
    return Excerpt(excerpt.physical, lines, line)


def _quote(
    outcome: Outcome, span: Span, excerpt: Excerpt, label: str, severity: Severity, style: Style
) -> Iterator[str]:
    """Some lines with their numbers; the first line of the span is underlined."""
    if not excerpt.lines:
        return
    # a cell's lines are counted from its start, those of a .py file from the file's
    shift = 0 if outcome.is_notebook else excerpt.physical.line - span.line
    last = excerpt.first_line + len(excerpt.lines) - 1 + shift
    margin = " " * len(str(last))
    yield style.frame(f"{margin} |")
    for number, line in enumerate(excerpt.lines, start=excerpt.first_line):
        if number != span.line:
            shown = _shorten(_shown(line), 0)[0]
            yield _row(number + shift, shown, len(margin), style)
            continue
        end = span.end_column - 1 if span.end_line == span.line else len(line)
        start = _width(_shown(line[: span.column - 1]))
        length = max(_width(_shown(line[: max(end, 0)])) - start, 1)
        shown, cut = _shorten(_shown(line), start)
        yield _row(number + shift, shown, len(margin), style)
        carets = "^" * min(length, max(_width(shown) - (start - cut), 1))
        mark = style.severity(f"{carets} {label}".rstrip(), severity)
        yield f"{style.frame(f'{margin} |')} {' ' * (start - cut)}{mark}"
    yield style.frame(f"{margin} |")


def _row(number: int, text: str, width: int, style: Style) -> str:
    return f"{style.frame(f'{number:>{width}} |')} {text}".rstrip()


def _shown(text: str) -> str:
    return printable(text.replace("\t", "    "))


def _shorten(text: str, start: int) -> tuple[str, int]:
    """A long line's part around a column, and how many columns are gone before it."""
    if len(text) <= WIDTH:
        return text, 0
    first = max(0, min(start - WIDTH // 3, len(text) - WIDTH))
    before, after = ("…" if first else ""), ("…" if first + WIDTH < len(text) else "")
    return f"{before}{text[first : first + WIDTH]}{after}", first - len(before)


def _width(text: str) -> int:
    """How many columns a terminal gives a text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )
