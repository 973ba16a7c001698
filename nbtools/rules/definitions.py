"""Who defines and who reads each global, cell by cell, and what `nbtools convert` makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from nbtools.analysis.facts import Import
from nbtools.analysis.graph import components
from nbtools.analysis.versions import Versions, trace_versions
from nbtools.convert.names import is_private, readers
from nbtools.rules.program import Program, skips

if TYPE_CHECKING:
    from nbtools.convert.partition import Partition

MOST_NUMBERS = 8
"""Of cells in a message."""
_WORD = re.compile(r"[^\W\d]\w*")
_FEW = 50  # questions; to look through the text for more would cost more than to list its words


class Read(Struct, frozen=True):
    """One cell that reads a name of another."""

    reader: int  # position of the cell in `Program.cells`
    definer: int  # position of the cell whose value it sees in a run from the top
    function: str | None = None  # the function of the reader that looks it up when called


def shared_definitions(program: Program) -> Mapping[str, tuple[int, ...]]:
    """Names that several cells define: name -> positions of the cells, ascending.

    Not among them: names that marimo keeps within a cell, names that all cells import from the
    same place, and what a cell tagged `parameters` sets to be set again.
    """
    imported = _imports(program)
    found: dict[str, tuple[int, ...]] = {}
    for name, places in program.binders.items():
        places = tuple(p for p in places if not skips(program.cells[p].cell))
        if len(places) < 2 or is_private(name):
            continue
        sources = [imported[p].get(name) for p in places]
        if None not in sources and len(set(sources)) == 1:
            continue
        if "parameters" in program.cells[places[0]].cell.tags and len(places) == 2:
            continue
        found[name] = places
    return found


def _imports(program: Program) -> list[Mapping[str, Import]]:
    """For each cell, the names that it binds by an import and nothing else."""
    result: list[Mapping[str, Import]] = []
    for cell in program.cells:
        others: set[str] = set()
        found: dict[str, Import] = {}
        for statement in cell.statements:
            names = {each.bound: each for each in statement.facts.imports}
            others |= {n for n in statement.facts.binds if n not in names or n in found}
            found.update(names)
        result.append({name: each for name, each in found.items() if name not in others})
    return result


def cross_reads(program: Program) -> Mapping[str, tuple[Read, ...]]:
    """Name -> the cells that read it from another cell, in a run from the top."""
    run, atoms = program.run, program.atoms
    found: dict[str, list[Read]] = {}
    for block, (position, _) in enumerate(atoms):
        for name, version in run.reads[block].items():
            definer = atoms[run.versions[version].block][0]
            if definer != position:
                found.setdefault(name, []).append(Read(position, definer))
    for late in run.late:
        position = atoms[late.block][0]
        for version in sorted(late.versions):
            definer = atoms[run.versions[version].block][0]
            if definer != position:
                found.setdefault(late.name, []).append(Read(position, definer, late.definition))
    return {name: tuple(sorted(set(reads), key=_order)) for name, reads in found.items()}


def _order(read: Read) -> tuple[int, int, str]:
    return read.reader, read.definer, read.function or ""


# --- what convert would do ------------------------------------------------------------------


def conversion_plan(program: Program) -> Partition:
    """The plan that `nbtools convert` follows: its blocks and names."""
    from nbtools.convert.partition import find_partition  # here: few notebooks need a plan

    return find_partition(program.blocks, _Words(program.text))


class _Words:
    """The words of a text, listed when the first one asked for may be among them."""

    def __init__(self, text: str) -> None:
        self.text, self.asked = text, 0

    def __contains__(self, word: object) -> bool:
        self.asked += 1
        if self.asked <= _FEW and isinstance(word, str) and word not in self.text:
            return False
        return word in self.listed

    @cached_property
    def listed(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self.text))


def new_names(program: Program) -> Mapping[str, frozenset[str]]:
    """Name -> the names that `nbtools convert` gives its values, the author's not among them."""
    naming = program.once(conversion_plan).naming
    found: dict[str, set[str]] = {}
    versions = program.once(conversion_plan).versions.versions
    for version, new in zip(versions, naming.names, strict=True):
        if new != version.name:
            found.setdefault(version.name, set()).add(new)
    return {name: frozenset(names) for name, names in found.items()}


def merges(program: Program) -> Mapping[str, tuple[int, ...]]:
    """Name -> positions of the cells that `nbtools convert` merges because of it."""
    found: dict[str, tuple[int, ...]] = {}
    for repair in program.once(conversion_plan).repairs:
        if repair.kind == "merge":
            for name in repair.names:
                found.setdefault(name, repair.cells)
    return found


