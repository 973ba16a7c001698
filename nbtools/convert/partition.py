"""From a straight line of cells to blocks whose graph has no cycle and keeps the order.

Cells stay whole where they can. Where a cell needs a name of a cell that needs one of its own,
or a function is used under two versions of a global, the smallest repair is tried first: define
the function again after the change, part the cell between statements, merge at last.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from nbtools.analysis.facts import BUILTINS, EMPTY, Facts
from nbtools.analysis.graph import components, running_order
from nbtools.analysis.held import HOLDING_CALLS
from nbtools.analysis.versions import Atom, Block, LateRead, Versions, trace_versions
from nbtools.convert.names import Naming, Readers, choose_names

Part = tuple[int, ...]  # numbers of atoms, in the order in which they run
MOST_COPIES = 4  # of one function; a notebook that needs more is better merged
MOST_COPIES_IN_ALL = 8
LONGEST_COPY = 40  # lines; a longer function is better merged with its callers, if they are ...
NEAR = 6  # ... no more blocks below it than that
MOST_TRIALS = 400  # ways of putting parted cells together again


class Repair(Struct, frozen=True):
    """Why the partition differs from the author's cells."""

    kind: Literal["split", "merge", "copy"]
    cells: tuple[int, ...]  # as Atom.cell, ascending
    names: tuple[str, ...]  # what made it necessary
    reason: str


class Partition(Struct, frozen=True):
    """Blocks in the order in which they run, with their versions and names."""

    blocks: tuple[Block, ...]
    versions: Versions
    naming: Naming
    repairs: tuple[Repair, ...] = ()


class _Trial(Struct, frozen=True):
    """One partition, traced."""

    parts: tuple[Part, ...]
    blocks: tuple[Block, ...]
    versions: Versions
    naming: Naming
    parents: list[set[int]]  # see `dependencies`
    conflicts: tuple[LateRead, ...]
    cycles: tuple[tuple[int, ...], ...]  # blocks that need each other
    pulled: tuple[int, ...]  # blocks that would run later than they stand

    @property
    def sound(self) -> bool:
        return not (self.conflicts or self.cycles or self.pulled or self.naming.clashes)


def find_partition(
    cells: Sequence[Block],
    identifiers: Container[str],
    pinned: Collection[str] = EMPTY,
) -> Partition:
    """Choose the blocks of the reactive notebook.

    Args:
        cells: Every cell, in the order in which they run.
        identifiers: Every identifier of the notebook.
        pinned: Names that must keep their name.
    """
    search = _Search(cells, identifiers, pinned)
    trial = search.run()
    if search.copied and (search.merged_conflicts or len(search.copied) > MOST_COPIES_IN_ALL):
        # Defining functions again was not enough, or became a second notebook: merge instead.
        search = _Search(cells, identifiers, pinned, may_copy=False)
        trial = search.run()
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


def sees_many(versions: Versions, late: LateRead) -> bool:
    """Whether a late read sees more than one value; none, where the code can do without, is one."""
    if late.absent and any(versions.versions[v].block != late.block for v in late.versions):
        return True
    return len(late.versions) > 1 and resolve_late(versions, late) is None


def dependencies(versions: Versions, found: Readers, names: Sequence[str] = ()) -> list[set[int]]:
    """For each block, the blocks whose names it uses.

    With final names, a name that is not bound when it is looked up counts too, if a version got it.
    """
    parents: list[set[int]] = [set() for _ in versions.own]
    for number, users in enumerate(found.of_version):
        block = versions.versions[number].block
        if names and names[number] in found.of_unbound:
            users |= found.of_unbound[names[number]] - {block}
        for user in users:
            parents[user].add(block)
    return parents


def ancestors(parents: Sequence[Collection[int]]) -> list[set[int]]:
    """For each block of a graph without a cycle, all that it needs."""
    found: list[set[int]] = [set() for _ in parents]
    for (block,) in components(parents):
        found[block] = set(parents[block]).union(*(found[parent] for parent in parents[block]))
    return found


