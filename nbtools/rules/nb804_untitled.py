"""NB804: a notebook without a title."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtools.lazy_patterns import lazy_pattern
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.whole_file import span_of_file

_NAME = lazy_pattern(r"(?i)(?:untitled[-_ ]?\d*|.*-copy\d+|unnamed)\.ipynb")
_TITLE = lazy_pattern(r"(?m)^ {0,3}#{1,2} *\S|^ {0,3}\S.*\n {0,3}(?:=+|-{2,})\s*$|<h[12]", re.I)
_FIRST = 3  # cells among which a title is looked for: badges and licences stand above it


def check(program: Program) -> Iterator[Finding]:
    """Report names that Jupyter gave, and notebooks that begin without a heading."""
    if _NAME.fullmatch(program.name):
        message = f"the file is called `{program.name}`: name it after what it does"
        yield RULE.finding(" ".join(message.split()), span_of_file(program))
    cells = program.notebook.cells
    texts = [cell.source for cell in cells[:_FIRST] if cell.kind == "markdown"]
    if program.cells and not program.notebook.title and not any(map(_TITLE.search, texts)):
        message = "the notebook has no title: begin with a markdown cell `# Title`"
        yield RULE.finding(message, span_of_file(program))


RULE = Rule(
    code="NB804",
    name="untitled",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="the notebook has no title, or the name that Jupyter gave it",
    why="Lists of notebooks, search and nbviewer show the name and the first heading.",
    instead="Rename the file, and begin with a markdown cell that holds one `# Title`.",
    valid=(
        Example(("%%md # Sales in May", "x = 1")),
        Example(("import math", "%%md Title\n=====", "x = 1")),
    ),
    invalid=(
        Example(("x = 1",), found=("1:1:1",)),
        Example(("%%md Some text", "x = 1"), found=("2:1:1",)),
    ),
    check=check,
)
