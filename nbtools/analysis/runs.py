"""What `%run` of a script or of another notebook leaves in the namespace, read off its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from nbtools.analysis.facts import Facts, SourceError
from nbtools.analysis.magics import to_plain_python
from nbtools.analysis.modules import script_names, star_names
from nbtools.analysis.statements import read_statements
from nbtools.cells import Notebook
from nbtools.errors import NbtoolsError
from nbtools.formats.ipynb import read_notebook

_DEEPEST = 5  # notebooks that run notebooks that run notebooks ...


@lru_cache(maxsize=256)
def names_of_run(path: Path, depth: int = 0) -> frozenset[str] | None:
    """The names that `%run path` binds; None if they cannot all be known."""
    if path.suffix != ".ipynb":
        return script_names(path)
    try:
        notebook = read_notebook(path.read_bytes())
    except (OSError, NbtoolsError):
        return None
    parts = list(_parts(notebook, path.parent, depth))
    known = [part for part in parts if part is not None]
    return frozenset[str]().union(*known) if len(known) == len(parts) else None


def _parts(notebook: Notebook, folder: Path, depth: int) -> Iterator[frozenset[str] | None]:
    """What each cell binds; None for what cannot be read."""
    for cell in notebook.cells:
        if cell.kind != "code":
            continue
        try:
            statements = read_statements(to_plain_python(cell.source).source)
        except SourceError:
            continue  # its run ends here, or goes on without it
        for statement in statements:
            facts = statement.facts
            yield facts.binds | facts.writes_late
            for module in facts.stars:
                yield star_names(module, folder)
            for other in facts.runs:
                yield names_of_run(folder / other, depth + 1) if depth < _DEEPEST else None


def names_bound(parts: Iterable[Facts], folder: Path | None) -> frozenset[str]:
    """Names that some code binds: `ls` is a variable then, and `{x}` in a command its value.

    Args:
        parts: What the code does, in any order.
        folder: Where the notebook lies, for star imports and `%run`; None: they bind nothing known.
    """
    bound: set[str] = set()
    for facts in parts:
        bound |= facts.binds | facts.writes_late
        for module in facts.stars:
            bound |= star_names(module, folder) or frozenset()
        for path in facts.runs:
            bound |= (folder and names_of_run(folder / path)) or frozenset()
    return frozenset(bound)
