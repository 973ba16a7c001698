"""Where the cells' sources stand in the text of an .ipynb file, and changing nothing but them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from json.decoder import scanstring  # type: ignore[attr-defined]

from msgspec import Struct

_Skip = Callable[[str, int], int]
_BLANK = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,?[ \t\n\r]*")
_KEY = re.compile(r'"([^"\\]*)"[ \t\n\r]*:[ \t\n\r]*')
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_MARK = re.compile(r'["\[\]{}]')
_ENDS_PLAIN_VALUE = re.compile(r"[^,\]}\s]*")
_NAMES = ("source", "input", "code", "text")
"""The fields that may hold a source, the one that counts first; nbformat 4 knows one only."""
_LARGE = 8_000_000
"""Characters of a file from which on saved outputs are passed over without building them."""


class CellText(Struct, frozen=True):
    """Where one cell's source stands: offsets in the file's text, ends exclusive."""

    start: int  # of the cell's JSON object
    value: tuple[int, int] | None = None  # the source's JSON value; None: the cell has none
    pieces: tuple[tuple[int, int], ...] = ()  # its strings, with their quotes
    is_list: bool = False  # a list of strings, not one string


class IpynbText(Struct, frozen=True, dict=True):
    """The text of an .ipynb file, and where its cells stand in it."""

    text: str
    starts: tuple[int, ...] = ()  # where the cells' JSON objects begin, in the notebook's order

    @cached_property
    def cells(self) -> tuple[CellText, ...]:
        """All cells; reports need those that have findings, which are few: `cell`."""
        return tuple(map(self.cell, range(len(self.starts))))

    def cell(self, cell: int) -> CellText:
        """Where the source of one cell (0-based) stands."""
        if cell not in self._read:
            self._read[cell] = _Scanner(self.text).read_cell(self.starts[cell])
        return self._read[cell]

    @cached_property
    def _read(self) -> dict[int, CellText]:
        return {}

    def source(self, cell: int) -> str:
        r"""A cell's source (0-based) as the file says it; its newlines may be "\r\n"."""
        return "".join(_read_string(self.text, start) for start, _ in self.cell(cell).pieces)

    def place(self, cell: int, line: int, column: int) -> tuple[int, int]:
        """The file's line and column of a place in a cell's source. All but the cell: 1-based.

        What stands behind the end of a line is taken for its end. A cell without a source is
        where the cell begins.
        """
        if cell not in self._beginnings:
            self._beginnings[cell] = self._begin(cell)
        start, row, first = self._beginnings[cell]
        offset = self._offset(cell, line, column)
        newline = self._newline
        row += self.text.count(newline, start, offset)
        before = self.text.rfind(newline, start, offset)
        first = before + 1 if before >= 0 else first
        return row, offset - first + 1 - (row == 1 and self.text.startswith("\ufeff"))

    def _anchor(self, cell: int) -> int:
        found = self.cell(cell)
        return found.value[0] if found.value else found.start

    def _begin(self, cell: int) -> tuple[int, int, int]:
        """Where a cell's source begins: the offset, its line (1-based), and that line's offset."""
        start, anchor, newline = self.starts[cell], self._anchor(cell), self._newline
        before = self.text.rfind(newline, start, anchor)
        first = before + 1 if before >= 0 else self._line_starts[cell]
        return anchor, self._rows[cell] + self.text.count(newline, start, anchor), first

    @cached_property
    def _beginnings(self) -> dict[int, tuple[int, int, int]]:
        return {}

    @cached_property
    def _newline(self) -> str:
        return "\r" if "\r" in self.text and "\n" not in self.text else "\n"

    @cached_property
    def _rows(self) -> list[int]:
        """Per cell: the file's line (1-based) where it begins."""
        rows: list[int] = []
        row, at = 1, 0
        for start in self.starts:
            row, at = row + self.text.count(self._newline, at, start), start
            rows.append(row)
        return rows

    @cached_property
    def _line_starts(self) -> list[int]:
        """Per cell: the offset of the file's line where it begins."""
        starts: list[int] = []
        lowest = 0
        for start in self.starts:
            found = self.text.rfind(self._newline, lowest, start)
            starts.append(found + 1 if found >= 0 else starts[-1] if starts else 0)
            lowest = start
        return starts

    @cached_property
    def _places(self) -> dict[int, list[int]]:
        return {}

    def _offset(self, cell: int, line: int, column: int) -> int:
        pieces = self.cell(cell).pieces
        if not pieces:
            return self._anchor(cell)
        if cell not in self._places:
            self._places[cell] = _find_lines(self.text, pieces)
        lines = self._places[cell]
        start = lines[min(line, len(lines)) - 1]
        return _step(self.text, pieces, start, column - 1)


