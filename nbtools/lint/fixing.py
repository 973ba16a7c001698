"""Mending what was found: edits made in the sources, until there is nothing left to mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from nbtools.lint.reading import File, Unread
from nbtools.rules.edits import apply_edits
from nbtools.rules.finding import DocumentEdit, Edit, Finding, Fix, Span

ROUNDS = 10
"""One fix may make room for the next; fixes that never come to rest are left where they are."""

_Read = Callable[[bytes], File | Unread]
_Check = Callable[[File], tuple[Finding, ...]]
_Allow = Callable[[Finding], bool]
_Mend = Callable[[File, Finding], Fix | None]


class State(Struct, frozen=True):
    """A file between two rounds."""

    data: bytes
    file: File
    found: tuple[Finding, ...]


class Fixing(Struct, frozen=True):
    """What mending came to."""

    state: State
    fixed: Mapping[str, int]  # code -> findings that were mended


def fix_findings(
    start: State,
    read: _Read,
    check: _Check,
    allow: _Allow,
    mend: _Mend | None = None,
) -> Fixing:
    """Make all fixes that are allowed, and those that become possible by them.

    A fix is left out if its edits overlap with those of an earlier one in the text (it may come
    in the next round), if a cell that could be parsed no longer can, or if something is found
    afterwards that was not found before.

    Args:
        start: The file and what was found in it.
        read: Reads a file's bytes.
        check: Finds what is wrong in a file.
        allow: Whether the fix of a finding is wanted.
        mend: The fix of a finding, asked only for those whose fix is wanted; None: its own.
    """
    state = start
    fixed: Counter[str] = Counter()
    for _ in range(ROUNDS):
        wanted = (finding for finding in state.found if allow(finding))
        if mend is not None:
            wanted = (replace(each, fix=mend(state.file, each)) for each in wanted)
        chosen = choose_fixes(wanted)
        state, done = _make(state, chosen, read, check)
        fixed.update(finding.code for finding in done)
        if not done:
            break
    return Fixing(state, fixed)


def choose_fixes(found: Iterable[Finding]) -> list[Finding]:
    """Findings whose fixes can be made together: where two overlap, the first one in the text."""
    chosen: list[Finding] = []
    taken: list[_AnyEdit] = []
    known: set[_AnyEdit] = set()
    for finding in found:
        edits: list[_AnyEdit] = []
        if finding.fix:
            edits += finding.fix.edits
            edits += finding.fix.document
        if not edits:
            continue
        new = [edit for edit in edits if edit not in known]
        if any(_exclude(edit, other) for edit in new for other in taken):
            continue
        if new and len(new) < len(edits):
            continue  # another fix does half of it
        chosen.append(finding)
        taken += new
        known.update(new)
    return chosen


_AnyEdit = Edit | DocumentEdit


def _exclude(one: _AnyEdit, other: _AnyEdit) -> bool:
    """Whether two edits cannot be made at once."""
    if isinstance(one, Edit) and isinstance(other, Edit):
        return _overlap(one.span, other.span)
    if isinstance(one, DocumentEdit) and isinstance(other, DocumentEdit):
        if "upgrade" in (one.action, other.action):
            return True
        if "move" in (one.action, other.action) and one.changes_order and other.changes_order:
            return True
        depth = min(len(one.path), len(other.path))
        return one.cell == other.cell and one.path[:depth] == other.path[:depth]
    change, edit = (one, other) if isinstance(one, DocumentEdit) else (other, one)
    if not (isinstance(change, DocumentEdit) and isinstance(edit, Edit)):
        return False
    return change.action == "upgrade" or (change.changes_order and change.cell == edit.span.cell)


def _overlap(a: Span, b: Span) -> bool:
    """Whether two places share a character, or one is inserted where the other one is."""
    if a.cell != b.cell:
        return False
    first, last = sorted((_ends(a), _ends(b)))
    return last[0] < first[1] or last[0] == first[0]


def _ends(span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    return (span.line, span.column), (span.end_line, span.end_column)


# --- one round ------------------------------------------------------------------------------


def _make(
    state: State, chosen: Sequence[Finding], read: _Read, check: _Check
) -> tuple[State, list[Finding]]:
    """The state after the fixes; of those that do harm together, as many as can be made."""
    done: list[Finding] = []
    reached = state
    pending = [list(chosen)] if chosen else []
    while pending:
        group = pending.pop()
        after = _try(state, [*done, *group], read, check)
        if after is not None:
            done += group
            reached = after
        elif len(group) > 1:  # halves: one bad fix among many costs few attempts
            half = len(group) // 2
            pending += group[half:], group[:half]
    return reached, done


def _try(state: State, chosen: Sequence[Finding], read: _Read, check: _Check) -> State | None:
    """The state after all of the fixes; None if they do harm, or cannot be written."""
    sources, document = _collect(state.file, chosen)
    if not (sources or document):
        return None
    try:
        data = state.file.places.replace(sources, document)
    except ValueError:
        return None
    file = read(data)
    if data == state.data or isinstance(file, Unread):
        return None
    if not _is_as_meant(state.file, file, sources, document):
        return None
    found = check(file)
    new = Counter(finding.code for finding in found)
    return None if new - Counter(f.code for f in state.found) else State(data, file, found)


def _collect(
    file: File, chosen: Sequence[Finding]
) -> tuple[Mapping[int, str], Sequence[DocumentEdit]]:
    """The new sources of the cells that change, and what else of the file does."""
    by_cell: dict[int, list[Edit]] = {}
    document: dict[DocumentEdit, None] = {}
    for finding in chosen:
        for edit in finding.fix.edits if finding.fix else ():
            by_cell.setdefault(edit.span.cell, []).append(edit)
        document.update(dict.fromkeys(finding.fix.document if finding.fix else ()))
    cells = file.program.notebook.cells
    sources = {
        index: source
        for index, edits in sorted(by_cell.items())
        if (source := apply_edits(cells[index].source, edits)) != cells[index].source
    }
    return sources, list(document)


def _is_as_meant(
    before: File, after: File, sources: Mapping[int, str], document: Sequence[DocumentEdit]
) -> bool:
    """Whether the file holds the sources that were meant, and no cell was broken by them."""
    old, new = before.program, after.program
    order = _order_after(len(old.notebook.cells), document)
    kept = [old.notebook.cells[index] for index in order]
    wanted = [sources.get(cell.index, cell.source) for cell in kept]
    written = [cell.source for cell in new.notebook.cells]
    if not after.is_notebook:  # blank lines at the end are no part of such cells
        wanted, written = [s.rstrip() for s in wanted], [s.rstrip() for s in written]
    if wanted != written or [c.kind for c in kept] != [c.kind for c in new.notebook.cells]:
        return False
    code = {cell.index: cell for cell in old.cells}
    cells = [code[index] for index in order if index in code]
    return all(b.refusal is None or a.refusal for a, b in zip(cells, new.cells, strict=True))


def _order_after(count: int, document: Sequence[DocumentEdit]) -> list[int]:
    """The cells in their new order, by their old numbers."""
    gone = {edit.cell for edit in document if edit.deletes_cell}
    order = [index for index in range(count) if index not in gone]
    for edit in document:
        if edit.action == "move" and edit.cell is not None and edit.before is not None:
            order.remove(edit.cell)
            order.insert(order.index(edit.before), edit.cell)
    return order
