"""NB116: a cell that was saved with the exception it raised."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule


def check(program: Program) -> Iterator[Finding]:
    """Report cells whose outputs hold an error that nobody asked for."""
    for cell in program.cells:
        if "raises-exception" in cell.cell.tags:
            continue
        error = next((each for each in cell.cell.outputs if each.kind == "error"), None)
        if error is not None:
            name = " ".join((error.error_name or "an error").split())[:80] or "an error"
            message = f"saved output is `{name}`: mend the cell, or tag it `raises-exception`"
            yield RULE.finding(message, cell.whole, symbol=name)


def _document(*tags: str) -> dict[str, object]:
    error = {"output_type": "error", "ename": "KeyError", "evalue": "1", "traceback": []}
    cell = {
        "cell_type": "code",
        "metadata": {"tags": list(tags)},
        "source": "\n{}[1]",
        "outputs": [error],
        "execution_count": 1,
    }
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}


RULE = Rule(
    code="NB116",
    name="stored-error",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="saved output is `{error}`",
    why=(
        "The cell failed when its author ran it, and `Run All` stops there. Where the exception "
        "is the point of the cell, its tag lets Jupyter, nbconvert and papermill go on."
    ),
    instead="Mend the cell and run it again, or give it the tag `raises-exception`.",
    valid=(
        Example(document=_document("raises-exception")),
        Example(("1 / 0",), note="Nothing is saved with it."),
    ),
    invalid=(Example(document=_document(), found=("1:2:1",)),),
    check=check,
    measured=(
        "23 of 24 findings fail again in the runs of 313 notebooks; 39 findings in 774 public "
        "notebooks"
    ),
)
