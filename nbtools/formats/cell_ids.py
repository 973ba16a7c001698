"""Ids for cells that have none: the same cells get the same ids."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def make_cell_ids(sources: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """An id for each source, as long as Jupyter's, none of them twice or among those taken."""
    found: list[str] = []
    used = set(taken)
    for source in sources:
        turn = 0
        while (made := _make(source, turn)) in used:
            turn += 1
        used.add(made)
        found.append(made)
    return found


def _make(source: str, turn: int) -> str:
    from hashlib import sha256  # 5 ms: it brings OpenSSL

    return sha256(f"{turn}\0{source}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
