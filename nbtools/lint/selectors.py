"""Selectors of options and configuration that mean no rule."""

from __future__ import annotations

from collections.abc import Iterable

from nbtools.errors import NbtoolsError
from nbtools.rules.selectors import matching_codes, nearest_selector


def check_selectors(selectors: Iterable[str], where: str) -> None:
    """Raise NbtoolsError for a selector that means no rule; `where` it stands begins the line."""
    for selector in selectors:
        if not matching_codes(selector):
            near = nearest_selector(selector)
            hint = f", did you mean {near}?" if near else ": `nbtools rule --all` lists the rules"
            raise NbtoolsError(f"{where}: no rule is called {selector!r}{hint}")
