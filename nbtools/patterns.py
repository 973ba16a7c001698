"""Patterns for paths, as .gitignore has them, each relative to the folder of the file it is in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class PathPatterns(Struct, frozen=True, dict=True):
    """Some patterns of one folder; none match outside of it."""

    folder: Path
    patterns: tuple[str, ...]

    def match(self, path: Path, *, is_folder: bool = False) -> bool:
        """Tell whether a path is meant, itself or by a folder that it is in."""
        below = _below(self.folder, path)
        if not self.patterns or below is None:
            return False
        return bool(self._spec.match_file(below + "/" * is_folder))

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec  # 30 ms, so only where there are patterns

        return GitIgnoreSpec.from_lines(self.patterns)


def find_invalid(patterns: Sequence[str]) -> str | None:
    """The first pattern that is none."""
    from pathspec import GitIgnoreSpec

    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError:
            return pattern
    return None


def _below(folder: Path, path: Path) -> str | None:
    """A path relative to a folder, with slashes; None if it is not below it."""
    whole, start = os.path.abspath(path), os.path.join(os.path.abspath(folder), "")
    if not whole.startswith(start):
        return None
    return whole[len(start) :].replace(os.sep, "/")
