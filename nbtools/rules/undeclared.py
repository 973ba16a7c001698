"""Imports that no dependency file of the project speaks of: what NB506 and NB507 tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from nbtools.analysis.declared import Declared, read_declared
from nbtools.analysis.distributions import (
    IN_EVERY_KERNEL,
    bring_along,
    distribution_of,
    normalize_name,
)
from nbtools.analysis.facts import Statement
from nbtools.analysis.modules import is_stdlib, local_module, stems_in
from nbtools.rules.program import Program, skips
from nbtools.rules.script_blocks import required_by_block

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Undeclared(Struct, frozen=True):
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
    requirements.update(required_by_block(program))
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
            for module in _imported(statement):
                top = module.partition(".")[0]
                needed = None if top in seen else _needs(module, known)
                if needed is not None and not _is_found(top, program, declared):
                    seen.add(top)
                    yield Undeclared(top, needed, position, statement, declared)


def _imported(statement: Statement) -> Iterator[str]:
    """Absolute modules that a top-level import names, and what it takes from them."""
    if statement.kind == "import":
        for each in statement.facts.imports:
            yield f"{each.module}.{each.name}" if each.name else each.module
        yield from statement.facts.stars


def _needs(module: str, known: frozenset[str]) -> str | None:
    """The distribution that a module needs and that is not known; None: nothing is missing."""
    top = module.partition(".")[0]
    if not top or is_stdlib(top):
        return None
    needed = distribution_of(module)
    if needed is None or needed in IN_EVERY_KERNEL:
        return None
    parents = module.split(".")
    names = {normalize_name(".".join(parents[:n])) for n in range(1, len(parents) + 1)}
    return None if (names | {needed}) & known else needed


def _is_found(top: str, program: Program, declared: Declared) -> bool:
    """Whether a module is the project's own, or is made or fetched by the notebook."""
    assert program.folder is not None
    if _is_local(top, program.folder, declared.root or program.folder):
        return True
    name = re.escape(top)
    made = rf"\b{name}\.(?:py|so|pyd|pyx|f(?:90|95)?|c|cpp|zip|ipynb)\b|[-/]{name}\b|\b-m {name}\b"
    return any(top in line and re.search(made, line) for line in program.text.split("\n"))


@lru_cache(maxsize=4096)
def _is_local(top: str, folder: Path, root: Path) -> bool:
    """Whether a module lies beside the notebook, or in a folder of its project."""
    level = folder.absolute()
    levels = [level]
    while level != root and level.parent != level:
        level = level.parent
        levels.append(level)
    places = [place / inner for place in levels for inner in ("", "src", "lib", "code", "scripts")]
    return any(
        local_module(top, place) or (place / top).is_dir()
        for place in places
        if top in stems_in(place)
    )
