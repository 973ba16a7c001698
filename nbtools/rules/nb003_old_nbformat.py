"""NB003: a notebook in a file format that nothing writes any more."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import DocumentEdit, Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule, file_fix
from nbtools.rules.whole_file import is_ipynb, span_of_file


def check(program: Program) -> Iterator[Finding]:
    """Report notebooks of nbformat 1 to 3."""
    major = program.notebook.nbformat[0]
    if major < 4:
        message = f"nbformat {major}: upgrade the file to nbformat 4.5"
        fix = file_fix("Upgrade the file to nbformat 4.5", DocumentEdit("upgrade"))
        yield RULE.finding(
            message,
            span_of_file(program),
            symbol=str(major),
            fix=fix if is_ipynb(program) else None,
        )


_SHEET = {"cells": [{"cell_type": "code", "language": "python", "input": "1", "outputs": []}]}

RULE = Rule(
    code="NB003",
    name="old-nbformat",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="nbformat {major}: upgrade the file to nbformat 4.5",
    why=(
        "Jupyter replaced this format in 2015. Current tools convert it in memory or refuse it, "
        "and the first save rewrites the whole file."
    ),
    instead=(
        "Upgrade the file once and by itself: with `--fix`, or with `jupyter nbconvert --to "
        "notebook --inplace`. No other fix rewrites a whole file."
    ),
    fix="safe",
    valid=(
        Example(("x = 1",)),
        Example(document={"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": []}),
    ),
    invalid=(
        Example(
            document={"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [_SHEET]},
            found=("1:1:1",),
            fixed_document={
                "cells": [
                    {
                        "cell_type": "code",
                        "execution_count": None,
                        "id": "28578a6d",
                        "metadata": {},
                        "outputs": [],
                        "source": ["1"],
                    }
                ],
                "metadata": {},
                "nbformat": 4,
                "nbformat_minor": 5,
            },
        ),
    ),
    check=check,
    measured="6 of 6 findings right; 6 findings in 774 public notebooks",
)
