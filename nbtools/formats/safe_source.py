"""Writing a cell so that marimo's save leaves it alone, character for character.

marimo takes NBSP for a blank everywhere, and indents a cell by `str.splitlines`, which
breaks lines at characters that Python's own grammar does not: each save would put four
more blanks behind them, inside string literals too.
"""

from __future__ import annotations

import re
from typing import Literal

_UNSAFE = re.compile("[\x00\x0b\x0c\x1c-\x1e\x85\xa0\u2028\u2029\ud800-\udfff]")
_LINE_ENDS = "\x85\u2028\u2029"  # to an editor; to Python they are errors
_FEED_IN_INDENT = re.compile(r"(?<=\n)[ \t\x0c]*\x0c")  # starts the column count again
_PIECE = re.compile(
    r"""
    (?P<comment> \#[^\n]* )
  | (?P<prefix> [rbuftRBUFT]{0,2} ) (?P<quote> '''|\"\"\"|'|\" )
  | (?P<name> \w+ )
  | (?P<bracket> [()\[\]{}:] )
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\[\s\S]?|" + _UNSAFE.pattern)
_MAX_FAILURES = 20  # literals without an end, after which a cell is no longer worth reading
_ENDS = {
    "'": re.compile(r"(?:\\[\s\S]|[^\\\n'])*'"),
    '"': re.compile(r'(?:\\[\s\S]|[^\\\n"])*"'),
    "'''": re.compile(r"(?:\\[\s\S]|[^\\])*?'''"),
    '"""': re.compile(r'(?:\\[\s\S]|[^\\])*?"""'),
}
_SPEC_TEXT = re.compile(r"""\\[^{}]|[{}\n]|'''|\"\"\"|['"]""")
_RAW_FSTRING_TEXT = re.compile(r"\{\{|\}\}|" + _SPEC_TEXT.pattern)
_FSTRING_TEXT = re.compile(r"\\N\{[^}]*\}|" + _RAW_FSTRING_TEXT.pattern)

# A stretch of a literal: its text, the code in its braces, or a literal inside that code.
_Part = tuple[Literal["text", "code", "kept"], str]


def safe_source(source: str) -> str:
    r"""The same program without characters that marimo's save damages.

    In string literals they become escapes (`\xa0`, `\x0c`, `\u2028`; a raw string stops
    being raw), in comments blanks. Elsewhere a form feed means to Python what it always
    meant, and the others, which are errors there, become the blank or line end that they
    look like. Ends of lines become "\n". Ordinary text comes back as it is.

    Limit: a literal inside the braces of an f-string is left alone, since Python before
    3.12 allows no escape there.
    """
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    if not _UNSAFE.search(source):
        return source
    return _Rewriter(source).rewrite()


class _UnterminatedError(Exception):
    """A literal has no end: the cell is not Python."""


class _Rewriter:
    """Copies a source piece by piece; broken sources too, as far as they can be read."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._failures = 0

    def rewrite(self) -> str:
        pieces: list[str] = []
        while match := _PIECE.search(self._source, self._position):
            pieces.append(self._take_code(match.start()))
            if match["quote"]:
                pieces.append(self._take_literal(match))
            elif match["comment"]:
                pieces.append(_UNSAFE.sub(" ", self._take(match.end())))
            else:
                pieces.append(self._take(match.end()))
        pieces.append(self._take_code(len(self._source)))
        return "".join(pieces)

    def _take(self, end: int) -> str:
        text = self._source[self._position : end]
        self._position = end
        return text

    def _take_code(self, end: int) -> str:
        is_start = self._position == 0
        text = self._take(end)
        if is_start:
            text = _FEED_IN_INDENT.sub("", f"\n{text}")[1:]
        return _UNSAFE.sub(_look_alike, _FEED_IN_INDENT.sub("", text))

    def _take_literal(self, match: re.Match[str]) -> str:
        try:
            parts, end = _read_literal(self._source, match)
        except (_UnterminatedError, RecursionError):
            self._failures += 1
            many = self._failures > _MAX_FAILURES
            return self._take_code(len(self._source)) if many else self._take(match.end())
        literal = self._take(end)
        if not _UNSAFE.search(literal):
            return literal
        prefix, quote = match["prefix"], match["quote"]
        bare = re.sub("[rR]", "", prefix)
        inside = "".join(_make_safe(part, bare != prefix, quote) for part in parts)
        return f"{bare}{quote}{inside}{quote}"


def _make_safe(part: _Part, is_raw: bool, quote: str) -> str:
    kind, text = part
    if kind == "code":
        return _UNSAFE.sub(_look_alike, text)
    return _escape(text, is_raw, quote) if kind == "text" else text


def _look_alike(char: re.Match[str]) -> str:
    if char.group() in _LINE_ENDS:
        return "\n"
    return "\ufffd" if "\ud800" <= char.group() <= "\udfff" else " "


def _escape(text: str, is_raw: bool, quote: str) -> str:
    """The inside of a literal that is not raw, with the same value."""

    def escape(match: re.Match[str]) -> str:
        found = match.group()
        if found[0] != "\\":
            return _escape_char(found)
        char = found[1:]
        if _UNSAFE.match(char):
            return "\\\\" + _escape_char(char)
        if not is_raw:
            return found
        if char == "\n" and len(quote) == 1:
            return "\\\\\\n\\\n"
        return "\\\\" + ("\\" + char if char in ("\\", quote[0]) else char)

    return _ESCAPE.sub(escape, text)


def _escape_char(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _read_literal(source: str, match: re.Match[str]) -> tuple[list[_Part], int]:
    """The parts of the literal that the match opens, and the index behind its end quote."""
    prefix, quote = match["prefix"].lower(), match["quote"]
    if "f" in prefix or "t" in prefix:
        pattern = _RAW_FSTRING_TEXT if "r" in prefix else _FSTRING_TEXT
        parts, end = _read_text(source, match.end(), quote, pattern)
        return parts, end + len(quote)
    ended = _ENDS[quote].match(source, match.end())
    if ended is None:
        raise _UnterminatedError
    return [("text", source[match.end() : ended.end() - len(quote)])], ended.end()


def _read_text(
    source: str, start: int, quote: str, pattern: re.Pattern[str]
) -> tuple[list[_Part], int]:
    """An f-string's parts up to its end quote, or a format's up to its brace; and that index."""
    parts: list[_Part] = []
    position = start
    while match := pattern.search(source, position):
        found, position = match.group(), match.end()
        if found == "{":
            fields, behind = _read_field(source, position)
            parts += [("text", source[start:position]), *fields]
            start = position = behind
        elif found.startswith(quote) or (found == "}" and pattern is _SPEC_TEXT):
            return [*parts, ("text", source[start : match.start()])], match.start()
        elif found == "\n" and len(quote) == 1:
            break
    raise _UnterminatedError


def _read_field(source: str, start: int) -> tuple[list[_Part], int]:
    """The parts of one `{...}` behind its first brace, and the index behind its last."""
    parts: list[_Part] = []
    depth, position = 0, start
    while match := _PIECE.search(source, position):
        position, found = match.end(), match["bracket"]
        if match["quote"]:
            _, position = _read_literal(source, match)
            parts += [("code", source[start : match.start()])]
            parts += [("kept", source[match.start() : position])]
            start = position
        elif found == ":" and depth == 0:
            spec, end = _read_text(source, position, "\0", _SPEC_TEXT)
            return [*parts, ("code", source[start:position]), *spec, ("code", "}")], end + 1
        elif found == "}" and depth == 0:
            return [*parts, ("code", source[start:position])], position
        elif found and found != ":":
            depth += 1 if found in "([{" else -1
    raise _UnterminatedError
