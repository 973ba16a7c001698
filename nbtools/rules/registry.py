"""All rules, by code. A rule is a module of this package whose name starts with its code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbtools.rules.rule import Rule


@cache
def rule_names() -> Mapping[str, str]:
    """Every rule's name by its code, in the order of the codes. No rule is imported for it."""
    stems = (_split(module) for module in _modules())
    return {code.upper(): name.replace("_", "-") for code, name in stems}


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule by its code, in the order of the codes."""
    rules: list[Rule] = [import_module(f"nbtools.rules.{name}").RULE for name in _modules()]
    return {rule.code: rule for rule in rules}


def find_rule(code_or_name: str) -> Rule | None:
    """The rule of a code or a name, however its letters are cased; no other one is imported."""
    for module in _modules():
        code, name = _split(module)
        if code_or_name.lower() in (code, name.replace("_", "-")):
            rule: Rule = import_module(f"nbtools.rules.{module}").RULE
            return rule
    return None


def _split(module: str) -> tuple[str, str]:
    code, _, name = module.partition("_")
    return code, name


@cache
def _modules() -> tuple[str, ...]:
    return tuple(
        sorted(
            name.removesuffix(".py")
            for name in os.listdir(os.path.dirname(__file__))
            if name.startswith("nb") and name.endswith(".py")
        )
    )
