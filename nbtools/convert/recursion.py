"""Room for code that walks trees: Python's compiler goes deeper than its default stack."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

FRAMES = 8_000
"""Enough for every tree that `compile` takes under the default limit of 1000, at up to six calls
a level; some 4 MB of C stack where a call in Python needs any (before 3.11)."""


@contextmanager
def allow_deep_trees() -> Iterator[None]:
    """Raise the recursion limit while trees are walked."""
    limit = sys.getrecursionlimit()
    if limit < FRAMES:
        sys.setrecursionlimit(FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
