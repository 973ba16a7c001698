"""How rules are named in options and configuration: codes, prefixes of codes, names, ALL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nbtools.errors import NbtoolsError
from nbtools.rules.registry import rule_names


def check_selectors(selectors: Iterable[str], where: str) -> None:
    """Raise NbtoolsError for a selector that means no rule; `where` it stands begins the line."""
    for selector in selectors:
        if not any(codes_of(selector)):
            near = _nearest(selector)
            hint = f", did you mean {near}?" if near else ": `nbtools rule --all` lists the rules"
            raise NbtoolsError(f"{where}: no rule is called {selector!r}{hint}")


def codes_of(selector: str) -> Iterator[str]:
    """The codes that a selector means."""
    word = selector.strip()
    for code, name in rule_names().items():
        if word.upper() == "ALL" or word.lower() == name or is_prefix(word, code):
            yield code


def is_prefix(word: str, code: str) -> bool:
    """Whether a word is the beginning of a code, or all of it."""
    return bool(word) and code.startswith(word.upper())


def _nearest(selector: str) -> str | None:
    from difflib import get_close_matches  # 7 ms, for mistakes alone

    known = [*rule_names(), *rule_names().values()]
    wanted = selector.upper() if selector.upper().startswith("NB") else selector.lower()
    return next(iter(get_close_matches(wanted, known, 1)), None)
