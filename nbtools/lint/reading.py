"""Files as rules see them, and the way back from a place in a cell to a place in the file."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from nbtools.cells import Cell, Notebook
from nbtools.errors import InvalidNotebookError, NotPythonError
from nbtools.lint.detection import detect_kind
from nbtools.lint.outcome import Physical, Status
from nbtools.rules.finding import DocumentEdit, Span
from nbtools.rules.program import OutputsPolicy, Program, read_program

if TYPE_CHECKING:
    from nbtools.formats.ipynb_edits import Change
    from nbtools.formats.ipynb_text import IpynbText


class Places(Protocol):
    """Where the cells' sources stand in a file."""

    def physical(self, span: Span) -> Physical:
        """Where a piece of a cell stands in the file."""

    def replace(self, sources: Mapping[int, str], document: Sequence[DocumentEdit] = ()) -> bytes:
        """The file with other sources in some cells, by their index, and what else is edited.

        Nothing else changes.

        Raises:
            ValueError: the file cannot be edited so.
        """


class File(Struct, frozen=True):
    """A notebook that was read."""

    program: Program
    places: Places
    is_notebook: bool  # .ipynb, not Python
    is_python2: bool = False  # its cells are no Python 3: one finding says it all


class Unread(Struct, frozen=True):
    """Why there is no notebook to check."""

    status: Status
    reason: str = ""
    line: int | None = None  # 1-based, in the file: where it is broken
    is_notebook: bool = True


_LINE = re.compile(r"line (\d+): ")
_LANGUAGES = {"r": "R", "ir": "R", "julia": "Julia", "javascript": "JavaScript"}


def read_file(
    data: bytes,
    *,
    name: str = "notebook.ipynb",
    folder: Path | None = None,
    builtins: frozenset[str] = frozenset(),
    outputs: OutputsPolicy | None = None,
) -> File | Unread:
    """Read a notebook of any of the three kinds; the content tells which it is.

    Args:
        data: The file.
        name: The file's name.
        folder: Where it lies; None if it is not known.
        builtins: Names that are always bound.
        outputs: What the project wants of saved outputs.
    """
    kind = detect_kind(data, name)
    if kind is None:
        return Unread("not-a-notebook", is_notebook=False)
    try:
        if kind == "ipynb":
            return _read_ipynb(data, name, folder, builtins, outputs)
        text, encoding = _decode_python(data)
        if kind == "reactive":
            return _read_reactive(_Text(text, encoding), name, folder, builtins)
        return _read_percent(_Text(text, encoding), name, folder, builtins)
    except InvalidNotebookError as error:
        found = _LINE.match(str(error))
        line = int(found[1]) if found else None
        return Unread("failed", str(error), line, is_notebook=kind == "ipynb")


def _read_ipynb(
    data: bytes,
    name: str,
    folder: Path | None,
    builtins: frozenset[str],
    outputs: OutputsPolicy | None,
) -> File | Unread:
    from nbtools.formats.ipynb import read_notebook

    notebook = read_notebook(data)
    if notebook.language != "python":
        return Unread("skipped", describe_language(notebook.language))
    program = read_program(notebook, name=name, folder=folder, builtins=builtins, outputs=outputs)
    return File(program, IpynbPlaces(data), is_notebook=True, is_python2=_is_python2(notebook))


def describe_language(language: str) -> str:
    """Why a notebook in another language is skipped: "R notebook"."""
    return f"{_LANGUAGES.get(language, language[:40])} notebook"


def _is_python2(notebook: Notebook) -> bool:
    from nbtools.formats.ipynb import require_python

    try:
        require_python(notebook)
    except NotPythonError:
        return True
    return False


