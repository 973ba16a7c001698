"""What fixes would change, cell by cell: `--- nb.ipynb:cell 2`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from nbtools.cells import Cell
from nbtools.formats.ipynb import read_document, read_notebook
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
    pairs = list(_pair(old_cells, new_cells))
    for old_cell, new_cell in pairs:
        name = f"{outcome.path}:cell {old_cell.index + 1}"
        if new_cell is None:
            yield from (f"--- {name}", f"+++ {name} (deleted)", "")
        elif old_cell.source != new_cell.source:
            yield from _compare(old_cell.source, new_cell.source, name)
    yield from _compare_documents(outcome, before, pairs)


_Pair = tuple[Cell, Cell | None]


def _pair(old: Sequence[Cell], new: Sequence[Cell]) -> Iterator[_Pair]:
    """Each cell and what became of it: of the blank ones, some may be gone."""
    spare, at = len(old) - len(new), 0
    for cell in old:
        follows = new[at] if at < len(new) else None
        is_blank = not cell.source.strip() and cell.kind != "raw"
        if follows is None or (spare and is_blank and follows.source.strip()):
            spare -= 1
            yield cell, None
        else:
            at += 1
            yield cell, follows


def _compare_documents(outcome: Outcome, before: bytes, pairs: Sequence[_Pair]) -> Iterator[str]:
    """What changes beside the sources: metadata, ids, outputs, which are not shown at length."""
    old, new = read_document(before), read_document(outcome.text or b"")
    if old.get("nbformat") != new.get("nbformat"):
        yield from _compare(_spell(old, ("nbformat",)), _spell(new, ("nbformat",)), outcome.path)
        return  # it is another format: every cell is written anew
    yield from _compare(_spell(old, ("cells",), True), _spell(new, ("cells",), True), outcome.path)
    for old_cell, new_cell in pairs:
        if new_cell is not None:
            name = f"{outcome.path}:cell {old_cell.index + 1}"
            was = _spell(old["cells"][old_cell.index], ("source",), True)
            yield from _compare(was, _spell(new["cells"][new_cell.index], ("source",), True), name)


def _spell(fields: dict[str, Any], names: Sequence[str], are_left_out: bool = False) -> str:
    """Some fields of an object as JSON; only the number of outputs."""
    chosen = {key: fields[key] for key in fields if (key in names) != are_left_out}
    if isinstance(chosen.get("outputs"), list):
        chosen["outputs"] = f"{len(chosen['outputs'])} outputs"
    text = json.dumps(chosen, indent=1, ensure_ascii=False)
    return "\n".join(line if len(line) < 200 else f"{line[:197]}..." for line in text.split("\n"))


def _compare(old: str, new: str, name: str) -> Iterator[str]:
    """The diff's lines without newlines; a cell's last line has none in the file either."""
    if old != new:
        yield from difflib.unified_diff(old.split("\n"), new.split("\n"), name, name, lineterm="")
        yield ""
