"""The code of a notebook as plain Python: the cells as the planner sees them."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import Facts, SourceError, Statement
from nbtools.analysis.magics import PlainCell, to_plain_python
from nbtools.analysis.runs import names_bound
from nbtools.analysis.statements import read_statements
from nbtools.cells import Cell, Notebook
from nbtools.convert.broken_cells import (
    Refusal,
    explain_refusal,
    find_refusal,
    keep_as_comment,
)
from nbtools.convert.global_statements import drop_global_statements
from nbtools.convert.log import Log
from nbtools.convert.recursion import allow_deep_trees
from nbtools.formats.safe_source import safe_source
from nbtools.syntax import dotted_name, parse_source


class Script(Struct, frozen=True):
    """One code cell in plain Python, or code that nbtools adds."""

    source: str
    statements: tuple[Statement, ...]
    cell: int | None = None  # 0-based in the notebook; None: added by nbtools
    lines: tuple[int, ...] = ()  # for each line, the line (1-based) of the author's cell
    helpers: frozenset[str] = frozenset()  # helper functions that it calls
    imports: tuple[str, ...] = ()  # import statements that it needs
    requirements: tuple[str, ...] = ()  # PEP 508
    interactivity: str | None = None  # if it sets IPython's ast_node_interactivity
    refused: bool = False  # it ends in the error of what Python refuses
    ends_in_figure: bool = False  # its last value is, or shows, the figure that it draws
    drawings: tuple[tuple[int, int], ...] = ()  # for each figure, its first line and its last
    offers: frozenset[int] = frozenset()  # the author's lines of `%pylab`: who uses all of that?

    @property
    def shows(self) -> bool:
        """Whether Jupyter would show the value of its last statement."""
        last = self.statements[-1] if self.statements else None
        return last is not None and last.kind == "expression" and not ends_silent(self.source)

    def line_in_cell(self, line: int) -> int | None:
        """The author's line (1-based) for a line of the plain source."""
        if 0 < line <= len(self.lines):
            return self.lines[line - 1]
        return self.lines[-1] if self.lines else None

    def text_lines(self) -> list[str]:
        """The lines of the source, as Python counts them."""
        return self.source.split("\n")


_SILENT = re.compile(r";[ \t]*(#[^\n]*)?\s*\Z")


def ends_silent(source: str) -> bool:
    """Whether the last line ends in `;`, which keeps a value from being shown."""
    if ";" not in source:
        return False
    code = strip_trailing_comments(source)
    if not _SILENT.search(code):
        return False
    last = code[code.rfind("\n") + 1 :]
    return "#" not in last or _ends_in_semicolon(source)  # not `x  # a;` nor `f("a;#b")`


def _ends_in_semicolon(source: str) -> bool:
    import io  # here: few cells have a comment behind a semicolon
    import tokenize

    last = ";"
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP):
                last = token.string
    except (tokenize.TokenError, SyntaxError):
        return True  # a part of a cell, say: what it looks like counts
    return last == ";"


def sole_call(script: Script, statement: Statement) -> str | None:
    """What an expression statement calls, by dotted name, if it is that call and nothing else."""
    if not statement.facts.calls or statement.kind != "expression":
        return None
    value = getattr(parse_source(script.source).body[statement.index], "value", None)
    return dotted_name(value.func) if isinstance(value, ast.Call) else None


def strip_trailing_comments(source: str) -> str:
    """The source without the comment and blank lines at its end."""
    lines = source.rstrip().split("\n")
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return "\n".join(lines)


def revise(script: Script, source: str) -> Script:
    """The script with a new source that has as many lines, or more at the end.

    Raises:
        SourceError: the new source is not Python: a bug of the caller.
    """
    grown = source.count("\n") + 1 - len(script.lines)
    last = script.lines[-1:] or (1,)
    lines = script.lines + last * max(grown, 0)
    return replace(script, source=source, statements=read_statements(source), lines=lines)


def added_script(source: str, keeps_names: bool = True) -> Script:
    """Code of our own; its names are what other cells were written to call, so they stay."""
    statements = read_statements(source)
    if keeps_names:
        statements = tuple(
            replace(s, facts=replace(s.facts, strings=s.facts.binds)) for s in statements
        )
    return Script(source, statements, lines=(1,) * (source.count("\n") + 1))


def read_scripts(
    notebook: Notebook, log: Log, *, name: str = "notebook.ipynb", folder: Path | None = None
) -> list[Script]:
    """The code cells in document order, IPython's syntax translated.

    Args:
        notebook: The notebook.
        log: Takes what was replaced, and what may not be as in Jupyter.
        name: The notebook's file name, for the message of a cell that Python refuses.
        folder: Where the notebook lies; modules beside it tell what `from m import *` binds.
    """
    drafts = [_make_draft(c, frozenset()) for c in notebook.cells if c.kind == "code"]
    asked = frozenset[str]().union(*(draft.plain.unbound for draft in drafts))
    bound = (
        asked & names_bound((s.facts for draft in drafts for s in draft.statements), folder)
        if asked
        else asked
    )
    drafts = [_make_draft(d.cell, bound) if d.plain.unbound & bound else d for d in drafts]
    return [_finish_draft(draft, name, log) for draft in drafts]


