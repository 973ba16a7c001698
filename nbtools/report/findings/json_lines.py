"""Format `json-lines`: a JSON object on a line of its own for each finding."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from nbtools.lint.outcome import Outcome
from nbtools.report.findings.finding_document import finding_documents
from nbtools.report.findings.style import Style


def render(outcomes: Sequence[Outcome], _: Style) -> Iterator[str]:
    """The objects that format `json` has in its list."""
    yield from map(json.dumps, finding_documents(outcomes))
