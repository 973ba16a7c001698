"""A source as bytes with the places that `ast` gives, and changes of it by position."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import accumulate

from msgspec import Struct


class UnsureError(Exception):
    """libcst has to look at it."""


class Splice(Struct, frozen=True, order=True):
    """New text for some bytes of a source."""

    start: int
    end: int
    new: bytes


class Text:
    """A source, and where the nodes of its tree stand in it."""

    def __init__(self, source: str) -> None:
        self.data = source.encode()
        lengths = (len(line) + 1 for line in self.data.split(b"\n"))
        self.lines = [0, *accumulate(lengths)]  # where each line starts; one more at the end

    def start(self, node: ast.stmt | ast.expr | ast.alias) -> int:
        """Where a node starts."""
        return self.lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.stmt | ast.expr | ast.alias) -> int:
        """Where a node ends; it is what follows its last byte."""
        return self.lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def of(self, node: ast.stmt | ast.expr | ast.alias) -> bytes:
        """What a node is written as."""
        return self.data[self.start(node) : self.end(node)]

    def line_start(self, place: int) -> int:
        """Where the line of a place starts."""
        return self.data.rfind(b"\n", 0, place) + 1

    def line_end(self, place: int) -> int:
        """Where the line of a place ends, without its newline."""
        end = self.data.find(b"\n", place)
        return len(self.data) if end < 0 else end


def apply_splices(text: Text, splices: Sequence[Splice]) -> str:
    """The source with all changes made. Raises UnsureError if two meet in one place."""
    data = text.data
    parts: list[bytes] = []
    done = 0
    above: Splice | None = None
    for splice in sorted(splices):
        if above is not None and _meet(above, splice):
            raise UnsureError
        parts += (data[done : splice.start], splice.new)
        done, above = splice.end, splice
    return b"".join([*parts, data[done:]]).decode()


def _meet(above: Splice, below: Splice) -> bool:
    """Whether two changes concern the same bytes; `show(` may be put in front of a new name."""
    if above.start == above.end:
        return False
    return below.start < above.end or below.start == above.start


def keep_items(
    text: Text, items: Sequence[ast.stmt | ast.expr | ast.alias], kept: Sequence[bool]
) -> Iterator[Splice]:
    """Take some items out of a row; each has what separates it from the next, the last has none.

    What ends the row stays where it is: a bracket, a last comma, a comment.
    """
    last = max(index for index, keeps in enumerate(kept) if keeps)
    for index in range(last):
        if not kept[index]:
            yield Splice(text.start(items[index]), text.start(items[index + 1]), b"")
    if last < len(items) - 1:
        yield Splice(text.end(items[last]), text.end(items[-1]), b"")
