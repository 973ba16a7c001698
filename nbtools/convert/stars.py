"""`from m import *` and `%run`: expanded to the names that the notebook uses."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeGuard

from msgspec import Struct, field

from nbtools.analysis.facts import BUILTINS, Statement
from nbtools.analysis.modules import star_names
from nbtools.analysis.runs import names_of_run
from nbtools.convert.log import Log
from nbtools.convert.rewrite import ExpandStar, edit_cell
from nbtools.convert.scripts import Script, revise
from nbtools.convert.splice_text import Splice, Text, apply_splices
from nbtools.syntax import module_of, parse_source, walk_nodes


class _Source(Struct):
    """One star import or script run, and which of its names the notebook uses."""

    script: int  # index of the script
    statement: Statement
    origin: str  # the module's name or the script's path
    is_run: bool
    names: frozenset[str] | None  # what it binds; None: unknown
    used: set[str] = field(default_factory=set)


def expand_stars(scripts: Sequence[Script], folder: Path | None, log: Log) -> list[Script]:
    """Replace star imports and script runs by the names that are used, in running order."""
    sources = list(_find_sources(scripts, folder))
    if not sources:
        return list(scripts)
    _find_used(scripts, sources)
    _eliminate(scripts, sources, log)
    result = list(scripts)
    for source in reversed(sources):  # from the bottom up: the lines above stay where they are
        result[source.script] = _expand(result[source.script], source, log)
    return result


def _find_sources(scripts: Sequence[Script], folder: Path | None) -> Iterator[_Source]:
    for index, script in enumerate(scripts):
        for statement in script.statements:
            for module in statement.facts.stars:
                names = star_names(module, folder)
                yield _Source(index, statement, module, False, names)
            if statement.kind == "expression":
                for path in statement.facts.runs:
                    names = names_of_run(folder / path) if folder is not None else None
                    yield _Source(index, statement, path, True, names)


def _find_used(scripts: Sequence[Script], sources: Sequence[_Source]) -> None:
    """Walk the notebook in order: which reads see a name that one of the sources binds?"""
    waiting: dict[tuple[int, int], list[_Source]] = {}
    for source in sources:
        waiting.setdefault((source.script, source.statement.index), []).append(source)
    env: dict[str, tuple[_Source, ...]] = {}  # (): bound by an ordinary statement
    late: set[str] = set()  # looked up by functions before anything binds them
    for index, script in enumerate(scripts):
        for statement in script.statements:
            facts = statement.facts
            looked_up = facts.reads | facts.late | facts.strings
            for name in looked_up:
                for source in env.get(name, ()):
                    source.used.add(name)
            late |= {name for name in facts.late if name not in env}
            for source in waiting.get((index, statement.index), ()):
                branch = statement.kind != "import"  # it may not run, and what needs it is there
                names = source.names or frozenset()
                source.used |= names & (late | looked_up if branch else late)
                env.update({n: (*(env.get(n, ()) if branch else ()), source) for n in names})
            for name in facts.binds | facts.writes_late:
                if name in facts.always or name not in env:
                    env[name] = ()


def _eliminate(scripts: Sequence[Script], sources: Sequence[_Source], log: Log) -> None:
    """What nothing else binds must come from a source whose names are not known."""
    unknown = [source for source in sources if source.names is None]
    if not unknown:
        return
    bound = _bound_anywhere(scripts, sources)
    for index, script in enumerate(scripts):
        for statement in script.statements:
            for name in sorted((statement.facts.reads | statement.facts.late) - bound):
                above = [s for s in unknown if s.script <= index] or unknown[:1]
                above[-1].used.add(name)
                bound.add(name)
    for source in unknown:
        cell = scripts[source.script].cell
        if cell is None:
            continue
        names = ", ".join(f"`{name}`" for name in sorted(source.used)) or "nothing"
        message = f"`{source.origin}` was not found: it is taken to bind {names}"
        log.warn(cell, message, scripts[source.script].line_in_cell(source.statement.line))


def _bound_anywhere(scripts: Sequence[Script], sources: Sequence[_Source]) -> set[str]:
    bound = set(BUILTINS) | {"display", "get_ipython", "_", "__", "___", "In", "Out", "runpy"}
    for script in scripts:
        bound |= script.helpers
        bound |= {line.split()[-1] for line in script.imports}
        for statement in script.statements:
            bound |= statement.facts.binds | statement.facts.writes_late
            bound |= statement.facts.guarded
    for source in sources:
        bound |= source.names or frozenset()
    return bound


def _expand(script: Script, source: _Source, log: Log) -> Script:
    names = sorted(source.used)
    statement = source.statement
    if script.cell is not None:
        shown = ", ".join(names) or "nothing"
        reason = f"`{source.origin}` binds, of the names used here: {shown}"
        line = script.line_in_cell(statement.line)
        log.edit("replace", script.cell, reason, line=line, lines=1)
    if source.is_run:
        lines = script.text_lines()
        old = lines[statement.line - 1 : statement.end_line]
        lines[statement.line - 1 : statement.end_line] = _run_lines(old, names)
        return revise(script, "\n".join(lines))
    if statement.kind == "import" and names:
        return revise(script, edit_cell(script.source, [ExpandStar(statement.index, names)]))
    return revise(script, _expand_below(script.source, source, names))


def _expand_below(source: str, star: _Source, names: Sequence[str]) -> str:
    """The source with a star import, which may stand in a branch, in other words."""
    text = Text(source)
    statement = parse_source(source).body[star.statement.index]
    node = next(each for each in walk_nodes(statement) if _is_star_of(each, star.origin))
    new = f"from {star.origin} import {', '.join(names)}" if names else f"import {star.origin} as _"
    return apply_splices(text, [Splice(text.start(node), text.end(node), new.encode())])


def _is_star_of(node: ast.AST, module: str) -> TypeGuard[ast.ImportFrom]:
    return (
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and module_of(node) == module
    )


def _run_lines(old: Sequence[str], names: Collection[str]) -> list[str]:
    """`globals().update(CALL)` -> `_run = CALL` and the names that are used."""
    text = "\n".join(old)
    start = text.index("update(") + len("update(")
    call = text[start : text.rindex(")")]
    if not names:
        return [f"_run = {call}"]  # by itself it would be the value that the cell shows
    ordered = sorted(names)
    targets = ", ".join(ordered)
    values = ", ".join(f'_run["{name}"]' for name in ordered)
    return [f"_run = {call}", f"{targets} = {values}"]
