"""Mending what was found: edits made in the sources, until there is nothing left to mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from nbtools.lint.reading import File, Unread
from nbtools.rules.finding import Edit, Finding, Span

ROUNDS = 10
"""One fix may make room for the next; fixes that never come to rest are left where they are."""

_Read = Callable[[bytes], File | Unread]
_Check = Callable[[File], tuple[Finding, ...]]
_Allow = Callable[[Finding], bool]


class State(Struct, frozen=True):
    """A file between two rounds."""

    data: bytes
    file: File
    found: tuple[Finding, ...]


class Fixing(Struct, frozen=True):
    """What mending came to."""

    state: State
    fixed: Mapping[str, int]  # code -> findings that were mended


def fix_findings(start: State, read: _Read, check: _Check, allow: _Allow) -> Fixing:
    """Make all fixes that are allowed, and those that become possible by them.

    A fix is left out if its edits overlap with those of an earlier one in the text (it may come
    in the next round), if a cell that could be parsed no longer can, or if something is found
    afterwards that was not found before.

    Args:
        start: The file and what was found in it.
        read: Reads a file's bytes.
        check: Finds what is wrong in a file.
        allow: Whether the fix of a finding is wanted.
    """
    state = start
    fixed: Counter[str] = Counter()
    for _ in range(ROUNDS):
        chosen = choose_fixes(finding for finding in state.found if allow(finding))
        state, done = _make(state, chosen, read, check)
        fixed.update(finding.code for finding in done)
        if not done:
            break
    return Fixing(state, fixed)


def choose_fixes(found: Iterable[Finding]) -> list[Finding]:
    """Findings whose fixes can be made together: where two overlap, the first one in the text."""
    chosen: list[Finding] = []
    taken: list[Edit] = []
    known: set[Edit] = set()
    for finding in found:
        edits = finding.fix.edits if finding.fix else ()
        if not edits:
            continue
        new = [edit for edit in edits if edit not in known]
        if any(_overlap(edit.span, other.span) for edit in new for other in taken):
            continue
        if new and len(new) < len(edits):
            continue  # another fix does half of it
        chosen.append(finding)
        taken += new
        known.update(new)
    return chosen


def _overlap(a: Span, b: Span) -> bool:
    """Whether two places share a character, or one is inserted where the other one is."""
    if a.cell != b.cell:
        return False
    first, last = sorted((_ends(a), _ends(b)))
    return last[0] < first[1] or last[0] == first[0]


def _ends(span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    return (span.line, span.column), (span.end_line, span.end_column)


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


# --- one round ------------------------------------------------------------------------------


def _make(
    state: State, chosen: Sequence[Finding], read: _Read, check: _Check
) -> tuple[State, list[Finding]]:
    """The state after the fixes; if not all of them can be made, as many as can, one by one."""
    if not chosen:
        return state, []
    after = _try(state, chosen, read, check)
    if after is not None:
        return after, list(chosen)
    done: list[Finding] = []
    reached = state
    for finding in chosen if len(chosen) > 1 else ():
        after = _try(state, [*done, finding], read, check)
        if after is not None:
            done.append(finding)
            reached = after
    return reached, done


def _try(state: State, chosen: Sequence[Finding], read: _Read, check: _Check) -> State | None:
    """The state after all of the fixes; None if they do harm, or cannot be written."""
    by_cell: dict[int, list[Edit]] = {}
    for finding in chosen:
        for edit in finding.fix.edits if finding.fix else ():
            by_cell.setdefault(edit.span.cell, []).append(edit)
    cells = state.file.program.notebook.cells
    sources = {
        index: source
        for index, edits in sorted(by_cell.items())
        if (source := apply_edits(cells[index].source, edits)) != cells[index].source
    }
    if not sources:
        return None
    data = state.file.places.replace(sources)
    file = read(data)
    if isinstance(file, Unread) or not _is_as_meant(state.file, file, sources):
        return None
    found = check(file)
    new = Counter(finding.code for finding in found)
    return None if new - Counter(f.code for f in state.found) else State(data, file, found)


def _is_as_meant(before: File, after: File, sources: Mapping[int, str]) -> bool:
    """Whether the file holds the sources that were meant, and no cell was broken by them."""
    old, new = before.program, after.program
    wanted = [sources.get(cell.index, cell.source) for cell in old.notebook.cells]
    written = [cell.source for cell in new.notebook.cells]
    if not after.is_notebook:  # blank lines at the end are no part of such cells
        wanted, written = [s.rstrip() for s in wanted], [s.rstrip() for s in written]
    if wanted != written:
        return False
    return all(b.refusal is None or a.refusal for a, b in zip(old.cells, new.cells, strict=True))
