"""From blocks of statements to the source of reactive cells."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from nbtools.analysis.facts import BUILTINS, EMPTY, Facts, Statement
from nbtools.analysis.versions import Atom, Block, Versions
from nbtools.convert.imports import Imports
from nbtools.convert.log import Log
from nbtools.convert.names import is_private
from nbtools.convert.partition import Partition, resolve_late
from nbtools.convert.rewrite import (
    AssignExpression,
    CellEdit,
    DropDeletes,
    DropImports,
    Names,
    RenameNames,
    WrapExpression,
    edit_cell,
)
from nbtools.convert.scripts import Script, ends_silent, sole_call

NO_VALUE_CALLS = frozenset({"print", "display", "show_figures", "shell", "write_file"})


class Rendered(Struct, frozen=True):
    """The source of one block."""

    source: str
    cell: int | None  # the author's cell (0-based) it stands for; None: added by nbtools
    needs_marimo: bool = False  # it calls `mo`
    is_setup: bool = False  # it is the setup cell
    sources: tuple[
        int, ...
    ] = ()  # the author's cells (0-based) whose statements it runs, ascending


def render_blocks(
    scripts: Sequence[Script], imports: Imports, partition: Partition, log: Log
) -> list[Rendered]:
    """The source of every block, in running order."""
    resolver = Resolver(partition)
    return [
        _Renderer(scripts, imports, resolver, index, log).render()
        for index in range(len(partition.blocks))
    ]


class Resolver:
    """The final names of what a block's statements read, bind and look up late."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.versions: Versions = partition.versions
        self.late: dict[tuple[int, str, str], int] = {}
        for late in self.versions.late:
            version = resolve_late(self.versions, late)
            if version is not None:
                self.late[late.block, late.definition, late.name] = version
        self.read_elsewhere = _versions_read_elsewhere(self.versions)
        self.as_values = _read_as_values(self.versions, partition.blocks)
        self.asked = EMPTY.union(*(block.facts.asked for block in partition.blocks))

    def name_of(self, version: int) -> str:
        """The final name of a version."""
        return self.partition.naming.names[version]

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
            facts = self.partition.blocks[block].facts
            if name in facts.late | facts.reads or own in self.read_elsewhere:
                version = self.versions.versions[own].previous
        return version

    def may_be_unbound(self, block: int, name: str) -> bool:
        """Whether a name that the block needs when it starts may have no value then."""
        version = self.entry_version(block, name)
        return version is not None and not self.versions.versions[version].sure


def _versions_read_elsewhere(versions: Versions) -> frozenset[int]:
    found: set[int] = set()
    for reads in versions.reads:
        found.update(reads.values())
    for late in versions.late:
        found |= {v for v in late.versions if versions.versions[v].block != late.block}
    return frozenset(found)


def _read_as_values(
    versions: Versions, blocks: Sequence[Block]
) -> frozenset[tuple[str, int | None]]:
    """Names and versions that some block does other things with than to call them."""
    pairs = zip(blocks, versions.reads, strict=True)
    return frozenset(
        (name, reads.get(name)) for block, reads in pairs for name in block.facts.values
    )


class _Change(Struct, frozen=True):
    """How one name changes within a block."""

    before: str  # its name until the block binds it
    after: str  # its name from there on
    first: int  # position of the statement that binds it, among the block's; see `_Renderer`


class _Segment(Struct):
    """Neighbouring atoms of one script: a slice of its text."""

    script: int
    atoms: list[Atom]
    start: int  # position of its first statement among the block's
    after: list[str] = field(default_factory=list)  # lines to stand behind it


