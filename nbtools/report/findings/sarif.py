"""Format `sarif`: SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import nbtools
from nbtools.lint.fingerprints import with_fingerprints
from nbtools.lint.outcome import Outcome, Physical, Reported
from nbtools.report.findings.places import describe_finding, slashed
from nbtools.report.findings.style import Style
from nbtools.report.printable import printable
from nbtools.rules.finding import Span
from nbtools.rules.registry import find_rule

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(outcomes: Sequence[Outcome], _: Style) -> Iterator[str]:
    """The log: a result for each finding, a notification for each file that was not checked."""
    codes = sorted({reported.finding.code for o in outcomes for reported in o.found})
    paths = [slashed(outcome.path) for outcome in outcomes]
    run = {
        "tool": {
            "driver": {
                "name": "nbtools",
                "version": nbtools.__version__,
                "rules": [_describe_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(outcome, path, reported, fingerprint, codes)
            for outcome, path, reported, fingerprint in with_fingerprints(outcomes, paths)
        ],
        "invocations": [
            {
                "executionSuccessful": all(o.status != "failed" for o in outcomes),
                "toolExecutionNotifications": [
                    _notification(outcome)
                    for outcome in outcomes
                    if outcome.status in ("failed", "skipped")
                ],
            }
        ],
    }
    yield json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _describe_rule(code: str) -> dict[str, object]:
    rule = find_rule(code)
    if rule is None:
        return {"id": code}
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.instead},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(
    outcome: Outcome, path: str, reported: Reported, fingerprint: str, codes: Sequence[str]
) -> dict[str, object]:
    finding = reported.finding
    result: dict[str, object] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": describe_finding(outcome, reported)},
        "locations": [_location(path, finding.span, reported.physical, reported.cell_id)],
        "partialFingerprints": {"nbtools/v1": fingerprint},
    }
    pairs = zip(finding.related, reported.related, strict=False)
    others = [
        {"id": number, "message": {"text": printable(related.message)}}
        | _location(path, related.span, excerpt.physical, None)
        for number, (related, excerpt) in enumerate(pairs, start=1)
    ]
    return result | ({"relatedLocations": others} if others else {})


def _location(path: str, span: Span, at: Physical, cell_id: str | None) -> dict[str, object]:
    cell = f"cell {span.cell + 1}"
    place = f"{cell}:{span.line}:{span.column}"
    logical = {"name": cell, "fullyQualifiedName": f"{printable(path)}:{place}", "kind": "cell"}
    if cell_id:
        logical["decoratedName"] = printable(cell_id)
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(path),
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            },
        },
        "logicalLocations": [logical],
    }


def _artifact(path: str) -> dict[str, object]:
    return {"uri": quote(path.encode(errors="replace"))}


def _notification(outcome: Outcome) -> dict[str, object]:
    location = {"physicalLocation": {"artifactLocation": _artifact(slashed(outcome.path))}}
    return {
        "level": "error" if outcome.status == "failed" else "note",
        "message": {"text": f"{outcome.status}: {printable(outcome.reason)}"},
        "locations": [location],
    }
