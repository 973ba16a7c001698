"""Choosing the name of every version, so that each global is defined in exactly one cell."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence

from msgspec import Struct

from nbtools.analysis.facts import EMPTY
from nbtools.analysis.versions import Block, Versions


class Readers(Struct, frozen=True):
    """Which blocks other than its own read each version, and which read a name unbound."""

    of_version: tuple[frozenset[int], ...]
    of_unbound: Mapping[str, frozenset[int]]


class Naming(Struct, frozen=True):
    """The names of all versions."""

    names: tuple[str, ...]  # version -> its name in the reactive notebook
    clashes: tuple[frozenset[int], ...]  # versions that need one name: their blocks must merge
    readers: Readers  # of the versions


def is_private(name: str) -> bool:
    """Whether marimo keeps the name within its cell: `_x`, `_`, `__`, but not `__x__`."""
    return name.startswith("_") and not (
        name.startswith("__") and name.endswith("__") and len(name) > 4
    )


def choose_names(
    blocks: Sequence[Block],
    versions: Versions,
    identifiers: Container[str],
    pinned: Collection[str] = EMPTY,
) -> Naming:
    """Give each version a name.

    Args:
        blocks: The blocks, in the order in which they run.
        versions: Their versions.
        identifiers: Every identifier of the notebook: a new name is none of them.
        pinned: Names that must stay as they are (parameters).
    """
    chooser = _Chooser(blocks, versions, identifiers, frozenset(pinned))
    by_name: dict[str, list[int]] = {}
    for number, version in enumerate(versions.versions):
        by_name.setdefault(version.name, []).append(number)
    for name, numbers in by_name.items():
        chooser.choose(name, numbers)
    return Naming(tuple(chooser.names), tuple(chooser.clashes), chooser.readers)


def readers(blocks: Sequence[Block], versions: Versions) -> Readers:
    """Who reads what, now and late."""
    of_version: list[set[int]] = [set() for _ in versions.versions]
    of_unbound: dict[str, set[int]] = {}
    for block in range(len(blocks)):
        for version in versions.reads[block].values():
            of_version[version].add(block)
    for late in versions.late:
        for version in late.versions:
            of_version[version].add(late.block)
    for name, block in _reads_without_value(blocks, versions):
        of_unbound.setdefault(name, set()).add(block)
    for number, own in enumerate(versions.versions):
        of_version[number].discard(own.block)
    for number, own in reversed(list(enumerate(versions.versions))):
        # What a block may leave in place it must be given, if anybody reads the result.
        facts = blocks[own.block].facts
        looked_up = own.name in facts.late or own.name in facts.reads
        if own.previous is not None and (of_version[number] or looked_up):
            of_version[own.previous] |= {own.block} - {versions.versions[own.previous].block}
    return Readers(
        tuple(map(frozenset, of_version)),
        {name: frozenset(users) for name, users in of_unbound.items()},
    )


def _reads_without_value(blocks: Sequence[Block], versions: Versions) -> Iterator[tuple[str, int]]:
    """Names and the blocks in which they stand, and mean no version: none may have that name."""
    for block, names in enumerate(versions.unbound):
        yield from ((name, block) for name in names)
    yield from ((late.name, late.block) for late in versions.late if not late.versions)
    yield from _misread(blocks, versions)


def _misread(blocks: Sequence[Block], versions: Versions) -> Iterator[tuple[str, int]]:
    """Names that marimo would link a block by, to one further down, though it has its own."""
    last: dict[str, int] = {}
    for index, block in enumerate(blocks):
        if block.facts.misread:
            last = last or {version.name: version.block for version in versions.versions}
            for name in block.facts.misread:
                if last.get(name, -1) > index and name not in versions.own[index]:
                    yield name, index


class _Chooser:
    def __init__(
        self,
        blocks: Sequence[Block],
        versions: Versions,
        identifiers: Container[str],
        pinned: frozenset[str],
    ) -> None:
        self.blocks, self.versions, self.pinned = blocks, versions, pinned
        self.identifiers = identifiers
        self.made: set[str] = set()  # names that were given so far
        self.readers = readers(blocks, versions)
        self.names = [version.name for version in versions.versions]
        self.clashes: list[frozenset[int]] = []
        self.numbers: dict[str, int] = {}  # stem -> the last number given to a fresh name
        self.fixed = fixed_versions(blocks, versions)
        self.used: list[frozenset[str]] = [_mentioned(block) for block in blocks]
        self.wanted = _maybe_named_in_strings(blocks, versions)

    def choose(self, name: str, numbers: Sequence[int]) -> None:
        if len(numbers) == 1 and name not in self.readers.of_unbound and not is_private(name):
            return  # most names: there is nothing to tell apart
        fixed = [n for n in numbers if n in self.fixed or name in self.pinned]
        if len(fixed) > 1:
            self.clashes.append(frozenset(fixed))
            return
        if is_private(name):
            for number in numbers:
                if self.readers.of_version[number]:
                    self.names[number] = self.fresh(f"{name.strip('_') or 'last'}_", "")
            return
        keeper = self.keeper(name, numbers, fixed)
        for number in numbers:
            if number != keeper:
                self.names[number] = self.rename(name, number)

    def keeper(self, name: str, numbers: Sequence[int], fixed: Sequence[int]) -> int | None:
        """The version that keeps the author's name; None if it means something else."""
        unbound = self.readers.of_unbound.get(name, EMPTY)
        free = [n for n in numbers if unbound <= {self.versions.versions[n].block}]
        if fixed:
            return fixed[0]
        if not free:
            return None

        def preference(number: int) -> tuple[bool, bool, bool, int]:
            shared = bool(self.readers.of_version[number])
            wanted = number in self.wanted
            return (not wanted, not shared, not self.is_definition(name, number), number)

        return min(free, key=preference)

    def is_definition(self, name: str, number: int) -> bool:
        """Whether the version is a function or class, whose name shows."""
        block = self.blocks[self.versions.versions[number].block]
        if name not in block.facts.code:
            return False
        return any(
            statement.kind in ("function", "class") and name in statement.facts.binds
            for atom in block.atoms
            for statement in atom.statements
        )

    def rename(self, name: str, number: int) -> str:
        block = self.versions.versions[number].block
        private = f"_{name}"
        if (
            not self.readers.of_version[number]
            and not name.startswith("_")
            and private not in self.used[block]
            and number not in self.wanted
            and not self.blocks[block].facts.open
            and not self.is_definition(name, number)
        ):
            return private
        return self.fresh(name)

    def fresh(self, stem: str, first: str = "_1") -> str:
        """A name that nothing in the notebook uses, in any role."""
        candidate, number = stem + first, self.numbers.get(stem, 1)
        while candidate in self.made or candidate in self.identifiers:
            number += 1
            candidate = f"{stem.rstrip('_')}_{number}"
        self.made.add(candidate)
        self.numbers[stem] = number
        return candidate


