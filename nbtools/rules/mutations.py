"""Changes in place of values that another cell made: what NB301 to NB303 and NB305 tell apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from nbtools.analysis.facts import Statement
from nbtools.analysis.mutation import Change, find_changes
from nbtools.rules.finding import Related
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.receivers import find_types


class CrossChange(Struct, frozen=True):
    """A change that a cell makes to a value of a cell above it."""

    position: int  # of the cell that changes it, in `Program.cells`
    change: Change
    definer: int  # position of the cell that made the value
    definition: Statement  # what made it
    module: bool = False  # the name is an imported module


def find_all_changes(program: Program) -> tuple[tuple[Change, ...], ...]:
    """The changes of every cell, by position."""
    types = program.once(find_types)
    return tuple(
        find_changes(types.regions[position], types, position)
        for position in range(len(program.cells))
    )


def find_cross_changes(program: Program) -> tuple[CrossChange, ...]:
    """Those of statements (not of function bodies) whose value another cell has made."""
    changes = program.once(find_all_changes)
    if program.kind == "reactive":
        return tuple(_in_reactive(program, changes))
    return tuple(_in_order(program, changes))


def _in_order(program: Program, changes: tuple[tuple[Change, ...], ...]) -> Iterator[CrossChange]:
    if not any(change.scope is None for found in changes for change in found):
        return
    trace, atoms = program.run, program.atoms
    for block, (position, atom) in enumerate(atoms):
        first, last = atom.statements[0], atom.statements[-1]
        for change in changes[position]:
            line = change.root.lineno
            if change.scope is not None or not first.line <= line <= last.end_line:
                continue
            version = trace.reads[block].get(change.name)
            if version is None:
                continue
            home = trace.versions[version].block
            definer, made = atoms[home]
            if definer >= position:
                continue
            statement = next(s for s in made.statements if _binds(s, change.name))
            yield CrossChange(position, change, definer, statement, statement.kind == "import")


def _binds(statement: Statement, name: str) -> bool:
    return name in statement.facts.binds or name in statement.facts.writes_late


def _in_reactive(
    program: Program, changes: tuple[tuple[Change, ...], ...]
) -> Iterator[CrossChange]:
    for position, cell in enumerate(program.cells):
        own = cell.facts.binds | cell.facts.writes_late
        for change in changes[position]:
            if change.scope is not None or change.name in own or change.name[0] == "_":
                continue
            others = [p for p in program.binders.get(change.name, ()) if p != position]
            if len(others) == 1:
                made = program.cells[others[0]]
                statement = next(s for s in made.statements if _binds(s, change.name))
                module = statement.kind == "import"
                yield CrossChange(position, change, others[0], statement, module)


def first_of_each(found: Iterator[CrossChange]) -> Iterator[tuple[CrossChange, int]]:
    """The first change of each name in each cell, and how many more there are."""
    groups: dict[tuple[int, str], list[CrossChange]] = {}
    for each in found:
        groups.setdefault((each.position, each.change.name), []).append(each)
    for group in groups.values():
        yield group[0], len(group) - 1


def made_at(program: Program, each: CrossChange) -> tuple[str, Related]:
    """Where the value was made: the words for a message, and the place."""
    home: CodeCell = program.cells[each.definer]
    span = home.name_span(each.change.name, each.definition, store=True)
    return f"cell {span.cell + 1}", Related(span, f"`{each.change.name}` is made here")


def and_more(count: int) -> str:
    """Words for the places in the same cell that are not reported one by one."""
    return f" (and {count} more time{'s' * (count > 1)} in this cell)" if count else ""


def text_of(node: ast.expr, limit: int = 40) -> str:
    """The text of a short expression, for a message."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."
