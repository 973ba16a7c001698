"""Fixes that rename the values of a name throughout a notebook, as `nbtools convert` does.

Every cell is a block of its own: nothing is parted or merged here. Where that is not
enough to tell the values apart, there is no fix.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import BUILTINS, EMPTY, Statement
from nbtools.analysis.versions import Block, Versions, trace_versions
from nbtools.convert.names import Naming, choose_names, fixed_versions
from nbtools.rules.edits import Sources, edits_to
from nbtools.rules.finding import Fix
from nbtools.rules.program import CodeCell, Program

if TYPE_CHECKING:  # few runs mend anything: most are to start without the search for a plan
    from nbtools.convert.block_names import BlockNames, Resolver

_Names = Mapping[int, str]  # version -> its new name
_IPYTHON = frozenset(("_ih", "_oh", "_dh"))
"""IPython's own names, which it needs between the cells."""


class CellVersions(Struct, frozen=True):
    """The notebook's run from the top, cell by cell."""

    blocks: tuple[Block, ...]  # one for each cell of `Program.cells`
    versions: Versions
    words: frozenset[str]  # all of the notebook's code: new names are none of them
    fixed: frozenset[int]  # versions that cannot be renamed

    def of(self, name: str) -> list[int]:
        """The versions of a name, in the order of the cells."""
        found = enumerate(self.versions.versions)
        return [number for number, version in found if version.name == name]


def trace_cells(program: Program) -> CellVersions:
    """The versions of all names: ask `program.once(trace_cells)`."""
    from nbtools.convert.rewrite import bound_names

    blocks = tuple(Block.of(atoms) for atoms in program.atoms_of_cells)
    versions = trace_versions(blocks)
    words = bound_names(program.text)
    return CellVersions(blocks, versions, words, fixed_versions(blocks, versions))


def name_versions(program: Program) -> Naming:
    """The names that `nbtools convert` gives: ask `program.once(name_versions)`."""
    found = program.once(trace_cells)
    return choose_names(found.blocks, found.versions, found.words)


# --- choosing names -------------------------------------------------------------------------


def tell_apart(program: Program, name: str) -> Fix | None:
    """Give each value of a name that several cells define a name of its own."""
    known = program.once(_fixes)
    if name not in known:
        known[name] = _tell_apart(program, name)
    return known[name]


def _fixes(_: Program) -> dict[str, Fix | None]:
    return {}


def _tell_apart(program: Program, name: str) -> Fix | None:
    if program.kind != "jupyter":
        return None
    found, naming = program.once(trace_cells), program.once(name_versions)
    numbers = found.of(name)
    if any(not clash.isdisjoint(numbers) for clash in naming.clashes):
        return None
    chosen = {number: naming.names[number] for number in numbers}
    for number, new in chosen.items():
        facts = found.blocks[found.versions.versions[number].block].facts
        if new == f"_{name}" and (name in facts.late or new in _IPYTHON):
            # in marimo it belongs to its cell; here another cell would bind it, too
            chosen[number] = fresh_name(program, name, chosen.values())
    new_names = [new for new in chosen.values() if new != name]
    return rename_fix(program, name, chosen, _order(name, new_names))


def _order(name: str, new_names: Sequence[str]) -> str:
    names = list(dict.fromkeys(new_names))
    shown = ", ".join(f"`{new}`" for new in names[:3]) + (", ..." if len(names) > 3 else "")
    return f"Tell the values of `{name}` apart ({shown})"


def fresh_name(program: Program, name: str, taken: Collection[str] = ()) -> str:
    """A name like this one that nothing in the notebook uses: `df_1`, and `df_2` for `df_1`."""
    words = program.once(trace_cells).words
    stem = re.sub(r"_\d+\Z", "", name) or name
    number = 1
    while (new := f"{stem}_{number}") in words or new in taken:
        number += 1
    return new


def fresh_names(program: Program, name: str, numbers: Sequence[int]) -> dict[int, str]:
    """A fresh name for each of some versions."""
    chosen: dict[int, str] = {}
    for number in numbers:
        chosen[number] = fresh_name(program, name, chosen.values())
    return chosen


def number_values(program: Program, name: str) -> Sources | None:
    """Number the values of a name: the first keeps it, the others are `df_1`, `df_2`."""
    numbers = program.once(trace_cells).of(name)
    return rename_values(program, name, fresh_names(program, name, numbers[1:]))


def renamed_alike(program: Program, name: str, new: str) -> Sources | None:
    """One other name for a name of a reactive notebook, in all cells that mean the same by it.

    That are the cell that defines it and those that read it. None where several define it.
    """
    from nbtools.convert.cell_edits import Names, RenameNames
    from nbtools.convert.splices import splice_edits

    definers = program.binders.get(name, ())
    if len(definers) != 1 or any(cell.facts.open or cell.refusal for cell in program.cells):
        return None
    change = Names(loads={name: new}, stores={name: new}, late={name: new})
    found: dict[int, str] = {}
    for cell in program.cells:
        if name not in cell.cell.source:
            continue
        if name in cell.facts.strings | cell.facts.asked:
            return None
        everywhere = RenameNames({statement.index: change for statement in cell.statements})
        source = splice_edits(cell.plain.source, [everywhere])
        if source is None:
            return None
        if source != cell.cell.source:
            found[cell.index] = source
    return found


