"""Code as a string literal."""

from __future__ import annotations


def string_literal(code: str) -> str:
    """Code as a string, in the first quotes that leave it as it is."""
    for quotes in ('"', "'") if "\n" not in code else ('"""', "'''"):
        if quotes not in code and not code.endswith(quotes[0]) and "\\" not in code:
            return f"{quotes}{code}{quotes}"
    return repr(code)
