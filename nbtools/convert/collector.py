"""Python's collector of reference cycles, and work that makes none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Do work that makes many objects and no cycles: syntax trees, facts.

    The collector looks at all of them again and again and finds nothing, which takes a fifth
    of a conversion's time. It makes up for it when it is let on again, so the objects should be
    gone by then.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
