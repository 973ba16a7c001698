"""What fixes would change, cell by cell: `--- nb.ipynb:cell 2`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from nbtools.formats.ipynb import read_notebook
from nbtools.lint.outcome import Outcome


def render_diff(outcome: Outcome, before: bytes) -> Iterator[str]:
    """A unified diff of each cell that changes; of the whole text, if the file is a .py."""
    if outcome.text is None or outcome.text == before:
        return
    if not outcome.is_notebook:
        old, new = (data.decode("utf-8", "replace") for data in (before, outcome.text))
        yield from _compare(old, new, outcome.path)
        return
    old_cells, new_cells = read_notebook(before).cells, read_notebook(outcome.text).cells
    for old_cell, new_cell in zip(old_cells, new_cells, strict=True):
        if old_cell.source != new_cell.source:
            name = f"{outcome.path}:cell {old_cell.index + 1}"
            yield from _compare(old_cell.source, new_cell.source, name)


def _compare(old: str, new: str, name: str) -> Iterator[str]:
    """The diff's lines without newlines; a cell's last line has none in the file either."""
    yield from difflib.unified_diff(old.split("\n"), new.split("\n"), name, name, lineterm="")
    yield ""
