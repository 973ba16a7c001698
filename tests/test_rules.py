"""Every rule is tested by the examples in its own file, which its page shows too."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_examples import is_mended, program_of, run_rule

from nbtools.rules.finding import Finding
from nbtools.rules.registry import all_rules
from nbtools.rules.rule import Example, Rule


def place(finding: Finding) -> str:
    span = finding.span
    return f"{span.cell + 1}:{span.line}:{span.column}"


def cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, example, id=f"{rule.code}-{number}")
        for rule in all_rules().values()
        for number, example in enumerate(getattr(rule, kind))
    ]


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
    assert rule.invalid or rule.measured == "exact"  # NB001, which the reader reports
    assert rule.why.endswith(".")
    assert rule.instead.endswith(".")
    fixed = [example for example in rule.invalid if is_mended(example)]
    assert bool(fixed) == (rule.fix is not None)
