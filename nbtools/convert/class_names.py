"""Classes that get another name, though Python writes their name into others.

In a class `C`, `self.__x` means `self._C__x`: attributes, `vars(c)` and `dir(c)` show it. So a
class that has such names is defined under its own name, inside a function, and handed out.
"""

from __future__ import annotations

import ast
import re

from nbtools.syntax import parse_source, walk_nodes

_STRINGS = (ast.Constant, ast.JoinedStr, getattr(ast, "TemplateStr", ast.Constant))  # Python 3.14


def has_private_names(source: str) -> bool:
    """Whether Python writes a class's name into a name of a cell: `__x`, but not `__x__`."""
    if "__" not in source:
        return False
    names = (_name_of(node) for node in walk_nodes(parse_source(source)))
    return any(name.startswith("__") and not name.endswith("__") for name in names)


def _name_of(node: ast.AST) -> str:
    found = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", None)
    return found if isinstance(found, str) else ""


def define_inside(source: str, name: str, after: str) -> str:
    """The source of a class `after`, with a class `name` that a function defines and gives.

    source: The class alone, with what stands above it.
    """
    node = parse_source(source).body[0]
    lines = source.split("\n")
    head = lines[node.lineno - 1]
    lines[node.lineno - 1] = re.sub(
        rf"class(\s+){re.escape(after)}\b", rf"class\1{name}", head, count=1
    )
    inside = _lines_in_strings(node)
    body = [
        line if number in inside or not line.strip() else f"    {line}"
        for number, line in enumerate(lines, start=1)
    ]
    while body and not body[-1]:
        body.pop()
    make = "_define"
    while make in source:
        make += "_"
    return "\n".join([f"def {make}():", *body, f"    return {name}", f"{after} = {make}()"])


def _lines_in_strings(node: ast.stmt) -> set[int]:
    """The lines (1-based) that start within a string: blanks there are part of it."""
    return {
        line
        for each in walk_nodes(node)
        if isinstance(each, _STRINGS)
        for line in range(each.lineno + 1, (each.end_lineno or each.lineno) + 1)
    }
