"""Every rule is tested by the examples in its own file, which its page shows too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
        )
    )


def program_of(example: Example, folder: Path) -> Program:
    for name, text in example.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return read_program(notebook_of(example), kind=example.kind, folder=folder)


def place(finding: Finding) -> str:
    span = finding.span
    return f"{span.cell + 1}:{span.line}:{span.column}"


def cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, example, id=f"{rule.code}-{number}")
        for rule in all_rules().values()
        for number, example in enumerate(getattr(rule, kind))
    ]


def run_rule(rule: Rule, program: Program) -> tuple[Finding, ...]:
    """What one rule finds; one that runs last is about what the others find."""
    if not rule.runs_last:
        return run_rules(program, [rule])
    found = check_program(program, [each for each in all_rules().values() if is_heard(each, rule)])
    return tuple(finding for finding in found if finding.code == rule.code)


def is_heard(other: Rule, rule: Rule) -> bool:
    return other == rule or (not other.runs_last and other.default != "opt-in")


@pytest.mark.parametrize(("rule", "example"), cases("valid"))
def test_what_a_rule_lets_pass(rule: Rule, example: Example, tmp_path: Path) -> None:
    assert run_rule(rule, program_of(example, tmp_path)) == ()


@pytest.mark.parametrize(("rule", "example"), cases("invalid"))
def test_what_a_rule_reports(rule: Rule, example: Example, tmp_path: Path) -> None:
    found = run_rule(rule, program_of(example, tmp_path))
    assert [place(each) for each in found] == list(example.found)
    assert {each.code for each in found} == {rule.code}
    assert all("\n" not in each.message for each in found)


@pytest.mark.parametrize("rule", all_rules().values(), ids=lambda rule: rule.code)
def test_a_rule_is_complete(rule: Rule) -> None:
    module = f"{rule.code.lower()}_{rule.name.replace('-', '_')}"
    assert rule.check.__module__ == f"nbtools.rules.{module}"
    assert rule.valid
    assert rule.invalid
    assert rule.why.endswith(".")
    assert rule.instead.endswith(".")
    fixed = [example for example in rule.invalid if example.fixed is not None]
    assert bool(fixed) == (rule.fix is not None)
