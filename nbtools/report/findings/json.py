"""Format `json`: one list with every finding, as ruff prints it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from nbtools.lint.outcome import Outcome
from nbtools.report.findings.finding_document import finding_documents
from nbtools.report.findings.style import Style


def render(outcomes: Sequence[Outcome], _: Style) -> Iterator[str]:
    """The list, in ASCII; a file that could not be read is in it too."""
    yield json.dumps(list(finding_documents(outcomes)), indent=2)
