"""A rule in words: for `nbtools rule`, for programs, and for its page in the reference."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from nbtools.rules.rule import Example, Rule

WIDTH = 88
DEFAULTS = {
    "on": "always on",
    "reactive": "on unless the target is jupyter",
    "opt-in": "off until it is selected",
}
KINDS = {"jupyter": "Jupyter notebooks", "reactive": "reactive notebooks"}
FIXES = {None: "none", "safe": "safe (--fix)", "unsafe": "unsafe (--fix --unsafe-fixes)"}


def facts_of(rule: Rule) -> dict[str, str]:
    """What a table says of a rule."""
    kinds = " and ".join(KINDS[kind] for kind in sorted(rule.kinds))
    facts = {
        "Severity": rule.severity,
        "Default": DEFAULTS[rule.default],
        "Checks": kinds,
        "Fix": FIXES[rule.fix],
    }
    return facts | ({"Measured": rule.measured} if rule.measured else {})


def list_rules(rules: Sequence[Rule]) -> Iterator[str]:
    """A line for each rule."""
    width = max((len(rule.name) for rule in rules), default=0)
    for rule in rules:
        yield f"{rule.code}  {rule.name:<{width}}  {rule.severity:<7}  {rule.default}"


def describe_rule(rule: Rule) -> Iterator[str]:
    """Everything about a rule, for a terminal."""
    yield f"{rule.code} {rule.name}"
    yield ""
    yield rule.summary
    yield ""
    yield from (f"{key}: {value}" for key, value in facts_of(rule).items())
    for title, text in (("Why", rule.why), ("Instead", rule.instead)):
        yield ""
        yield title
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
    for title, examples in (("Reported", rule.invalid), ("Not reported", rule.valid)):
        for example in examples[:2]:
            yield ""
            yield f"{title}{f' ({example.note})' if example.note else ''}"
            yield from _show_cells(example)


def _show_cells(example: Example) -> Iterator[str]:
    for number, source in enumerate(example.cells, start=1):
        for index, line in enumerate(source.split("\n")):
            label = f"[{number}]" if index == 0 else ""
            yield f"  {label:<4} {line}".rstrip()


def document_rule(rule: Rule) -> dict[str, object]:
    """Everything about a rule, as JSON values."""
    return {
        "code": rule.code,
        "name": rule.name,
        "summary": rule.summary,
        "severity": rule.severity,
        "default": rule.default,
        "kinds": sorted(rule.kinds),
        "fix": rule.fix,
        "why": rule.why,
        "instead": rule.instead,
        "measured": rule.measured,
        "invalid": [_document_example(example) for example in rule.invalid],
        "valid": [_document_example(example) for example in rule.valid],
    }


def _document_example(example: Example) -> dict[str, object]:
    return {
        "cells": list(example.cells),
        "kind": example.kind,
        "found": list(example.found),
        "fixed": list(example.fixed) if example.fixed is not None else None,
        "document": example.document or None,
        "fixed_document": example.fixed_document,
        "note": example.note,
    }
