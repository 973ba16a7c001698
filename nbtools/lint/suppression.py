"""What authors asked not to be told: comments, a cell's tag, the notebook's metadata."""

from __future__ import annotations

from collections.abc import Sequence

from nbtools.rules.directives import RUN_LAST, Directive, Usage, find_directives
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.selectors import matching_codes

SKIP_TAG = "nbtools-skip"


def suppress(
    program: Program, found: Sequence[Finding], active: frozenset[str]
) -> tuple[tuple[Finding, ...], Usage]:
    """The findings that are left, and what each comment hid.

    Args:
        program: The notebook.
        found: What the rules found in it.
        active: The codes of the rules that ran.
    """
    directives = program.once(find_directives)
    silenced: list[set[str]] = [set() for _ in directives]
    skipped = {cell.index for cell in program.notebook.cells if SKIP_TAG in cell.tags}
    ignored = frozenset[str]().union(*map(matching_codes, program.notebook.ignored))
    kept: list[Finding] = []
    for finding in found:
        hidden = finding.span.cell in skipped or finding.code in ignored
        for directive, codes in zip(directives, silenced, strict=True):
            if directive.covers(finding.span) and means(directive, finding.code):
                codes.add(finding.code)
                hidden = True
        if not hidden:
            kept.append(finding)
    return tuple(kept), Usage(directives, tuple(map(frozenset, silenced)), active)


def means(directive: Directive, code: str) -> bool:
    """Whether a directive names a rule; one that names none means all but those about itself."""
    if directive.is_blanket:
        return code not in RUN_LAST
    return any(code in matching_codes(word) for word, _ in directive.selectors)
