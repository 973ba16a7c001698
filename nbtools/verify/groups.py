"""Which cells of a notebook and of its conversion belong together.

A conversion splits cells and merges them, so what is compared are groups: the smallest sets of
cells of the one and of the other that have nothing to do with the rest.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from difflib import SequenceMatcher

from msgspec import Struct


class Group(Struct, frozen=True):
    """Cells of the notebook, and the cells of the reactive notebook that do their work."""

    cells: tuple[int, ...]  # 0-based, in the order in which they run; () if nbtools added the part
    parts: tuple[int, ...]  # 0-based, ascending


def group_cells(origins: Sequence[Sequence[int]], cells: Sequence[int]) -> tuple[Group, ...]:
    """Put cells and their parts together.

    Args:
        origins: For each reactive cell, the cells of the notebook that it comes from.
        cells: The code cells of the notebook, in the order in which they run.

    Returns:
        Groups in the order of the notebook, behind those without any cell of it. A reactive cell
        that comes from text is in none.
    """
    leader = {cell: cell for cell in cells}

    def find(cell: int) -> int:
        while leader[cell] != cell:
            leader[cell] = leader[leader[cell]]
            cell = leader[cell]
        return cell

    known = [[cell for cell in origin if cell in leader] for origin in origins]
    for members in known:
        for cell in members[1:]:
            leader[find(cell)] = find(members[0])
    grouped: dict[int, list[int]] = {}
    for cell in cells:
        grouped.setdefault(find(cell), []).append(cell)
    parts: dict[int, list[int]] = {}
    added: list[Group] = []
    for part, (origin, members) in enumerate(zip(origins, known, strict=True)):
        if members:
            parts.setdefault(find(members[0]), []).append(part)
        elif not origin:
            added.append(Group((), (part,)))
    found = (Group(tuple(each), tuple(parts.get(key, ()))) for key, each in grouped.items())
    return (*added, *found)


def align_cells(
    sources: Sequence[str], origins: Sequence[tuple[int, ...]], others: Sequence[str]
) -> list[tuple[int, ...]]:
    """Where the cells of an edited conversion come from.

    Args:
        sources: The cells of a fresh conversion.
        origins: For each of them, the cells of the notebook that it comes from.
        others: The cells of the conversion at hand.

    Returns:
        The origins of the latter: a cell that is the same has those of its twin, one that was
        edited those of the cell in whose place it stands. () where there is none.
    """
    found: list[tuple[int, ...]] = [()] * len(others)
    left: list[int] = []
    free = set(range(len(sources)))
    matcher = SequenceMatcher(None, sources, others, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            for offset in range(j - i):
                found[k + offset] = origins[i + offset]
                free.discard(i + offset)
        else:
            left += range(k, m)
    for position in left:  # moved cells first, then the most alike
        twin = next((i for i in sorted(free) if sources[i] == others[position]), None)
        if twin is not None:
            found[position] = origins[twin]
            free.discard(twin)
    for position in left:
        if found[position] or not free:
            continue
        best = max(
            sorted(free), key=lambda i: _likeness(sources[i], others[position], i - position)
        )
        if _likeness(sources[best], others[position], 0) > 0.3:
            found[position] = origins[best]
            free.discard(best)
    return found


def moved_cells(origins: Sequence[tuple[int, ...]], others: Sequence[tuple[int, ...]]) -> set[int]:
    """The cells of the notebook that a conversion at hand shows in another place.

    Args:
        origins: For each reactive cell of a fresh conversion, the notebook's cells it comes from.
        others: The same for each cell of the conversion at hand.

    Returns:
        As few cells (0-based) as would have to be put back.
    """
    order = dict.fromkeys(origin for origin in origins if origin)  # of a split cell: its first part
    place = {origin: number for number, origin in enumerate(order)}
    shared = [origin for origin in dict.fromkeys(others) if origin in place]
    kept = _longest_ascent([place[origin] for origin in shared])
    return {cell for origin in shared if place[origin] not in kept for cell in origin}


def _longest_ascent(numbers: Sequence[int]) -> set[int]:
    """The longest ascending subsequence of different numbers (Schensted 1961, patience sorting)."""
    tops: list[int] = []  # of each pile, ascending
    below: dict[int, int | None] = {}
    for number in numbers:
        pile = bisect_left(tops, number)
        below[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    found: set[int] = set()
    last = tops[-1] if tops else None
    while last is not None:
        found.add(last)
        last = below[last]
    return found


def _likeness(source: str, other: str, distance: int) -> float:
    return SequenceMatcher(None, source, other, autojunk=False).ratio() - abs(distance) * 0.001


def code_cells(kinds: Sequence[str], order: Collection[int] = ()) -> list[int]:
    """The code cells in the order in which they run."""
    return [cell for cell in (order or range(len(kinds))) if kinds[cell] == "code"]
