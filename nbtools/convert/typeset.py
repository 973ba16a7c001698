"""sympy's `init_printing`, after which Jupyter typesets what sympy can print.

It registers with IPython how values are shown, those of Python's own types among them: numbers,
and tuples, lists, sets and dictionaries of expressions. marimo has no such register, so from
there on the value that a cell ends in is given to the helper `typeset`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from msgspec.structs import replace

from nbtools.analysis.facts import dotted_name
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, revise
from nbtools.convert.values import value_kind, wrap_values

_VECTOR = frozenset({"init_vprinting", "mechanics_printing"})
TYPESETTING = frozenset({"init_printing", "init_session"}) | _VECTOR
"""The functions of sympy after which Jupyter typesets."""

_SWITCHES = frozenset({"pretty_print", "use_latex"})


def typeset_values(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Show the values of cells as Jupyter does once `init_printing` was called."""
    if not any("sympy" in script.source for script in scripts):
        return list(scripts)
    options: str | None = None
    result: list[Script] = []
    for script in scripts:
        options = _options_after(script, options)
        wanted = options is not None and script.shows
        result.append(_typeset(script, options or "", log) if wanted else script)
    return result


def _options_after(script: Script, before: str | None) -> str | None:
    """What else `typeset` is given once a script has run; None where nothing is typeset."""
    calls = {call.rpartition(".")[2] for s in script.statements for call in s.facts.calls}
    if TYPESETTING.isdisjoint(calls):
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
    name = (dotted_name(call.func) or "").rpartition(".")[2]
    return name if name in TYPESETTING else None


def _typeset(script: Script, options: str, log: Log) -> Script:
    last = ast.parse(script.source).body[-1]
    if script.cell is None or not (isinstance(last, ast.Expr) and _may_be_typeset(last.value)):
        return script
    line = script.line_in_cell(last.lineno)
    reason = "`typeset` shows the value as sympy's `init_printing` has Jupyter show it"
    log.edit("replace", script.cell, reason, line=line, lines=1)
    revised = revise(script, wrap_values(script.source, [last], "typeset", options))
    return replace(revised, helpers=script.helpers | {"typeset"})
