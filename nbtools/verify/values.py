"""What names mean when a run is over: a cell that shows nothing has done something as well.

Jupyter's user could go on with these values, so a conversion must end with the same. Compared is
what has a fingerprint and is the same in every run of the original; the name in the conversion is
the one that the cell gave it which bound it last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from nbtools.run.job import Job
from nbtools.run.trace import Trace, Value
from nbtools.verify.groups import Group
from nbtools.verify.verdict import VALUE_OF, Item

_OWN = re.compile(r"_cell_(\d+)(?=_)")
"""What the process puts before a cell's own `_x`."""


class Values(Struct, frozen=True):
    """What became of the names that one group of cells binds."""

    same: int = 0  # names that end with the same value
    code: int = 0  # names of the same functions, classes and modules
    items: tuple[Item, ...] = ()  # those that do not


Place = tuple[int, str]
"""A cell of the reactive notebook, and a name that it binds."""


class Endings(Struct, frozen=True):
    """Which name of the reactive notebook stands for which of the original in the end."""

    parts: Mapping[int, Group] = {}  # the group of each part
    cells: Mapping[int, Group] = {}  # and of each cell of the original
    last: Mapping[str, int] = {}  # the original's name -> the cell that is seen to bind it last
    definers: Mapping[str, int] = {}  # the reactive notebook's name -> its part
    renamed: Mapping[str, str] | None = None  # its name -> the author's; None: they are the same
    sure: frozenset[str] | None = None  # names that no cell below may bind unseen; None: all

    def find(self, names: Mapping[str, Value]) -> Mapping[str, Place | None]:
        """For each of the original's names, what stands for it; None where that is not known.

        Args:
            names: The names that a run of the reactive notebook has in the end.
        """
        found: dict[str, list[Place]] = {}
        for place, original in self._places(names):
            found.setdefault(original, []).append(place)
        return {original: self._last_of(original, sorted(each)) for original, each in found.items()}

    def binder(self, name: str) -> Group | None:
        """The cells of the original that bind a name last, if that is known."""
        return None if self.is_unsure(name) else self.cells.get(self.last.get(name, -1))

    def is_unsure(self, name: str) -> bool:
        """Whether a star import or a script may have bound the name anew."""
        return self.sure is not None and name not in self.sure

    def _places(self, names: Mapping[str, Value]) -> Iterator[tuple[Place, str]]:
        for name in names:
            own = _OWN.match(name)
            part = int(own[1]) if own else self.definers.get(name)
            if part is None or part not in self.parts:
                continue
            if self.renamed is None:
                yield (part, name), name
            elif own is None:
                yield (part, name), self.renamed.get(name, name)
            elif name[own.end() :] in self.renamed:
                yield (part, name), self.renamed[name[own.end() :]]

    def _last_of(self, name: str, places: list[Place]) -> Place | None:
        """Of several versions of a name the last; None if that is not known."""
        if len(places) > 1:
            last = self.last.get(name)
            places = [place for place in places if last in self.parts[place[0]].cells]
        tied = [place for place in places if place[0] == places[-1][0]]
        return tied[0] if len(tied) == 1 else None


def read_endings(
    groups: Sequence[Group], original: Job | None, reactive: Job, renamed: Mapping[str, str]
) -> Endings:
    """Which name stands for which.

    Args:
        groups: The cells that belong together.
        original: The notebook, run linearly; None if the reactive one is held against itself.
        reactive: The reactive notebook.
        renamed: The reactive notebook's name -> the author's.
    """
    last: dict[str, int] = {}
    sure: set[str] | None = None
    for cell in () if original is None else original.cells:
        last.update(dict.fromkeys(cell.defs, cell.index))
        if cell.hides:
            sure = set()
        elif sure is not None:
            sure.update(cell.defs)
    return Endings(
        {part: group for group in groups for part in group.parts},
        {cell: group for group in groups for cell in group.cells},
        last,
        {name: cell.index for cell in reactive.cells for name in cell.defs},
        None if original is None else renamed,
        None if sure is None else frozenset(sure),
    )


def compare_values(
    endings: Endings, references: Sequence[Trace], found: Trace
) -> Mapping[Group, Values]:
    """Hold what names mean in the end against what they meant in the runs of the original.

    Returns:
        The groups that bind a name that can be compared.
    """
    if any(trace.ending.kind != "finished" for trace in references):
        return {}
    if not found.values:  # they were not asked for
        return {}
    result: dict[Group, Values] = {}
    places = endings.find(found.values)
    for name, expected in _stable(references).items():
        place = places.get(name)
        if place is not None:
            group, given = endings.parts[place[0]], found.values[place[1]]
            item = _compare(name, expected, given)
            if item is not None and (endings.is_unsure(name) or _may_differ(expected, given)):
                continue
        elif name in places or expected.is_code or (binder := endings.binder(name)) is None:
            continue
        else:
            group, item = binder, _missing(name, expected)
        result[group] = _add(result.get(group, Values()), item, expected)
    return result


def _add(before: Values, item: Item | None, value: Value) -> Values:
    if item is not None:
        return replace(before, items=(*before.items, item))
    if value.is_code:
        return replace(before, code=before.code + 1)
    return replace(before, same=before.same + 1)


def _may_differ(expected: Value, found: Value) -> bool:
    """Whether both are code, which a conversion may have had to change, or one is too large."""
    too_large = "?" in (expected.fingerprint, found.fingerprint)
    return too_large or (expected.is_code and found.is_code)


def _stable(references: Sequence[Trace]) -> dict[str, Value]:
    """The names whose value can be told, and is the same in every run."""
    first, *others = (trace.values for trace in references)
    return {
        name: value
        for name, value in first.items()
        if value.fingerprint not in ("", "?")
        and all(name in other and other[name].fingerprint == value.fingerprint for other in others)
    }


def _compare(name: str, expected: Value, found: Value) -> Item | None:
    """What there is to say of a name; nothing, if the values are the same."""
    if found.fingerprint == expected.fingerprint:
        return None
    detail = f"it ends as {found.words}, not {expected.words}"
    if found.words == expected.words:
        detail = f"another {expected.words}"
    what = _name_value(name)
    return Item(what, "different", expected=expected.words, found=found.words, detail=detail)


def _missing(name: str, expected: Value) -> Item:
    detail = f"no cell binds it, it was {expected.words}"
    return Item(_name_value(name), "missing", expected=expected.words, detail=detail)


def _name_value(name: str) -> str:
    return f"{VALUE_OF}`{_OWN.sub('', name)}`"
