"""A notebook as rules see it: its cells with their facts, trees and positions, made on demand.

Everything that costs time is computed when a rule first asks for it, and once.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

from msgspec import Struct, field
from msgspec.structs import replace

from nbtools.analysis.facts import EMPTY, Facts, SourceError, Statement, compose
from nbtools.analysis.magics import PlainCell, to_plain_python
from nbtools.analysis.modules import stems_in
from nbtools.analysis.runs import names_bound
from nbtools.analysis.statements import ANNOTATIONS, read_statements, read_unannotated
from nbtools.analysis.versions import Atom, Block, Versions, atoms_of, trace_versions
from nbtools.cells import Cell, Notebook
from nbtools.convert.broken_cells import Refusal, find_refusal
from nbtools.rules.finding import Span
from nbtools.syntax import index_nodes, parse_source
from nbtools.words import holds_word

if TYPE_CHECKING:
    from nbtools.rules.directives import Usage

Kind = Literal["jupyter", "reactive"]
OutputsPolicy = Literal["keep", "strip"]
_Node = TypeVar("_Node", bound=ast.AST)
_Answer = TypeVar("_Answer")


class CodeCell(Struct, frozen=True, eq=False, dict=True):
    """One code cell: the author's text, and what it does in plain Python."""

    cell: Cell
    plain: PlainCell
    statements: tuple[Statement, ...]  # those that run
    refusal: Refusal | None = None  # why Python does not run it, or not all of it
    interpolated: frozenset[str] = EMPTY  # `$x` in magics: names that may be unbound

    @property
    def index(self) -> int:
        """0-based, among all cells of the file."""
        return self.cell.index

    @cached_property
    def facts(self) -> Facts:
        """What the whole cell does."""
        return compose(statement.facts for statement in self.statements)

    @property
    def runs(self) -> str:
        """The text of the statements that run; positions are those of `plain.source`."""
        return self.refusal.runs if self.refusal else self.plain.source

    @cached_property
    def tree(self) -> ast.Module:
        """The tree of the statements that run."""
        return parse_source(self.runs)

    @cached_property
    def _nodes(self) -> Mapping[type[ast.AST], Sequence[ast.AST]]:
        return index_nodes(self.tree.body)

    def nodes(self, kind: type[_Node]) -> Sequence[_Node]:
        """Every node of one kind in the cell, in the order of the text."""
        return self._nodes.get(kind, ())  # type: ignore[return-value]

    def node_of(self, statement: Statement) -> ast.stmt:
        """The tree of one of the cell's statements."""
        return self.tree.body[statement.index]

    @cached_property
    def author_lines(self) -> list[str]:
        """The lines that the author wrote."""
        return self.cell.source.split("\n")

    @cached_property
    def _plain_lines(self) -> list[str]:
        return self.plain.source.split("\n")

    def text_of(self, statement: Statement) -> str:
        """The author's lines of a statement; of a translated magic, the magic."""
        rows = self.plain.lines[statement.line - 1 : statement.end_line]
        return "\n".join(self.author_lines[row - 1] for row in sorted(set(rows)))

    # --- positions ---------------------------------------------------------------------------

    def span(self, node: ast.expr | ast.stmt | ast.alias | ast.arg | ast.ExceptHandler) -> Span:
        """Where a node of `tree` stands in the author's text."""
        line, column = self._place(node.lineno, node.col_offset)
        end_line, end = self._place(
            node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        )
        return Span(self.index, line, column, end_line, max(end, column + (line == end_line)))

    def first_line(self, node: ast.stmt) -> Span:
        """The first line of a statement: what is underlined of a function or a loop."""
        whole = self.span(node)
        if whole.end_line == whole.line:
            return whole
        text = self.author_lines[whole.line - 1].rstrip()
        return replace(whole, end_line=whole.line, end_column=max(len(text), whole.column) + 1)

    def line_span(self, line: int) -> Span:
        """A whole line (1-based) of the author's text, without the blanks around it."""
        text = self.author_lines[line - 1] if line <= len(self.author_lines) else ""
        start = len(text) - len(text.lstrip()) + 1
        return Span(self.index, line, start, line, max(len(text.rstrip()) + 1, start))

    @property
    def whole(self) -> Span:
        """The first line that is not blank: what stands for the cell."""
        rows = (n for n, text in enumerate(self.author_lines, start=1) if text.strip())
        return self.line_span(next(rows, 1))

    def name_span(self, name: str, within: Statement | None = None, *, store: bool = False) -> Span:
        """Where a name is first read (or bound, with `store`), in a statement or in the cell."""
        statements = self.statements if within is None else (within,)
        for statement in statements:
            places = self._mentions(name, statement, store)
            if places:
                first = min(places, key=lambda node: (node.lineno, node.col_offset))
                is_name = isinstance(first, ast.Name)
                return self.span(first) if is_name else self._word_span(name, first.lineno)
        line = statements[0].line if statements else 1
        return self._word_span(name, line)

    def _mentions(self, name: str, statement: Statement, store: bool) -> list[_Mention]:
        """The nodes of a statement that read a name, or with `store` those that bind it."""
        places = self._named.get((name, store))
        if not places:
            return []
        node = self.node_of(statement)
        start = statement.line, statement.column
        end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return [each for each in places if start <= (each.lineno, each.col_offset) < end]

    @cached_property
    def _named(self) -> Mapping[tuple[str | None, bool], Sequence[_Mention]]:
        """The nodes by the names that they read (False) or bind (True)."""
        found: defaultdict[tuple[str | None, bool], list[_Mention]] = defaultdict(list)
        for node in self.nodes(ast.Name):
            found[node.id, isinstance(node.ctx, ast.Store)].append(node)
        for kind in _DEFINING:
            for each in self.nodes(kind):
                found[_name_bound_by(each), True].append(each)
        return dict(found)

    def _place(self, row: int, offset: int) -> tuple[int, int]:
        """Line and column (1-based) in the author's text of a place (1-based, bytes) in `plain`."""
        lines, numbers = self._plain_lines, self.plain.lines
        text = lines[row - 1] if row <= len(lines) else ""
        line = numbers[min(row, len(numbers)) - 1] if numbers else row
        author = self.author_lines[min(line, len(self.author_lines)) - 1]
        before = offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace"))
        if author == text:
            return line, before + 1
        word = re.match(r"\w*", text[before:])
        return line, _find_word(author, word[0] if word else "", before)

    def _word_span(self, name: str, row: int) -> Span:
        """The first place of a word from a line of `plain` (1-based) on."""
        numbers = self.plain.lines
        start = numbers[min(row, len(numbers)) - 1] if numbers else row
        for line in range(start, len(self.author_lines) + 1):
            found = re.search(rf"(?<![\w]){re.escape(name)}(?!\w)", self.author_lines[line - 1])
            if found:
                return Span(self.index, line, found.start() + 1, line, found.end() + 1)
        return self.line_span(start)


