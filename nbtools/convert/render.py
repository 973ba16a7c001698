"""From blocks of statements to the source of reactive cells."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from msgspec import Struct, field

from nbtools.analysis.facts import EMPTY, Statement
from nbtools.analysis.versions import Atom
from nbtools.convert.block_names import BlockNames, EntryCopy, Resolver
from nbtools.convert.class_names import define_inside, has_private_names
from nbtools.convert.imports import Imports
from nbtools.convert.log import Log
from nbtools.convert.names import is_private
from nbtools.convert.partition import Partition
from nbtools.convert.rewrite import (
    AssignExpression,
    CellEdit,
    DropDeletes,
    DropImports,
    Names,
    RenameNames,
    ReplaceCalls,
    WrapExpression,
    edit_cell,
)
from nbtools.convert.scripts import Script, ends_silent, sole_call
from nbtools.convert.values import statement_kind
from nbtools.syntax import parse_source, walk_nodes


class Rendered(Struct, frozen=True):
    """The source of one block."""

    source: str
    cell: int | None  # the author's cell (0-based) it stands for; None: added by nbtools
    needs: frozenset[str] = EMPTY  # of "mo" and the helpers, what its added calls need
    is_setup: bool = False  # it is the setup cell
    sources: tuple[
        int, ...
    ] = ()  # the author's cells (0-based) whose statements it runs, ascending


def render_blocks(
    scripts: Sequence[Script], imports: Imports, partition: Partition, log: Log
) -> list[Rendered]:
    """The source of every block, in running order."""
    resolver = Resolver(partition.blocks, partition.versions, partition.naming)
    return [
        _Renderer(scripts, imports, resolver, index, log).render()
        for index in range(len(partition.blocks))
    ]


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
        self.names = BlockNames(resolver, index)
        self.block, self.statements = self.names.block, self.names.statements
        self.needs: frozenset[str] = EMPTY
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
        segments = self.segments()
        texts = [self.render_segment(segment) for segment in segments]
        body = "\n".join(text for text in texts if text.strip()).strip("\n")
        first = [*self.copied_lines(), *self.lines_for_strings()]
        if first:
            body = _insert_before_code(body, first)
        cell = self.scripts[self.anchor()].cell
        return Rendered(body, cell, self.needs, sources=self.authors())

    def authors(self) -> tuple[int, ...]:
        """The author's cells whose statements run here; one that is only defined again does not."""
        found = {self.scripts[atom.cell].cell for atom in self.block.atoms if not atom.copy}
        return tuple(sorted(cell for cell in found if cell is not None))

    def anchor(self) -> int:
        """The script this block stands for: that of its last statement with effects."""
        atoms = [a for a in self.block.atoms if not a.copy] or list(self.block.atoms)
        firm = [atom for atom in atoms if not atom.facts.calm]
        return (firm or atoms)[-1].cell

    def copied_lines(self) -> list[str]:
        """The lines with which the block begins."""
        for copy in self.names.copies:
            self.report_copy(copy)
        return [line for copy in self.names.copies for line in copy.lines]

    def report_copy(self, copy: EntryCopy) -> None:
        reason = f"the cell goes on with the value that another cell gave `{copy.name}`"
        self.report_added(self.anchor(), f"{copy.after} = {copy.entry}", reason)

    def lines_for_strings(self) -> list[str]:
        """A line with the names that only strings in the block have: marimo does not look there."""
        said = set(self.names.in_strings())
        if not said:
            return []
        for atom, statement in self.statements:
            nodes = walk_nodes(parse_source(self.scripts[atom.cell].source).body[statement.index])
            said -= {node.id for node in nodes if isinstance(node, ast.Name)}
        if not said:
            return []
        line = f"{', '.join(sorted(said))}  # named in strings below"
        reason = "marimo links cells through names in code, not in strings"
        self.report_added(self.anchor(), line, reason)
        return [line]

    def report_added(self, script: int, line: str, reason: str) -> None:
        cell = self.scripts[script].cell
        if cell is not None:
            self.log.edit("add", cell, f"`{line}`: {reason}")

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
        for name, after in self.names.restored(atom):
            lines.append(f'{after}.__name__ = {after}.__qualname__ = "{name}"')
            self.report_added(atom.cell, lines[-1], "it shows the name it was given")
        return lines

    def render_segment(self, segment: _Segment) -> str:
        """The segment's text; only the statements with an edit are parsed again."""
        script = self.scripts[segment.script]
        texts: list[str] = []
        position = segment.start
        for atom in segment.atoms:
            text = _slice(script, atom)
            edits = self.edits(script, segment, atom, position)
            texts.append(self.keep_private_names(atom, edit_cell(text, edits)))
            position += len(atom.statements)
        return "\n".join([*texts, *segment.after])

    def keep_private_names(self, atom: Atom, text: str) -> str:
        """The text of a class that had to be renamed: `__x` in it is `_C__x` all the same."""
        alone = len(atom.statements) == 1 and atom.statements[0].kind == "class"
        for name, after in self.names.restored(atom) if alone else ():
            if after != name and has_private_names(text):
                self.report_added(atom.cell, f"class {name}", f"`__x` in it is `_{name}__x`")
                return define_inside(text, name, after)
        return text

    def edits(self, script: Script, segment: _Segment, atom: Atom, position: int) -> list[CellEdit]:
        renames: dict[int, Names] = {}
        drops: dict[int, frozenset[str]] = {}
        deletes: dict[int, frozenset[str]] = {}
        for offset, statement in enumerate(atom.statements):
            names = self.names.names_for(position + offset, statement)
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
                reason = _why_renamed(name, after, name in self.resolver.misread)
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
        kind = statement_kind(script, last)
        if kind == "none":
            return []
        ends_script = last is script.statements[-1]
        ends_block = last is self.last and not segment.after
        index = atom.statements.index(last)
        silent = ends_silent(script.source if ends_script else _slice(script, atom))
        among_others = ends_script and ends_block and bool(self.needs)
        if silent or (ends_script == ends_block and not among_others):
            return []
        line = script.line_in_cell(last.line)
        if ends_script:
            self.report_display(script, line, "its value is shown, though other code follows now")
            if script.ends_in_figure:
                called = sole_call(script, last) if len(atom.statements) == 1 else None
                return [self.show_figure(called or "", index)]
            is_value = kind == "value"
            self.needs |= {"mo"} if is_value else {"show_value"}
            shows = "mo.output.append" if is_value else "show_value"  # which leaves out None
            return [WrapExpression(index, f"{shows}(", ")")]
        self.report_display(script, line, "its value is not shown, as in Jupyter")
        return [AssignExpression(index, "_")]

    def show_figure(self, called: str, index: int) -> CellEdit:
        """Show the figure of a value, and close it: what follows draws on another."""
        self.needs |= {"show_figures"}
        if called.endswith(".gcf"):
            return ReplaceCalls(lambda name: name == called, "show_figures()")
        return WrapExpression(index, "show_figures(", ", here=True)")

    def report_display(self, script: Script, line: int | None, reason: str) -> None:
        if script.cell is not None:
            self.log.edit("replace", script.cell, reason, line=line, lines=1)


def _why_renamed(name: str, after: str, misread: bool) -> str:
    if after == f"_{name}":
        return f"no other cell reads this `{name}`, and another cell binds the name too"
    if is_private(name):
        return f"other cells read `{name}`; a name with a leading underscore stays in its cell"
    if misread:
        return f"marimo would take the local `{name}` of a function for this one"
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
