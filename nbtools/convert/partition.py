"""From a straight line of cells to blocks whose graph has no cycle and keeps the order.

Cells stay whole where they can. Where a cell needs a name of a cell that needs one of its own,
or a function is used under two versions of a global, the smallest repair is tried first: define
the function again after the change, part the cell between statements, merge at last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from nbtools.analysis.facts import BUILTINS, EMPTY
from nbtools.analysis.graph import components
from nbtools.analysis.versions import Atom, Block, LateRead, Versions, trace_versions
from nbtools.convert.names import Naming, choose_names, readers

Part = tuple[int, ...]  # numbers of atoms, in the order in which they run
MOST_COPIES = 4  # of one function; a notebook that needs more is better merged
MOST_COPIES_IN_ALL = 8
LONGEST_COPY = 40  # lines; a longer function is better merged with its callers
MOST_TRIALS = 400  # ways of putting parted cells together again


@dataclass(frozen=True, slots=True)
class Repair:
    """Why the partition differs from the author's cells."""

    kind: Literal["split", "merge", "copy"]
    cells: tuple[int, ...]  # as Atom.cell, ascending
    names: tuple[str, ...]  # what made it necessary
    reason: str


@dataclass(frozen=True, slots=True)
class Partition:
    """Blocks in the order in which they run, with their versions and names."""

    blocks: tuple[Block, ...]
    versions: Versions
    naming: Naming
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class _Trial:
    """One partition, traced."""

    parts: tuple[Part, ...]
    blocks: tuple[Block, ...]
    versions: Versions
    naming: Naming
    conflicts: tuple[LateRead, ...]
    cycles: tuple[tuple[int, ...], ...]  # blocks that need each other
    pulled: tuple[int, ...]  # blocks that would run later than they stand

    @property
    def sound(self) -> bool:
        return not (self.conflicts or self.cycles or self.pulled or self.naming.clashes)


def find_partition(
    cells: Sequence[Sequence[Atom]],
    identifiers: Collection[str],
    pinned: Collection[str] = EMPTY,
) -> Partition:
    """Choose the blocks of the reactive notebook.

    Args:
        cells: The atoms of every cell, in the order in which the cells run.
        identifiers: Every identifier of the notebook.
        pinned: Names that must keep their name.
    """
    atoms = [atom for cell in cells for atom in cell]
    sizes = [len(cell) for cell in cells]
    search = _Search(list(atoms), identifiers, pinned)
    trial = search.run(sizes)
    if search.copied and (search.merged_conflicts or len(search.copied) > MOST_COPIES_IN_ALL):
        # Defining functions again was not enough, or became a second notebook: merge instead.
        search = _Search(list(atoms), identifiers, pinned, may_copy=False)
        trial = search.run(sizes)
    return Partition(trial.blocks, trial.versions, trial.naming, search.final_repairs(trial))


def resolve_late(versions: Versions, late: LateRead) -> int | None:
    """The one version that a late read sees; None if there is none, or more than one.

    A block that is given a name's value and goes on with it is one version to its own code.
    """
    if len(late.versions) == 1:
        return next(iter(late.versions))
    own = versions.own[late.block].get(late.name)
    if own is None or own not in late.versions:
        return None
    return own if late.versions <= {own, versions.versions[own].previous} else None


def dependencies(versions: Versions, blocks: Sequence[Block]) -> list[set[int]]:
    """For each block, the blocks whose names it uses."""
    parents: list[set[int]] = [set() for _ in blocks]
    shared = readers(blocks, versions).of_version
    for number, users in enumerate(shared):
        for user in users:
            parents[user].add(versions.versions[number].block)
    return parents


