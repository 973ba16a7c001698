"""NB901: a comment that hides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.directives import (
    RUN_LAST,
    Directive,
    Usage,
    remove_directive,
    remove_selectors,
)
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, safe_fix
from nbtools.rules.selectors import matching_codes


def check(program: Program) -> Iterator[Finding]:
    """Report directives, or rules in them, of which nothing was found where they hold."""
    usage = program.usage
    if usage is None:
        return
    for directive, silenced in zip(usage.directives, usage.silenced, strict=True):
        if directive.is_blanket:
            if not silenced and directive.form != "noqa":  # which other tools read as well
                edit = remove_directive(program, directive)
                fix = safe_fix("Remove the comment", edit)
                yield RULE.finding("nothing is found that this hides", directive.span, fix=fix)
            continue
        unused = _unused(directive, silenced, usage)
        if unused:
            listed = ", ".join(f"`{word}`" for word in unused)
            edit = remove_selectors(program, directive, unused)
            fix = safe_fix(f"Remove {listed}", edit)
            message = f"{listed} {'is' if len(unused) == 1 else 'are'} not found here"
            yield RULE.finding(message, directive.span, symbol=" ".join(unused), fix=fix)


def _unused(directive: Directive, silenced: frozenset[str], usage: Usage) -> list[str]:
    """The selectors of rules that all ran and found nothing; of others nobody can tell."""
    return [
        word
        for word, _ in directive.selectors
        if (codes := matching_codes(word))
        and codes <= usage.active
        and not codes & (silenced | RUN_LAST)
    ]


RULE = Rule(
    code="NB901",
    name="unused-suppression",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    runs_last=True,
    words=("noqa", "NOQA", "NoQA", "nbtools:"),
    summary="`{rule}` is not found here",
    why=(
        "The comment says that something is wrong here and known. Once it is mended, the comment "
        "misleads, and will hide the same mistake when somebody makes it again."
    ),
    instead="Remove the comment, or the rule from its list.",
    fix="safe",
    measured="exact: it compares comments with findings",
    valid=(
        Example(("print(x)  # noqa: NB101",), note="The comment hides a finding."),
        Example(("# nbtools: ignore[undefined-name]\nprint(\n    x,\n    y)",)),
        Example(("# nbtools: ignore-cell[NB101]\nif True:\n    print(x)",)),
        Example(("# nbtools: ignore-file", "print(x)")),
        Example(("x = 1  # noqa",), note="Another tool may need a bare `noqa`."),
        Example(("x = 1  # noqa: E501, F841",), note="The codes of other tools are theirs."),
        Example(("print('# noqa: NB101')",), note="A string is no comment."),
    ),
    invalid=(
        Example(("x = 1  # noqa: NB101\nx",), found=("1:1:8",), fixed=("x = 1\nx",)),
        Example(
            ("print(x)  # noqa: NB101, NB104, E501",),
            found=("1:1:11",),
            fixed=("print(x)  # noqa: NB101, E501",),
        ),
        Example(
            ("# nbtools: ignore[NB101]\nx = 1", "x + y  # nbtools: ignore[undefined-name]"),
            found=("1:1:1",),
            fixed=("x = 1", "x + y  # nbtools: ignore[undefined-name]"),
        ),
        Example(("x = 1\n# nbtools: ignore-cell", "x"), found=("1:2:1",), fixed=("x = 1", "x")),
        Example(
            ("x = 1  # the first # nbtools: ignore[NB101] # mypy: x",),
            found=("1:1:20",),
            fixed=("x = 1  # the first # mypy: x",),
        ),
    ),
    check=check,
)