class IpynbPlaces(Struct, frozen=True, dict=True):
    """The places of an .ipynb file, whose text is looked at when a place is asked for."""

    data: bytes

    @cached_property
    def _scanned(self) -> tuple[IpynbText, str]:
        from nbtools.formats.ipynb_text import read_text, scan_ipynb

        text, encoding = read_text(self.data)
        return scan_ipynb(text), encoding

    def physical(self, span: Span) -> Physical:
        """The line in the JSON; the first one of the file where the cell cannot be found."""
        file = self._scanned[0]
        if span.cell >= len(file.starts):
            return Physical(1, 1, 1, 1)
        line, column = file.place(span.cell, span.line, span.column)
        end_line, end_column = file.place(span.cell, span.end_line, span.end_column)
        return Physical(line, column, end_line, end_column)

    def replace(self, sources: Mapping[int, str], document: Sequence[DocumentEdit] = ()) -> bytes:
        """The bytes with other sources, spelled as the file does, and with what else is edited."""
        from nbtools.formats.ipynb_text import replace_in, write_text

        file, encoding = self._scanned
        text = replace_in(file, sources) if not document else _edit(file, sources, document)
        return write_text(text, encoding)


def _edit(file: IpynbText, sources: Mapping[int, str], document: Sequence[DocumentEdit]) -> str:
    from nbtools.formats.cell_ids import make_cell_ids
    from nbtools.formats.ipynb_edits import (
        DeleteValue,
        MoveCell,
        SetValue,
        change_document,
        upgrade_text,
    )

    if any(edit.action == "upgrade" for edit in document):
        if sources or len(document) > 1:
            raise ValueError("an upgrade goes with no other edit")
        ids = make_cell_ids([file.source(index) for index in range(len(file.starts))])
        return upgrade_text(file.text, ids)
    changes: list[Change] = []
    for edit in document:
        if edit.action == "set":
            changes.append(SetValue(edit.cell, edit.path, edit.value))
        elif edit.action == "delete":
            changes.append(DeleteValue(edit.cell, edit.path))
        elif edit.cell is not None and edit.before is not None:
            changes.append(MoveCell(edit.cell, edit.before))
    return change_document(file, sources, changes)


# --- notebooks in Python files --------------------------------------------------------------


def _decode_python(data: bytes) -> tuple[str, str]:
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding), encoding
    except (SyntaxError, UnicodeDecodeError):
        raise InvalidNotebookError(f"line {line}: expected UTF-8 text") from None


_LINE_END = re.compile(r"\r\n|\r|\n")


class _Text(Struct, frozen=True, dict=True):
    """A Python file."""

    text: str
    encoding: str

    @cached_property
    def lines(self) -> list[str]:
        """Its lines without their ends."""
        return _LINE_END.split(self.text.removeprefix("\ufeff"))

    @cached_property
    def ends(self) -> list[str]:
        return [*_LINE_END.findall(self.text), ""]

    @cached_property
    def newline(self) -> str:
        return self.ends[0] or "\n"

    def with_lines(self, changes: Sequence[tuple[int, int, list[str]]]) -> bytes:
        """Put lines in the place of others: each change is first, end (0-based), new lines."""
        mark = "\ufeff" if self.text.startswith("\ufeff") else ""
        pairs = list(zip(self.lines, self.ends, strict=True))
        for first, end, lines in sorted(changes, reverse=True):
            pairs[first:end] = [(line, self.newline) for line in lines]
        if pairs and len(pairs) > 1:
            pairs = [(line, end or self.newline) for line, end in pairs[:-1]] + pairs[-1:]
        return (mark + "".join(map("".join, pairs))).encode(self.encoding)