def resolution(program: Program, name: str) -> str:
    """What `nbtools convert` does about a name that several cells define, in words."""
    merged = program.once(merges).get(name)
    if merged is not None:
        return f"merges cells {number_cells(program, merged)}"
    chosen = program.once(new_names).get(name, frozenset())
    names = sorted(chosen, key=lambda new: (new.startswith("_"), len(new), new))
    return f"tells them apart ({_list(names)})" if names else "keeps them apart"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return f"{shown}, ..." if len(names) > 3 else shown


def number_cells(program: Program, positions: Sequence[int]) -> str:
    """The numbers of cells as people count them: "3, 5 and 9", "1, 2, 3, 4, 5 and 7 more"."""
    numbers = [str(program.cells[p].index + 1) for p in positions]
    if len(numbers) > MOST_NUMBERS:
        numbers[MOST_NUMBERS - 1 :] = [f"{len(numbers) - MOST_NUMBERS + 1} more"]
    return " and ".join(filter(None, [", ".join(numbers[:-1]), numbers[-1]]))


# --- cycles ---------------------------------------------------------------------------------


class Cycle(Struct, frozen=True):
    """Cells that need each other."""

    path: tuple[int, ...]  # positions; the last needs the first
    names: tuple[str, ...]  # what each takes from the next


def find_cycles(program: Program) -> tuple[Cycle, ...]:
    """Cells that need each other once every definition has a name of its own."""
    if program.kind == "jupyter" and not _looks_down(program):
        return ()
    needs = _needs_by_name(program) if program.kind == "reactive" else _needs_by_version(program)
    groups = components([set(names) for names in needs])
    return tuple(_shortest(needs, group) for group in sorted(groups) if len(group) > 1)


def _looks_down(program: Program) -> bool:
    """Whether a cell uses a value of a cell below it: no cycle is without."""
    run, cell_of = program.run, [position for position, _ in program.atoms]
    place = [cell_of[version.block] for version in run.versions]
    now = any(
        place[version] > cell_of[block]
        for block, reads in enumerate(run.reads)
        for version in reads.values()
    )
    return now or any(place[v] > cell_of[late.block] for late in run.late for v in late.versions)


def _needs_by_version(program: Program) -> list[dict[int, str]]:
    """For each cell, the cells whose values it uses in a run from the top, and one name of each."""
    cells = program.cells
    blocks = program.blocks
    versions = trace_versions(blocks)
    needs: list[dict[int, str]] = [{} for _ in cells]
    from nbtools.convert.partition import dependencies

    parents = dependencies(versions, readers(blocks, versions))
    for user, names in enumerate(_used(versions, len(cells))):
        for name, version in names:
            block = versions.versions[version].block
            if block in parents[user]:
                needs[user].setdefault(block, name)
    return needs


def _used(versions: Versions, count: int) -> list[list[tuple[str, int]]]:
    used: list[list[tuple[str, int]]] = [sorted(versions.reads[i].items()) for i in range(count)]
    for late in versions.late:
        used[late.block] += [(late.name, v) for v in sorted(late.versions)]
    return used


def _needs_by_name(program: Program) -> list[dict[int, str]]:
    """As marimo has it: a cell needs whoever defines a name that it mentions."""
    needs: list[dict[int, str]] = []
    for position, cell in enumerate(program.cells):
        facts = cell.facts
        mentioned = (facts.loads | facts.late) - (facts.always - facts.reads)
        found: dict[int, str] = {}
        for name in sorted(n for n in mentioned if not is_private(n)):
            for definer in program.binders.get(name, ()):
                if definer != position:
                    found.setdefault(definer, name)
        needs.append(found)
    return needs


def _shortest(needs: Sequence[Mapping[int, str]], group: Sequence[int]) -> Cycle:
    """The shortest way round from the first cell of a group, breadth first."""
    start, members = min(group), set(group)
    before: dict[int, int] = {}
    queue = [start]
    for here in queue:
        for there in sorted(needs[here].keys() & members):
            if there == start:
                path = [here]
                while path[-1] != start:
                    path.append(before[path[-1]])
                path.reverse()
                names = [needs[a][b] for a, b in zip(path, [*path[1:], start], strict=True)]
                return Cycle(tuple(path), tuple(names))
            if there not in before and there != start:
                before[there] = here
                queue.append(there)
    return Cycle(tuple(sorted(group)), ())