class _Search:
    def __init__(
        self,
        atoms: list[Atom],
        identifiers: Collection[str],
        pinned: Collection[str],
        may_copy: bool = True,
    ) -> None:
        self.atoms, self.identifiers, self.pinned = atoms, identifiers, pinned
        self.may_copy = may_copy
        self.merged_conflicts = 0
        self.blocks: dict[Part, Block] = {}
        self.repairs: list[Repair] = []
        self.copied: dict[tuple[int, int], int] = {}  # (atom, where) -> the copy's number
        self.whole: dict[int, int] = {}  # atom -> its cell's first atom, for parted cells
        self.trials = 0

    def run(self, sizes: Sequence[int]) -> _Trial:
        parts: list[Part] = []
        start = 0
        for size in sizes:
            parts.append(tuple(range(start, start + size)))
            start += size
        trial = self.try_parts(parts)
        for _ in range(2 * len(self.atoms) + 20):
            better = self.repair(trial)
            if better is None:
                break
            trial = self.try_parts(better)
        if trial.conflicts or trial.cycles or trial.naming.clashes:  # one block is always right
            trial = self.try_parts([tuple(range(sum(sizes)))])
            cells = tuple(sorted({atom.cell for atom in self.atoms}))
            self.repairs.append(Repair("merge", cells, (), "their names could not be told apart"))
            return trial
        return self.put_together(trial)

    def try_parts(self, parts: Iterable[Part]) -> _Trial:
        self.trials += 1
        kept = tuple(part for part in parts if part)
        blocks = tuple(self.block(part) for part in kept)
        versions = trace_versions(blocks)
        naming = choose_names(blocks, versions, self.identifiers, self.pinned)
        conflicts = tuple(
            late
            for late in versions.late
            if len(late.versions) > 1 and resolve_late(versions, late) is None
        )
        parents = dependencies(versions, blocks)
        cycles = tuple(c for c in components(parents) if len(c) > 1)
        pulled = _pulled(blocks, parents) if not cycles else ()
        return _Trial(kept, blocks, versions, naming, conflicts, cycles, pulled)

    def block(self, part: Part) -> Block:
        if part not in self.blocks:
            self.blocks[part] = Block.of([self.atoms[number] for number in part])
        return self.blocks[part]

    # repairs, cheapest first

    def repair(self, trial: _Trial) -> list[Part] | None:
        if trial.conflicts:
            again = self.define_again(trial) if self.may_copy else None
            return again or self.merge_conflict(trial, trial.conflicts[0])
        if trial.naming.clashes:
            return self.merge_clash(trial, trial.naming.clashes[0])
        if trial.cycles:
            members = sorted({block for cycle in trial.cycles for block in cycle})
            return self.part_cells(trial, members) or self.merge_cycle(trial, trial.cycles[0])
        if trial.pulled:
            return self.part_cells(trial, trial.pulled)
        return None

    def define_again(self, trial: _Trial) -> list[Part] | None:
        """Repeat a function's definition after a global that it reads has changed."""
        inserted: dict[int, list[int]] = {}
        for late in trial.conflicts:
            number = self.definition(trial, late)
            if number is None or late.held or late.name == late.definition:
                continue
            for version in sorted(late.versions)[1:]:
                where = trial.versions.versions[version].block
                if where < late.block or not self.can_run_at(trial, number, late.block, where):
                    continue
                copy = self.copy_atom(number, late, where, trial)
                if copy is not None:
                    inserted.setdefault(where, []).append(copy)
        if not inserted:
            return None
        parts: list[Part] = []
        for index, part in enumerate(trial.parts):
            copies = tuple(inserted.get(index, ()))
            if copies and self.uses_inside(trial, index, copies):
                parts.append(copies + part)
            else:
                parts.append(part)
                parts.extend((copy,) for copy in copies)
        return parts

    def can_run_at(self, trial: _Trial, number: int, block: int, where: int) -> bool:
        """Whether what the definition reads at once (annotations) is bound behind a block."""
        versions = trial.versions
        for name in self.atoms[number].facts.reads - BUILTINS:
            version = versions.reads[block].get(name, versions.own[block].get(name))
            if version is None or versions.versions[version].block > where:
                return False
        return True

    def definition(self, trial: _Trial, late: LateRead) -> int | None:
        """The atom of a definition that may be repeated, else None."""
        for number in reversed(trial.parts[late.block]):
            atom = self.atoms[number]
            if late.definition not in atom.facts.code:
                continue
            statement = atom.statements[0]
            code = atom.facts.code[late.definition]
            short = statement.end_line - statement.line < LONGEST_COPY
            fits = statement.kind == "function" and code.plain
            fits |= statement.kind == "assign" and atom.facts.calm
            if len(atom.statements) == 1 and fits and short and not code.writes:
                return number
            return None
        return None

    def copy_atom(self, number: int, late: LateRead, where: int, trial: _Trial) -> int | None:
        """A new atom that repeats a definition behind a block, once for each place."""
        origin = self.atoms[number]
        base = next(
            n for n, a in enumerate(self.atoms) if a.statements is origin.statements and not a.copy
        )
        after = trial.parts[where][-1]
        copies = sum(1 for (b, _) in self.copied if b == base)
        if (base, after) in self.copied or copies >= MOST_COPIES:
            return None
        self.atoms.append(Atom(origin.cell, origin.statements, origin.facts, copies + 1))
        self.copied[base, after] = len(self.atoms) - 1
        cells = tuple(sorted({origin.cell, self.atoms[trial.parts[where][0]].cell}))
        reason = f"`{late.definition}` looks `{late.name}` up when it is called, and it changes"
        self.repairs.append(Repair("copy", cells, (late.definition, late.name), reason))
        return len(self.atoms) - 1

    def uses_inside(self, trial: _Trial, index: int, copies: Sequence[int]) -> bool:
        """Whether the block itself uses what is defined again: then it must come first."""
        names = EMPTY.union(*(self.atoms[copy].facts.binds for copy in copies))
        return not names.isdisjoint(trial.blocks[index].facts.loads)

    def part_cells(self, trial: _Trial, members: Iterable[int]) -> list[Part] | None:
        """Part the given blocks into atoms; they are put together again as far as possible."""
        chosen = {index for index in members if len(trial.parts[index]) > 1}
        chosen = {i for i in chosen if not any(n in self.whole for n in trial.parts[i])}
        if not chosen:
            return None
        parts: list[Part] = []
        for index, part in enumerate(trial.parts):
            if index in chosen:
                parts.extend((number,) for number in part)
                self.whole.update(dict.fromkeys(part, part[0]))
            else:
                parts.append(part)
        return parts

    def merge_conflict(self, trial: _Trial, late: LateRead) -> list[Part]:
        self.merged_conflicts += 1
        blocks = {trial.versions.versions[version].block for version in late.versions}
        reason = f"`{late.definition}` is used under two values of `{late.name}`"
        names = (late.definition, late.name)
        return self.merge(trial, blocks | {late.block}, names, reason, blocks)

    def merge_clash(self, trial: _Trial, clash: frozenset[int]) -> list[Part]:
        blocks = {trial.versions.versions[version].block for version in clash}
        parted = self.part_cells(trial, blocks)
        if parted is not None:
            return parted
        name = trial.versions.versions[min(clash)].name
        reason = f"`{name}` cannot be renamed, and more than one of these cells binds it"
        binders = {index for index in blocks if name in trial.blocks[index].facts.binds}
        writers = trial.versions.writers.get(name, frozenset())
        ordered = binders | {index for index in writers if index < max(binders, default=0)}
        return self.merge(trial, blocks | ordered, (name,), reason, ordered)

    def merge_cycle(self, trial: _Trial, cycle: Sequence[int]) -> list[Part]:
        names = sorted(
            {
                name
                for index in cycle
                for name in trial.versions.own[index]
                if any(name in trial.blocks[other].facts.late for other in cycle)
            }
        )
        reason = "these cells need each other's names"
        return self.merge(trial, set(cycle), tuple(names), reason)

    def merge(
        self,
        trial: _Trial,
        members: set[int],
        names: tuple[str, ...],
        reason: str,
        ordered: Collection[int] = (),
    ) -> list[Part]:
        """Put blocks into one, with every block between them whose effects keep their place.

        `ordered` are blocks that bind one name after the other: what runs between them sees
        the value that is current there, so they keep their place even if they are calm.
        """
        firm = [i for i in sorted(members) if i in ordered or not trial.blocks[i].facts.calm]
        place = firm[-1] if firm else max(members)
        if firm:
            between = range(firm[0], firm[-1] + 1)
            members = members | {i for i in between if not trial.blocks[i].facts.calm}
        while crossed := self.crossed(trial, members, place):
            members = members | crossed
        numbers = self.in_running_order(trial, sorted(members), place)
        cells = tuple(sorted({self.atoms[n].cell for n in numbers}))
        self.repairs.append(Repair("merge", cells, names, reason))
        return self.replace_parts(trial, members, place, numbers)

    def crossed(self, trial: _Trial, members: Collection[int], place: int) -> set[int]:
        """Blocks that a member must not pass on its way to the merged block's place.

        Passing one is harmless if neither binds a name that the other binds or reads; what a
        function looks up when it is called is resolved where it is called.
        """
        blocks = trial.blocks
        firm = any(not blocks[index].facts.calm for index in members)
        found: set[int] = set()
        for index in range(min(members), max(members)):
            facts = blocks[index].facts
            if index in members:
                continue
            passing = [m for m in members if m < index < place or place < index < m]
            for other in (blocks[member].facts for member in passing):
                clash = facts.binds & (other.binds | other.reads | other.loads)
                needs = other.binds & facts.reads if firm and not facts.calm else EMPTY
                if clash or needs:
                    found.add(index)
        return found

    def in_running_order(self, trial: _Trial, members: Sequence[int], place: int) -> list[int]:
        """The atoms of the members as the author's cells run them.

        Calm ones come first if they alone bind what the block they come to reads.
        """
        needed = trial.blocks[place].facts.reads
        for index in members:
            needed -= trial.blocks[index].facts.binds if index <= place else EMPTY
        early = {
            number
            for index in members
            if index > place and trial.blocks[index].facts.binds & needed
            for number in trial.parts[index]
        }
        keys: dict[int, tuple[bool, int, int]] = {}
        last = -1  # the author's statement that a repeated definition stands behind
        for part in trial.parts:
            for number in part:
                last = last if self.atoms[number].copy else number
                keys[number] = (number not in early, last, number)
        return sorted((n for i in members for n in trial.parts[i]), key=keys.__getitem__)

    def replace_parts(
        self, trial: _Trial, members: Collection[int], place: int, numbers: Sequence[int]
    ) -> list[Part]:
        """The parts with the merged one; a value it ends in stays a cell, which shows it."""
        parts: list[Part] = []
        for index, part in enumerate(trial.parts):
            if index == place:
                last = self.atoms[numbers[-1]]
                ends_in_value = last.statements[-1].kind == "expression" and not last.facts.binds
                cut = len(numbers) - 1 if ends_in_value and len(numbers) > 1 else len(numbers)
                parts += [tuple(numbers[:cut]), tuple(numbers[cut:])]
            elif index not in members:
                parts.append(part)
        return [part for part in parts if part]

    # putting parted cells together again

    def put_together(self, trial: _Trial) -> _Trial:
        """Join neighbouring parts of one cell again wherever that does no harm."""
        index = 0
        while index + 1 < len(trial.parts) and self.trials < MOST_TRIALS:
            if not self.belong(trial.parts[index], trial.parts[index + 1]):
                index += 1
                continue
            joined = trial.parts[index] + trial.parts[index + 1]
            parts = [*trial.parts[:index], joined, *trial.parts[index + 2 :]]
            attempt = self.try_parts(parts)
            if self.no_worse(attempt, trial):
                trial = attempt
            else:
                index += 1
        return trial

    def belong(self, left: Part, right: Part) -> bool:
        """Whether two parts were neighbours in one cell."""
        if right[0] != left[-1] + 1 or right[0] not in self.whole or left[-1] not in self.whole:
            return False
        one_cell = len({self.atoms[n].cell for n in (*left, *right)}) == 1
        return one_cell and self.whole[left[-1]] == self.whole[right[0]]

    def no_worse(self, attempt: _Trial, trial: _Trial) -> bool:
        if attempt.sound:
            return True
        worse = attempt.cycles or attempt.conflicts or attempt.naming.clashes
        return not worse and len(attempt.pulled) <= len(trial.pulled)

    def final_repairs(self, trial: _Trial) -> tuple[Repair, ...]:
        """The repairs that can be seen in the result, each once."""
        copies = [r for r in self.repairs if r.kind == "copy"]
        return (*copies, *self.final_merges(trial), *self.final_splits(trial))

    def final_merges(self, trial: _Trial) -> Iterator[Repair]:
        for part in trial.parts:
            cells = {self.atoms[n].cell for n in part if not self.atoms[n].copy}
            causes = [r for r in self.repairs if r.kind == "merge" and cells >= set(r.cells)]
            if len(cells) > 1 and causes:
                yield Repair("merge", tuple(sorted(cells)), causes[0].names, causes[0].reason)

    def final_splits(self, trial: _Trial) -> Iterator[Repair]:
        pieces: dict[int, set[int]] = {}  # cell -> indexes of its parts
        for index, part in enumerate(trial.parts):
            for number in part:
                if number in self.whole:
                    pieces.setdefault(self.atoms[number].cell, set()).add(index)
        reason = "other cells need a part of it before the rest can run"
        for cell, indexes in pieces.items():
            if len(indexes) > 1:
                yield Repair("split", (cell,), (), reason)


def _pulled(blocks: Sequence[Block], parents: Sequence[Collection[int]]) -> tuple[int, ...]:
    """Blocks with effects that would have to wait for a block with effects further down."""
    latest = [-1] * len(blocks)  # the last block with effects among a block and its ancestors
    pulled: list[int] = []
    for component in components(parents):
        (index,) = component
        last = max((latest[parent] for parent in parents[index]), default=-1)
        if not blocks[index].facts.calm:
            if last > index:
                pulled.append(index)
            last = max(last, index)
        latest[index] = last
    return tuple(sorted(pulled))
