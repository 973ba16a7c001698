"""Partitions of notebooks written as lists of cells, for the tests of the planning stages."""

from __future__ import annotations

from collections.abc import Sequence

from nbtools.analysis.statements import read_statements
from nbtools.analysis.versions import Atom, Block, atoms_of
from nbtools.cells import Cell, Notebook
from nbtools.convert.log import Log
from nbtools.convert.partition import Partition, find_partition
from nbtools.convert.rewrite import bound_names
from nbtools.convert.scripts import Script, read_scripts


def make_scripts(cells: Sequence[str]) -> tuple[Notebook, list[Script]]:
    """A notebook of code cells, and its scripts."""
    notebook = Notebook(tuple(Cell(number, "code", cell) for number, cell in enumerate(cells)))
    return notebook, read_scripts(notebook, Log())


def plan(cells: Sequence[str], pinned: Sequence[str] = ()) -> Partition:
    """The partition of plain Python, with no stage before it."""
    atoms = [atoms_of(number, read_statements(cell)) for number, cell in enumerate(cells)]
    words = frozenset[str]().union(*map(bound_names, cells))
    return find_partition(list(map(Block.of, atoms)), words, frozenset(pinned))


def show_atom(atom: Atom, cells: Sequence[str]) -> str:
    """Its text; a star marks a definition that is repeated."""
    lines = cells[atom.cell].split("\n")
    text = "\n".join(lines[atom.statements[0].line - 1 : atom.statements[-1].end_line])
    return text + "*" * bool(atom.copy)


def show_block(block: Block, cells: Sequence[str]) -> str:
    return " / ".join(show_atom(atom, cells) for atom in block.atoms)
