"""Imports that no dependency file of the project speaks of: what NB506 and NB507 tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nbtools.analysis.declared import Declared, read_declared
from nbtools.analysis.distributions import (
    IN_EVERY_KERNEL,
    bring_along,
    distribution_of,
    normalize_name,
)
from nbtools.analysis.facts import Statement
from nbtools.analysis.modules import is_stdlib, local_module
from nbtools.rules.program import Program, skips

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NESTED = re.compile(r"(?:!|%|%%bash\b).*")


@dataclass(frozen=True, slots=True)
class Undeclared:
    """An import of what is neither declared, nor local, nor Python's own."""

    module: str  # its first part
    distribution: str  # normalized
    position: int  # of the cell, in `Program.cells`
    statement: Statement
    declared: Declared


def find_undeclared(program: Program) -> tuple[Undeclared, ...]:
    """Such imports in the order of the text, each module once; only those every run makes."""
    if program.folder is None:
        return ()
    declared = read_declared(program.folder)
    requirements = {r for cell in program.cells for r in cell.plain.requirements}
    installed = {normalize_name(m[0]) for r in requirements if (m := _NAME.match(r))}
    known = bring_along(declared.names | installed | _installed_aside(program))
    return () if known is None else tuple(_first_of_each(program, declared, known))


def _installed_aside(program: Program) -> set[str]:
    """Names in lines that install but are no magics, as under `%%capture` or in a comment."""
    found: set[str] = set()
    for line in program.text.split("\n"):
        if "install " in line:
            words = line.partition("install ")[2].replace('"', " ").replace("'", " ").split()
            found.update(normalize_name(m[0]) for word in words if (m := _NAME.match(word)))
    return found


def _first_of_each(
    program: Program, declared: Declared, known: frozenset[str]
) -> Iterator[Undeclared]:
    seen: set[str] = set()
    for position, cell in enumerate(program.cells):
        if skips(cell.cell) or "raises-exception" in cell.cell.tags:
            continue
        for statement in cell.statements:
            if statement.kind != "import":
                continue
            for each in statement.facts.imports:
                yield from _look(each.module, each.name, seen, known, program.folder, declared,
                                 position, statement)
            for module in statement.facts.stars:
                yield from _look(module, None, seen, known, program.folder, declared,
                                 position, statement)


def _look(
    module: str,
    name: str | None,
    seen: set[str],
    known: frozenset[str],
    folder: Path | None,
    declared: Declared,
    position: int,
    statement: Statement,
) -> Iterator[Undeclared]:
    top = module.partition(".")[0]
    full = f"{module}.{name}" if name else module
    if not top or top in seen or is_stdlib(top):
        return
    distribution = distribution_of(full)
    if distribution is None or distribution in IN_EVERY_KERNEL:
        return
    if {distribution, normalize_name(top), normalize_name(module)} & known:
        return
    if folder is None or _is_local(top, folder, declared.root or folder):
        return
    seen.add(top)
    yield Undeclared(top, distribution, position, statement, declared)


@lru_cache(maxsize=4096)
def _is_local(top: str, folder: Path, root: Path) -> bool:
    """Whether a module lies beside the notebook, or in a folder of its project."""
    level = folder.absolute()
    levels = [level]
    while level != root and level.parent != level:
        level = level.parent
        levels.append(level)
    places = [place / inner for place in levels for inner in ("", "src", "lib", "code", "scripts")]
    return any(local_module(top, place) or (place / top).is_dir() for place in places)
