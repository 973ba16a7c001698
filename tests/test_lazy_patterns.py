"""Patterns that wait until they are used."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import walk_packages

import pytest

import nbtools
from nbtools.lazy_patterns import lazy_pattern


def test_a_pattern_is_compiled_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_ = re.compile

    def count(pattern: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(pattern)
        return compile_(pattern, flags)

    monkeypatch.setattr(re, "compile", count)
    pattern = lazy_pattern(r"A(\w)", re.I)
    assert not compiled
    found = pattern.search("xab")
    assert found is not None
    assert found[1] == "b"
    assert [pattern.search("ac"), pattern.sub("-", "abac"), pattern.flags & re.I][1:] == [
        "--",
        re.I,
    ]
    assert set(compiled) == {r"A(\w)"}


def test_what_is_no_pattern_is_told_where_it_is_used() -> None:
    pattern = lazy_pattern("(")
    with pytest.raises(re.error):
        pattern.match("x")


def test_every_pattern_of_nbtools_is_one() -> None:
    modules = [info.name for info in walk_packages(nbtools.__path__, "nbtools.")]
    found = [
        value
        for name in modules
        if name != "nbtools.__main__"
        for value in vars(import_module(name)).values()
        if type(value).__name__ == "_LazyPattern"
    ]
    assert len(found) > 40
    assert all(isinstance(each.pattern, str) for each in found)