class TextPlaces(Struct, frozen=True, dict=True):
    """The places of cells whose lines are lines of a Python file, less some characters each."""

    file: _Text
    cells: tuple[Cell, ...]
    starts: tuple[int, ...]  # per cell: the file's line (1-based) of its first line
    removed: tuple[tuple[tuple[int, int], ...], ...]  # see PercentFile
    commented: tuple[bool, ...] | None = None  # of percent scripts, see PercentFile

    def physical(self, span: Span) -> Physical:
        """The line and column in the file."""
        line, column = self._place(span.cell, span.line, span.column)
        end_line, end_column = self._place(span.cell, span.end_line, span.end_column)
        return Physical(line, column, end_line, max(end_column, 1))

    def _place(self, cell: int, line: int, column: int) -> tuple[int, int]:
        removed = self.removed[cell]
        at, count = removed[line - 1] if line <= len(removed) else (0, 0)
        return self.starts[cell] + line - 1, max(column + (count if column > at else 0), 1)

    def replace(self, sources: Mapping[int, str], document: Sequence[DocumentEdit] = ()) -> bytes:
        """The file with other lines in some cells, indented as the cell is."""
        if document:
            raise ValueError("a Python file has neither metadata nor outputs")
        changes: list[tuple[int, int, list[str]]] = []
        for index, source in sorted(sources.items()):
            old, new = self.cells[index].source.split("\n"), source.split("\n")
            first = self.starts[index] - 1
            for tag, a, b, c, d in _compare(old, new):
                if tag != "equal":
                    lines = self._spell(index, new[c:d], (a, b))
                    changes.append((first + a, first + b, lines))
        return self.file.with_lines(changes)

    def _spell(self, index: int, lines: Sequence[str], old: tuple[int, int]) -> list[str]:
        """New lines as the file has them: indented, or in comments."""
        removed = self.removed[index]
        first = self.starts[index] - 1
        if self.commented is not None:
            from nbtools.formats.percent import spell_line

            return [spell_line(line, in_comment=self.commented[index]) for line in lines]
        margins = [
            self.file.lines[first + number][:count]
            for number, (_, count) in enumerate(removed)
            if count > 0
        ]
        margin = min(margins, key=len, default="")
        spelled = []
        for number, line in enumerate(lines, start=old[0]):
            own = margin
            if number < old[1]:  # the line that it takes the place of
                own = self.file.lines[first + number][: max(removed[number][1], 0)]
                own = margin if own.strip() or not own else own
            spelled.append(own + line if line.strip() or own != margin else line)
        return spelled


def _compare(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    if len(old) == len(new):  # line by line
        return [
            ("replace", i, i + 1, i, i + 1)
            for i, pair in enumerate(zip(old, new, strict=True))
            if pair[0] != pair[1]
        ]
    from difflib import SequenceMatcher  # 7 ms, for fixes alone

    return list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def _read_percent(
    file: _Text, name: str, folder: Path | None, builtins: frozenset[str]
) -> File | Unread:
    from nbtools.formats.percent import parse_percent

    found = parse_percent(file.text)
    if found.notebook.language != "python":
        return Unread("skipped", describe_language(found.notebook.language), is_notebook=False)
    places = TextPlaces(file, found.notebook.cells, found.lines, found.removed, found.commented)
    program = read_program(found.notebook, name=name, folder=folder, builtins=builtins)
    return File(program, places, is_notebook=False)


def _read_reactive(
    file: _Text, name: str, folder: Path | None, builtins: frozenset[str]
) -> File | Unread:
    from nbtools.formats.reactive_reader import parse_reactive

    found = parse_reactive(file.text)
    cells = tuple(
        Cell(index, "code", cell.source) for index, cell in enumerate(found.notebook.cells)
    )
    removed = tuple(
        _indentation(file.lines, start, cell.source)
        for cell, start in zip(cells, found.lines, strict=True)
    )
    places = TextPlaces(file, cells, found.lines, removed)
    program = read_program(
        Notebook(cells), kind="reactive", name=name, folder=folder, builtins=builtins
    )
    return File(program, places, is_notebook=False)


def _indentation(lines: list[str], start: int, source: str) -> tuple[tuple[int, int], ...]:
    """How much further left each line of a cell stands than in the file."""
    removed: list[tuple[int, int]] = []
    for number, text in enumerate(source.split("\n"), start=start - 1):
        line = lines[number] if number < len(lines) else ""
        at = line.find(text) if text else 0
        removed.append((0, at if at >= 0 else len(line) - len(text)))
    return tuple(removed)
