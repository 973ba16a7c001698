"""Keeping both what a cell displays on its way and the value it ends in.

In marimo the last value replaces what `mo.output.append` put below the cell before. So a cell
that displays something and ends in a value is parted: the value is shown by a cell of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from nbtools.analysis.versions import atoms_of
from nbtools.convert.library_displays import names_of_interact
from nbtools.convert.log import Log
from nbtools.convert.rewrite import AssignExpression, edit_cell
from nbtools.convert.scripts import Script, revise
from nbtools.convert.session_names import names_of_display
from nbtools.convert.values import last_value_kind, silence_value

_DISPLAYING = frozenset({"show_figures", "show_value", "mo.output.append", "mo.output.replace"})


def show_values_apart(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Part the cells that display something before the value they end in."""
    displays = find_displaying(scripts)
    result: list[Script] = []
    for script in scripts:
        calls = [call for s in script.statements[:-1] for call in s.facts.calls]
        last = script.statements[-1].facts.calls if script.shows else ()
        if last_value_kind(script) == "none" or displays.isdisjoint((*calls, *last)):
            result.append(script)
        elif displays.isdisjoint(last):
            result.extend(part_last_value(script, (), log))
        else:
            result.extend(name_last_value(script, lambda _: (), log))
    return result


def find_displaying(scripts: Sequence[Script]) -> frozenset[str]:
    """The functions that display something where they are called, by the notebook's names."""
    names = _DISPLAYING | names_of_display(scripts) | names_of_interact(scripts)
    return names | functions_calling(scripts, names.__contains__)


def functions_calling(
    scripts: Sequence[Script], is_target: Callable[[str], bool]
) -> frozenset[str]:
    """The notebook's functions that call a target, by dotted name, or one of each other that do."""
    calls: dict[str, set[str]] = {}
    for script in scripts:
        for statement in script.statements:
            for name, code in statement.facts.code.items():
                calls.setdefault(name, set()).update(code.calls)
    found = {name for name, called in calls.items() if any(map(is_target, called))}
    roots = {name: {c.split(".")[0] for c in called} for name, called in calls.items()}
    while more := {n for n, called in roots.items() if n not in found and called & found}:
        found |= more
    return frozenset(found)


def part_last_value(script: Script, show: Sequence[str], log: Log) -> list[Script]:
    """The cell without its last expression, then `show`; the expression in a cell of its own."""
    atoms = atoms_of(0, script.statements)
    if len(atoms) < 2 or len(atoms[-1].statements) > 1 or _changes_last(script):
        return name_last_value(script, lambda _: show, log)
    lines = script.text_lines()
    cut = atoms[-2].statements[-1].end_line
    _report(script, log)
    first = _take_lines(script, [*lines[:cut], *show], 0)
    if not show and last_value_kind(first) != "none":  # Jupyter shows the last one alone
        first = silence_value(first)
    return [first, _take_lines(script, lines[cut:], cut)]


def _changes_last(script: Script) -> bool:
    """Whether what the cell does before may change, in place, what its last expression reads.

    Only a name that the one cell gives to the other keeps their order: `xs.pop()`, then `len(xs)`.
    """
    *before, last = (statement.facts for statement in script.statements)
    calls = (call.rpartition(".") for each in before for call in each.calls)
    owners = {of.split(".")[0] for of, _, name in calls if of and not name[0].isupper()}
    changed = owners.union(*(each.mutates for each in before))
    return not changed.isdisjoint(last.loads - {name for each in before for name in each.binds})


def name_last_value(script: Script, show: Callable[[str], Sequence[str]], log: Log) -> list[Script]:
    """As `part_last_value`, but the value is computed where it was, and only shown apart.

    show: Gives the lines that show something, for the name of the value.
    """
    name = f"result_{(script.cell or 0) + 1}"
    edits = [AssignExpression(script.statements[-1].index, name)]
    source = edit_cell(script.source, edits).rstrip()
    lines = [*source.split("\n"), *show(name)]
    _report(script, log)
    line = script.statements[-1].line
    return [_take_lines(script, lines, 0), _take_lines(script, [name], line - 1)]


def _take_lines(script: Script, lines: Sequence[str], start: int) -> Script:
    origin = script.lines[start : start + len(lines)]
    return revise(replace(script, lines=origin), "\n".join(lines))


def _report(script: Script, log: Log) -> None:
    if script.cell is not None:
        line = script.line_in_cell(script.statements[-1].line)
        reason = "its last value is shown by a cell of its own, below what the cell displays"
        log.edit("split", script.cell, reason, line=line)
