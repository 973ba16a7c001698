"""Outcomes as one JSON document for programs; docs/reference/json.md describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec.structs import asdict

import nbtools
from nbtools.convert.api import Outcome
from nbtools.convert.edits import Edit, Warning  # noqa: A004
from nbtools.report.counts import count_edits

SHAPE = 1
"""Raised when a program that reads the document has to be changed."""


def format_outcomes(outcomes: Sequence[Outcome], *, with_text: bool = False) -> str:
    """Everything about some conversions, in their order; ASCII, ends with a newline.

    with_text: put the reactive notebook itself in, for callers that got no file.
    """
    document = {
        "version": SHAPE,
        "nbtools": nbtools.__version__,
        "files": [_file(outcome, with_text) for outcome in outcomes],
    }
    return json.dumps(document, indent=2) + "\n"


def _file(outcome: Outcome, with_text: bool) -> dict[str, object]:
    conversion = outcome.conversion
    return {
        "source": str(outcome.source),
        "target": str(outcome.target) if outcome.target else None,
        "status": outcome.status,
        "error": outcome.error,
        "note": outcome.note,
        "counts": asdict(count_edits(conversion)) if conversion else None,
        "edits": [_edit(edit) for edit in conversion.edits] if conversion else [],
        "warnings": [_warning(warning) for warning in conversion.warnings] if conversion else [],
        "text": conversion.text if conversion and with_text else None,
    }


def _edit(edit: Edit) -> dict[str, object]:
    return asdict(edit) | {"cell": edit.cell + 1}  # 1-based, as in the text and in ruff's JSON


def _warning(warning: Warning) -> dict[str, object]:
    return asdict(warning) | {"cell": warning.cell + 1}
