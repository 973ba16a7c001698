"""The final names of what the statements of a block read, bind and look up late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from nbtools.analysis.facts import BUILTINS, EMPTY, Facts, Statement
from nbtools.analysis.versions import Atom, Block, Versions
from nbtools.convert.cell_edits import Names
from nbtools.convert.names import Naming, is_private
from nbtools.convert.partition import resolve_late


class Resolver:
    """The final names of what a block's statements read, bind and look up late."""

    def __init__(self, blocks: Sequence[Block], versions: Versions, naming: Naming) -> None:
        self.blocks, self.versions, self.naming = blocks, versions, naming
        self.late: dict[tuple[int, str, str], int] = {}
        for late in self.versions.late:
            version = resolve_late(self.versions, late)
            if version is not None:
                self.late[late.block, late.definition, late.name] = version
        users = naming.readers.of_version
        self.read_elsewhere = frozenset(version for version, each in enumerate(users) if each)
        self.as_values = _read_as_values(self.versions, blocks)
        self.asked = EMPTY.union(*(block.facts.asked for block in blocks))
        self.misread = EMPTY.union(*(block.facts.misread for block in blocks))

    def name_of(self, version: int) -> str:
        """The final name of a version."""
        return self.naming.names[version]

    def own(self, block: int, name: str) -> int | None:
        """The version that the block makes of a name."""
        return self.versions.own[block].get(name)

    def entry(self, block: int, name: str) -> str | None:
        """The name under which a block finds a name's value when it starts, if it needs it."""
        version = self.entry_version(block, name)
        if version is not None:
            return self.name_of(version)
        return name if name in self.versions.unbound[block] else None

    def entry_version(self, block: int, name: str) -> int | None:
        """The version that a block needs when it starts."""
        version = self.versions.reads[block].get(name)
        own = self.own(block, name)
        if version is None and own is not None:
            facts = self.blocks[block].facts
            if name in facts.late | facts.reads or own in self.read_elsewhere:
                version = self.versions.versions[own].previous
        return version

    def may_be_unbound(self, block: int, name: str) -> bool:
        """Whether a name that the block needs when it starts may have no value then."""
        version = self.entry_version(block, name)
        return version is not None and not self.versions.versions[version].sure


def _read_as_values(
    versions: Versions, blocks: Sequence[Block]
) -> frozenset[tuple[str, int | None]]:
    """Names and versions that some block does other things with than to call them."""
    pairs = zip(blocks, versions.reads, strict=True)
    return frozenset(
        (name, reads.get(name)) for block, reads in pairs for name in block.facts.values
    )


class EntryCopy(Struct, frozen=True):
    """A block that goes on with the value of another one begins with a copy under its own name."""

    name: str
    entry: str  # the name of the other block's value
    after: str  # the name in this block
    guarded: bool  # there may be no value

    @property
    def lines(self) -> list[str]:
        """The code that does it."""
        line = f"{self.after} = {self.entry}"
        return [f'if "{self.entry}" in globals():', f"    {line}"] if self.guarded else [line]


class _Change(Struct, frozen=True):
    """How one name changes within a block."""

    before: str  # its name until the block binds it
    after: str  # its name from there on
    first: int  # position of the statement that binds it, among the block's; see `BlockNames`


