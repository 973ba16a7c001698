"""NB806: an output that makes the file heavy."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule

_MOST = 1_000_000  # bytes of JSON: GitHub stops showing notebooks not far above


def check(program: Program) -> Iterator[Finding]:
    """Report cells whose saved outputs have more than a megabyte together."""
    for cell in program.cells:
        size = sum(output.size for output in cell.cell.outputs)
        if size > _MOST:
            message = f"saved outputs have {size / 1_000_000:.1f} MB: show less, or clear them"
            yield RULE.finding(message, cell.whole)


def _document(kilobytes: int) -> dict[str, object]:
    line = "x" * 1000
    output = {"output_type": "stream", "name": "stdout", "text": [line] * kilobytes}
    cell = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [output]}
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}


RULE = Rule(
    code="NB806",
    name="large-output",
    severity="info",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="saved outputs have {size} MB: show less, or clear them",
    why="Git keeps every version of it, reviews become slow, and GitHub stops showing the file.",
    instead="Show a part of the data, save figures with fewer points, or clear the output.",
    valid=(Example(document=_document(1)),),
    invalid=(Example(document=_document(1100), found=("1:1:1",)),),
    check=check,
)
