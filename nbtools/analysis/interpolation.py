"""`$name` and `{expression}` in magics and shell commands, as IPython's `var_expand` reads them.

IPython evaluates every field when the line runs; if one fails, it leaves the whole line alone.
Here that is decided without running: a field counts if it is an expression and each name in it
is bound, by the cell, elsewhere in the notebook or as a builtin. Otherwise no field is touched,
which is right for `awk '{print $1}'`, `$HOME`, `${HOME}` and `find . -exec rm {} +`.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from string import Formatter

from msgspec import Struct, field

from nbtools.analysis.literals import Field, parse_expression, quote_parts, quote_text

_DOLLAR = re.compile(r"\$(\$?[\w.]+)")
_BUILTINS = frozenset(dir(builtins))


class Scope(Struct):
    """Which names are bound, and which of the unbound ones were asked for."""

    bound: frozenset[str]  # elsewhere in the notebook
    own: Callable[[], frozenset[str]] = frozenset  # by the cell; called when first needed
    asked: set[str] = field(default_factory=set)

    def is_bound(self, name: str) -> bool:
        """Tell whether a name is bound where the cell runs; an answer of no is remembered."""
        if name in self.bound or name in _BUILTINS or name in self.own():
            return True
        self.asked.add(name)
        return False


def is_builtin(name: str) -> bool:
    """Tell whether Python itself binds a name."""
    return name in _BUILTINS


def interpolate(text: str, scope: Scope) -> str:
    """A Python expression for the text of a magic or command: a literal or an f-string."""
    parts = expand(text, scope)
    return quote_text(text) if parts is None else quote_parts(parts)


def has_fields(text: str, scope: Scope) -> bool:
    """Tell whether IPython would put values into the text."""
    return any(isinstance(part, Field) for part in expand(text, scope) or ())


def expand(text: str, scope: Scope) -> list[str | Field] | None:
    """Split text into literal parts and fields, or None if IPython would leave it alone."""
    if "$" not in text and "{" not in text and "}" not in text:
        return None
    try:
        parts = list(_split(text))
    except ValueError:  # an unbalanced brace
        return None
    failed = [part for part in parts if isinstance(part, Field) and not _can_evaluate(part, scope)]
    return None if failed else parts


def _split(text: str) -> Iterator[str | Field]:
    for literal, name, spec, conversion in Formatter().parse(text):
        yield from _split_dollars(literal)
        if name is not None:
            # a format spec is part of the expression, so that slices work
            yield Field((f"{name}:{spec}" if spec else name).strip(), conversion)


def _split_dollars(literal: str) -> Iterator[str | Field]:
    end, quotes = 0, literal.count("'")
    for match in _DOLLAR.finditer(literal):
        before = literal[end : match.start()]
        quotes -= literal.count("'", end, match.end())
        end = match.end()
        if quotes % 2:  # inside '...', where a shell does not look either
            yield before + match[0]
        elif match[1].startswith("$"):  # $$name is the shell's own $name
            yield before + match[1]
        else:
            yield before
            yield Field(match[1])
    yield literal[end:]


def _can_evaluate(part: Field, scope: Scope) -> bool:
    tree = parse_expression(part.expression)
    if tree is None or part.conversion not in (None, "r", "s", "a"):
        return False
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    local = {node.id for node in nodes if not isinstance(node.ctx, ast.Load)}
    local |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    free = [node.id for node in nodes if node.id not in local]
    unbound = [name for name in free if not scope.is_bound(name)]  # asks for every one of them
    return not unbound
