"""sympy's `init_printing`, after which Jupyter typesets what sympy can print.

It registers with IPython how values are shown, those of Python's own types among them: numbers,
and tuples, lists, sets and dictionaries of expressions. marimo has no such register, so from
there on the value that a cell ends in, and what it displays, is given to the helper `typeset`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, revise
from nbtools.convert.session_names import names_of_display
from nbtools.convert.shown import functions_calling
from nbtools.convert.values import value_kind, wrap_values
from nbtools.syntax import dotted_name

_VECTOR = frozenset({"init_vprinting", "mechanics_printing"})
TYPESETTING = frozenset({"init_printing", "init_session"}) | _VECTOR
"""The functions of sympy after which Jupyter typesets."""

_SWITCHES = frozenset({"pretty_print", "use_latex"})


def typeset_values(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Show the values of cells as Jupyter does once `init_printing` was called."""
    if not any("sympy" in script.source for script in scripts):
        return list(scripts)
    options: str | None = None
    displays = names_of_display(scripts)
    starting = functions_calling(scripts, _is_starter)
    result: list[Script] = []
    for script in scripts:
        options = _options_after(script, options)
        if options is None and not starting.isdisjoint(_called(script)):
            options = ""
        result.append(script if options is None else _typeset(script, displays, options, log))
    return result


def _called(script: Script) -> Iterator[str]:
    return (call for statement in script.statements for call in statement.facts.calls)


def _is_starter(call: str) -> bool:
    return call.rpartition(".")[2] in TYPESETTING


def _options_after(script: Script, before: str | None) -> str | None:
    """What else `typeset` is given once a script has run; None where nothing is typeset."""
    if not any(map(_is_starter, _called(script))):
        return before
    for node in ast.walk(ast.parse(script.source)):
        if isinstance(node, ast.Call) and _starter(node):
            off = any(map(_switches_off, node.keywords))
            before = None if off else "vector=True" if _starter(node) in _VECTOR else ""
    return before


def _switches_off(option: ast.keyword) -> bool:
    value = option.value
    return option.arg in _SWITCHES and isinstance(value, ast.Constant) and value.value is False


def _may_be_typeset(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    is_start = isinstance(node, ast.Call) and _starter(node)
    return not is_start and not isinstance(node, ast.JoinedStr) and value_kind(node) != "none"


def _starter(call: ast.Call) -> str | None:
    """The function of sympy that a call has start typesetting."""
    called = dotted_name(call.func) or ""
    return called.rpartition(".")[2] if _is_starter(called) else None


def _typeset(script: Script, displays: frozenset[str], options: str, log: Log) -> Script:
    if script.cell is None:
        return script
    tree = ast.parse(script.source)
    values = [each for each in _displayed(tree, displays) if options or not _is_object(each)]
    last = tree.body[-1] if script.shows else None
    if isinstance(last, ast.Expr) and _may_be_typeset(last.value):
        values.append(last.value)
    if not values:
        return script
    reason = "`typeset` shows the value as sympy's `init_printing` has Jupyter show it"
    for line in sorted({value.lineno for value in values}):
        log.edit("replace", script.cell, reason, line=script.line_in_cell(line), lines=1)
    revised = revise(script, wrap_values(script.source, values, "typeset", options))
    return replace(revised, helpers=script.helpers | {"typeset"})


def _displayed(tree: ast.Module, displays: frozenset[str]) -> Iterator[ast.expr]:
    """What is given to `display`, and may be typeset; f-strings have no places to rely on."""
    in_strings = {
        node
        for string in ast.walk(tree)
        if isinstance(string, ast.JoinedStr)
        for node in ast.walk(string)
    }
    for node in ast.walk(tree):
        if node in in_strings:
            continue
        if isinstance(node, ast.Call) and dotted_name(node.func) in displays:
            brackets = len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp)
            given = [] if brackets else node.args
            yield from (a for a in given if not isinstance(a, ast.Starred) and _may_be_typeset(a))


def _is_object(value: ast.expr) -> bool:
    """Whether it is made there: it shows itself, as `init_printing` by itself has it."""
    called = dotted_name(value.func) or "" if isinstance(value, ast.Call) else ""
    return called.rpartition(".")[2][:1].isupper()
