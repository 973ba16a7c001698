"""Outcomes made by hand, for the tests of reports and of what is done with them."""

from __future__ import annotations

from nbtools.lint.outcome import Excerpt, Outcome, Physical, Reported
from nbtools.rules.finding import Edit, Finding, Fix, Related, Severity, Span

HOSTILE = "\x1b[31mred\x07\x00\n]]>\u202e<&\"'\ud800%,:"
"""What a notebook may hold, and no report may pass on as it is."""


_PLACE = Span(2, 2, 7, 2, 8)


def make_finding(
    message: str = "`y` is used but no cell defines it",
    *,
    code: str = "NB101",
    severity: Severity = "error",
    symbol: str = "y",
    span: Span = _PLACE,
    fix: Fix | None = None,
    related: tuple[Related, ...] = (),
) -> Finding:
    return Finding(code, message, span, severity, related, fix, symbol)


def make_reported(
    finding: Finding | None = None, *, cell_id: str | None = None, source_hash: str = "5ca1ab1e"
) -> Reported:
    finding = finding or make_finding()
    excerpts = tuple(
        Excerpt(Physical(12, 7, 12, 8), ("import math", "y = 0", "z = y"), 1)
        for _ in finding.related
    )
    return Reported(
        finding,
        Physical(31, 13, 31, 14),
        ("x = 1", "print(y)"),
        cell_id=cell_id,
        source_hash=source_hash,
        related=excerpts,
    )


MENDED = Fix("safe", "Remove the name", (Edit(Span(2, 2, 7, 2, 8), ""),))
RISKY = Fix("unsafe", "Rename the name", (Edit(Span(2, 2, 7, 2, 8), "z"),))

TWICE = make_finding(
    "`y` is defined in cells 1 and 3",
    code="NB201",
    severity="warning",
    related=(Related(Span(0, 2, 1, 2, 2), "`y` is first defined here"),),
    fix=RISKY,
)
EVERYTHING = (
    Outcome("nb/a.ipynb", "checked", (make_reported(cell_id="ab12"), make_reported(TWICE))),
    Outcome("nb/b.ipynb", "checked"),
    Outcome("nb/r.ipynb", "skipped", reason="R notebook"),
    Outcome("nb/broken.ipynb", "failed", reason="expected JSON, found 'not a'"),
    Outcome("tool.py", "not-a-notebook", is_notebook=False),
    Outcome(
        "nb/c.py",
        "checked",
        (make_reported(make_finding(severity="info", fix=MENDED)),),
        is_notebook=False,
    ),
)
