"""Rules by what people call them: a code, the beginning of one, a name, or ALL."""

from __future__ import annotations

from functools import cache
from itertools import takewhile

from nbtools.rules.registry import rule_names

ALL = "ALL"
_EXACT = 100


@cache
def matching_codes(selector: str) -> frozenset[str]:
    """The codes that a selector means: none if it is unknown. Case does not matter."""
    names = rule_names()
    word = selector.strip()
    if word.upper() == ALL:
        return frozenset(names)
    if word.upper().startswith("NB"):
        return frozenset(code for code in names if code.startswith(word.upper()))
    return frozenset(code for code, name in names.items() if name == word.lower())


def precision_of(selector: str) -> int:
    """How closely a selector says which rules it means: a more exact one wins over another."""
    word = selector.strip().upper()
    if word == ALL:
        return 1
    if word in rule_names() or not word.startswith("NB"):
        return _EXACT
    return len(word)


def nearest_selector(selector: str) -> str | None:
    """The code or name that was probably meant."""
    from difflib import SequenceMatcher, get_close_matches  # 7 ms, for mistakes alone

    word = selector.strip()
    if word.upper().startswith("NB"):

        def likeness(code: str) -> tuple[int, float]:
            same = (a == b for a, b in zip(code, word.upper(), strict=False))
            return sum(takewhile(bool, same)), SequenceMatcher(None, code, word).ratio()

        return max(rule_names(), key=likeness, default=None)
    names = [*rule_names().values(), ALL.lower()]
    found = get_close_matches(word.lower(), names, n=1)
    return (ALL if found[0] == ALL.lower() else found[0]) if found else None
