"""A finding as JSON values, with the keys that ruff uses; docs/reference/lint-json.md explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec.json

from nbtools.lint.outcome import Excerpt, Outcome, Reported
from nbtools.report.findings.places import rule_name
from nbtools.rules.finding import Fix, Related, Span


def finding_documents(outcomes: Sequence[Outcome]) -> Iterator[dict[str, object]]:
    """Every finding; a file that could not be read is one."""
    for outcome in outcomes:
        yield from (finding_document(outcome, reported) for reported in outcome.found)
        if outcome.status == "failed":
            yield failure_document(outcome)


def finding_document(outcome: Outcome, reported: Reported) -> dict[str, object]:
    """Everything about one finding; cells, rows and columns are counted from 1."""
    finding, physical = reported.finding, reported.physical
    return {
        "cell": finding.span.cell + 1,
        "cell_id": reported.cell_id,
        "code": finding.code,
        "name": rule_name(finding.code),
        "severity": finding.severity,
        "filename": outcome.path,
        **_locations(finding.span),
        "physical_location": {"row": physical.line, "column": physical.column},
        "physical_end_location": {"row": physical.end_line, "column": physical.end_column},
        "message": finding.message,
        "symbol": finding.symbol,
        "fix": _fix(finding.fix) if finding.fix else None,
        "related": _related(finding.related, reported.related),
    }


def failure_document(outcome: Outcome) -> dict[str, object]:
    """A file that could not be read, with the keys of a finding; it has no cell."""
    return {
        "cell": None,
        "cell_id": None,
        "code": "NB001",
        "name": "invalid-notebook",
        "severity": "error",
        "filename": outcome.path,
        "location": None,
        "end_location": None,
        "physical_location": {"row": outcome.line or 1, "column": 1},
        "physical_end_location": {"row": outcome.line or 1, "column": 1},
        "message": outcome.reason,
        "symbol": "",
        "fix": None,
        "related": [],
    }


def _locations(span: Span) -> dict[str, object]:
    return {
        "location": {"row": span.line, "column": span.column},
        "end_location": {"row": span.end_line, "column": span.end_column},
    }


def _fix(fix: Fix) -> dict[str, object]:
    edits = [
        {"cell": edit.span.cell + 1, "content": edit.content, **_locations(edit.span)}
        for edit in fix.edits
    ]
    document = [
        {
            "action": edit.action,
            "cell": None if edit.cell is None else edit.cell + 1,
            "before": None if edit.before is None else edit.before + 1,
            "path": list(edit.path),
            "value": msgspec.json.decode(edit.value) if edit.action == "set" else None,
        }
        for edit in fix.document
    ]
    return {
        "applicability": fix.safety,
        "message": fix.message,
        "edits": edits,
        "document_edits": document,
    }


def _related(related: Sequence[Related], excerpts: Sequence[Excerpt]) -> list[dict[str, object]]:
    found = []
    for index, each in enumerate(related):
        document = {"cell": each.span.cell + 1, "message": each.message, **_locations(each.span)}
        if index < len(excerpts):
            physical = excerpts[index].physical
            document["physical_location"] = {"row": physical.line, "column": physical.column}
        found.append(document)
    return found
