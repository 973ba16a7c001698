"""Files that a run from the top reads, that are not there and that nothing above writes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from nbtools.analysis.file_calls import (
    PATH_KEYWORDS,
    READ_METHODS,
    READ_NAMES,
    READ_WORDS,
    imported_names,
    last_name,
)
from nbtools.rules.constant_paths import Value
from nbtools.rules.file_run import FileRead, FileRun, Frame, Function, names_in
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.words import holds_word


def find_reads(program: Program) -> tuple[FileRead, ...]:
    """The reads of relative paths that are not there, in the order of a run, each path once."""
    imports = imported_names(each for cell in program.cells for each in cell.facts.imports)
    if program.folder is None or not _may_miss(program, program.folder, imports):
        return ()
    run = FileRun(imports)
    with suppress(RecursionError):  # a sum of a thousand terms: what was found so far holds
        _follow(_up_to_last_read(program.cells), run)
    return tuple(_first_of_each(run.found, program.folder))


def _up_to_last_read(cells: Sequence[CodeCell]) -> Sequence[CodeCell]:
    """The cells without those at the end that read nothing, nor call what may read."""
    reading = [p for p, cell in enumerate(cells) if holds_word(cell.cell.source, READ_WORDS)]
    if any(cells[position].nodes(kind) for position in reading for kind in get_args(Function)):
        return cells
    return cells[: reading[-1] + 1]


def _follow(cells: Sequence[CodeCell], run: FileRun) -> None:
    values: dict[str, Value] = {}
    for position, cell in enumerate(cells):
        if not skips(cell.cell):
            sure = "raises-exception" not in cell.cell.tags
            run.run_all(cell.tree.body, Frame(position, values), sure)
            _see_unread(cell, run)


def _may_miss(program: Program, folder: Path, imports: Mapping[str, str]) -> bool:
    """Whether some call reads what may be a relative path that is not there: a quick look."""
    constant: set[str] = set(imports)
    calls: list[ast.expr] = []
    for cell in program.cells:
        if not holds_word(cell.cell.source, READ_WORDS):
            constant.update(_assigned(cell) if "=" in cell.cell.source else ())
            continue
        constant.update(_assigned(cell))
        constant.update(each.arg for each in cell.nodes(ast.arg))
        for node in cell.nodes(ast.Call):
            last = last_name(node.func)
            if last in READ_NAMES:
                calls += node.args[:1]
                calls += (k.value for k in node.keywords if k.arg in PATH_KEYWORDS)
            if last in READ_METHODS and isinstance(node.func, ast.Attribute):
                calls.append(node.func.value)
    return any(_may_be_missing(path, folder, constant) for path in calls)


def _assigned(cell: CodeCell) -> Iterator[str]:
    """Names that the cell gives values which may be constant."""
    kinds = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call)
    for node in cell.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, kinds):
            yield from names_in(node.targets[0])


def _may_be_missing(path: ast.expr, folder: Path, constant: set[str]) -> bool:
    if isinstance(path, ast.Constant):
        text = path.value
        return isinstance(text, str) and _is_relative(text) and not is_there(folder / text)
    if isinstance(path, ast.Attribute | ast.Subscript):
        return False
    return names_in(path) <= constant


def _see_unread(cell: CodeCell, run: FileRun) -> None:
    """Magics and broken cells that nobody follows may write what they name."""
    run.mentions += (magic.text for magic in cell.plain.magics)
    if cell.refusal is not None or any(not magic.replaced for magic in cell.plain.magics):
        run.mentions.append(cell.cell.source)


def _first_of_each(found: list[FileRead], folder: Path) -> Iterator[FileRead]:
    seen: set[str] = set()
    for each in found:
        if each.path not in seen and _is_relative(each.path):
            seen.add(each.path)
            if not is_there(folder / each.path):
                yield each


def is_there(path: Path) -> bool:
    """Whether a file or folder exists, links followed; True if nobody can tell."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name the file system refuses, a folder nobody may read
        return True


def _is_relative(path: str) -> bool:
    if not path.strip() or len(path) > 250 or path[0] in "/~\\<{[" or "://" in path:
        return False
    return not re.search(r"[\n*?\0]|^[A-Za-z]:|^https?:|^s3:", path)
