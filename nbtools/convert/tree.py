"""Ways around a libcst tree that its visitors are too slow for: fields, without layout."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import libcst as cst

_LAYOUT = frozenset(
    "asynchronous colon comma dot equal footer header indent lbrace lbracket leading_lines "
    "lines_after_decorators lpar operator rbrace rbracket rpar semicolon "
    "trailing_whitespace".split()
)


@cache
def _content_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    names = (field.name for field in fields(kind))
    return tuple(
        name for name in names if name not in _LAYOUT and not name.startswith(("whitespace", "_"))
    )


def child_nodes(node: cst.CSTNode) -> list[cst.CSTNode]:
    """The nodes directly below one, without whitespace, punctuation and operators."""
    children: list[cst.CSTNode] = []
    for name in _content_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            children.append(value)
        elif isinstance(value, (list, tuple)):
            children += [item for item in value if isinstance(item, cst.CSTNode)]
    return children


def code_of(node: cst.CSTNode) -> str:
    """The source text of a node."""
    return cst.Module([]).code_for_node(node)


def dotted_name(node: cst.CSTNode) -> str | None:
    """`a.b.c` as text, or None for anything that is not names and dots."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    return ".".join([node.value, *reversed(parts)])
