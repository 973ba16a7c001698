"""Percent scripts: Python files whose cells begin with `# %%`, as jupytext writes them."""

from __future__ import annotations

import ast
import re
from typing import Any

from msgspec import Struct, field

from nbtools.cells import Cell, CellKind, Notebook

_ANY_MARKER = re.compile(rb"^# ?%%(?=[\s\[{]|\Z)", re.MULTILINE)
_MARKER = re.compile(r"# ?%%+(?:[ \t]+(?P<rest>.*)|(?P<tight>[\[{].*))?$")
_KIND = re.compile(r"\[(markdown|md|raw|code)\]")
_TAGS = re.compile(r"""["']?\btags["']?\s*[=:]\s*(\[[^\]]*\])""")
_LANGUAGE = re.compile(r"^#\s+(?:language|jupytext_language):\s*[\"']?([\w+-]+)", re.MULTILINE)
_FIRST_LINES = re.compile(r"#!|#.*?coding[:=]")
_COMMENTED = re.compile(r"(?P<indent>[ \t]*)(?P<mark># ?)(?:%{1,2}[A-Za-z]|[!?][ \t]*[\w.~$\\/{}])")
_IPYTHON = re.compile(r"[ \t]*(?:%{1,2}[A-Za-z]|[!?][ \t]*[\w.~$\\/{}])")
_QUOTES = ('"""', "'''")
_PYTHON_MAGICS = re.compile(r"# ?%%(?:time|timeit|capture|prun)\b")


class PercentFile(Struct, frozen=True):
    """A percent script as a notebook, and where its cells stand in the file."""

    notebook: Notebook
    lines: tuple[int, ...]  # per cell: the file's line (1-based) where its source starts
    removed: tuple[tuple[tuple[int, int], ...], ...] = field(default=())
    """Per cell and line: from which column (0-based) how many characters of the file's line are
    no part of the source, as the `# ` before a magic."""
    commented: tuple[bool, ...] = ()  # per cell: all its lines are comments in the file


def is_percent(data: bytes) -> bool:
    """Whether some line begins with `# %%`: cheap on any Python file."""
    return b"%%" in data and _ANY_MARKER.search(data) is not None


def parse_percent(text: str) -> PercentFile:
    """The cells of a percent script; its header and the lines with `# %%` belong to none.

    Magics that stand in comments (`# %matplotlib inline`, `# !ls`) become magics again.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    header = _header_length(lines)
    reader = _Reader()
    start, marker = header, ""
    for number in range(header, len(lines)):
        if lines[number].startswith("#") and _MARKER.match(lines[number]):
            if number > header or start > header:
                reader.add(marker, lines[start:number], start)
            marker, start = lines[number], number + 1
    reader.add(marker, lines[start:], start)
    language = _LANGUAGE.search("\n".join(lines[:header]))
    notebook = Notebook(tuple(reader.cells), language=language[1].lower() if language else "python")
    return PercentFile(
        notebook, tuple(reader.starts), tuple(reader.removed), tuple(reader.commented)
    )


def spell_line(line: str, *, in_comment: bool) -> str:
    """A new line of a code cell as such a file has it: IPython's own syntax in a comment."""
    return f"# {line}".rstrip() if in_comment or _IPYTHON.match(line) else line


def _header_length(lines: list[str]) -> int:
    """How many lines come before the first cell: `#!`, the coding, jupytext's YAML."""
    at = 0
    while at < min(2, len(lines)) and _FIRST_LINES.match(lines[at]):
        at += 1
    if at < len(lines) and lines[at].rstrip() == "# ---":
        for number in range(at + 1, len(lines)):
            if lines[number].rstrip() == "# ---":
                at = number + 1
                break
            if not lines[number].startswith("#"):
                break
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


class _Reader(Struct):
    cells: list[Cell] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    removed: list[tuple[tuple[int, int], ...]] = field(default_factory=list)
    commented: list[bool] = field(default_factory=list)

    def add(self, marker: str, lines: list[str], start: int) -> None:
        """Add the cell whose lines come from that place (0-based) of the file on."""
        while lines and not lines[-1].strip():
            lines.pop()
        if not marker and not lines:
            return  # nothing stands before the first marker
        found = _MARKER.match(marker)
        options = (found["rest"] or found["tight"] or "") if found else ""
        kind = _read_kind(options)
        if kind == "code":
            removed = _commented_magics(lines)
        else:
            lines, start, removed = _text_lines(lines, start)
        source = "\n".join(
            line[:at] + line[at + count :] for line, (at, count) in zip(lines, removed, strict=True)
        )
        self.cells.append(Cell(len(self.cells), kind, source, tags=_read_tags(options)))
        self.starts.append(start + 1)
        self.removed.append(tuple(removed))
        is_commented = kind != "code" or _is_commented_out(lines)
        self.commented.append(is_commented and all(line.startswith("#") for line in lines))


def _read_kind(options: str) -> CellKind:
    found = _KIND.search(options)
    if found is None or found[1] == "code":
        return "code"
    return "raw" if found[1] == "raw" else "markdown"


def _read_tags(options: str) -> tuple[str, ...]:
    found = _TAGS.search(options)
    if found is None:
        return ()
    try:
        tags: Any = ast.literal_eval(found[1])
    except (ValueError, SyntaxError):
        return ()
    return tuple(tag for tag in tags if isinstance(tag, str))


def _commented_magics(lines: list[str]) -> list[tuple[int, int]]:
    """What is to be removed from each line of a code cell."""
    if _is_commented_out(lines):
        return [(0, 2 if line.startswith("# ") else 1 if line else 0) for line in lines]
    return [
        (found.end("indent"), len(found["mark"])) if (found := _COMMENTED.match(line)) else (0, 0)
        for line in lines
    ]


def _is_commented_out(lines: list[str]) -> bool:
    """Whether the cell is a `%%bash` or the like, of which every line is a comment."""
    first = next((line for line in lines if line.strip()), "")
    is_magic = first.startswith(("# %%", "#%%")) and not _PYTHON_MAGICS.match(first)
    return is_magic and all(line.startswith("#") or not line for line in lines)


def _text_lines(lines: list[str], start: int) -> tuple[list[str], int, list[tuple[int, int]]]:
    """The text of a markdown or raw cell: comments, or one string in triple quotes."""
    first = lines[0].lstrip("rR") if lines else ""
    quotes = first[:3]
    if quotes in _QUOTES and lines[-1].rstrip().endswith(quotes) and lines != [quotes]:
        lines = [*lines]
        lines[-1] = lines[-1].rstrip()[:-3]
        width = len(lines[0]) - len(first) + 3
        if not lines[0][width:].strip():
            lines, start, width = lines[1:], start + 1, 0
        if lines and not lines[-1]:
            lines.pop()
        return lines, start, [(0, 0 if i else width) for i in range(len(lines))]
    return (
        lines,
        start,
        [(0, 2 if line.startswith("# ") else 1 if line.startswith("#") else 0) for line in lines],
    )
