"""Sources with edits made, and the edits that lead from one source to another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from nbtools.rules.finding import Edit, Span
from nbtools.rules.program import Program, read_program

Sources = Mapping[int, str]
"""Index of a cell, among all of the file -> its new source."""
_TOKEN = re.compile(r"\w+|\W")


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """A cell's source with edits made that do not overlap. Places beyond the end mean the end."""
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(line: int, column: int) -> int:
        if line >= len(starts):
            return len(source)
        return min(starts[line - 1] + column - 1, starts[line] - 1)

    places = {
        (offset(e.span.line, e.span.column), offset(e.span.end_line, e.span.end_column), e.content)
        for e in edits
    }
    parts: list[str] = []
    at = 0
    for start, end, content in sorted(places):
        parts += source[at:start], content
        at = end
    return "".join([*parts, source[at:]])


def with_sources(program: Program, sources: Sources) -> Program:
    """The notebook with other sources in some cells."""
    cells = tuple(
        replace(cell, source=sources.get(cell.index, cell.source))
        for cell in program.notebook.cells
    )
    return read_program(
        replace(program.notebook, cells=cells),
        kind=program.kind,
        name=program.name,
        folder=program.folder,
        builtins=program.builtins,
        outputs=program.outputs,
    )


def edits_to(program: Program, sources: Sources) -> tuple[Edit, ...]:
    """The edits that lead to other sources, as small as they can be."""
    cells = program.notebook.cells
    return tuple(
        edit
        for index, new in sorted(sources.items())
        for edit in _edits_between(index, cells[index].source, new)
    )


def _edits_between(index: int, old: str, new: str) -> Iterator[Edit]:
    from difflib import SequenceMatcher  # 7 ms, for fixes alone

    before, after = old.split("\n"), new.split("\n")
    if len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True), start=1):
            yield from _edits_of_line(index, number, *pair)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "replace" and b - a == d - c:
            for number in range(b - a):
                row = (index, a + number + 1)
                yield from _edits_of_line(*row, before[a + number], after[c + number])
        elif tag != "equal":
            yield _edit_of_lines(index, before, (a, b), after[c:d])


def _edit_of_lines(
    index: int, before: Sequence[str], place: tuple[int, int], after: Sequence[str]
) -> Edit:
    """Whole lines for whole lines."""
    start, end = place
    content = "".join(f"{line}\n" for line in after)
    if end < len(before):
        return Edit(Span(index, start + 1, 1, end + 1, 1), content)
    last = (len(before), len(before[-1]) + 1)
    if start == 0:
        return Edit(Span(index, 1, 1, *last), content[:-1])
    above = (start, len(before[start - 1]) + 1)
    return Edit(Span(index, *above, *last), f"\n{content}"[:-1])


def _edits_of_line(index: int, number: int, old: str, new: str) -> Iterator[Edit]:
    if old == new:
        return
    from difflib import SequenceMatcher

    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    starts = [0]
    for token in before:
        starts.append(starts[-1] + len(token))
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            span = Span(index, number, starts[a] + 1, number, starts[b] + 1)
            yield Edit(span, "".join(after[c:d]))


def text_between(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """What stands between two places (line and column, 1-based) of a source."""
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] - 1 : end[1] - 1]
    middle = lines[start[0] : end[0] - 1]
    first, last = lines[start[0] - 1][start[1] - 1 :], lines[end[0] - 1][: end[1] - 1]
    return " ".join([first, *middle, last])
