"""Format `gitlab`: a code quality report, which GitLab shows in merge requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from nbtools.lint.fingerprints import with_fingerprints
from nbtools.lint.outcome import Outcome
from nbtools.report.findings.places import describe_finding, slashed
from nbtools.report.findings.style import Style

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(outcomes: Sequence[Outcome], _: Style) -> Iterator[str]:
    """Code Climate's JSON, as far as GitLab reads it; lines are those of the file itself."""
    paths = [slashed(outcome.path) for outcome in outcomes]
    document = [
        {
            "check_name": reported.finding.code,
            "description": describe_finding(outcome, reported),
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[reported.finding.severity],
            "location": {
                "path": path,
                "lines": {"begin": reported.physical.line, "end": reported.physical.end_line},
            },
        }
        for outcome, path, reported, fingerprint in with_fingerprints(outcomes, paths)
    ]
    yield json.dumps(document, indent=2)