class _Renderer:
    def __init__(
        self,
        scripts: Sequence[Script],
        imports: Imports,
        resolver: Resolver,
        index: int,
        log: Log,
    ) -> None:
        self.scripts, self.imports, self.resolver, self.log = scripts, imports, resolver, log
        self.index = index
        self.block: Block = resolver.partition.blocks[index]
        self.statements = [(a, s) for a in self.block.atoms for s in a.statements]
        self.copies: list[str] = []  # entry copies: lines at the block's start
        self.changes: dict[str, _Change] = {}
        self.needs_marimo = False
        kept = [s for a, s in self.statements if not self.vanishes(a, s)]
        self.last = kept[-1] if kept else None  # the last statement of the rendered block

    def vanishes(self, atom: Atom, statement: Statement) -> bool:
        """Whether nothing is left of a statement: a `del` or an import that is dropped."""
        facts = statement.facts
        if statement.kind == "delete":
            return not facts.mutates and facts.deletes <= self.foreign_deletes(statement)
        dropped = self.imports.drops.get((atom.cell, statement.index), EMPTY)
        return bool(dropped) and {i.bound for i in facts.imports} <= dropped

    def render(self) -> Rendered:
        self.find_changes()
        segments = self.segments()
        texts = [self.render_segment(segment) for segment in segments]
        body = "\n".join(text for text in texts if text.strip()).strip("\n")
        if self.copies:
            body = _insert_before_code(body, self.copies)
        cell = self.scripts[self.anchor()].cell
        return Rendered(body, cell, self.needs_marimo, sources=self.authors())

    def authors(self) -> tuple[int, ...]:
        """The author's cells whose statements run here; one that is only defined again does not."""
        found = {self.scripts[atom.cell].cell for atom in self.block.atoms if not atom.copy}
        return tuple(sorted(cell for cell in found if cell is not None))

    def anchor(self) -> int:
        """The script this block stands for: that of its last statement with effects."""
        atoms = [a for a in self.block.atoms if not a.copy] or list(self.block.atoms)
        firm = [atom for atom in atoms if not atom.facts.calm]
        return (firm or atoms)[-1].cell

    # names

    def find_changes(self) -> None:
        for name, own in self.resolver.versions.own[self.index].items():
            after = self.resolver.name_of(own)
            entry = self.resolver.entry(self.index, name)
            missing = entry == name and self.finds_nothing(name)
            if entry is None or entry == after or missing:
                if after != name:
                    self.changes[name] = _Change(after, after, 0)
                continue
            first = self.straight_binding(name)
            if first is not None:
                self.changes[name] = _Change(entry, after, first)
            else:
                self.copy_entry(name, entry, after)
                self.changes[name] = _Change(after, after, 0)

    def finds_nothing(self, name: str) -> bool:
        """Whether a name that the block reads and binds has no value at all when it starts."""
        return name in self.resolver.versions.unbound[self.index] and name not in BUILTINS

    def copy_entry(self, name: str, entry: str, after: str) -> None:
        """Begin the block with the value that the name has when the block starts."""
        line = f"{after} = {entry}"
        if self.resolver.may_be_unbound(self.index, name):
            self.copies += [f'if "{entry}" in globals():', f"    {line}"]
        else:
            self.copies.append(line)
        reason = f"the cell goes on with the value that another cell gave `{name}`"
        self.report_added(self.anchor(), line, reason)

    def report_added(self, script: int, line: str, reason: str) -> None:
        cell = self.scripts[script].cell
        if cell is not None:
            self.log.edit("add", cell, f"`{line}`: {reason}")

    def straight_binding(self, name: str) -> int | None:
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
        facts = statement.facts
        late = self.late_names(position, facts)
        loads = {name: new for name, new in late.items() if name not in facts.loads}
        for name in facts.loads | facts.deletes:
            new = self.read_name(name, position)
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

    def read_name(self, name: str, position: int) -> str:
        if name in self.resolver.versions.unbound[self.index] and self.is_deleted(name, position):
            return name  # a builtin again
        change = self.changes.get(name)
        if change is not None:
            return change.before if position <= change.first else change.after
        if self.resolver.own(self.index, name) is not None:
            return name
        return self.resolver.entry(self.index, name) or name

    def is_deleted(self, name: str, position: int) -> bool:
        """Whether the block itself has deleted the name, and not bound it again."""
        for _, statement in reversed(self.statements[:position]):
            if name in statement.facts.binds | statement.facts.deletes:
                return statement.kind == "delete"
        return False

    def late_names(self, position: int, facts: Facts) -> dict[str, str]:
        names: dict[str, str] = {}
        for name in facts.late:
            new = self.late_name(name, position, facts)
            if new != name:
                names[name] = new
        return names

    def late_name(self, name: str, position: int, facts: Facts) -> str:
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

    # text

    def segments(self) -> list[_Segment]:
        segments: list[_Segment] = []
        position = 0
        for atom in self.block.atoms:
            if segments and _follows(segments[-1].atoms[-1], atom) and not segments[-1].after:
                segments[-1].atoms.append(atom)
            else:
                segments.append(_Segment(atom.cell, [atom], position))
            segments[-1].after += self.restored_names(atom)
            position += len(atom.statements)
        return segments

    def restored_names(self, atom: Atom) -> list[str]:
        """A function or class that had to be renamed keeps the name that it shows."""
        lines: list[str] = []
        for statement in atom.statements:
            for name in sorted(statement.facts.binds):
                change = self.changes.get(name)
                after = name if change is None else change.after
                if (after != name or is_private(name)) and self.shows_name(statement, name):
                    lines.append(f'{after}.__name__ = {after}.__qualname__ = "{name}"')
                    self.report_added(atom.cell, lines[-1], "it shows the name it was given")
        return lines

    def shows_name(self, statement: Statement, name: str) -> bool:
        if statement.kind == "class":
            return True
        if statement.kind != "function" or not statement.facts.code[name].plain:
            return False
        own = self.resolver.own(self.index, name)
        return name in self.block.facts.values or (name, own) in self.resolver.as_values

    def render_segment(self, segment: _Segment) -> str:
        """The segment's text; only the statements with an edit are parsed again."""
        script = self.scripts[segment.script]
        texts: list[str] = []
        position = segment.start
        for atom in segment.atoms:
            text = _slice(script, atom)
            edits = self.edits(script, segment, atom, position)
            texts.append(edit_cell(text, edits))
            position += len(atom.statements)
        return "\n".join([*texts, *segment.after])

    def edits(self, script: Script, segment: _Segment, atom: Atom, position: int) -> list[CellEdit]:
        renames: dict[int, Names] = {}
        drops: dict[int, frozenset[str]] = {}
        deletes: dict[int, frozenset[str]] = {}
        for offset, statement in enumerate(atom.statements):
            names = self.names_for(position + offset, statement)
            if names is not None:
                renames[offset] = names
                self.report_rename(script, statement, names)
            dropped = self.imports.drops.get((segment.script, statement.index))
            if dropped:
                drops[offset] = dropped
            foreign = self.foreign_deletes(statement)
            if foreign:
                deletes[offset] = foreign
                self.report_delete(script, statement, foreign)
        edits: list[CellEdit] = []
        if renames:
            edits.append(RenameNames(renames))
        if drops:
            edits.append(DropImports(drops))
        if deletes:
            edits.append(DropDeletes(deletes))
        if atom is segment.atoms[-1] or any(s is self.last for s in atom.statements):
            edits += self.display_edits(script, segment, atom)
        return edits

    def report_rename(self, script: Script, statement: Statement, names: Names) -> None:
        if script.cell is None:
            return
        line = script.line_in_cell(statement.line)
        for change in (names.loads, names.stores, names.late):
            for name, after in change.items():
                reason = _why_renamed(name, after)
                self.log.edit("rename", script.cell, reason, line=line, name=name, new_name=after)

    def foreign_deletes(self, statement: Statement) -> frozenset[str]:
        """Names of other cells that the statement deletes: marimo would wait for every reader."""
        if statement.kind != "delete":
            return EMPTY
        kept = self.resolver.versions.own[self.index].keys() | self.resolver.asked
        return statement.facts.deletes - kept

    def report_delete(self, script: Script, statement: Statement, names: frozenset[str]) -> None:
        if script.cell is not None:
            reason = f"`{', '.join(sorted(names))}` belongs to another cell, which keeps it"
            line = script.line_in_cell(statement.line)
            self.log.edit("drop", script.cell, reason, line=line, lines=1)

    def display_edits(self, script: Script, segment: _Segment, atom: Atom) -> list[CellEdit]:
        """Show what Jupyter showed in the middle, and not what it did not show at the end."""
        kept = [s for s in atom.statements if not self.vanishes(atom, s)] or [atom.statements[-1]]
        last = kept[-1]
        if last.kind != "expression" or sole_call(script, last) in NO_VALUE_CALLS:
            return []
        ends_script = last is script.statements[-1]
        ends_block = last is self.last and not segment.after
        index = atom.statements.index(last)
        silent = ends_silent(script.source if ends_script else _slice(script, atom))
        among_others = ends_script and ends_block and self.needs_marimo
        if silent or (ends_script == ends_block and not among_others):
            return []
        line = script.line_in_cell(last.line)
        if ends_script:
            self.needs_marimo = True
            self.report_display(script, line, "its value is shown, though other code follows now")
            return [WrapExpression(index, "mo.output.append(", ")")]
        self.report_display(script, line, "its value is not shown, as in Jupyter")
        return [AssignExpression(index, "_")]

    def report_display(self, script: Script, line: int | None, reason: str) -> None:
        if script.cell is not None:
            self.log.edit("replace", script.cell, reason, line=line, lines=1)


def _why_renamed(name: str, after: str) -> str:
    if after == f"_{name}":
        return f"no other cell reads this `{name}`, and another cell binds the name too"
    if is_private(name):
        return f"other cells read `{name}`; a name with a leading underscore stays in its cell"
    return f"another cell binds `{name}` too: this value has a name of its own"


def _follows(left: Atom, right: Atom) -> bool:
    if left.cell != right.cell or left.copy or right.copy:
        return False
    return right.statements[0].index == left.statements[-1].index + 1


def _slice(script: Script, atom: Atom) -> str:
    """The text of an atom with the comments above it; the cell's last goes to the end."""
    lines = script.text_lines()
    first, last = atom.statements[0].index, atom.statements[-1].index
    start = script.statements[first - 1].end_line if first else 0
    ends = last == script.statements[-1].index
    end = len(lines) if ends else atom.statements[-1].end_line
    return "\n".join(lines[start:end])


def _insert_before_code(body: str, inserted: Sequence[str]) -> str:
    """Put lines before the first line that is no comment."""
    lines = body.split("\n")
    place = 0
    while place < len(lines) and (not lines[place].strip() or lines[place].startswith("#")):
        place += 1
    return "\n".join([*lines[:place], *inserted, *lines[place:]])
