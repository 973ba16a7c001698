"""NB006: metadata that names no kernel, or two."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.whole_file import is_ipynb, span_of_file


def check(program: Program) -> Iterator[Finding]:
    """Report kernelspecs that are missing, contradict the language, or are too old for a cell."""
    message = _disagreement(program)
    if message and is_ipynb(program):
        yield RULE.finding(message, span_of_file(program))
    named = re.match(r"(\d+)\.(\d+)", program.notebook.language_version or "")
    version = (int(named[1]), int(named[2])) if named else None
    for cell in program.cells:
        needs = cell.refusal.needs if cell.refusal else None
        if version and needs and version < needs:
            needed, found = ".".join(map(str, needs)), ".".join(map(str, version))
            message = f"cell needs Python {needed}, and the notebook was run by Python {found}"
            yield RULE.finding(message, cell.whole)


def _disagreement(program: Program) -> str:
    kernel, version = program.notebook.kernel, program.notebook.language_version
    if kernel.name is None:
        return "the metadata names no kernel: choose one, and save"
    said, info = (kernel.language or "").lower(), (kernel.info or "").lower()
    if said and info and not (said.startswith(info) or info.startswith(said)):
        return f"the kernel is for {said[:40]}, and the notebook was run as {info[:40]}"
    named = re.fullmatch(r"python([23])", kernel.name)
    if named and version and version[0] in "23" and version[0] != named[1]:
        return f"the kernel is `{kernel.name}`, and the notebook was run by Python {version}"
    return ""


def _document(kernelspec: dict[str, str] | None, version: str = "3.11.4") -> dict[str, object]:
    cell = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []}
    metadata: dict[str, object] = {"language_info": {"name": "python", "version": version}}
    if kernelspec is not None:
        metadata["kernelspec"] = kernelspec
    return {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": [cell]}


RULE = Rule(
    code="NB006",
    name="kernelspec-mismatch",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter"}),
    summary="the kernelspec is missing, or says something else than the language",
    why=(
        "Jupyter, papermill and nbconvert start the kernel that the metadata names: without a "
        "name they ask or guess, with a wrong one the notebook runs in another language version."
    ),
    instead="Open the notebook, choose the kernel that runs it, and save.",
    valid=(
        Example(document=_document({"name": "python3", "language": "python"})),
        Example(document=_document({"name": "my-env", "display_name": "My env"})),
    ),
    invalid=(
        Example(document=_document(None), found=("1:1:1",)),
        Example(document=_document({"name": "python2"}), found=("1:1:1",)),
        Example(document=_document({"name": "ir", "language": "R"}), found=("1:1:1",)),
    ),
    check=check,
    measured="says what the metadata says; 120 findings in 774 public notebooks",
)