def fixed_versions(blocks: Sequence[Block], versions: Versions) -> frozenset[int]:
    """Versions that cannot be renamed: named in a string, bound by `import a.b` or `global`."""
    fixed: set[int] = set()
    for index, block in enumerate(blocks):
        facts = block.facts
        own, reads = versions.own[index], versions.reads[index]
        for name in facts.strings:
            fixed |= {v for v in (own.get(name), reads.get(name)) if v is not None}
        for bound in facts.imports:
            if bound.dotted and bound.bound in own:
                fixed.add(own[bound.bound])
        fixed |= {own[name] for name in facts.writes_late if name in own}
    for late in versions.late:
        if late.name in blocks[late.block].facts.strings:
            fixed |= late.versions
    return frozenset(fixed) | frozenset(_written_late(blocks, versions))


def _maybe_named_in_strings(blocks: Sequence[Block], versions: Versions) -> frozenset[int]:
    """Versions current where code may look any name up: they keep their name if they can."""
    if not any(block.facts.open for block in blocks):
        return frozenset()
    current: dict[str, int] = {}
    found: set[int] = set()
    for index, block in enumerate(blocks):
        if block.facts.open:
            found.update(current.values())
        current.update(versions.own[index])
    return frozenset(found)


def _written_late(blocks: Sequence[Block], versions: Versions) -> Iterator[int]:
    """Versions that are current where code runs that binds their name through `global`."""
    for name, writers in versions.writers.items():
        current: int | None = None
        for index in range(len(blocks)):
            before, current = current, versions.own[index].get(name, current)
            if index in writers:
                yield from (number for number in (before, current) if number is not None)


def _mentioned(block: Block) -> frozenset[str]:
    facts = block.facts
    return facts.loads | facts.late | facts.binds | facts.writes_late
