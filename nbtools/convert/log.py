"""The record of a conversion while it is made."""

from __future__ import annotations

from msgspec import Struct, field

from nbtools.convert.edits import Edit, EditKind, Warning  # noqa: A004


class Log(Struct):
    """Collects edits and warnings; the stages of a conversion only ever add to it."""

    edits: list[Edit] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)

    def edit(
        self,
        kind: EditKind,
        cell: int,
        reason: str,
        *,
        line: int | None = None,
        name: str | None = None,
        new_name: str | None = None,
        lines: int = 0,
    ) -> None:
        """Record one edit of a cell (0-based) of the author's notebook."""
        self.edits.append(Edit(kind, cell, reason, line, name, new_name, lines))

    def warn(self, cell: int, message: str, line: int | None = None) -> None:
        """Record one warning about a cell (0-based)."""
        warning = Warning(cell, message, line)
        if warning not in self.warnings[-50:]:
            self.warnings.append(warning)

    def sorted_edits(self) -> tuple[Edit, ...]:
        """All edits by cell and line, each once; a rename once for each cell."""
        ordered = sorted(self.edits, key=lambda e: (e.cell, e.line or 0, e.kind, e.name or ""))
        unique: dict[object, Edit] = {}
        for edit in ordered:
            key = (edit.cell, edit.name, edit.new_name) if edit.kind == "rename" else edit
            unique.setdefault(key, edit)
        return tuple(unique.values())

    def sorted_warnings(self) -> tuple[Warning, ...]:
        """All warnings by cell and line, each once."""
        unique = tuple(dict.fromkeys(self.warnings))
        return tuple(sorted(unique, key=lambda w: (w.cell, w.line or 0, w.message)))
