"""NB208: `from m import *`, and `%pylab`, which is two of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbtools.analysis.modules import star_names
from nbtools.rules.finding import Edit, Finding, Fix, Severity, Span
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.rule import Example, Rule, unsafe_fix


def check(program: Program) -> Iterator[Finding]:
    """Report every star import; the fix lists the names that the notebook uses."""
    severity: Severity = "warning" if program.kind == "jupyter" else "error"
    for cell in program.cells:
        if not cell.facts.stars:
            continue
        magics: set[int] = set()  # lines
        for node in cell.nodes(ast.ImportFrom):
            if node.names[0].name != "*" or not node.module or node.level:
                continue
            span = cell.span(node)
            if not any("*" in line for line in cell.author_lines[span.line - 1 : span.end_line]):
                if span.line not in magics:
                    yield _report_magic(span, severity)
                magics.add(span.line)
                continue
            used = _used_names(program, node.module)
            message = (
                f"`from {node.module} import *` hides where names come from: import them by name"
            )
            if used and len(used) <= 5:
                message += f" ({', '.join(used)})"
            yield RULE.finding(
                message,
                span,
                symbol=node.module,
                severity=severity,
                fix=_list_names(cell, node, used) if used else None,
            )


def _report_magic(span: Span, severity: Severity) -> Finding:
    message = "`%pylab` hides where names come from: import NumPy and pyplot by name"
    return RULE.finding(message, span, symbol="pylab", severity=severity)


def _used_names(program: Program, module: str) -> list[str]:
    """The names of the module that some cell reads and none binds; [] if that is unknown."""
    offered = star_names(module, program.folder)
    if offered is None:
        return []
    read: set[str] = set()
    for cell in program.cells:
        read |= cell.facts.loads | cell.facts.late
    return sorted((read & offered) - program.binders.keys())


def _list_names(cell: CodeCell, node: ast.ImportFrom, used: list[str]) -> Fix | None:
    line = cell.author_lines[cell.span(node).line - 1]
    if line.count("*") != 1:
        return None
    star = cell.span(node.names[0])
    return unsafe_fix("List the names that are used", Edit(star, ", ".join(used)))


RULE = Rule(
    code="NB208",
    name="star-import",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`from {module} import *` hides where names come from",
    why=(
        "What it binds depends on the version of the module; it may take names that the notebook "
        "uses for something else, and no tool can tell which cell needs it. In marimo it is an "
        "error."
    ),
    instead="Import the names that are used, or the module under a short name.",
    fix="unsafe",
    measured="12 of 12 sampled findings right; 78 findings in 774 public notebooks",
    valid=(Example(("from math import sqrt", "import math as m")),),
    invalid=(
        Example(
            ("from math import *", "sqrt(2) + pi"),
            found=("1:1:1",),
            fixed=("from math import pi, sqrt", "sqrt(2) + pi"),
        ),
        Example(("from somewhere_unknown import *",), found=("1:1:1",)),
        Example(("x = 1\n%pylab inline", "plot(x)"), found=("1:2:1",)),
        Example(("import marimo as mo\nfrom math import *",), found=("1:2:1",), kind="reactive"),
    ),
    check=check,
    words=("import", "pylab"),
)
