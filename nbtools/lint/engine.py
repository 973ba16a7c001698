"""Rules applied to one notebook: bytes in, findings out. No file is opened, nothing is run."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Rule

_ORDER = attrgetter("span", "code", "message")


def run_rules(program: Program, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """What the rules find, in the order of the text."""
    found: list[Finding] = []
    for rule in rules:
        if program.kind not in rule.kinds:
            continue
        if rule.words and not any(word in program.text for word in rule.words):
            continue
        found += rule.check(program)
    return tuple(sorted(found, key=_ORDER))
