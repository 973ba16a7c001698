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
    pairs = _pair(old_cells, new_cells)
    for number, (old_cell, new_cell) in enumerate(pairs):
        name = f"{outcome.path}:cell {old_cell.index + 1}"
        if new_cell is None:
            yield from (f"--- {name}", f"+++ {name} (deleted)", "")
        elif _is_moved(pairs, number):
            yield from (f"--- {name}", f"+++ {name} (moved up: cell {new_cell.index + 1})", "")
        if new_cell is not None and old_cell.source != new_cell.source:
            yield from _compare(old_cell.source, new_cell.source, name)
    yield from _compare_documents(outcome, before, pairs)


_Pair = tuple[Cell, Cell | None]


def _pair(old: Sequence[Cell], new: Sequence[Cell]) -> list[_Pair]:
    """Each cell and what became of it, in the old order."""
    texts = [cell.source for cell in old], [cell.source for cell in new]
    matcher = difflib.SequenceMatcher(None, *texts, autojunk=False)
    found: dict[int, Cell | None] = {}
    for a, b, size in matcher.get_matching_blocks():
        found.update({a + number: new[b + number] for number in range(size)})
    here = {cell.index for cell in found.values() if cell is not None}
    left = [cell for cell in new if cell.index not in here]
    for cell in old:  # moved, without another change
        same = next((each for each in left if each.source == cell.source), None)
        if cell.index not in found and same is not None and cell.source.strip():
            found[cell.index] = same
            left.remove(same)
    open_ = [cell for cell in old if cell.index not in found]
    spare = len(open_) - len(left)
    gone = [cell for cell in open_ if not cell.source.strip()][: max(spare, 0)]
    kept = [cell for cell in open_ if cell not in gone]
    for number, cell in enumerate(kept):
        found[cell.index] = left[number] if number < len(left) else None
    return [(cell, found.get(cell.index)) for cell in old]


def _is_moved(pairs: Sequence[_Pair], number: int) -> bool:
    """Whether a cell stands above one that it stood below of."""
    own = pairs[number][1]
    above = [cell.index for _, cell in pairs[:number] if cell is not None]
    return own is not None and any(index > own.index for index in above)


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
