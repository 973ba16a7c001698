"""`__builtins__`, which in Jupyter is the module `builtins`.

CPython leaves open what the name means outside of `__main__`; in a marimo notebook it is the
module's dictionary, whose `dir` and `vars` are others. IPython also knows `__builtin__`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbtools.convert.log import Log
from nbtools.convert.scripts import Script, revise
from nbtools.convert.splice_text import Splice, Text, apply_splices

_MODULE = b'__import__("builtins")'
"""An import statement would need a name, which a function of the notebook may have for its own."""
_NAMES = frozenset({"__builtins__", "__builtin__"})


def name_builtins(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Let every cell that reads `__builtins__` read the module instead."""
    mention = [any(name in script.source for name in _NAMES) for script in scripts]
    if not any(mention):
        return list(scripts)
    if any(not _NAMES.isdisjoint(s.facts.binds) for x in scripts for s in x.statements):
        return list(scripts)
    pairs = zip(scripts, mention, strict=True)
    return [_name(script, log) if mentions else script for script, mentions in pairs]


def _name(script: Script, log: Log) -> Script:
    text = Text(script.source)
    splices: list[Splice] = []
    for node in ast.walk(ast.parse(script.source)):
        if isinstance(node, ast.Name) and node.id in _NAMES:
            splices.append(Splice(text.start(node), text.end(node), _MODULE))
            if script.cell is not None:
                reason = f"`{node.id}` is the module `builtins` in Jupyter alone"
                where = script.line_in_cell(node.lineno)
                log.edit("replace", script.cell, reason, line=where, lines=1)
    return revise(script, apply_splices(text, splices)) if splices else script
