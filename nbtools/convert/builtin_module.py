"""`__builtins__`, which in Jupyter is the module `builtins`.

CPython leaves open what the name means outside of `__main__`; in a marimo notebook it is the
module's dictionary, whose `dir` and `vars` are others. IPython also knows `__builtin__`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, revise

_MODULE = b'__import__("builtins")'
"""An import statement would need a name, which a function of the notebook may have for its own."""
_NAMES = frozenset({"__builtins__", "__builtin__"})


def name_builtins(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Let every cell that reads `__builtins__` read the module instead."""
    if any(not _NAMES.isdisjoint(s.facts.binds) for x in scripts for s in x.statements):
        return list(scripts)
    return [_name(script, log) if _mentions(script.source) else script for script in scripts]


def _mentions(source: str) -> bool:
    return any(name in source for name in _NAMES)


def _name(script: Script, log: Log) -> Script:
    nodes = [
        node
        for node in ast.walk(ast.parse(script.source))
        if isinstance(node, ast.Name) and node.id in _NAMES
    ]
    lines = [line.encode() for line in script.source.split("\n")]
    for node in sorted(nodes, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        line, end = lines[node.lineno - 1], node.col_offset + len(node.id)
        lines[node.lineno - 1] = line[: node.col_offset] + _MODULE + line[end:]
        if script.cell is not None:
            reason = f"`{node.id}` is the module `builtins` in Jupyter alone"
            where = script.line_in_cell(node.lineno)
            log.edit("replace", script.cell, reason, line=where, lines=1)
    return revise(script, b"\n".join(lines).decode()) if nodes else script
