"""The examples of rules as notebooks."""

from __future__ import annotations

import json
from pathlib import Path

from nbtools.cells import Cell, Notebook
from nbtools.formats.ipynb import read_notebook
from nbtools.lint.engine import check_program, run_rules
from nbtools.rules.finding import Finding
from nbtools.rules.program import Program, read_program
from nbtools.rules.registry import all_rules
from nbtools.rules.rule import Example, Rule

_MARKDOWN = "%%md "


def notebook_of(example: Example) -> Notebook:
    if example.document:
        return read_notebook(json.dumps(example.document).encode())
    counts = example.counts or (None,) * len(example.cells)
    ids = example.ids or (None,) * len(example.cells)
    return Notebook(
        tuple(
            Cell(i, "markdown", source.removeprefix(_MARKDOWN))
            if source.startswith(_MARKDOWN)
            else Cell(i, "code", source, cell_id, count)
            for i, (source, cell_id, count) in enumerate(
                zip(example.cells, ids, counts, strict=True)
            )
        ),
        nbformat=(4, 5) if example.ids else (4, 4),  # 4.5 asks for an id in every cell
    )


def program_of(example: Example, folder: Path) -> Program:
    for name, text in example.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return read_program(
        notebook_of(example), kind=example.kind, folder=folder, outputs=example.outputs
    )


def run_rule(rule: Rule, program: Program) -> tuple[Finding, ...]:
    """What one rule finds; one that runs last is about what the others find."""
    if not rule.runs_last:
        return run_rules(program, [rule])
    found = check_program(program, [each for each in all_rules().values() if is_heard(each, rule)])
    return tuple(finding for finding in found if finding.code == rule.code)


def is_heard(other: Rule, rule: Rule) -> bool:
    return other == rule or (not other.runs_last and other.default != "opt-in")


def is_mended(example: Example) -> bool:
    """Whether the example shows what the fix makes of it."""
    return example.fixed is not None or example.fixed_document is not None