class BlockNames:
    """What becomes of the names in one block."""

    def __init__(self, resolver: Resolver, index: int) -> None:
        self.resolver, self.index = resolver, index
        self.block: Block = resolver.blocks[index]
        self.statements = [(a, s) for a in self.block.atoms for s in a.statements]
        self.copies: list[EntryCopy] = []
        self.changes: dict[str, _Change] = {}
        self._find_changes()

    def _find_changes(self) -> None:
        for name, own in self.resolver.versions.own[self.index].items():
            after = self.resolver.name_of(own)
            entry = self.resolver.entry(self.index, name)
            missing = entry == name and self._finds_nothing(name)
            if entry is None or entry == after or missing:
                if after != name:
                    self.changes[name] = _Change(after, after, 0)
                continue
            first = self._straight_binding(name)
            if first is not None:
                self.changes[name] = _Change(entry, after, first)
            else:
                guarded = self.resolver.may_be_unbound(self.index, name)
                self.copies.append(EntryCopy(name, entry, after, guarded))
                self.changes[name] = _Change(after, after, 0)

    def _finds_nothing(self, name: str) -> bool:
        """Whether a name that the block reads and binds has no value at all when it starts."""
        return name in self.resolver.versions.unbound[self.index] and name not in BUILTINS

    def _straight_binding(self, name: str) -> int | None:
        """The position of the one statement before which the old name is meant, if there is one.

        None if control flow, `+=` or code that may run on both sides blurs it: then the block
        begins with a copy under the new name and uses that throughout.
        """
        for position, (_, statement) in enumerate(self.statements):
            facts = statement.facts
            if name in facts.binds | facts.writes_late:
                sure = name in facts.always and statement.simple and not statement.augmented
                keeps = name not in facts.late or statement.kind in ("function", "class")
                return position if sure and keeps else None
            if name in facts.late:
                return None
        return None

    def names_for(self, position: int, statement: Statement) -> Names | None:
        """How the names of a statement change, by its position among the block's; None: not."""
        facts = statement.facts
        late = self._late_names(position, facts)
        loads = {name: new for name, new in late.items() if name not in facts.loads}
        for name in facts.loads | facts.deletes:
            new = self._read_name(name, position)
            if new != name:
                loads[name] = new
        stores = {
            name: self.changes[name].after
            for name in facts.binds | facts.writes_late | facts.annotated
            if name in self.changes and self.changes[name].after != name
        }
        if not (loads or stores or late):
            return None
        return Names(loads=loads, stores=stores, late=late)

    def in_strings(self) -> Iterator[str]:
        """The names of other blocks' values that strings in this one name."""
        facts, versions = self.block.facts, self.resolver.versions
        for name in sorted(facts.strings & (facts.loads | facts.late)):
            late = (self.resolver.late.get((self.index, code, name)) for code in facts.code)
            read = versions.reads[self.index].get(name)
            found = {version for version in (read, *late) if version is not None}
            if any(versions.versions[version].block != self.index for version in found):
                yield name

    def _read_name(self, name: str, position: int) -> str:
        if name in self.resolver.versions.unbound[self.index] and self._is_deleted(name, position):
            return name  # a builtin again
        change = self.changes.get(name)
        if change is not None:
            return change.before if position <= change.first else change.after
        if self.resolver.own(self.index, name) is not None:
            return name
        return self.resolver.entry(self.index, name) or name

    def _is_deleted(self, name: str, position: int) -> bool:
        """Whether the block itself has deleted the name, and not bound it again."""
        for _, statement in reversed(self.statements[:position]):
            if name in statement.facts.binds | statement.facts.deletes:
                return statement.kind == "delete"
        return False

    def _late_names(self, position: int, facts: Facts) -> dict[str, str]:
        names: dict[str, str] = {}
        for name in facts.late:
            new = self._late_name(name, position, facts)
            if new != name:
                names[name] = new
        return names

    def _late_name(self, name: str, position: int, facts: Facts) -> str:
        for definition in facts.code:
            version = self.resolver.late.get((self.index, definition, name))
            if version is not None and version != self.resolver.own(self.index, name):
                return self.resolver.name_of(version)
        if name in self.changes:
            change = self.changes[name]
            rebound = change.before != change.after and position < change.first
            return change.before if rebound else change.after
        if self.resolver.own(self.index, name) is not None:
            return name
        return self.resolver.entry(self.index, name) or name

    def restored(self, atom: Atom) -> Iterator[tuple[str, str]]:
        """Functions and classes that keep the name that they show: old name and new."""
        for statement in atom.statements:
            for name in sorted(statement.facts.binds):
                change = self.changes.get(name)
                after = name if change is None else change.after
                if (after != name or is_private(name)) and self._shows_name(statement, name):
                    yield name, after

    def _shows_name(self, statement: Statement, name: str) -> bool:
        if statement.kind == "class":
            return True
        if statement.kind != "function" or not statement.facts.code[name].plain:
            return False
        own = self.resolver.own(self.index, name)
        return name in self.block.facts.values or (name, own) in self.resolver.as_values