def read_text(data: bytes) -> tuple[str, str]:
    """The text of a file, and the encoding that `write_text` needs to give the same bytes.

    Bytes that are not UTF-8 become lone surrogates, one each; a byte order mark stays.
    """
    encoding = json.detect_encoding(data).removesuffix("-sig")
    for mark, name in _MARKS:
        if data.startswith(mark):
            encoding = name
            break
    return data.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace"), encoding


_MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def write_text(text: str, encoding: str) -> bytes:
    """The inverse of `read_text`."""
    return text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")


def scan_ipynb(text: str) -> IpynbText:
    """Find the sources in the text of a notebook that can be read.

    The time is linear in the text, and saved outputs cost what skipping a string costs.
    For text that is no notebook the cells found may be none, or not all.
    """
    try:
        return IpynbText(text, tuple(_Scanner(text).read()))
    except (IndexError, ValueError):
        return IpynbText(text)


# --- reading JSON, as little of it as possible ----------------------------------------------


def _read_string(text: str, start: int) -> str:
    """The value of the string whose opening quote stands there."""
    value: str = scanstring(text, start + 1, False)[0]
    return value


_build_value = json.JSONDecoder(strict=False).scan_once  # type: ignore[attr-defined]


def _skip_value(text: str, at: int) -> int:
    """Where the JSON value that begins there ends."""
    try:
        end: int = _build_value(text, at)[1]
    except (ValueError, RecursionError, StopIteration):  # a number of 5000 digits, say
        return _skim_value(text, at)
    return end


def _skim_value(text: str, at: int) -> int:
    """The same, slower, but nothing is built: for what is very large or very deep."""
    depth = 0
    while True:
        mark = _MARK.search(text, at)
        if depth == 0 and (mark is None or mark.start() > at):
            found = _ENDS_PLAIN_VALUE.match(text, at)
            return found.end() if found else at
        if mark is None:
            raise ValueError
        at = mark.end()
        if mark[0] == '"':
            at = scanstring(text, at, False)[1]
        else:
            depth += 1 if mark[0] in "[{" else -1
        if depth <= 0:
            return at


class _Scanner(Struct):
    """Walks through a document: by its keys down to the sources, and past everything else."""

    text: str
    passed: int | None = None  # where the object or list that was read last ends

    @property
    def skip(self) -> _Skip:
        """Finds the end of a JSON value."""
        return _skim_value if len(self.text) > _LARGE else _skip_value

    def read(self) -> list[int]:
        """Where the cells begin."""
        start = 1 if self.text.startswith("\ufeff") else 0
        own: list[int] | None = None
        in_sheets: list[int] | None = None
        version: object = None
        for name, at in self.members(start):
            if name == "cells":
                own = self.read_cells(at)
            elif name == "worksheets":
                in_sheets = self.read_sheets(at)
            elif name == "nbformat":
                version = json.loads(self.text[at : self.skip(self.text, at)])
        if version is None:
            is_old = in_sheets is not None
        else:
            is_old = str(version).isascii() and str(version).split(".")[0] in ("1", "2", "3")
        return [*(own or ()), *(in_sheets or ())] if is_old else own or []

    def blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def next(self, at: int) -> int:
        """Where the next item begins, or the bracket that closes the last one."""
        found = _COMMA.match(self.text, at)
        return found.end() if found else at

    def members(self, at: int) -> Iterator[tuple[str, int]]:
        """The keys of the object that begins there, and where their values begin."""
        text = self.text
        at = self.blank(at)
        if text[at] != "{":
            return
        at = self.blank(at + 1)
        while text[at] != "}":
            key = _KEY.match(text, at)
            if key is not None:
                name, at = key[1], key.end()
            else:  # it has escapes, or is none
                name, at = scanstring(text, at + 1, False)
                at = self.blank(self.blank(at) + 1)
            self.passed = None
            yield name, at
            at = self.next(self.passed or self.skip(text, at))
        self.passed = at + 1

    def items(self, at: int) -> Iterator[tuple[int, int]]:
        """Where the values of the list that begins there begin and end."""
        text = self.text
        if text[at] != "[":
            return
        at = self.blank(at + 1)
        while text[at] != "]":
            end = self.skip(text, at)
            yield at, end
            at = self.next(end)

    def read_sheets(self, at: int) -> list[int]:
        found: list[int] = []
        for sheet, _ in self.items(at):
            cells: list[int] = []
            for name, value in self.members(sheet):
                if name == "cells":
                    cells = self.read_cells(value)
            found += cells
        self.passed = None
        return found

    def read_cells(self, at: int) -> list[int]:
        """The cells of a list, which is gone through once, outputs included."""
        text, found = self.text, list[int]()
        if text[at] != "[":
            return []
        skip = self.skip
        at = self.blank(at + 1)
        while text[at] != "]":
            found.append(at)
            at = self.next(skip(text, at))
        self.passed = at + 1
        return found

    def read_cell(self, start: int) -> CellText:
        self.passed = None
        values = dict(self.members(start))
        names = [name for name in _NAMES if name in values]
        return self.read_source(start, values[names[0]]) if names else CellText(start)

    def read_source(self, start: int, at: int) -> CellText:
        end = self.skip(self.text, at)
        if self.text[at] == '"':
            return CellText(start, (at, end), ((at, end),))
        if self.text[at] != "[":
            return CellText(start, (at, end))
        pieces = [piece.span() for piece in _STRING.finditer(self.text, at + 1, end - 1)]
        return CellText(start, (at, end), tuple(pieces), is_list=True)


