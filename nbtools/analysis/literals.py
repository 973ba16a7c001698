"""Text as Python string literals: exact, and as a person would write them."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

from msgspec import Struct

# Characters that marimo, or an editor that saves the file, changes inside a literal.
_FRAGILE = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\xa0\u2028\u2029\ufeff\ud800-\udfff]")
_DELIMITERS = ('"', "'", '"""', "'''")


class Field(Struct, frozen=True):
    """An expression whose value goes into a string."""

    expression: str
    conversion: str | None = None  # "r", "s" or "a"


Parts = Sequence[str | Field]


def quote_text(text: str) -> str:
    """A literal whose value is exactly `text`; over several lines where the text has several."""
    return quote_parts([text])


def quote_parts(parts: Parts) -> str:
    """An expression for the string that `parts` make: a literal, or an f-string if it has fields.

    Valid in Python 3.10 too, where an f-string's fields hold no backslash and not its own quotes.
    """
    for candidate in _candidates(parts):
        if _is_exact(candidate, parts):
            return candidate
    return " + ".join(_piece(part) for part in parts)


def _candidates(parts: Parts) -> Iterator[str]:
    """Literals from the most to the least readable; not all of them are right."""
    text = "".join(part for part in parts if isinstance(part, str))
    mark = "f" if any(isinstance(part, Field) for part in parts) else ""
    if not _FRAGILE.search(text):
        if "\n" in text:
            yield from _block_candidates(parts, mark, "\\" in text)
        else:
            prefix = mark + "r" if "\\" in text else mark
            yield from (prefix + quote + _body(parts, mark) + quote for quote in _DELIMITERS[:2])
    for quote in ('"""', "'''") if "\n" in text else _DELIMITERS:
        start = "\\\n" if "\n" in text else ""
        yield mark + quote + start + _body(parts, mark, escape_for=quote) + quote


def _block_candidates(parts: Parts, mark: str, backslashes: bool) -> Iterator[str]:
    for quote in ('"""', "'''"):
        if backslashes:
            yield mark + "r" + quote + _body(parts, mark) + quote
        else:
            yield mark + quote + "\\\n" + _body(parts, mark) + quote


def _body(parts: Parts, mark: str, escape_for: str | None = None) -> str:
    pieces = []
    for part in parts:
        if isinstance(part, Field):
            pieces.append(_field(part))
            continue
        text = part if escape_for is None else _escape(part, escape_for)
        pieces.append(text.replace("{", "{{").replace("}", "}}") if mark else text)
    return "".join(pieces)


def _field(field: Field) -> str:
    """`{expression}`; in parentheses where a colon, `!` or `=` would be read as f-string syntax."""
    expression = field.expression
    if re.search(r"[:!={}]", expression):
        expression = f"({expression})"
    return "{" + expression + (f"!{field.conversion}" if field.conversion else "") + "}"


def _escape(text: str, quote: str) -> str:
    text = text.replace("\\", "\\\\").replace(quote, "\\" + "\\".join(quote))
    if text.endswith(quote[0]):
        text = text[:-1] + "\\" + text[-1]
    return _FRAGILE.sub(lambda match: _escaped_character(match[0]), text)


def _escaped_character(character: str) -> str:
    code = ord(character)
    return "\\r" if character == "\r" else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _is_exact(candidate: str, parts: Parts) -> bool:
    tree = parse_expression(candidate)
    if isinstance(tree, ast.Constant):
        return isinstance(tree.value, str) and tree.value == "".join(map(str, parts))
    return isinstance(tree, ast.JoinedStr) and _read_joined(tree) == _normalised(parts)


def _read_joined(tree: ast.JoinedStr) -> list[object]:
    found: list[object] = []
    for value in tree.values:
        if isinstance(value, ast.FormattedValue):
            found.append((ast.dump(value.value), value.conversion, value.format_spec is None))
        elif isinstance(value, ast.Constant):
            found.append(value.value)
    return found


def _normalised(parts: Parts) -> list[object]:
    """Parts in the form of `_read_joined`: neighbouring text joined, empty text left out."""
    found: list[object] = []
    for part in parts:
        if isinstance(part, Field):
            conversion = ord(part.conversion) if part.conversion else -1
            tree = parse_expression(part.expression)
            found.append((ast.dump(tree) if tree else "", conversion, True))
        elif part and found and isinstance(found[-1], str):
            found[-1] += part
        elif part:
            found.append(part)
    return found


def _piece(part: str | Field) -> str:
    """One operand of a concatenation, for fields that no f-string of Python 3.10 can hold."""
    if isinstance(part, str):
        return ascii(part)
    function = {"r": "repr", "a": "ascii", "s": "str"}.get(part.conversion or "", "format")
    return f"{function}({part.expression})"


def parse_expression(text: str) -> ast.expr | None:
    """The tree of an expression, or None if the text is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the author's business
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
