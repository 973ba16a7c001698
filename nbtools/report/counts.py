"""How much a conversion changed, in numbers that can be compared from release to release."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from nbtools.convert.edits import Conversion


class Counts(Struct, frozen=True):
    """The cost of a conversion: the less, the better the author recognises the notebook."""

    cells: int  # of the reactive notebook
    renamed: int  # names that became another name, each pair once however often it is used
    merged: int  # merges of cells
    split: int  # splits of a cell
    moved: int  # statements that stand in another cell
    reordered: int  # cells that stand elsewhere
    dropped: int  # statements that were left out, such as an import that was there twice
    replaced_lines: int  # lines of the author's text that were replaced or removed
    warnings: int


def count_edits(conversion: Conversion) -> Counts:
    """Count what a conversion did, by kind."""
    kinds = Counter(edit.kind for edit in conversion.edits)
    renames = {(edit.name, edit.new_name) for edit in conversion.edits if edit.kind == "rename"}
    return Counts(
        cells=conversion.cells,
        renamed=len(renames),
        merged=kinds["merge"],
        split=kinds["split"],
        moved=kinds["move"],
        reordered=kinds["order"],
        dropped=kinds["drop"],
        replaced_lines=sum(edit.lines for edit in conversion.edits),
        warnings=len(conversion.warnings),
    )