class Member(Struct, frozen=True):
    """One key of a JSON object and its value: offsets in the text, ends exclusive."""

    key: str
    start: int  # of the key's opening quote
    key_end: int
    value: int
    end: int


def list_members(text: str, at: int) -> list[Member]:
    """The members of the object that begins there; none if there is another value."""
    found: list[Member] = []
    if text[at : at + 1] != "{":
        return found
    at = _skip_blank(text, at + 1)
    while text[at] != "}":
        key, key_end = scanstring(text, at + 1, False)
        value = _skip_blank(text, _skip_blank(text, key_end) + 1)
        end = skip_value(text, value)
        found.append(Member(key, at, key_end, value, end))
        comma = _COMMA.match(text, end)
        at = comma.end() if comma else end
    return found


def skip_value(text: str, at: int) -> int:
    """Where the JSON value that begins there ends."""
    return _skim_value(text, at)


def _skip_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


# --- from a place in a source to a place in the text ----------------------------------------

_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_SPECIAL = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)|[\r\n]", re.DOTALL)
_BREAKS = {"\\n": "\n", "\\u000a": "\n", "\n": "\n", "\\r": "\r", "\\u000d": "\r", "\r": "\r"}


def _find_lines(text: str, pieces: Sequence[tuple[int, int]]) -> list[int]:
    """The offset where each line of a source begins. CR, LF and CRLF all end a line."""
    lines = [pieces[0][0] + 1]
    after_cr: int | None = None  # where a line feed would belong to the break before it
    for number, (start, end) in enumerate(pieces):
        for special in _SPECIAL.finditer(text, start + 1, end - 1):
            kind = _BREAKS.get(special[0].lower() if len(special[0]) > 2 else special[0])
            if kind is None:
                continue
            after, last = special.end(), number
            while after == pieces[last][1] - 1 and last + 1 < len(pieces):  # some may be empty
                last += 1
                after = pieces[last][0] + 1
            if kind == "\n" and after_cr == special.start():
                lines[-1] = after
            else:
                lines.append(after)
            after_cr = after if kind == "\r" else None
    return lines


def _step(text: str, pieces: Sequence[tuple[int, int]], at: int, count: int) -> int:
    """The offset `count` characters of the source further on, but not beyond the line."""
    number = next(i for i, (_, end) in enumerate(pieces) if at < end)
    while True:
        if at >= pieces[number][1] - 1:
            if number + 1 == len(pieces):
                break
            number += 1
            at = pieces[number][0] + 1
            continue
        if count <= 0:
            break
        run = text[at : min(at + count, pieces[number][1] - 1)]
        if "\\" not in run and "\n" not in run and "\r" not in run:
            at, count = at + len(run), count - len(run)
            continue
        character = _CHARACTER.match(text, at)
        if character is None or character[0] in _BREAKS or character[0].lower() in _BREAKS:
            break
        at, count = character.end(), count - 1
    return at


# --- changing sources -----------------------------------------------------------------------


def replace_sources(text: str, sources: Mapping[int, str]) -> str:
    r"""The text with other sources in some cells, and nothing else changed.

    Lines that stay are not touched; new ones are written as the file writes its own: a list or
    one string, "\u00e9" or "é", with the same indentation and newlines.

    Args:
        text: The text of a notebook; see `read_text`.
        sources: New sources by the index of their cell; newlines are LF. Cells whose source is
            that already stay as they are, as do cells that have no source at all.
    """
    return replace_in(scan_ipynb(text), sources)


def replace_in(file: IpynbText, sources: Mapping[int, str]) -> str:
    """The same for a text that has been scanned."""
    kept: list[str] = []
    at = 0
    for start, end, new in splice_sources(file, sources):
        kept += file.text[at:start], new
        at = end
    return "".join([*kept, file.text[at:]])


def splice_sources(file: IpynbText, sources: Mapping[int, str]) -> Iterator[tuple[int, int, str]]:
    """What is to change in the text, in its order: from where, to where, and the new text."""
    writer = _Writer(file)
    places = sorted((file.cells[index].start, index) for index in sources)
    for _, index in places:
        value = file.cells[index].value
        if value is not None and _plain(file.source(index)) != sources[index]:
            yield value[0], value[1], writer.respell(index, sources[index])


