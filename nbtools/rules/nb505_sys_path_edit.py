"""NB505: a change of `sys.path`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.rule import Example, Rule
from nbtools.syntax import dotted_name

_CHANGES = frozenset("append insert extend remove pop clear".split())
_CALLS = frozenset({f"sys.path.{name}" for name in _CHANGES} | {"site.addsitedir"})


def check(program: Program) -> Iterator[Finding]:
    """Report calls and assignments that change where modules are searched."""
    for cell in program.cells:
        if "sys" in cell.cell.source or "addsitedir" in cell.cell.source:
            for node in _edits(cell):
                message = "`sys.path` is edited: install the package instead (`pip install -e .`)"
                yield RULE.finding(message, cell.span(node))


def _edits(cell: CodeCell) -> Iterator[ast.expr | ast.stmt]:
    for call in cell.nodes(ast.Call):
        if dotted_name(call.func) in _CALLS:
            yield call
    for assign in cell.nodes(ast.Assign):
        if any(map(_is_path, assign.targets)):
            yield assign
    for augmented in cell.nodes(ast.AugAssign):
        if _is_path(augmented.target):
            yield augmented


def _is_path(target: ast.expr) -> bool:
    base = target.value if isinstance(target, ast.Subscript) else target
    return dotted_name(base) == "sys.path"


RULE = Rule(
    code="NB505",
    name="sys-path-edit",
    severity="warning",
    default="opt-in",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`sys.path` is edited: install the package instead",
    why=(
        "The modules are found only from this folder of this checkout, and before or after "
        "installed ones of the same name."
    ),
    instead="Give the code a `pyproject.toml` and install it with `pip install -e .`.",
    valid=(
        Example(("import sys\nprint(sys.path)",)),
        Example(("path = []\npath.append('x')",)),
    ),
    invalid=(
        Example(("import sys\nsys.path.append('..')",), found=("1:2:1",)),
        Example(("import sys\nsys.path[0:0] = ['..']",), found=("1:2:1",)),
        Example(("import sys\nsys.path += ['..']",), found=("1:2:1",)),
    ),
    check=check,
    words=("sys.path", "addsitedir"),
)
