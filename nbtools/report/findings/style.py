"""Colours of a terminal, or none."""

from __future__ import annotations

from msgspec import Struct

from nbtools.rules.finding import Severity

_CODES = {"error": "1;31", "warning": "1;33", "info": "1;36", "place": "1", "frame": "1;34"}


class Style(Struct, frozen=True):
    """How a report for people looks."""

    colour: bool = False

    def severity(self, text: str, severity: Severity) -> str:
        """Text in the colour of a severity."""
        return self._paint(text, severity)

    def place(self, text: str) -> str:
        """Where something stands."""
        return self._paint(text, "place")

    def frame(self, text: str) -> str:
        """Line numbers and the rule beside them."""
        return self._paint(text, "frame")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{_CODES[code]}m{text}\x1b[0m" if self.colour and text else text


PLAIN = Style()
