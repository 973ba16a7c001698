"""All rules, by code. A rule is a module of this package whose name starts with its code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from nbtools.rules.rule import Rule


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule by its code, in the order of the codes."""
    names = sorted(
        name.removesuffix(".py")
        for name in os.listdir(os.path.dirname(__file__))
        if name.startswith("nb") and name.endswith(".py")
    )
    rules: list[Rule] = [import_module(f"nbtools.rules.{name}").RULE for name in names]
    return {rule.code: rule for rule in rules}
