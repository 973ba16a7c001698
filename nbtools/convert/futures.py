"""`from __future__ import annotations` outside a module's first line.

A cell of a reactive notebook cannot import from `__future__`. Python 3 has all of these features
but one: annotations that are not evaluated. Those become strings, which is what the import makes
of them.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from nbtools.convert.log import Log
from nbtools.convert.rewrite import CellEdit, QuoteAnnotations, edit_cell
from nbtools.convert.scripts import Script, revise
from nbtools.syntax import walk_nodes


def quote_annotations(scripts: Sequence[Script], log: Log) -> list[Script]:
    """Quote the annotations that `from __future__ import annotations` leaves unevaluated.

    In IPython the import holds for its own cell and for all that run after it.
    """
    result: list[Script] = []
    active = False
    for script in scripts:
        active |= any("annotations" in s.facts.futures for s in script.statements)
        result.append(_quote(script, log) if active else script)
    return result


def _quote(script: Script, log: Log) -> Script:
    body = ast.parse(script.source).body
    annotated = [i for i, statement in enumerate(body) if _has_annotations(statement)]
    if not annotated:
        return script
    edits: list[CellEdit] = [QuoteAnnotations(index) for index in annotated]
    if script.cell is not None:
        for index in annotated:
            line = script.line_in_cell(script.statements[index].line)
            reason = "annotations are quoted: `from __future__ import annotations` holds here"
            log.edit("replace", script.cell, reason, line=line, lines=1)
    return revise(script, edit_cell(script.source, edits))


def _has_annotations(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.AnnAssign)
        or (isinstance(node, ast.arg) and node.annotation is not None)
        or (isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None)
        for node in walk_nodes(statement)
    )