def _find_word(text: str, word: str, near: int) -> int:
    """The column (1-based) of a word in a line that was rewritten; of its text, if not there."""
    if word:
        places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
        if places:
            return min(places, key=lambda place: abs(place - near)) + 1
    return min(len(text) - len(text.lstrip()), len(text)) + 1


_Defining = ast.alias | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler
_Mention = ast.Name | _Defining
_DEFINING: tuple[type[_Defining], ...] = get_args(_Defining)


def _name_bound_by(node: _Defining) -> str | None:
    if isinstance(node, ast.alias):
        return node.asname or node.name.partition(".")[0]
    return node.name


class Program(Struct, frozen=True, eq=False, dict=True):
    """A notebook, and what is known of its run from the top."""

    kind: Kind
    notebook: Notebook
    cells: tuple[CodeCell, ...]  # its code cells, as they stand
    name: str = "notebook.ipynb"  # the file's name
    folder: Path | None = None  # where it lies; None: unknown, as from standard input
    builtins: frozenset[str] = field(default=EMPTY)  # names the user says are always there
    usage: Usage | None = None  # for rules that run last: what the others had to do with comments
    outputs: OutputsPolicy | None = None  # what the project wants of saved outputs

    @cached_property
    def atoms(self) -> tuple[tuple[int, Atom], ...]:
        """What runs, statement by statement: the position in `cells`, and the atom."""
        runs = (pair for pair in enumerate(self.atoms_of_cells) if not self._skipped(pair[0]))
        return tuple((position, atom) for position, atoms in runs for atom in atoms)

    def _skipped(self, position: int) -> bool:
        return skips(self.cells[position].cell)

    @cached_property
    def atoms_of_cells(self) -> tuple[tuple[Atom, ...], ...]:
        """Per cell what it runs, whether or not a run leaves the cell out."""
        return tuple(atoms_of(i, cell.statements) for i, cell in enumerate(self.cells))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The cells, whether or not a run leaves them out."""
        pairs = zip(self.atoms_of_cells, self.cells, strict=True)
        return tuple(Block(atoms, cell.facts) for atoms, cell in pairs)

    @cached_property
    def run(self) -> Versions:
        """Who reads which version of a name in the run from the top; blocks are `atoms`."""
        return trace_versions([Block((atom,), atom.facts) for _, atom in self.atoms])

    @cached_property
    def binders(self) -> Mapping[str, tuple[int, ...]]:
        """Name -> positions of the cells that bind it, ascending."""
        found: dict[str, list[int]] = {}
        for position, cell in enumerate(self.cells):
            for name in cell.facts.binds | cell.facts.writes_late:
                found.setdefault(name, []).append(position)
        return {name: tuple(places) for name, places in found.items()}

    @cached_property
    def _answers(self) -> dict[Callable[[Program], object], object]:
        return {}

    def once(self, question: Callable[[Program], _Answer]) -> _Answer:
        """What a function says of this notebook: asked by many rules, computed once."""
        if question not in self._answers:
            self._answers[question] = question(self)
        return self._answers[question]  # type: ignore[return-value]

    @cached_property
    def beside(self) -> frozenset[str]:
        """The names of files and folders beside the notebook, up to their first dot."""
        return stems_in(self.folder) if self.folder else EMPTY

    @cached_property
    def text(self) -> str:
        """All code, for a quick look whether a word occurs at all."""
        return "\n".join(cell.cell.source for cell in self.cells)


def skips(cell: Cell) -> bool:
    """Whether a run leaves the cell out, by its tag."""
    return "skip-execution" in cell.tags


def read_program(
    notebook: Notebook,
    *,
    kind: Kind = "jupyter",
    name: str = "notebook.ipynb",
    folder: Path | None = None,
    builtins: frozenset[str] = EMPTY,
    outputs: OutputsPolicy | None = None,
) -> Program:
    """What rules see of a notebook. Nothing is imported or executed."""
    code = [cell for cell in notebook.cells if cell.kind == "code"]
    if kind == "reactive":
        cells = [_read_plain(cell) for cell in code]
    else:
        cells = [_read_cell(cell, EMPTY) for cell in code]
        asked = EMPTY.union(*(cell.plain.unbound for cell in cells))
        bound = asked & names_bound((cell.facts for cell in cells), folder) if asked else EMPTY
        cells = [_read_interpolated(c, bound) if c.plain.unbound & bound else c for c in cells]
        cells = _without_annotations(cells)
    return Program(kind, notebook, tuple(cells), name, folder, builtins=builtins, outputs=outputs)


def _without_annotations(cells: list[CodeCell]) -> list[CodeCell]:
    """From `from __future__ import annotations` on, annotations are text: they read nothing."""
    futures = (i for i, cell in enumerate(cells) if "annotations" in cell.facts.futures)
    first = next(futures, len(cells))
    return cells[:first] + [
        replace(cell, statements=read_unannotated(cell.runs)) if _is_annotated(cell) else cell
        for cell in cells[first:]
    ]


def _is_annotated(cell: CodeCell) -> bool:
    return any(
        getattr(node, field) for kind, field in ANNOTATIONS.items() for node in cell.nodes(kind)
    )


def _read_cell(cell: Cell, bound: frozenset[str]) -> CodeCell:
    return _parse(cell, to_plain_python(cell.source, bound))


def _read_interpolated(cell: CodeCell, bound: frozenset[str]) -> CodeCell:
    """A cell whose magics are given values of names that other cells bind."""
    return replace(_read_cell(cell.cell, bound), interpolated=cell.plain.unbound & bound)


def _read_plain(cell: Cell) -> CodeCell:
    """A cell of a reactive notebook: there is no IPython."""
    lines = tuple(range(1, cell.source.count("\n") + 2))
    return _parse(cell, PlainCell(cell.source, lines))


_MAY_NOT_COMPILE = ("break", "continue", "nonlocal", "global", "import *", "__debug__")
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")


def _parse(cell: Cell, plain: PlainCell) -> CodeCell:
    refusal: Refusal | None = None
    try:
        statements = read_statements(plain.source)
        if _may_be_refused(plain.source):
            refusal = find_refusal(plain.source)
    except SourceError:
        statements, refusal = (), find_refusal(plain.source)
    if refusal is not None:
        statements = read_statements(refusal.runs)
    return CodeCell(cell, plain, statements, refusal)


def _may_be_refused(source: str) -> bool:
    """Whether a cell that parses may still not compile, which costs as much time again to see."""
    if holds_word(source, _MAY_NOT_COMPILE):
        return True
    if "return" not in source and "yield" not in source:
        return False
    pending: list[ast.AST] = list(parse_source(source).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Return):
            return True
        if isinstance(node, ast.Expr) and isinstance(node.value, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for name in _BODIES:
                pending += getattr(node, name, ())
    return False
