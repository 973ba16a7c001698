"""Format `json`: one document with every finding, and every file that was not checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import nbtools
from nbtools.lint.outcome import Outcome
from nbtools.report.findings.finding_document import finding_document
from nbtools.report.findings.style import Style
from nbtools.report.findings.totals import count

SHAPE = 1
"""Raised when a program that reads the document has to be changed."""


def render(outcomes: Sequence[Outcome], _: Style) -> Iterator[str]:
    """The document, in ASCII."""
    totals = count(outcomes)
    document = {
        "version": SHAPE,
        "nbtools": nbtools.__version__,
        "findings": [finding_document(o, reported) for o in outcomes for reported in o.found],
        "not_checked": [
            {"filename": o.path, "status": o.status, "reason": o.reason}
            for o in outcomes
            if o.status in ("failed", "skipped")
        ],
        "summary": {
            "notebooks": totals.notebooks,
            "with_findings": totals.with_findings,
            "findings": totals.findings,
            "fixed": totals.fixed,
            "skipped": totals.skipped,
            "failed": totals.failed,
        },
    }
    yield json.dumps(document, indent=2)