class _Draft(Struct, frozen=True):
    """A code cell, its IPython syntax translated under a guess of which names are bound."""

    cell: Cell
    plain: PlainCell
    refusal: Refusal | None  # why Python does not run it, or not all of it
    statements: tuple[Statement, ...]  # those that run


def _make_draft(cell: Cell, bound: frozenset[str]) -> _Draft:
    plain = to_plain_python(cell.source, bound)
    refusal = find_refusal(plain.source)
    try:
        with allow_deep_trees():
            statements = read_statements(refusal.runs if refusal else plain.source)
    except (SourceError, RecursionError):
        refusal, statements = Refusal(1, "it is nested too deeply"), ()
    return _Draft(cell, plain, refusal, statements)


def _finish_draft(draft: _Draft, name: str, log: Log) -> Script:
    cell, plain, refusal = draft.cell, draft.plain, draft.refusal
    if refusal is not None and not refusal.runs:
        return _keep_refused(Script("", (), cell.index), draft, refusal, name, log)
    for note in plain.notes:
        log.warn(cell.index, note.message, note.line)
    _log_magics(cell, plain, log)
    script = Script(
        source=plain.source,
        statements=draft.statements,
        cell=cell.index,
        lines=plain.lines,
        helpers=plain.helpers,
        imports=plain.imports,
        requirements=plain.requirements,
        interactivity=plain.interactivity,
        offers=frozenset(magic.line for magic in plain.magics if magic.name == "%pylab"),
    )
    script = _keep_refused(script, draft, refusal, name, log) if refusal else script
    return _write_safely(_drop_globals(script, log), log)


def _log_magics(cell: Cell, plain: PlainCell, log: Log) -> None:
    for magic in plain.magics:
        reason = f"`{magic.name}` is IPython's: written in plain Python"
        if not magic.replaced:
            reason = f"`{magic.name}` is not needed in a reactive notebook"
        log.edit("replace", cell.index, reason, line=magic.line, lines=1)


def _keep_refused(script: Script, draft: _Draft, refusal: Refusal, name: str, log: Log) -> Script:
    """What Python refuses is kept as a comment, and raises where it stood."""
    cell, numbers = draft.cell, draft.plain.lines
    lines = cell.source.split("\n")
    line = _pick(numbers, refusal.line)
    first = _pick(numbers, refusal.first) if refusal.runs else 1
    kept = keep_as_comment(refusal, lines[first - 1 :], f"{name}:cell {cell.index + 1}:{line}")
    reason = explain_refusal(refusal)
    part = f", from line {first} on" if refusal.runs else ""
    log.warn(cell.index, f"{reason}: it is kept as a comment{part}", line)
    log.edit("replace", cell.index, reason, line=line, lines=len(lines) - first + 1)
    runs = refusal.runs.split("\n") if refusal.runs else []
    source = "\n".join([*runs, kept])
    mapped = (*numbers[: len(runs)], *range(first, len(lines) + 1), line)
    statements = read_statements(source)
    return replace(script, source=source, statements=statements, lines=mapped, refused=True)


def _pick(numbers: Sequence[int], line: int) -> int:
    """The author's line for a line (1-based) of the plain source, which may lie behind its end."""
    return numbers[min(max(line, 1), len(numbers)) - 1]


def _drop_globals(script: Script, log: Log) -> Script:
    source, lines = drop_global_statements(script.source)
    return _replace_lines(script, source, lines, "`global` has no meaning outside a function", log)


def _write_safely(script: Script, log: Log) -> Script:
    """Without characters that marimo would damage; what is no Python may keep them till then."""
    source = safe_source(script.source)
    pairs = zip(script.text_lines(), source.split("\n"), strict=True)
    lines = [number for number, (old, new) in enumerate(pairs, start=1) if old != new]
    reason = "characters that marimo's save would damage are written as escapes"
    return _replace_lines(script, source, lines, reason, log)


def _replace_lines(
    script: Script, source: str, lines: Sequence[int], reason: str, log: Log
) -> Script:
    """The script with a source of which some lines (1-based) are new."""
    if not lines or script.cell is None:
        return script
    for line in lines:
        log.edit("replace", script.cell, reason, line=script.line_in_cell(line), lines=1)
    return revise(script, source)


def facts_of(scripts: Sequence[Script]) -> list[Facts]:
    """The facts of every statement of every script, in order."""
    return [statement.facts for script in scripts for statement in script.statements]


def insert_after(script: Script, statement: Statement, line: str, reason: str, log: Log) -> Script:
    """The script with a line more, behind the line on which a top-level statement ends.

    The log says of the author's cells why it is there.
    """
    if script.cell is not None:
        log.edit("add", script.cell, reason, line=script.line_in_cell(statement.end_line))
    return replace_lines(script, statement.end_line, statement.end_line, [line])


def replace_lines(script: Script, start: int, end: int, written: Sequence[str]) -> Script:
    """The script with other lines in the place of those from `start` (0-based) to before `end`.

    They count as the author's line `start`, or where none goes, as the one above.
    """
    lines, numbers = script.text_lines(), list(script.lines)
    lines[start:end] = written
    origin = start if end > start else start - 1
    numbers[start:end] = numbers[origin : origin + 1] * len(written)
    return revise(replace(script, lines=tuple(numbers)), "\n".join(lines))
