"""Names that marimo keeps to one cell."""

from __future__ import annotations

# Put before a local name bound at cell level, as marimo puts `_cell_<id>`; no name of a user
# can start so.
LOCAL = "_\0"


def is_local(name: str) -> bool:
    """Whether marimo keeps the name to its cell: `_x` and `__`, but not `__x`."""
    return name == "__" or (name.startswith("_") and not name.startswith("__"))
