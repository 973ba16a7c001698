"""How marimo lays out signatures, returns and calls: one line below 80 columns, or one each."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

_INDENT = "    "
_MAX_LINE = 80  # characters; a line must stay below


def indent(text: str) -> str:
    """Four blanks before every line that is not blank."""
    return textwrap.indent(text, _INDENT)


def format_call(head: str, items: Sequence[str], tail: str = "") -> str:
    """`head(items)tail`, the items on lines of their own where one line is too long."""
    line = f"{head}({', '.join(items)}){tail}"
    if not items or len(line) < _MAX_LINE:
        return line
    return f"{head}{_format_lines(items)}{tail}"


def format_return(names: Sequence[str]) -> str:
    """The indented last statement of a cell: `return`, `return (x,)` or `return x, y`."""
    if not names:
        return indent("return")
    line = indent(f"return ({names[0]},)" if len(names) == 1 else f"return {', '.join(names)}")
    return line if len(line) < _MAX_LINE else indent(f"return {_format_lines(names)}")


def _format_lines(items: Sequence[str]) -> str:
    return "(\n" + indent(",\n".join(items)) + ",\n)"


def format_value(value: object) -> str:
    """A keyword's value as marimo writes it.

    marimo does not escape a quote, which breaks its own file: such a quote becomes `'`.
    """
    if isinstance(value, str):
        text = " ".join(value.replace('"', "'").splitlines())
        return f'"{text}"'.replace("\\", "\\\\")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(format_value, value))}]"
    return str(value)
