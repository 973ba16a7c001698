"""Regular expressions that are compiled when they are first used.

A module's patterns cost half a millisecond each when it is imported, and a run uses few of them.
"""

from __future__ import annotations

import re
from typing import cast


def lazy_pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` gives, for all that is done by its methods.

    Raises:
        re.error: the pattern is none; not here, but where it is first used.
    """
    return cast("re.Pattern[str]", _LazyPattern(pattern, flags))


class _LazyPattern:
    def __init__(self, pattern: str, flags: int) -> None:
        self._arguments = pattern, flags

    def __getattr__(self, name: str) -> object:
        """A method or field of the compiled pattern, which is at hand from then on."""
        found = getattr(re.compile(*self._arguments), name)
        setattr(self, name, found)
        return found
