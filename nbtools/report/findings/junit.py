"""Format `junit`: JUnit's XML, which most CI systems show as test results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from nbtools.lint.outcome import Outcome, Reported
from nbtools.report.escapes import quote_attribute
from nbtools.report.findings.places import describe_finding, describe_place
from nbtools.report.findings.style import Style


def render(outcomes: Sequence[Outcome], _: Style) -> Iterator[str]:
    """A suite for each notebook, a failing case for each finding, one that passes if none."""
    suites = [outcome for outcome in outcomes if outcome.status != "not-a-notebook"]
    failures = sum(len(outcome.found) for outcome in suites)
    errors = sum(outcome.status == "failed" for outcome in suites)
    tests = sum(max(len(outcome.found), 1) for outcome in suites)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="nbtools" tests="{tests}" failures="{failures}" errors="{errors}">'
    for outcome in suites:
        yield from _suite(outcome)
    yield "</testsuites>"


def _suite(outcome: Outcome) -> Iterator[str]:
    counts = {
        "tests": max(len(outcome.found), 1),
        "failures": len(outcome.found),
        "errors": int(outcome.status == "failed"),
        "skipped": int(outcome.status == "skipped"),
    }
    told = " ".join(f'{key}="{value}"' for key, value in counts.items())
    yield f"  <testsuite name={quote_attribute(outcome.path)} {told}>"
    for reported in outcome.found:
        yield from _failing(outcome, reported)
    if not outcome.found:
        yield from _other(outcome)
    yield "  </testsuite>"


def _failing(outcome: Outcome, reported: Reported) -> Iterator[str]:
    finding = reported.finding
    place = describe_place(outcome, reported)
    name = quote_attribute(f"{finding.code} {place}")
    yield f"    <testcase name={name} classname={_class(outcome)}>"
    kind, message = quote_attribute(finding.severity), quote_attribute(finding.message)
    text = escape(describe_finding(outcome, reported))
    yield f"      <failure type={kind} message={message}>{text}</failure>"
    yield "    </testcase>"


def _other(outcome: Outcome) -> Iterator[str]:
    start = f"    <testcase name={quote_attribute(outcome.path)} classname={_class(outcome)}"
    if outcome.status == "checked":
        yield f"{start} />"
        return
    yield f"{start}>"
    if outcome.status == "skipped":
        yield f"      <skipped message={quote_attribute(outcome.reason)} />"
    else:
        yield f'      <error type="failed" message={quote_attribute(outcome.reason)} />'
    yield "    </testcase>"


def _class(outcome: Outcome) -> str:
    return quote_attribute(re.sub(r"\.(?:ipynb|py)$", "", outcome.path))
