"""`get_ipython().magic("...")` and its kin, as nbconvert and careful authors write magics."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from nbtools.syntax import walk_nodes

_METHODS: dict[str, Literal["magic", "cell", "shell", "capture"]] = {
    "magic": "magic",
    "run_line_magic": "magic",
    "run_cell_magic": "cell",
    "system": "shell",
    "getoutput": "capture",
}


class ShellCall(Struct, frozen=True):
    """A call of IPython's shell with literal arguments, that is a statement or its right side."""

    kind: Literal["magic", "cell", "shell", "capture", "setting"]
    start: int  # 0-based index of its first line
    end: int  # 0-based index of the line after its last
    prefix: str  # what stands before it on its first line
    suffix: str  # what stands after it on its last line
    name: str = ""  # of the magic
    text: str = ""  # its arguments, or the command
    body: str = ""  # of a cell magic
    assigned: bool = False


def find_shell_calls(body: Sequence[ast.stmt], lines: Sequence[str]) -> list[ShellCall]:
    """The calls in order, those in blocks included."""
    found = []
    for statement in body:
        for node in walk_nodes(statement):
            if isinstance(node, ast.Expr | ast.Assign):
                found += list(_read_statement(node, lines))
    return sorted(found, key=lambda call: (call.start, call.prefix))


def find_interactivity(body: Sequence[ast.stmt]) -> str | None:
    """What an assignment to `ast_node_interactivity` sets, the last one counts."""
    setting = None
    for node in (node for statement in body for node in walk_nodes(statement)):
        if isinstance(node, ast.Assign) and _sets_interactivity(node):
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                setting = value.value
    return setting


def _sets_interactivity(node: ast.Assign) -> bool:
    return any(
        isinstance(target, ast.Attribute) and target.attr == "ast_node_interactivity"
        for target in node.targets
    )


def _read_statement(node: ast.Expr | ast.Assign, lines: Sequence[str]) -> Iterator[ShellCall]:
    if isinstance(node, ast.Assign) and _sets_interactivity(node):
        target = node.targets[0]
        if isinstance(target, ast.Attribute) and _is_shell(target.value):
            yield ShellCall("setting", *_span(node, lines))
        return
    call = node.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return
    kind = _METHODS.get(call.func.attr)
    words = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    texts = [word for word in words if isinstance(word, str)]
    if kind is None or not texts or len(texts) != len(call.args) or call.keywords:
        return
    if not _is_shell(call.func.value):
        return
    if kind == "magic" and call.func.attr == "magic":
        name, _, text = texts[0].lstrip("%").partition(" ")
        texts = [name, text]
    elif kind in ("shell", "capture"):
        texts = ["", *texts]
    name, text, below = [*texts, "", ""][:3]
    assigned = isinstance(node, ast.Assign)
    yield ShellCall(kind, *_span(call, lines), name, text, below, assigned)


def _is_shell(node: ast.expr) -> bool:
    """`get_ipython()`, however it is imported."""
    if not isinstance(node, ast.Call) or node.args or node.keywords:
        return False
    function = node.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", None)
    return name == "get_ipython"


def _span(node: ast.expr | ast.stmt, lines: Sequence[str]) -> tuple[int, int, str, str]:
    """Line indexes, and the text around the node; ast counts columns in bytes."""
    last = node.end_lineno or node.lineno
    prefix = lines[node.lineno - 1].encode()[: node.col_offset].decode()
    suffix = lines[last - 1].encode()[node.end_col_offset :].decode()
    return node.lineno - 1, last, prefix, suffix
