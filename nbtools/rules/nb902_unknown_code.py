"""NB902: a comment that names a rule which does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtools.rules.directives import Directive, remove_selectors
from nbtools.rules.finding import Finding, Span
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, safe_fix
from nbtools.rules.selectors import matching_codes, nearest_selector

_OWN = re.compile(r"NB\d+", re.IGNORECASE)


def check(program: Program) -> Iterator[Finding]:
    """Report names of no rule in comments, and in the notebook's metadata."""
    if program.usage is None:
        return
    for word in program.notebook.ignored:
        if not matching_codes(word):
            span = program.cells[0].whole if program.cells else Span(0)
            message = f"`{word}` in the notebook's metadata is no rule{_hint(word)}"
            yield RULE.finding(message, span, symbol=word)
    for directive in program.usage.directives:
        for word, span in directive.selectors:
            if _is_unknown(directive, word):
                fix = safe_fix(f"Remove `{word}`", remove_selectors(program, directive, [word]))
                yield RULE.finding(f"`{word}` is no rule{_hint(word)}", span, symbol=word, fix=fix)


def _is_unknown(directive: Directive, word: str) -> bool:
    if directive.form == "noqa" and not _OWN.fullmatch(word):
        return False  # another tool's
    return not matching_codes(word)


def _hint(word: str) -> str:
    nearest = nearest_selector(word)
    return f": did you mean `{nearest}`?" if nearest else ""


RULE = Rule(
    code="NB902",
    name="unknown-code",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    runs_last=True,
    summary="`{word}` is no rule: did you mean `{rule}`?",
    why="The comment is meant to hide a finding, and does not: its code is misspelled.",
    instead="Write the code or the name as `nbtools rule --all` lists it.",
    fix="safe",
    measured="exact: it compares with the list of rules",
    valid=(
        Example(("print(x)  # noqa: NB101, E501, NB1",)),
        Example(("print(x)  # nbtools: ignore[undefined-name, NB10]",)),
        Example(("x = 1  # noqa: some-other-rule",), note="Other tools read `noqa` too."),
    ),
    invalid=(
        Example(("x = 1  # noqa: NB999",), found=("1:1:16",), fixed=("x = 1",)),
        Example(
            ("print(x)  # nbtools: ignore[undefined-nam, NB101]",),
            found=("1:1:29",),
            fixed=("print(x)  # nbtools: ignore[NB101]",),
        ),
    ),
    check=check,
)
