"""Text from notebooks made harmless: names and messages may come from anybody."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Escape what a terminal would obey rather than show: "\x1b", "\u202e", "\n" and the like."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
