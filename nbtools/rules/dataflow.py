"""The dataflow graph of a notebook: which cell feeds which, through which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from nbtools.analysis.graph import components
from nbtools.formats.reactive_names import CellNames, cell_names
from nbtools.rules.definitions import Cycle, cross_reads, find_cycles, shared_definitions
from nbtools.rules.mutations import find_cross_changes
from nbtools.rules.program import Program, skips


class Node(Struct, frozen=True):
    """A code cell."""

    cell: int  # 0-based, among all cells of the file
    title: str  # its first line of code
    defines: tuple[str, ...]  # public names that it binds
    parent: int | None = None  # of the cells that feed it, the one that is last to run


class Link(Struct, frozen=True):
    """One cell that feeds another."""

    source: int  # 0-based cells, as `Node.cell`
    target: int
    names: tuple[str, ...]


class Mutation(Struct, frozen=True):
    """A cell that changes the value of another cell in place, which no name tells."""

    cell: int
    name: str
    owner: int  # the cell that made the value


class Loop(Struct, frozen=True):
    """Cells that need each other."""

    cells: tuple[int, ...]  # each needs the next, and the last the first
    names: tuple[str, ...]  # what each takes from the next


class Dataflow(Struct, frozen=True):
    """The graph of one notebook."""

    name: str
    kind: str  # "jupyter" or "reactive"
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    mutations: tuple[Mutation, ...]
    cycles: tuple[Loop, ...]
    repeated: Mapping[str, tuple[int, ...]]  # name -> the cells that define it, if several do


def find_dataflow(program: Program) -> Dataflow:
    """The graph of a notebook. Of a Jupyter notebook it is that of a run from the top."""
    numbers = [cell.index for cell in program.cells]
    feeds = dict(_feeds_by_name(program) if program.kind == "reactive" else _feeds(program))
    links = tuple(
        Link(numbers[source], numbers[target], tuple(sorted(names)))
        for (source, target), names in sorted(feeds.items())
    )
    changes = [
        Mutation(numbers[each.position], each.change.name, numbers[each.definer])
        for each in find_cross_changes(program)
        if not each.module
    ]
    repeated = {
        name: tuple(numbers[place] for place in places)
        for name, places in sorted(shared_definitions(program).items())
    }
    return Dataflow(
        program.name,
        program.kind,
        tuple(_find_nodes(program, feeds)),
        links,
        tuple(dict.fromkeys(changes)),
        tuple(_loop(each, numbers) for each in find_cycles(program)),
        repeated,
    )


def _loop(cycle: Cycle, numbers: list[int]) -> Loop:
    return Loop(tuple(numbers[position] for position in cycle.path), cycle.names)


_Feeds = Mapping[tuple[int, int], set[str]]  # (source, target), positions in Program.cells


def _feeds(program: Program) -> _Feeds:
    """By the values that a run from the top hands on."""
    found: dict[tuple[int, int], set[str]] = {}
    for name, reads in cross_reads(program).items():
        for read in reads:
            found.setdefault((read.definer, read.reader), set()).add(name)
    return found


def _feeds_by_name(program: Program) -> _Feeds:
    """By the names, as marimo has it; a name that is defined twice comes from both."""
    names = [_names(cell.cell.source) for cell in program.cells]
    definers: dict[str, list[int]] = {}
    for position, each in enumerate(names):
        for name in each.defs:
            definers.setdefault(name, []).append(position)
    found: dict[tuple[int, int], set[str]] = {}
    for position, each in enumerate(names):
        for name in each.refs:
            for source in definers.get(name, ()):
                if source != position:
                    found.setdefault((source, position), set()).add(name)
        for name in each.deleted:  # who deletes a name runs after all that read it
            for reader, other in enumerate(names):
                if name in other.refs and reader != position:
                    found.setdefault((reader, position), set()).add(name)
    return found


def _names(source: str) -> CellNames:
    try:
        return cell_names(source)
    except SyntaxError:
        return CellNames()


def _find_nodes(program: Program, feeds: _Feeds) -> Iterator[Node]:
    parents: list[set[int]] = [set() for _ in program.cells]
    for source, target in feeds:
        parents[target].add(source)
    rank: dict[int, int] = {}
    for number, group in enumerate(components(parents)):
        rank |= dict.fromkeys(group, number)
    for position, cell in enumerate(program.cells):
        above = [p for p in parents[position] if rank[p] < rank[position]]
        last = max(above, key=lambda p: p if program.kind == "jupyter" else rank[p], default=None)
        parent = None if last is None else program.cells[last].index
        binds = () if skips(cell.cell) else sorted(cell.facts.binds | cell.facts.writes_late)
        public = tuple(name for name in binds if program.kind == "jupyter" or name[0] != "_")
        yield Node(cell.index, _title(cell.cell.source), public, parent)


def _title(source: str) -> str:
    """The first line that is code, or else the first line; of text its first line, too."""
    lines = [line.strip() for line in source.split("\n") if line.strip()]
    code = [line for line in lines if not line.startswith("#")] or lines or [""]
    opens = code[0].endswith(('"""', "'''", "("))
    return "".join(code[:2]) if opens else code[0]
