"""Annotations as marimo prints them into a cell's signature."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from copy import deepcopy

from nbtools.formats.reactive_locals import is_local

# A whole string literal in either quote: marimo's own pattern, which knows no prefixes.
_LITERAL = re.compile(r"'([^'\\]*(?:\\.[^'\\]*)*)'|\"(?:[^\"\\]*(?:\\.[^\"\\]*)*)\"")
_UNESCAPED_QUOTE = re.compile(r'(?<!\\)"')


def print_annotation(node: ast.expr, rename_local: Callable[[str], str]) -> str:
    """The annotation on one line, its string literals in double quotes where they can be."""
    if any(isinstance(part, ast.Name) and is_local(part.id) for part in ast.walk(node)):
        node = deepcopy(node)
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and is_local(part.id):
                part.id = rename_local(part.id)
    return _LITERAL.sub(_prefer_double_quotes, ast.unparse(node).replace("\n", "").strip())


def quote_annotation(annotation: str) -> str:
    """The annotation as a string literal, for names that the signature may not look up."""
    return '"' + _UNESCAPED_QUOTE.sub('\\\\"', annotation) + '"'


def _prefer_double_quotes(literal: re.Match[str]) -> str:
    content = literal.group(1)
    if content is None or ('"' in content and '\\"' not in content):
        return literal.group(0)
    return '"' + content.replace("\\'", "'").replace('"', '\\"') + '"'