_LF = re.compile("\r\n?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u(?!00[0-7])[0-9a-fA-F]{4}")
_LINE = re.compile("[^\n]*\n|[^\n]+")
_Fragment = tuple[str, str]  # a part of a source, and how the file spells it


def _plain(source: str) -> str:
    """A source as the reader gives it: LF, and no lone surrogates."""
    if _SURROGATE.search(source):
        source = source.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _LF.sub("\n", source) if "\r" in source else source


class _Writer(Struct, frozen=True, dict=True):
    """Writes sources in the style of one file."""

    file: IpynbText

    @cached_property
    def escapes(self) -> bool:
        r"""Whether the file writes "\u00e9" for "é"."""
        text = self.file.text
        if not text.isascii():
            return bool(_SURROGATE.search(text))  # bytes in some other encoding
        return bool(_ESCAPED.search(text))

    @cached_property
    def model(self) -> CellText | None:
        """A source that shows how the file lays out its lists, best one of several lines."""
        lists = [cell for cell in self.file.cells if cell.is_list and cell.pieces]
        return next((cell for cell in lists if len(cell.pieces) > 1), lists[0] if lists else None)

    def respell(self, index: int, source: str) -> str:
        cell = self.file.cells[index]
        newline = "\r\n" if "\r\n" in self.file.source(index) else "\n"
        if not cell.is_list:
            lines = [self.spell(part, newline) for part in _LINE.findall(source)]
            return f'"{"".join(_reuse(self.lines_of(cell), source, lines))}"'
        if not source:
            return "[]"
        quoted = [f'"{self.spell(part, newline)}"' for part in _LINE.findall(source)]
        kept = [
            (_plain(_read_string(self.file.text, start)), self.file.text[start:end])
            for start, end in cell.pieces
        ]
        opening, between, closing = self.layout(cell)
        return opening + between.join(_reuse(kept, source, quoted)) + closing

    def spell(self, line: str, newline: str) -> str:
        if newline != "\n" and line.endswith("\n"):
            line = line[:-1] + newline
        return json.dumps(line, ensure_ascii=self.escapes)[1:-1]

    def lines_of(self, cell: CellText) -> list[_Fragment]:
        """The lines of a source that is one string, and their spelling."""
        if not cell.pieces:
            return []
        text, end = self.file.text, cell.pieces[0][1] - 1
        starts = [*_find_lines(text, cell.pieces), end]
        spelled = [text[a:b] for a, b in pairwise(starts)]
        return [(_plain(_read_string(f'"{s}"', 0)), s) for s in spelled if s]

    def layout(self, cell: CellText) -> tuple[str, str, str]:
        """What stands before, between and behind the strings of a list."""
        model = cell if len(cell.pieces) > 1 else self.model or cell
        opening, closing = self.edges(cell if cell.pieces else model)
        if len(model.pieces) > 1:
            between = self.file.text[model.pieces[0][1] : model.pieces[1][0]]
        else:
            between = "," + opening[1:]
            if between == "," and ', "' in self.file.text:
                between = ", "
        return opening, between, closing

    def edges(self, cell: CellText) -> tuple[str, str]:
        if cell.value is None or not cell.pieces:
            return "[", "]"
        text, (start, end) = self.file.text, cell.value
        return text[start : cell.pieces[0][0]], text[cell.pieces[-1][1] : end]


def _reuse(old: Sequence[_Fragment], source: str, spelled: Sequence[str]) -> list[str]:
    """The spelling of a source, line by line: the file's own for lines that it has already.

    Args:
        old: What the file has. A fragment may hold several lines; where it ends within a line,
            that line is written anew.
        source: What is to stand there.
        spelled: Its lines, each written anew.
    """
    first = at = 0
    while first < len(old) and old[first][0] and source.startswith(old[first][0], at):
        at += len(old[first][0])
        first += 1
    while first and at < len(source) and source[at - 1] != "\n":
        first -= 1
        at -= len(old[first][0])
    last, end = len(old), len(source)
    while last > first and old[last - 1][0] and source.endswith(old[last - 1][0], at, end):
        last -= 1
        end -= len(old[last][0])
    while last < len(old) and end and source[end - 1] != "\n":
        end += len(old[last][0])
        last += 1
    lines = _LINE.findall(source)
    middle = slice(_count_lines(source, at), _count_lines(source, end))
    known = dict(old[first:last])
    anew = [known.get(*pair) for pair in zip(lines[middle], spelled[middle], strict=True)]
    return [*(s for _, s in old[:first]), *anew, *(s for _, s in old[last:])]


def _count_lines(source: str, end: int) -> int:
    """How many lines end before an offset, at which a line begins or the source ends."""
    is_open = end == len(source) and end > 0 and source[-1] != "\n"
    return source.count("\n", 0, end) + is_open
