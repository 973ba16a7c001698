"""Which Python reads a source that this one refuses: libcst knows every grammar, `ast` its own."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from nbtools.syntax import parse_source

if TYPE_CHECKING:
    import libcst as cst

Version = tuple[int, int]

_MAX_LENGTH = 20_000  # characters; libcst's time can grow with the square of an expression
_MAX_DEPTH = 100  # brackets in brackets; thousands are more than libcst's stack holds
_SIGNS: tuple[tuple[Version, re.Pattern[str]], ...] = (
    ((3, 11), re.compile(r"\bexcept[ \t]*\*|\[[^\]\n]*\*")),
    ((3, 12), re.compile(r"\btype[ \t]+\w+[ \t]*[\[=]|\b(?:def|class)[ \t]+\w+[ \t]*\[")),
    ((3, 12), re.compile(r"(?<![\w%'\"])(?:f|rf|fr)['\"]", re.IGNORECASE)),
    ((3, 14), re.compile(r"(?<![\w%'\"])(?:t|rt|tr)['\"]", re.IGNORECASE)),
)
"""What a source holds that uses syntax which a version of Python brought, and many others do."""

_ALIAS = re.compile(r"^([ \t]*)type[ \t]+(\w+)[ \t]*=(?!=)", re.MULTILINE)


def find_newer_python(source: str, running: Version = sys.version_info[:2]) -> Version | None:
    """The oldest Python that reads a source which the running one refuses.

    Returns:
        The version, newer than the running one; None if the source is wrong for every Python,
        or so large or deep that nobody can tell at a fair price.
    """
    signs = (pattern for version, pattern in _SIGNS if version > running)
    if not any(pattern.search(source) for pattern in signs) or not _is_modest(source):
        return None
    if _parses_without_aliases(source):
        return (3, 12) if running < (3, 12) else None
    import libcst as cst  # slow: as long as a dozen notebooks

    try:
        module = cst.parse_module(source)
    except (cst.ParserSyntaxError, RecursionError, ValueError):
        return None
    newest = max((_needed_by(node) for node in _walk(module)), default=(3, 0))
    return newest if newest > running else None


def _is_modest(source: str) -> bool:
    if len(source) > _MAX_LENGTH:
        return False
    depth = 0
    for match in re.finditer(r"[(\[{]|[)\]}]", source):
        depth += 1 if match[0] in "([{" else -1
        if depth > _MAX_DEPTH:
            return False
    return True


def _parses_without_aliases(source: str) -> bool:
    """Whether nothing is newer than this Python but `type X = int`, the most frequent by far."""
    older, count = _ALIAS.subn(r"\1\2 =", source)
    try:
        return count > 0 and bool(parse_source(older))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _walk(module: cst.Module) -> list[cst.CSTNode]:
    nodes: list[cst.CSTNode] = [module]
    for node in nodes:
        nodes.extend(node.children)
    return nodes


def _needed_by(node: cst.CSTNode) -> Version:
    """The Python that brought a node's syntax; (3, 0) for all that is older than 3.10."""
    kind = type(node).__name__
    if kind in _VERSIONS:
        return _VERSIONS[kind]
    if kind == "TypeParam":
        return (3, 13) if getattr(node, "default", None) is not None else (3, 12)
    if kind == "Index":
        return (3, 11) if getattr(node, "star", None) is not None else (3, 0)
    if kind == "FormattedString":
        return (3, 12) if _breaks_old_limits(node) else (3, 0)
    return (3, 0)


_VERSIONS: dict[str, Version] = {
    "Match": (3, 10),
    "TryStar": (3, 11),
    "TypeAlias": (3, 12),
    "TypeParameters": (3, 12),
    "TemplatedString": (3, 14),
}


def _breaks_old_limits(node: cst.CSTNode) -> bool:
    """Whether braces of an f-string hold what they could not before 3.12: its quote, a comment."""
    import libcst as cst

    assert isinstance(node, cst.FormattedString)
    quote = node.end
    empty = cst.Module([])
    fields = (part for part in node.parts if isinstance(part, cst.FormattedStringExpression))
    for text in map(empty.code_for_node, fields):
        if quote in text or "\\" in text or "#" in text or (len(quote) == 1 and "\n" in text):
            return True
    return False
