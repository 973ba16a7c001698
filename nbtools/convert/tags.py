"""What cell tags mean for a run: `skip-execution`, `raises-exception`, `remove-output`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import Facts, Statement, compose
from nbtools.cells import Cell, Notebook
from nbtools.convert.log import Log
from nbtools.convert.names import is_private
from nbtools.convert.rewrite import AssignExpression, CellEdit, WrapInTry, bound_names, edit_cell
from nbtools.convert.scripts import Script, revise
from nbtools.convert.values import last_value_kind, silence_value

_SKIP = "skip-execution"
_RAISES = "raises-exception"
_WITHOUT_OUTPUT = frozenset(
    {"remove-output", "remove_output", "hide-output", "hide_output", "remove-cell", "remove_cell"}
)
_EXITS = frozenset({"exit", "quit", "sys.exit"})


# --- raises-exception, remove-output -------------------------------------------------------


def obey_tags(scripts: Sequence[Script], notebook: Notebook, log: Log) -> list[Script]:
    """Let the notebook go on after cells that may raise, and hide values that are not shown."""
    result: list[Script] = []
    for script in scripts:
        if script.cell is not None and script.statements:
            tags = notebook.cells[script.cell].tags
            if hides_output(notebook.cells[script.cell]):
                script = _hide_value(script, log)
            if _RAISES in tags:
                script = _catch_exception(script, log)
        result.append(script)
    return result


def hides_output(cell: Cell) -> bool:
    """Whether a tag says that readers do not see what the cell shows."""
    return not _WITHOUT_OUTPUT.isdisjoint(cell.tags)


def _hide_value(script: Script, log: Log) -> Script:
    if last_value_kind(script) == "none" or script.cell is None:
        return script
    line = script.line_in_cell(script.statements[-1].line)
    log.edit("replace", script.cell, "a tag says that its output is hidden", line=line, lines=1)
    return silence_value(script)


def _catch_exception(script: Script, log: Log) -> Script:
    """The cell in a `try` that prints the traceback; what surely does not raise stays outside."""
    safe = 0
    while safe < len(script.statements) and _cannot_raise(script.statements[safe]):
        safe += 1
    if safe == len(script.statements) or script.cell is None:
        return script
    reason = f"tagged `{_RAISES}`: its exception is printed, and the notebook goes on"
    log.edit("add", script.cell, reason)
    cut = script.statements[safe - 1].end_line if safe else 0
    if cut >= script.statements[safe].line:
        cut = 0  # `def f(): ...; 1 / 0` in one line
    lines = script.text_lines()
    tail = revise(replace(script, lines=script.lines[cut:]), "\n".join(lines[cut:]))
    source = "\n".join([*lines[:cut], _try(tail, _catches(script), _free_name(script))])
    origin = (*script.lines[:cut], *tail.lines[:1], *tail.lines)
    revised = revise(replace(script, lines=origin), source)
    return replace(revised, imports=(*script.imports, "import traceback"))


def _try(script: Script, catches: str, name: str) -> str:
    """The source in a `try`; the value it ends in is shown behind it, under a name."""
    handler = [f"except {catches}:", "    traceback.print_exc()"]
    edits: list[CellEdit] = []
    if last_value_kind(script) != "none":
        edits.append(AssignExpression(script.statements[-1].index, name))
        handler.append(f"    {name} = None")
    source = edit_cell(script.source.rstrip(), [*edits, WrapInTry(handler)]).rstrip("\n")
    return f"{source}\n{name}" if edits else source


def _catches(script: Script) -> str:
    """Jupyter goes on after `exit()` too; to catch that everywhere would be odd to read."""
    facts = _facts(script)
    exits = _EXITS.intersection(facts.calls) or "SystemExit" in facts.loads | facts.late
    return "(Exception, SystemExit)" if exits else "Exception"


def _free_name(script: Script) -> str:
    words = bound_names(script.source)
    name = "_value"
    while name in words:
        name += "_"
    return name


def _cannot_raise(statement: Statement) -> bool:
    facts = statement.facts
    if facts.futures:
        return True
    if statement.kind == "import":
        roots = {i.module.split(".")[0] for i in facts.imports if i.name is None}
        return len(roots) == len(facts.imports) > 0 and roots <= sys.stdlib_module_names
    return facts.calm and not facts.reads and statement.kind in ("function", "class", "assign")


def _facts(script: Script) -> Facts:
    return compose(statement.facts for statement in script.statements)


# --- skip-execution ------------------------------------------------------------------------


class Skipped(Struct, frozen=True):
    """A cell that Jupyter does not run."""

    source: str
    disabled: bool  # it can stand as a disabled cell; else its source is comments


def set_skipped_apart(
    scripts: Sequence[Script], notebook: Notebook, log: Log
) -> tuple[list[Script], list[Script]]:
    """The cells that run, and those tagged `skip-execution`.

    What the log says of the latter goes: their code stays as it is.
    """
    skipped = [s for s in scripts if s.cell is not None and is_skipped(notebook.cells[s.cell])]
    cells = {script.cell for script in skipped}
    log.edits = [edit for edit in log.edits if edit.cell not in cells]
    log.warnings = [warning for warning in log.warnings if warning.cell not in cells]
    return [script for script in scripts if script.cell not in cells], skipped


def is_skipped(cell: Cell) -> bool:
    """Whether Jupyter passes over the cell when it runs the notebook."""
    return cell.kind == "code" and _SKIP in cell.tags


def keep_skipped(
    skipped: Sequence[Script], sources: Sequence[str], notebook: Notebook, log: Log
) -> Mapping[int, Skipped]:
    """How the cells that do not run stand in the reactive notebook, by cell (0-based).

    marimo disables what depends on a disabled cell as well, and forbids that two cells define
    a name. So a cell is disabled only if no other cell uses a name that it binds; else, and if
    it is not plain Python or reads what was renamed, its text becomes comments.

    Args:
        skipped: The cells, as `set_skipped_apart` gives them.
        sources: The final sources of all other cells.
        notebook: The notebook they are from.
        log: Says what was renamed; edits are added.
    """
    if not skipped:
        return {}
    used = frozenset[str]().union(*(bound_names(source) for source in sources))
    renamed = frozenset(edit.name for edit in log.edits if edit.new_name)
    result: dict[int, Skipped] = {}
    for script in skipped:
        if script.cell is None:
            continue
        cell = notebook.cells[script.cell]
        rest = used.union(*(bound_names(s.source) for s in skipped if s is not script))
        disabled = script.source == cell.source and _may_be_disabled(script, rest, renamed)
        result[script.cell] = _keep(cell, disabled, log)
    return result


def _may_be_disabled(script: Script, used: frozenset[str], renamed: frozenset[str | None]) -> bool:
    facts = _facts(script)
    bound = facts.binds | facts.writes_late | facts.annotated | facts.deletes
    clashes = {name for name in bound if not is_private(name)} & used
    special = facts.stars or facts.futures or facts.runs or facts.open
    return not (clashes or special or (facts.loads | facts.late) & renamed)


def _keep(cell: Cell, disabled: bool, log: Log) -> Skipped:
    if disabled:
        log.edit("replace", cell.index, f"tagged `{_SKIP}`: the cell is disabled")
        return Skipped(cell.source.strip("\n"), True)
    lines = cell.source.strip("\n").split("\n")
    reason = f"tagged `{_SKIP}`: kept as comments, for other cells use its names"
    log.edit("replace", cell.index, reason, lines=len(lines))
    return Skipped("\n".join(f"# {line}".rstrip() for line in lines), False)
