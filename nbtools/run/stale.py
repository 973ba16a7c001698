"""What an edit of a reactive notebook makes stale: which cells must run again, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from msgspec import Struct
from msgspec.structs import replace

from nbtools.run.job import Job, JobCell, with_descendants


class Stale(Struct, frozen=True):
    """The next round for a process that stays."""

    job: Job  # the notebook as it is now; its cells keep the keys that they had
    changed: tuple[int, ...]  # cells (0-based) that are stale by themselves
    reasons: Mapping[int, str]  # every cell that runs again, in its order -> why
    gone: tuple[JobCell, ...]  # cells that the notebook no longer has


def find_stale(before: Job, after: Job) -> Stale:
    """Compare a notebook with what it was.

    A cell is the same if its source is, wherever it stands now. One that was edited takes the
    place of the one that stood there. Cells whose inputs come from a cell that is gone are stale.
    """
    twins = _match(before.cells, after.cells)
    keys = {new.index: _key(old) for new, old in twins.items()}
    free = max((_key(cell) for cell in before.cells), default=-1) + 1
    for cell in after.cells:
        if cell.index not in keys:
            keys[cell.index] = free
            free += 1
    job = replace(after, cells=tuple(replace(cell, key=keys[cell.index]) for cell in after.cells))
    reasons: dict[int, str] = {}
    for cell in after.cells:
        old = twins.get(cell)
        if old is None:
            reasons[cell.index] = "it is new"
        elif old.source != cell.source or old.assigns != cell.assigns:
            reasons[cell.index] = "its source changed"
    kept = {id(old) for old in twins.values()}
    gone = tuple(cell for cell in before.cells if id(cell) not in kept)
    _add_orphans(gone, twins, reasons)
    changed = tuple(reasons)
    ordered = with_descendants(job, changed)
    whole = {cell.index: reasons.get(cell.index) or _why(cell, ordered) for cell in ordered}
    return Stale(job, changed, whole, gone)


def _key(cell: JobCell) -> int:
    return cell.index if cell.key is None else cell.key


def _match(before: Sequence[JobCell], after: Sequence[JobCell]) -> dict[JobCell, JobCell]:
    """For each cell that was there already, what it was."""
    old = sorted(before, key=lambda cell: cell.index)
    new = sorted(after, key=lambda cell: cell.index)
    twins: dict[JobCell, JobCell] = {}
    used: set[int] = set()
    edited: list[tuple[JobCell, JobCell]] = []
    matcher = SequenceMatcher(None, [c.source for c in old], [c.source for c in new], False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            for left, right in zip(old[i:j], new[k:m], strict=True):
                twins[right] = left
                used.add(id(left))
        elif tag == "replace":
            edited += zip(old[i:j], new[k:m], strict=False)
    for right in new:  # it moved
        if right not in twins:
            same = (c for c in old if id(c) not in used and c.source == right.source)
            moved = next(same, None)
            if moved is not None:
                twins[right] = moved
                used.add(id(moved))
    for one, right in edited:
        if right not in twins and id(one) not in used:
            twins[right] = one
            used.add(id(one))
    return twins


def _add_orphans(
    gone: Sequence[JobCell],
    twins: Mapping[JobCell, JobCell],
    reasons: dict[int, str],
) -> None:
    """Cells that read what a cell defined that is gone."""
    now = {old.index: new for new, old in twins.items()}
    for cell in gone:
        for child in cell.children:
            new = now.get(child)
            if new is not None:
                names = ", ".join(f"`{name}`" for name in cell.defs)
                reasons.setdefault(new.index, f"a cell is gone that it needed ({names})")


def _why(cell: JobCell, ordered: Sequence[JobCell]) -> str:
    """Which stale cell it depends on, and through which names."""
    for parent in ordered:
        if cell.index in parent.children:
            words = [name for name in parent.defs if name in cell.source]
            names = ", ".join(f"`{name}`" for name in words[:3])
            of = f"cell {parent.index + 1}"
            return f"it reads {names} of {of}" if names else f"it depends on {of}"
    return "it depends on another cell"
