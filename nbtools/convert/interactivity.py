"""IPython's `ast_node_interactivity`: which of a cell's values are shown.

A reactive cell shows the value of its last expression. Where IPython was told to show more
("all", "last_expr_or_assign"), less ("none") or what stands in blocks ("all", "last"), the cell
is parted, or changed, so that the same is shown. The setting holds from the next cell on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from nbtools.analysis.facts import Statement
from nbtools.analysis.statements import read_statements
from nbtools.cells import Notebook
from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, ends_silent, revise
from nbtools.convert.values import silence_value, value_kind, wrap_values

_MODES = frozenset({"all", "last", "last_expr", "last_expr_or_assign", "none"})
_PLOTTING = frozenset({"matplotlib", "pylab", "seaborn"})
_PLOT_METHODS = frozenset({"plot", "hist", "boxplot"})
_SEMICOLON = re.compile(rb"^([ \t]*);")
_BLOCKS = ("body", "orelse", "finalbody")


def apply_interactivity(scripts: Sequence[Script], notebook: Notebook, log: Log) -> list[Script]:
    """Make every cell show what IPython showed; a cell may become several scripts."""
    if not any(script.interactivity for script in scripts):
        return list(scripts)
    plotting = _plotting_names(scripts)
    mode = "last_expr"
    result: list[Script] = []
    for script in scripts:
        result += _show(script, mode, notebook, plotting, log)
        if script.interactivity in _MODES:
            mode = script.interactivity
    return result


def _show(
    script: Script, mode: str, notebook: Notebook, plotting: frozenset[str], log: Log
) -> list[Script]:
    if script.cell is None or not script.statements or ends_silent(script.source):
        return [script]
    source = notebook.cells[script.cell].source
    if mode == "none":
        return [_hide(script, log)]
    if source.lstrip().startswith("%%"):
        return [script]  # to IPython it is one call
    if mode == "last_expr_or_assign":
        line = script.line_in_cell(script.statements[-1].line) or 1
        by_magic = source.split("\n")[line - 1].lstrip().startswith("%")
        return [script if by_magic else _show_assigned(script, log)]
    if mode == "last":
        return [_show_blocks(script, ast.parse(script.source).body[-1:], frozenset(), log)]
    return _show_all(script, notebook, plotting, log) if mode == "all" else [script]


def _hide(script: Script, log: Log) -> Script:
    if not script.shows or script.cell is None:
        return script
    line = script.line_in_cell(script.statements[-1].line)
    log.edit("replace", script.cell, "IPython was told to show no values", line=line, lines=1)
    return silence_value(script)


# --- last_expr_or_assign -------------------------------------------------------------------


def _show_assigned(script: Script, log: Log) -> Script:
    name = _assigned_name(ast.parse(script.source).body[-1])
    if name is None or script.cell is None:
        return script
    reason = f"`{name}` is shown: IPython was told to show what a cell assigns at its end"
    log.edit("add", script.cell, reason, line=script.line_in_cell(script.statements[-1].line))
    return revise(script, f"{script.source.rstrip()}\n{name}")


def _assigned_name(node: ast.stmt) -> str | None:
    """The one name that an assignment binds, as IPython sees it: no tuples, no `a = b = 1`."""
    target: ast.expr | None = None
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        target = node.target
    return target.id if isinstance(target, ast.Name) else None


# --- all -----------------------------------------------------------------------------------


def _show_all(
    script: Script, notebook: Notebook, plotting: frozenset[str], log: Log
) -> list[Script]:
    body = ast.parse(script.source).body
    draws = _draws(script, notebook, plotting)
    if draws or _may_stop(script, notebook):
        nodes = [*body[:-1], *_compound(body[-1:])]
        return [_show_blocks(script, nodes, plotting if draws else frozenset(), log)]
    script = _show_blocks(script, _compound(body), frozenset(), log)
    shown = [index for index, node in enumerate(body) if _shows(node)]
    cuts = [index for index in shown if index < len(body) - 1]
    if not cuts:
        return [script]
    if script.cell is not None:
        reason = "IPython was told to show every value: each ends a cell of its own"
        log.edit("split", script.cell, reason)
    return _part(script, cuts)


def _may_stop(script: Script, notebook: Notebook) -> bool:
    """Whether the rest of the cell may have to be left out: then it cannot be parted."""
    return script.cell is not None and "raises-exception" in notebook.cells[script.cell].tags


def _shows(node: ast.stmt) -> bool:
    return any(value_kind(value.value) != "none" for value in _interactive(node))


def _compound(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [node for node in body if not isinstance(node, ast.Expr)]


def _interactive(node: ast.stmt) -> Iterator[ast.Expr]:
    """The expression statements that IPython runs "interactively": not those of definitions."""
    if isinstance(node, ast.Expr):
        yield node
    elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        branches = [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]
        blocks = [getattr(part, name, ()) for part in (node, *branches) for name in _BLOCKS]
        for block in blocks:
            for inner in block:
                yield from _interactive(inner)


def _show_blocks(
    script: Script, nodes: Sequence[ast.stmt], plotting: frozenset[str], log: Log
) -> Script:
    """Show values that do not end a cell where they stand; those of plots are left out."""
    values = [value for node in nodes for value in _interactive(node)]
    values = [value for value in values if value_kind(value.value) != "none"]
    plots = [value for value in values if _is_plot(value, plotting)]
    values = [value for value in values if value not in plots]
    if plots and script.cell is not None:
        message = "what plotting calls return is not shown: it would be the figure again"
        log.warn(script.cell, message, script.line_in_cell(plots[0].lineno))
    if not values:
        return script
    if script.cell is not None:
        reason = "the value is shown: IPython was told to show the values of expressions"
        for value in values:
            line = script.line_in_cell(value.lineno)
            log.edit("replace", script.cell, reason, line=line, lines=1)
    script = revise(
        script, wrap_values(script.source, [each.value for each in values], "show_value")
    )
    return replace(script, helpers=script.helpers | {"show_value"})


def _part(script: Script, cuts: Sequence[int]) -> list[Script]:
    """The script parted behind some of its statements."""
    body = ast.parse(script.source).body
    lines = script.text_lines()
    parts: list[Script] = []
    first, column = 0, 0  # where the next part begins: line (0-based), column (bytes)
    for cut in cuts:
        end, after = (body[cut].end_lineno or 1) - 1, body[cut + 1]
        text = lines[end].encode()
        shares = after.lineno - 1 == end
        rest = b"" if shares else _SEMICOLON.sub(rb"\1", text[body[cut].end_col_offset :])
        kept = [*lines[first:end], (text[: body[cut].end_col_offset] + rest).decode()]
        parts.append(_take(script, kept, first, column))
        first, column = (end, after.col_offset) if shares else (end + 1, 0)
    return [*parts, _take(script, lines[first:], first, column)]


def _take(script: Script, lines: Sequence[str], first: int, column: int) -> Script:
    head = lines[0].encode()[column:].decode()
    source = "\n".join([head, *lines[1:]])
    origin = script.lines[first : first + len(lines)]
    return replace(script, source=source, statements=read_statements(source), lines=origin)


# --- plots: pyplot's figure is drawn by several statements, which must stay in one cell ----


def _plotting_names(scripts: Sequence[Script]) -> frozenset[str]:
    """Plotting modules, and names that hold what their functions return."""
    found: set[str] = set()
    for script in scripts:
        for statement in script.statements:
            facts = statement.facts
            modules = (i for i in facts.imports if i.module.split(".")[0] in _PLOTTING)
            found.update(i.bound for i in modules)
            called = statement.kind == "assign" and not found.isdisjoint(_call_roots(statement))
            looped = not statement.simple and not found.isdisjoint(facts.loads)
            found |= facts.binds if called or looped else frozenset()
    return frozenset(found)


def _call_roots(statement: Statement) -> set[str]:
    return {call.split(".")[0] for call in statement.facts.calls}


def _draws(script: Script, notebook: Notebook, plotting: frozenset[str]) -> bool:
    if script.cell is None:
        return False
    stored = any("image/png" in o.mimes for o in notebook.cells[script.cell].outputs)
    facts = [s.facts for s in script.statements if s.kind not in ("import", "function", "class")]
    calls = {call.rsplit(".", 1)[-1] for f in facts for call in f.calls}
    return stored or bool(calls & _PLOT_METHODS) or any(f.loads & plotting for f in facts)


def _is_plot(value: ast.Expr, plotting: frozenset[str]) -> bool:
    nodes = list(ast.walk(value))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    methods = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return bool(plotting and (names & plotting or methods & _PLOT_METHODS))
