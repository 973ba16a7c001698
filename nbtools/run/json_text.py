"""JSON text piece by piece: a list may be an iterator, so that it is never whole in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any


def iterate_json(value: Any, indent: int, *, ascii_only: bool = True) -> Iterator[str]:
    """The pieces of what `json.dumps` with this indent (blanks a level) gives.

    value: What it takes; in addition, iterators are arrays.
    """
    return _iterate(value, indent, "\n", ascii_only)


def _iterate(value: Any, indent: int, newline: str, ascii_only: bool) -> Iterator[str]:
    inner = newline + " " * indent
    if isinstance(value, dict):
        members: Iterable[tuple[str, Any]] = (
            (f"{json.dumps(key, ensure_ascii=ascii_only)}: ", each) for key, each in value.items()
        )
        brackets = "{}"
    elif isinstance(value, (list, tuple, Iterator)):
        members = (("", each) for each in value)
        brackets = "[]"
    else:
        yield json.dumps(value, ensure_ascii=ascii_only)
        return
    between = brackets[0] + inner
    for start, each in members:
        yield between + start
        yield from _iterate(each, indent, inner, ascii_only)
        between = "," + inner
    yield brackets if between[0] == brackets[0] else newline + brackets[1]
