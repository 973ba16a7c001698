"""Rules by what people call them: a code, the beginning of one, a name, or ALL."""

from __future__ import annotations

from functools import cache
from itertools import takewhile

from nbtools.rules.registry import all_rules

ALL = "ALL"
_EXACT = 100


@cache
def matching_codes(selector: str) -> frozenset[str]:
    """The codes that a selector means: none if it is unknown. Case does not matter."""
    rules = all_rules()
    word = selector.strip()
    if word.upper() == ALL:
        return frozenset(rules)
    if word.upper().startswith("NB"):
        return frozenset(code for code in rules if code.startswith(word.upper()))
    return frozenset(code for code, rule in rules.items() if rule.name == word.lower())


def precision_of(selector: str) -> int:
    """How closely a selector says which rules it means: a more exact one wins over another."""
    word = selector.strip().upper()
    if word == ALL:
        return 1
    if word in all_rules() or not word.startswith("NB"):
        return _EXACT
    return len(word)


def nearest_selector(selector: str) -> str | None:
    """The code or name that was probably meant."""
    from difflib import SequenceMatcher, get_close_matches  # 7 ms, for mistakes alone

    rules = all_rules()
    word = selector.strip()
    if word.upper().startswith("NB"):

        def likeness(code: str) -> tuple[int, float]:
            same = (a == b for a, b in zip(code, word.upper(), strict=False))
            return sum(takewhile(bool, same)), SequenceMatcher(None, code, word).ratio()

        return max(rules, key=likeness, default=None)
    names = [*(rule.name for rule in rules.values()), ALL.lower()]
    found = get_close_matches(word.lower(), names, n=1)
    return (ALL if found[0] == ALL.lower() else found[0]) if found else None
