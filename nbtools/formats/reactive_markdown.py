"""Markdown cells as marimo writes them: `mo.md(` with the text on lines of its own."""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from typing import Any

_HEAD, _TAIL = 'mo.md(r"""\n', '\n""")'
_STRING_STARTS = (tokenize.STRING, getattr(tokenize, "FSTRING_START", tokenize.STRING))


def markdown_text(module: ast.Module) -> str:
    """The text of a cell that is just `mo.md("...")`, laid out anew; empty for any other cell."""
    value = _constant_argument(module)
    return "" if value is None else _lay_out(value)


def canonical_text(source: str) -> str:
    """As `markdown_text`, without a parse, of a cell in marimo's own layout; empty for others."""
    if not source.startswith(_HEAD) or not source.endswith(_TAIL):
        return ""
    text = source[len(_HEAD) : -len(_TAIL)]
    return "" if '""' in text or "\0" in text else _lay_out(f"\n{text}\n")


def _lay_out(value: str) -> str:
    first, *rest = (line.rstrip() for line in value.split("\n"))
    return (textwrap.dedent(first) + "\n" + textwrap.dedent("\n".join(rest))).strip()


def _constant_argument(module: ast.Module) -> str | None:
    match module.body:
        case [
            ast.Expr(
                ast.Call(func=ast.Attribute(value=ast.Name(id="mo"), attr="md"), args=[argument])
            )
        ]:
            inner: Any = argument
        case _:
            return None
    if type(inner).__name__ in ("JoinedStr", "TemplateStr"):
        inner = inner.values[0] if len(inner.values) == 1 else None
    is_text = isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    return inner.value if is_text else None


def format_canonical(text: str) -> str:
    """A cell with this text, which has no two quotes in a row."""
    return f"{_HEAD}{text}{_TAIL}"


def format_markdown(source: str, text: str) -> str:
    """The cell's source with its call laid out around the text; what stands around is kept."""
    start, end, prefix = _find_call(source)
    if "f" in prefix.lower():
        text = text.replace("{", "{{").replace("}", "}}")
    text = text.replace('""', '"\\"')
    return f'{source[:start]}mo.md({prefix}"""\n{text}\n"""){source[end:]}'


def _find_call(source: str) -> tuple[int, int, str]:
    """Where the call starts and ends in the source, and the prefix of its (last) string."""
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    start, end, depth, prefix = 0, len(source), 0, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in _STRING_STARTS:
            prefix = _string_prefix(token.string)
        elif token.string == "mo":
            start, depth = starts[token.start[0] - 1] + token.start[1], 0
        elif token.string == "(":
            depth += 1
        elif token.string == ")":
            depth -= 1
            if depth == 0:
                end = starts[token.end[0] - 1] + token.end[1]
    return start, end, prefix


def _string_prefix(literal: str) -> str:
    """Those of the first two characters that marimo knows as prefix: not `u`, not `b`."""
    length = 0
    while length < 2 and literal[length].lower() in "rtf":
        length += 1
    return literal[:length]
