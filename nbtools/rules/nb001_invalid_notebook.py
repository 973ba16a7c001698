"""NB001: a file that cannot be read as a notebook; the reader says so, no rule is asked."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule


def check(_: Program) -> Iterator[Finding]:
    """Nothing: where there is a program, the file could be read."""
    return iter(())


RULE = Rule(
    code="NB001",
    name="invalid-notebook",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="{what was expected and what was found, and in which line}",
    why=(
        "A file that is cut off, holds the marks of a merge conflict or is not JSON opens in no "
        "editor. Nothing else can be said of it: it is reported whatever rules are chosen, the "
        "other files are checked, and the exit code is 2."
    ),
    instead="Restore the file, or solve the conflict; `git diff` shows what happened.",
    measured="exact",
    valid=(Example(("x = 1",)),),
    invalid=(),
    check=check,
)