def rename_fix(program: Program, name: str, chosen: _Names, message: str) -> Fix | None:
    """The fix that gives versions of a name new names."""
    sources = rename_values(program, name, chosen)
    return Fix("unsafe", message, edits_to(program, sources)) if sources else None


# --- renaming -------------------------------------------------------------------------------


def rename_values(program: Program, name: str, chosen: _Names) -> Sources | None:
    """The new sources where some versions of a name have other names; None if that is unsure.

    Args:
        program: A Jupyter notebook.
        name: The name.
        chosen: New names; versions that are not in it keep theirs.
    """
    from nbtools.convert.block_names import BlockNames

    resolver = _resolver(program, name, chosen)
    if resolver is None:
        return None
    found: dict[int, str] = {}
    for position, cell in enumerate(program.cells):
        if name not in cell.cell.source:
            continue
        new = _rename_in_cell(cell, BlockNames(resolver, position), name)
        if new is None:
            return None
        if new != cell.cell.source:
            found[cell.index] = new
    return found


def _resolver(program: Program, name: str, chosen: _Names) -> Resolver | None:
    """The final names of all versions; None if they could not tell this one's values apart."""
    from nbtools.convert.block_names import Resolver

    found = program.once(trace_cells)
    versions = found.versions.versions
    renamed = [number for number, new in chosen.items() if new != name]
    if not renamed or not found.fixed.isdisjoint(renamed) or "__" in name:
        return None
    if any(cell.facts.open or name in cell.facts.asked for cell in program.cells):
        return None  # code that nobody can read may look it up
    if any(cell.refusal and name in cell.cell.source for cell in program.cells):
        return None
    if any("parameters" in program.cells[versions[n].block].cell.tags for n in renamed):
        return None  # papermill sets it under its name
    names = tuple(chosen.get(number, each.name) for number, each in enumerate(versions))
    resolver = Resolver(
        found.blocks, found.versions, replace(program.once(name_versions), names=names)
    )
    for late in found.versions.late:
        if late.name != name or not late.versions:
            continue
        key = (late.block, late.definition, name)
        seen = {names[version] for version in late.versions}
        if late.unbound and name in BUILTINS:
            return None  # it is Python's at times
        if key not in resolver.late and len(seen) > 1:
            return None  # it is called under two of them
        resolver.late.setdefault(key, min(late.versions))
    return resolver


def _rename_in_cell(cell: CodeCell, names: BlockNames, name: str) -> str | None:
    from nbtools.convert.cell_edits import Names, RenameNames
    from nbtools.convert.splices import splice_edits

    if any(old == name != new for atom in names.block.atoms for old, new in names.restored(atom)):
        return None  # a function or class shows its name
    renames: dict[int, Names] = {}
    for position, (_, statement) in enumerate(names.statements):
        new = names.names_for(position, statement)
        if new is None:
            continue
        if name in new.stores and any(each.bound == name for each in statement.facts.imports):
            return None  # `import numpy as np_1` is no better
        renames[statement.index] = new
    text: str | None = cell.cell.source
    if renames:
        plain = splice_edits(cell.plain.source, [RenameNames(renames)])
        text = None if plain is None else write_plain(cell, plain)
    lines = [line for copy in names.copies for line in copy.lines]
    if text is None or not lines:
        return text
    return insert_lines(cell, text, lines, names.statements[0][1])


def write_plain(cell: CodeCell, plain: str) -> str | None:
    """The author's source for a cell whose plain Python has some other words.

    None if there are none, because magics were translated in between.
    """
    if cell.plain.source == cell.cell.source:
        return plain
    old, new = cell.plain.source.split("\n"), plain.split("\n")
    if len(old) != len(new):
        return None
    lines = list(cell.author_lines)
    for before, after, number in zip(old, new, cell.plain.lines, strict=False):
        if before == after:
            continue
        if lines[number - 1] == before:
            lines[number - 1] = after
            continue
        code, _, comment = before.partition("  # %")  # `%time x = 1` is `x = 1  # %time`
        if not comment or lines[number - 1].count(code) != 1:
            return None
        lines[number - 1] = lines[number - 1].replace(code, after.partition("  # %")[0])
    text = "\n".join(lines)
    return text if plain in _translations(cell, text) else None


def _translations(cell: CodeCell, text: str) -> Iterator[str]:
    from nbtools.analysis.magics import to_plain_python

    for bound in (EMPTY, cell.plain.unbound):
        yield to_plain_python(text, bound).source


def insert_lines(
    cell: CodeCell, text: str, lines: Sequence[str], statement: Statement
) -> str | None:
    """The text of a cell, in which no line was added, with lines above a statement of it.

    None if the statement does not begin its line, or the cell is another program's.
    """
    if statement.column or text.lstrip().startswith("%%"):
        return None
    number = cell.plain.lines[statement.line - 1]
    rows = text.split("\n")
    return "\n".join([*rows[: number - 1], *lines, *rows[number - 1 :]])