class _Search:
    def __init__(
        self,
        cells: Sequence[Block],
        identifiers: Container[str],
        pinned: Collection[str],
        may_copy: bool = True,
    ) -> None:
        self.cells, self.identifiers, self.pinned = cells, identifiers, pinned
        self.atoms = [atom for cell in cells for atom in cell.atoms]
        self.may_copy = may_copy
        self.merged_conflicts = 0
        self.blocks: dict[Part, Block] = {}
        self.noticed: dict[Part, bool] = {}
        self.repairs: list[Repair] = []
        self.copied: dict[tuple[int, int], int] = {}  # (atom, where) -> the copy's number
        self.whole: dict[int, int] = {}  # atom -> its cell's first atom, for parted cells
        self.trials = 0
        self.given = list(range(len(self.atoms)))  # the author's order

    def run(self) -> _Trial:
        parts: list[Part] = []
        start = 0
        for cell in self.cells:
            parts.append(tuple(range(start, start + len(cell.atoms))))
            self.blocks[parts[-1]] = cell
            start += len(cell.atoms)
        trial = self.try_parts(parts)
        for _ in range(2 * len(self.atoms) + 20):
            better = self.repair(trial)
            if better is None:
                break
            trial = self.try_parts(better)
        if trial.conflicts or trial.cycles or trial.naming.clashes:  # one block is always right
            trial = self.try_parts([tuple(self.given)])
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
        conflicts = tuple(late for late in versions.late if sees_many(versions, late))
        parents = dependencies(versions, naming.readers, naming.names)
        cycles = tuple(c for c in components(parents) if len(c) > 1)
        pulled = () if cycles else self.pulled(kept, parents)
        return _Trial(kept, blocks, versions, naming, parents, conflicts, cycles, pulled)

    def pulled(self, parts: Sequence[Part], parents: Sequence[Collection[int]]) -> tuple[int, ...]:
        """Blocks with effects that would run behind a block with effects further down."""
        furthest = -1
        found: list[int] = []
        for index in running_order(parents):
            if self.is_noticed(parts[index]):
                if index < furthest:
                    found.append(index)
                furthest = max(furthest, index)
        return tuple(sorted(found))

    def is_noticed(self, part: Part) -> bool:
        if part not in self.noticed:
            self.noticed[part] = any(_is_noticed(self.atoms[number]) for number in part)
        return self.noticed[part]

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
            return self.part_cells(trial, trial.pulled) or self.repair_order(trial)
        return None

    def repair_order(self, trial: _Trial) -> list[Part] | None:
        """Let a block with effects run where it stands: what it needs from below comes to it.

        A name that is read before anything binds it is another matter: there the later
        binding is the repair, and the reader waits for it.
        """
        above = self.waits_by_code(trial)
        for index in trial.pulled:
            below = {other for other in above[index] if other > index}
            if below:
                between = {other for other in above[index] if not below.isdisjoint(above[other])}
                parted = self.part_cells(trial, below | between)
                return parted or self.merge_below(trial, index, below)
        return None

    def pulled_by_code(self, trial: _Trial) -> list[int]:
        """The pulled blocks that wait for what their code looks up."""
        if not trial.pulled:
            return []
        above = self.waits_by_code(trial)
        return [index for index in trial.pulled if any(other > index for other in above[index])]

    def waits_by_code(self, trial: _Trial) -> list[set[int]]:
        """What each block waits for, but for the blocks that bind what is read too early."""
        early = _early_readers(trial.versions)
        return ancestors(
            [
                {parent for parent in parents if block not in early or parent < block}
                for block, parents in enumerate(trial.parents)
            ]
        )

    def merge_below(self, trial: _Trial, index: int, below: set[int]) -> list[Part]:
        names = {
            late.name
            for late in trial.versions.late
            if late.block not in below
            and any(trial.versions.versions[version].block in below for version in late.versions)
        }
        reason = "code of these cells looks up names that are bound further down"
        return self.merge(trial, below | {index}, tuple(sorted(names)), reason)

    def define_again(self, trial: _Trial) -> list[Part] | None:
        """Repeat a function's definition after a global that it reads has changed."""
        inserted: dict[int, list[int]] = {}
        for late in trial.conflicts:
            number = self.definition(trial, late)
            if number is None or late.held or late.name == late.definition:
                continue
            for version in sorted(late.versions)[0 if late.absent else 1 :]:
                where = trial.versions.versions[version].block
                if where < late.block or not self.can_run_at(trial, number, late.block, where):
                    continue
                if where - late.block <= NEAR and self.is_long(number):
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

    def is_long(self, number: int) -> bool:
        statement = self.atoms[number].statements[0]
        return statement.end_line - statement.line >= LONGEST_COPY

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
            if late.absent and late.name in code.strings:
                return None  # of a name that strings say there is only one
            fits = statement.kind == "function" and code.plain
            fits |= statement.kind == "assign" and atom.facts.calm
            if len(atom.statements) == 1 and fits and not code.writes:
                return number
            return None
        return None

    def copy_atom(self, number: int, late: LateRead, where: int, trial: _Trial) -> int | None:
        """A new atom that repeats a definition behind a block, once for each place."""
        origin = self.atoms[number]
        base = self.origin(number)
        after = trial.parts[where][-1]
        copies = sum(1 for (b, _) in self.copied if b == base)
        if (base, after) in self.copied or copies >= MOST_COPIES:
            return None
        self.atoms.append(replace(origin, copy=copies + 1))
        self.copied[base, after] = len(self.atoms) - 1
        cells = tuple(sorted({origin.cell, self.atoms[trial.parts[where][0]].cell}))
        reason = f"`{late.definition}` looks `{late.name}` up when it is called, and it changes"
        self.repairs.append(Repair("copy", cells, (late.definition, late.name), reason))
        return len(self.atoms) - 1

    def uses_inside(self, trial: _Trial, index: int, copies: Sequence[int]) -> bool:
        """Whether the block uses what is defined again, itself or by a call: it comes first."""
        names = EMPTY.union(*(self.atoms[copy].facts.binds for copy in copies))
        looked_up: dict[str, set[str]] = {}
        for late in trial.versions.late:
            looked_up.setdefault(late.definition, set()).add(late.name)
        reached = set(trial.blocks[index].facts.loads)
        pending = list(reached)
        while pending:
            new = looked_up.get(pending.pop(), set()) - reached
            reached |= new
            pending += new
        return not names.isdisjoint(reached)

    def part_cells(self, trial: _Trial, members: Iterable[int]) -> list[Part] | None:
        """Part the given blocks into atoms; they are put together again as far as possible."""
        chosen = {index for index in members if len(trial.parts[index]) > 1}
        chosen = {i for i in chosen if not any(n in self.whole for n in trial.parts[i])}
        if not chosen:
            return None
        parts: list[Part] = []
        for index, part in enumerate(trial.parts):
            if index in chosen:
                parts.extend(self.pieces(part))
                self.whole.update(dict.fromkeys(part, part[0]))
            else:
                parts.append(part)
        return parts

    def pieces(self, part: Part) -> list[Part]:
        found: list[Part] = []
        for number in part:
            if found and self.atoms[number].joined:
                found[-1] += (number,)
            else:
                found.append((number,))
        return found

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
        members, place = self.with_between(trial, members, ordered)
        while crossed := self.crossed(trial, members, place):
            members, place = self.with_between(trial, members | crossed, ordered)
        numbers = self.in_running_order(trial, sorted(members), place)
        parts = self.replace_parts(trial, members, place, numbers)
        if not self.sees_the_same(parts):
            members = set(range(min(members), max(members) + 1))
            numbers = self.in_running_order(trial, sorted(members), max(members))
            parts = self.replace_parts(trial, members, max(members), numbers)
        cells = tuple(sorted({self.atoms[n].cell for n in numbers}))
        self.repairs.append(Repair("merge", cells, names, reason))
        return parts

    def with_between(
        self, trial: _Trial, members: set[int], ordered: Collection[int]
    ) -> tuple[set[int], int]:
        """The members with the blocks between them that have effects, and where they go."""
        blocks = trial.blocks
        firm = [i for i in sorted(members) if i in ordered or not blocks[i].facts.calm]
        if not firm:
            return members, max(members)
        between = range(firm[0], firm[-1] + 1)
        return members | {i for i in between if not blocks[i].facts.calm}, firm[-1]

    def sees_the_same(self, parts: Sequence[Part]) -> bool:
        """Whether every statement sees the values that it saw in the author's order."""
        order = [number for part in parts for number in part]
        return [n for n in order if not self.atoms[n].copy] == self.given or (
            self.sight(order) == self.given_sight
        )

    @cached_property
    def given_sight(self) -> dict[tuple[int, str, str], set[int]]:
        """What each atom sees in the author's order."""
        return self.sight(self.given)

    def sight(self, order: Sequence[int]) -> dict[tuple[int, str, str], set[int]]:
        """The atoms whose values each atom, and the code it defines, sees in an order."""
        versions = trace_versions([self.block((number,)) for number in order])
        origins = [self.origin(number) for number in order]
        found: dict[tuple[int, str, str], set[int]] = {}

        def see(block: int, how: str, name: str, seen: Iterable[int]) -> None:
            makers = {origins[versions.versions[version].block] for version in seen}
            found.setdefault((origins[block], how, name), set()).update(makers)

        for block, reads in enumerate(versions.reads):
            for name, version in reads.items():
                see(block, "", name, [version])
        for made in versions.versions:
            see(made.block, "before", made.name, [] if made.previous is None else [made.previous])
        for late in versions.late:
            if not late.supposed:
                see(late.block, f"{late.definition}()", late.name, late.versions)
        return found

    def origin(self, number: int) -> int:
        """The author's atom that a repeated definition repeats; else the atom itself."""
        atom = self.atoms[number]
        if not atom.copy:
            return number
        same = (n for n, a in enumerate(self.atoms) if a.statements is atom.statements)
        return min(same)

    def crossed(self, trial: _Trial, members: Collection[int], place: int) -> set[int]:
        """Blocks that a member must not pass on its way to the merged block's place.

        Passing one is harmless if neither binds a name that the other binds or reads; what a
        function looks up when it is called is resolved where it is called.
        """
        blocks = trial.blocks
        firm = any(not blocks[index].facts.calm for index in members)
        deleted = EMPTY.union(*(blocks[index].facts.deletes for index in members))
        found: set[int] = set()
        for index in range(min(members), max(members)):
            facts = blocks[index].facts
            if index in members:
                continue
            if facts.reads & deleted:  # wherever it stands then, the name may be gone
                found.add(index)
            passing = [m for m in members if m < index < place or place < index < m]
            for other in (blocks[member].facts for member in passing):
                clash = _changed(facts) & (_changed(other) | other.reads | other.loads)
                needs = _changed(other) & facts.reads if firm and not facts.calm else EMPTY
                if clash or needs:
                    found.add(index)
        return found

    def in_running_order(self, trial: _Trial, members: Sequence[int], place: int) -> list[int]:
        """The atoms of the members as the author's cells run them.

        Calm ones come first if they bind what a block above reads before it is bound.
        """
        needed = {
            trial.versions.versions[version].block
            for index in members
            if index <= place
            for version in trial.versions.reads[index].values()
        }
        early = {n for index in members if place < index in needed for n in trial.parts[index]}
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
        """The parts with the merged one; a value it ends in stays a cell, which shows it.

        Not if it is a call's: that may draw on the figure at hand, which marimo closes with a cell.
        """
        parts: list[Part] = []
        for index, part in enumerate(trial.parts):
            if index == place:
                last = self.atoms[numbers[-1]]
                is_expression = last.statements[-1].kind == "expression"
                ends_in_value = is_expression and not (last.facts.binds or last.facts.calls)
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
                index = max(index - 1, 0)  # the part above may go with the longer one
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
        if worse or len(attempt.pulled) > len(trial.pulled):
            return False
        return len(self.pulled_by_code(attempt)) <= len(self.pulled_by_code(trial))

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


def _changed(facts: Facts) -> frozenset[str]:
    return facts.binds | facts.deletes


def _early_readers(versions: Versions) -> set[int]:
    """Blocks that read a name, or call code that does, before anything binds it."""
    found = {
        block
        for block, reads in enumerate(versions.reads)
        if any(versions.versions[version].block > block for version in reads.values())
    }
    return found | {late.block for late in versions.late if late.unbound and late.versions}


def _is_noticed(atom: Atom) -> bool:
    """Whether it matters when the atom runs, among others that have effects.

    It does not where a function is defined, and only an instance made or a wrapper called for it.
    """
    return any(
        statement.kind != "function" or not all(map(_is_constructor, statement.facts.calls))
        for statement in atom.statements
        if not statement.facts.calm
    )


def _is_constructor(called: str) -> bool:
    last = called.rsplit(".", 1)[-1]
    return last[:1].isupper() or last in HOLDING_CALLS
