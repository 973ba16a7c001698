"""What becomes of a cell's magics and commands outside Jupyter: NB601 to NB603 tell it apart."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.analysis.magics import Magic, Note
from nbtools.lazy_patterns import lazy_pattern
from nbtools.rules.program import CodeCell, Program

_INSTALLS = ("%pip", "%conda", "%mamba", "%micromamba", "%uv", "!")
_COMMENT = lazy_pattern(r"\s*(?:#|pass\s+#|$)|.*=\s*None\s+#")


def lost_magics(program: Program) -> Iterator[tuple[CodeCell, Magic, Note]]:
    """The magics of which nothing but a comment and a warning is left."""
    for cell in program.cells:
        notes = {note.line: note for note in cell.plain.notes}
        for magic in cell.plain.magics if notes else ():
            note = notes.get(magic.line)
            if note is None or magic.name in _INSTALLS:
                continue
            if all(_COMMENT.match(text) for text in rows_of(cell, magic)):
                yield cell, magic, note


def rows_of(cell: CodeCell, magic: Magic) -> list[str]:
    """The lines of plain Python that stand for a magic's line."""
    rows = cell.plain.source.split("\n")
    return [
        text for text, number in zip(rows, cell.plain.lines, strict=True) if number == magic.line
    ]
