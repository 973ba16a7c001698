"""NB903: a comment that hides whatever is found."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.directives import Directive
from nbtools.rules.finding import Edit, Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, safe_fix


def check(program: Program) -> Iterator[Finding]:
    """Report directives that name no rules."""
    if program.usage is None:
        return
    for directive, silenced in zip(program.usage.directives, program.usage.silenced, strict=True):
        if directive.is_blanket:
            yield _report(directive, sorted(silenced))


def _report(directive: Directive, silenced: list[str]) -> Finding:
    listed = ", ".join(silenced)
    message = "this hides whatever is found: name the rules"
    if not silenced:
        return RULE.finding(message, directive.span)
    if directive.form == "noqa":  # other tools may find something else here
        return RULE.finding(f"{message} ({listed})", directive.span)
    edit = Edit(directive.span, f"# nbtools: {directive.form}[{listed}]")
    fix = safe_fix(f"Name what it hides: {listed}", edit)
    return RULE.finding(f"{message} ({listed})", directive.span, fix=fix)


RULE = Rule(
    code="NB903",
    name="blanket-suppression",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    runs_last=True,
    words=("noqa", "NOQA", "NoQA", "nbtools:"),
    summary="this hides whatever is found: name the rules",
    why=(
        "A comment without codes hides what its author had in mind, and every other mistake that "
        "is made there later."
    ),
    instead="List the rules: `# noqa: NB101`, `# nbtools: ignore[NB101]`.",
    fix="safe",
    measured="exact: it reads comments",
    valid=(Example(("print(x)  # noqa: NB101", "y  # nbtools: ignore[NB101]")),),
    invalid=(
        Example(
            ("print(x)  # nbtools: ignore",),
            found=("1:1:11",),
            fixed=("print(x)  # nbtools: ignore[NB101]",),
        ),
        Example(("print(x)  # noqa",), found=("1:1:11",), note="Other tools may need it: no fix."),
        Example(
            ("# nbtools: ignore-file", "print(x)"),
            found=("1:1:1",),
            fixed=("# nbtools: ignore-file[NB101]", "print(x)"),
        ),
    ),
    check=check,
)
