"""Changing an .ipynb file beside its sources: values of its JSON, cells, at last the format.

As with sources, the text itself is changed, so that all else stays byte for byte: indentation,
the order of keys, escapes, line ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct

from nbtools.formats.ipynb_text import IpynbText, Member, list_members, skip_value, splice_sources

_BETWEEN_ITEMS = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_AFTER = re.compile(r"[ \t\n\r]*")


class SetValue(Struct, frozen=True):
    """A value that is to stand there, whether or not the key is there."""

    cell: int | None  # 0-based; None: the notebook
    path: tuple[str, ...]  # keys of objects, from the cell (or the notebook) down
    value: str  # JSON


class DeleteValue(Struct, frozen=True):
    """A key that is to go, with its value; with no path, the cell."""

    cell: int | None
    path: tuple[str, ...] = ()


class MoveCell(Struct, frozen=True):
    """A cell that is to stand further up."""

    cell: int  # 0-based
    before: int  # 0-based, the cell above which it is to stand: one above it in the same list
    path: tuple[str, ...] = ()


Change = SetValue | DeleteValue | MoveCell
_Splice = tuple[int, int, str]  # from, to, the new text


def change_document(file: IpynbText, sources: Mapping[int, str], changes: Sequence[Change]) -> str:
    """The text with other sources in some cells, and with the changes made.

    A change that is not possible (the path leads nowhere) is left out, as is a new source of a
    cell that goes.

    Args:
        file: The text of a notebook.
        sources: New sources by the index of their cell; newlines are LF.
        changes: No two of them concern the same value, or one within the other. One that moves a
            cell excludes others that delete or move, and any other change of that cell.
    """
    move = next((each for each in changes if isinstance(each, MoveCell)), None)
    gone = {each.cell for each in changes if isinstance(each, DeleteValue) and not each.path}
    moved = _move(file, move) if move is not None else None
    if moved is not None and move is not None:
        gone = {move.cell}
    cells = sorted(cell for cell in gone if cell is not None and cell < len(file.starts))
    splices = list(_delete_cells(file, cells))
    splices += [moved] if moved is not None else []
    kept = {index: source for index, source in sources.items() if index not in gone}
    splices += splice_sources(file, kept)
    by_object: dict[int, list[Change]] = {}
    for change in dict.fromkeys(changes):
        if change.path and change.cell not in gone:
            start = _find_object(file, change)
            if start is not None:
                by_object.setdefault(start, []).append(change)
    for start, wanted in by_object.items():
        splices += _change_object(file.text, start, wanted)
    return _splice(file.text, splices)


def _splice(text: str, splices: Sequence[_Splice]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(splices):
        parts += text[at:start], new
        at = end
    return "".join([*parts, text[at:]])


def _find_object(file: IpynbText, change: Change) -> int | None:
    """Where the object begins whose key is to change."""
    if change.cell is None:
        start = 1 if file.text.startswith("\ufeff") else 0
        start = _skip_blanks(file.text, start)
    elif change.cell < len(file.starts):
        start = file.starts[change.cell]
    else:
        return None
    for key in change.path[:-1]:
        found = [member for member in list_members(file.text, start) if member.key == key]
        if not found:
            return None
        start = found[-1].value  # of a key that stands there twice, the last one counts
    return start if file.text[start : start + 1] == "{" else None


def _skip_blanks(text: str, at: int) -> int:
    found = _AFTER.match(text, at)
    return found.end() if found else at


# --- the keys of one object -----------------------------------------------------------------


def _change_object(text: str, start: int, changes: Sequence[Change]) -> Iterator[_Splice]:
    members = list_members(text, start)
    gone = {each.path[-1] for each in changes if isinstance(each, DeleteValue)}
    yield from _delete_items(
        start,
        [(each.start, each.end) for each in members],
        [each.key not in gone for each in members],
        skip_value(text, start),
    )
    left = [member for member in members if member.key not in gone]
    added: list[_Splice] = []
    for change in sorted(changes, key=lambda each: each.path):
        if not isinstance(change, SetValue):
            continue
        key = change.path[-1]
        found = [member for member in members if member.key == key]
        if found:
            yield found[-1].value, found[-1].end, change.value
        else:
            added.append(_insert(text, start, left, key, change.value))
    for at in dict.fromkeys(place for place, _, _ in added):
        new = [each for place, _, each in added if place == at]
        yield at, at, ("" if left else ", ").join(new)


def _delete_items(
    opening: int, items: Sequence[tuple[int, int]], kept: Sequence[bool], end: int
) -> Iterator[_Splice]:
    """Take some items out of a list or an object, each with a comma."""
    if all(kept):
        return
    if not any(kept):
        yield opening + 1, end - 1, ""
        return
    last = max(index for index, keeps in enumerate(kept) if keeps)
    for index in range(last):
        if not kept[index]:
            yield items[index][0], items[index + 1][0], ""
    if last < len(items) - 1:
        yield items[last][1], items[-1][1], ""


def _insert(text: str, start: int, members: Sequence[Member], key: str, value: str) -> _Splice:
    """A new member, where the keys are sorted in its place, else at the end."""
    spelled = json.dumps(key)
    if not members:
        return start + 1, start + 1, f"{spelled}: {value}"
    first, last = members[0], members[-1]
    colon = text[first.key_end : first.value]
    between = text[start + 1 : _skip_blanks(text, start + 1)]  # members may go beside this one
    after = _skip_blanks(text, first.end)
    follows = text[after : after + 1] == ","
    comma = text[first.end : _skip_blanks(text, after + 1)] if follows else f",{between or ' '}"
    keys = [member.key for member in members]
    later = [member for member in members if member.key > key] if keys == sorted(keys) else []
    if later:
        at = later[0].start
        return at, at, f"{spelled}{colon}{value}{comma}"
    return last.end, last.end, f"{comma}{spelled}{colon}{value}"


# --- cells ----------------------------------------------------------------------------------


def _delete_cells(file: IpynbText, gone: Sequence[int]) -> Iterator[_Splice]:
    """Take cells out of their lists; a notebook of nbformat 3 may have several."""
    if not gone:
        return
    text = file.text
    spans = [(start, skip_value(text, start)) for start in file.starts]
    row: list[int] = []
    for index, (start, _) in enumerate(spans):
        if row and not _BETWEEN_ITEMS.fullmatch(text, spans[row[-1]][1], start):
            yield from _delete_from_row(text, spans, row, gone)
            row = []
        row.append(index)
    yield from _delete_from_row(text, spans, row, gone)


def _delete_from_row(
    text: str, spans: Sequence[tuple[int, int]], row: Sequence[int], gone: Sequence[int]
) -> Iterator[_Splice]:
    kept = [index not in gone for index in row]
    opening = text.rindex("[", 0, spans[row[0]][0])
    end = _skip_blanks(text, spans[row[-1]][1]) + 1
    yield from _delete_items(opening, [spans[index] for index in row], kept, end)


def _move(file: IpynbText, move: MoveCell) -> _Splice | None:
    """The text of a cell put above another one of the same list; it has to be deleted besides."""
    text = file.text
    if not move.before < move.cell < len(file.starts):
        return None
    starts = file.starts[move.before : move.cell + 1]
    spans = [(start, skip_value(text, start)) for start in starts]
    if not all(_BETWEEN_ITEMS.fullmatch(text, a[1], b[0]) for a, b in pairwise(spans)):
        return None
    between = text[spans[0][1] : spans[1][0]]
    return spans[0][0], spans[0][0], text[slice(*spans[-1])] + between


# --- the format -----------------------------------------------------------------------------

_INDENT = re.compile(r"\s*\{\r?\n([ \t]+)")


def upgrade_text(text: str, ids: Sequence[str]) -> str:
    """The notebook in nbformat 4.5, in the file's own indentation and line ends.

    Args:
        text: A notebook in an older format.
        ids: Ids for its cells, at least as many as there are.

    Raises:
        ValueError: nbformat cannot read it.
    """
    import warnings

    import nbformat
    from nbformat.v4 import rwbase

    read: Callable[[str], Any] = nbformat.reader.reads
    convert: Callable[[Any, int], Any] = nbformat.convert
    for_file: Sequence[Callable[[Any], Any]] = (rwbase.split_lines, rwbase.strip_transient)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of nbformat, about what is replaced here
            document: Any = convert(read(text.removeprefix("\ufeff")), 4)
            document["nbformat"], document["nbformat_minor"] = 4, 5
            for cell, own in zip(document["cells"], ids, strict=False):
                cell["id"] = own
            nbformat.validate(document, relax_add_props=True)
            for prepare in for_file:
                document = prepare(document)
    except Exception as error:  # what it raises for strange files is not documented
        raise ValueError(f"nbformat: {error}") from None
    indent = _INDENT.match(text)
    plain = json.dumps(
        document,
        indent=indent[1] if indent else None,
        ensure_ascii=text.isascii(),
        sort_keys=True,
    )
    body = text.rstrip()
    if "\r\n" in text:
        plain = plain.replace("\n", "\r\n")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return mark + plain + text[len(body) :]
