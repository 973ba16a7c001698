"""A grammar of Python's statements, for tests of what single statements do to names.

Programs are drawn as lists of numbers, each of which picks one way to write a symbol; 0 is always
the simplest way, and so is the end of the list: that is why failures shrink well.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from textwrap import indent

from hypothesis import strategies as st

Grammar = Mapping[str, Sequence[str]]

FLOW: dict[str, tuple[str, ...]] = {
    "name": ("a", "b", "c", "d"),
    "expr": (
        *("{name}", "1", "{name}.x", "{expr} + {expr}", "{name}({expr})", "not {expr}"),
        *("({name} := {expr})", "{expr} and {expr}", "{expr} if {expr} else {expr}"),
        *("[{expr}, {expr}]", "[{expr} for {name} in {expr}]", "f'{{{expr}}}'"),
        "[{expr} for {name} in {expr} if {expr}]",
    ),
    "target": ("{name}", "{name}, {name}", "[{name}, *{name}]", "{name}.x", "{name}[{expr}]"),
    "suite": ("{statement}", "{statement}\n{statement}", "{statement}\n{statement}\n{statement}"),
    "turn": (
        *("{suite}", "if {expr}:\n    {leave}\n{suite}", "{suite}\nif {expr}:\n    {leave}"),
        "try:\n    {suite}\n    {leave}\nexcept {name}:\n    {turn}",
    ),
    "leave": ("break", "continue", "{suite}\nbreak"),
    "else": ("", "\nelse:\n    {suite}"),
    "iterable": ("{expr}", "[]", "[1]", "range(2)", "'ab'"),
    "statement": (
        *("{expr}", "{target} = {expr}", "{name} = {name} = {expr}", "{name} += {expr}"),
        *("{name}: {expr} = {expr}", "{name}: {expr}", "{target} = {expr}", "pass"),
        *(
            "if {expr}:\n    {suite}{else}",
            "if {expr}:\n    {suite}\nelif {expr}:\n    {suite}{else}",
        ),
        *("for {target} in {iterable}:\n    {turn}{else}", "while {expr}:\n    {turn}{else}"),
        *("while True:\n    {turn}", "with {expr} as {target}:\n    {suite}"),
        *("try:\n    {suite}\nexcept {name}:\n    {suite}{else}", "raise {name}"),
        *("try:\n    {suite}\nexcept {name} as e:\n    {suite}", "del {name}"),
        "try:\n    {suite}\nexcept {name}:\n    {suite}\nfinally:\n    {suite}",
    ),
}
"""What runs at once."""

BRANCHES: dict[str, tuple[str, ...]] = {
    **FLOW,
    "expr": ("{name}", "({name} := {name})", "{name} and ({name} := 1)"),
    "target": ("{name}", "{name}, {name}"),
    "statement": (
        "{name} = {expr}",
        *(way for way in FLOW["statement"] if "suite" in way or "turn" in way),
    ),
}
"""Control flow, and little else."""

PROGRAMS: dict[str, tuple[str, ...]] = {
    **FLOW,
    "expr": (
        *FLOW["expr"],
        *("lambda a, b={expr}: {expr}", "[{expr} for {target} in {expr} for {name} in {expr}]"),
        *("{{{expr}: {expr} for {name} in {expr}}}", "sum({expr} for {name} in {expr} if {expr})"),
        *("{name}({expr}, *{expr}, a={expr}, **{expr})", "{name}[{expr}:{expr}]", "await {expr}"),
    ),
    "global": ("", "global {name}\n    ", "global {name}, {name}\n    "),
    "decorator": ("", "@{expr}\n"),
    "body": (
        *("{suite}", "{suite}\n    return {expr}", "yield {expr}", "nonlocal {name}\n    {suite}"),
        "import {name}\n    {suite}",
    ),
    "class": ("{suite}", "{name} = {expr}\n    def {name}(self, a={expr}):\n        {body}"),
    "statement": (
        *FLOW["statement"],
        *("import {name}", "import {name}.x, {name}.y", "import {name}.x as {name}"),
        *("from m import {name}, x as {name}", "from . import {name}"),
        *("{decorator}def {name}():\n    {global}{body}", "async def {name}():\n    {body}"),
        "def {name}(a, b={expr}, *c: {expr}, d=1, **e) -> {expr}:\n    {body}",
        "def {name}():\n    {suite}\n    def {name}():\n        {global}{body}\n    return {expr}",
        *("{decorator}class {name}:\n    {class}", "class {name}({expr}, a={expr}):\n    {class}"),
        *("async with {expr} as {target}:\n    {suite}", "async for {name} in {expr}:\n    {turn}"),
    ),
}
"""What has scopes of its own, too; no `match`, which libcst's scope analysis ignores."""

ALL: dict[str, tuple[str, ...]] = {
    **PROGRAMS,
    "pattern": (
        *("{name}", "1", "_", "[{pattern}, *{name}]", "{name}.x", "{name}(x={pattern})"),
        *("{pattern} as {name}", "{{'k': {pattern}, **{name}}}", "1 | 2"),
    ),
    "guard": ("", " if {expr}"),
    "statement": (
        *PROGRAMS["statement"],
        "match {expr}:\n    case 1:\n        {suite}\n    case {pattern}{guard}:\n        {suite}",
    ),
}
"""And `match`."""

_SYMBOL = re.compile(r"( *)\{(\w+)\}|\{\{|\}\}")


def write(grammar: Grammar, symbol: str, numbers: Iterator[int], depth: int) -> str:
    """Write a symbol; below `depth` levels only the simplest way is left."""
    ways = grammar[symbol]
    number = next(numbers)
    template = ways[number % len(ways) if depth > 0 else 0]

    def expand(match: re.Match[str]) -> str:
        if match[2] is None:
            return match[0][0]
        text = write(grammar, match[2], numbers, depth - 1)
        return match[1] + indent(text, match[1])[len(match[1]) :]

    return _SYMBOL.sub(expand, template)


def is_python(source: str) -> bool:
    try:
        compile(source, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError:
        return False
    return True


def cells(grammar: Grammar, most: int = 3, depth: int = 6) -> st.SearchStrategy[str]:
    """Cells of some statements; few are refused by Python (`global a` behind a use of it)."""

    def write_cell(numbers: Sequence[Sequence[int]]) -> str:
        picks = (chain(each, repeat(0)) for each in numbers)
        return "\n".join(write(grammar, "statement", each, depth) for each in picks)

    statement = st.lists(st.integers(0, 59), min_size=5, max_size=40)
    return st.lists(statement, min_size=1, max_size=most).map(write_cell).filter(is_python)
