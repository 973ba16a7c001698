"""NB606: a value is computed to be shown, and nothing shows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from nbtools.analysis.imported import Imported, full_name
from nbtools.rules.finding import Edit, Finding
from nbtools.rules.program import CodeCell, Program, skips
from nbtools.rules.receivers import find_imported
from nbtools.rules.rule import Example, Rule, unsafe_fix
from nbtools.syntax import dotted_name

_SHOWN_METHODS = frozenset(
    "head tail describe value_counts nunique isnull isna duplicated corr nlargest nsmallest".split()
)
_SHOWN_CALLS = frozenset(
    "marimo.md marimo.Html marimo.hstack marimo.vstack marimo.callout marimo.accordion "
    "IPython.display.HTML IPython.display.Markdown IPython.display.Image IPython.display.SVG "
    "IPython.display.Latex IPython.display.Math IPython.display.Video IPython.display.Audio "
    "IPython.display.YouTubeVideo IPython.display.IFrame IPython.core.display.HTML "
    "IPython.core.display.Image".split()
)
_BRANCHES = (ast.If, ast.For, ast.While, ast.With)


def check(program: Program) -> Iterator[Finding]:
    """Report the first of them in each cell: above its last statement, or in a branch."""
    if _shows_all(program):
        return
    imported = program.once(find_imported)
    for cell in program.cells:
        if skips(cell.cell) or cell.cell.source.lstrip().startswith("%%"):
            continue
        if len(cell.nodes(ast.Expr)) == 0:
            continue
        found = [
            (node, branch)
            for node, branch in _unshown(cell)
            if _is_for_show(node.value, imported) and not _comes_from_magic(cell, node)
        ]
        if found:
            yield _report(program, cell, found)


def _report(program: Program, cell: CodeCell, found: Sequence[tuple[ast.Expr, bool]]) -> Finding:
    node, branch = found[0]
    where = "in a branch" if branch else "above the cell's last line"
    text = " ".join(ast.unparse(node.value).split())
    text = text if len(text) <= 50 else text[:47] + "..."
    others = len(found) - 1
    more = f" (and {others} more in this cell)" if others else ""
    display = "mo.output.append" if program.kind == "reactive" else "display"
    message = (
        f"`{text}` stands {where}, so nothing shows it{more}: write `{display}(...)` around it, "
        "or delete it"
    )
    fix = None
    if program.kind == "jupyter":
        edits = [edit for each, _ in found for edit in _edits(cell, each)]
        fix = unsafe_fix("Show the value by `display`", *edits)
    return RULE.finding(message, cell.span(node), symbol=text, fix=fix)


def _shows_all(program: Program) -> bool:
    """Whether IPython was told, here or in its settings, to show more than a cell's last value."""
    if "ast_node_interactivity" in program.text:
        return True
    return any(
        sum(output.kind == "execute_result" for output in cell.cell.outputs) > 1
        for cell in program.cells
    )


def _unshown(cell: CodeCell) -> Iterator[tuple[ast.Expr, bool]]:
    body = cell.tree.body
    for node in body[:-1]:
        if isinstance(node, ast.Expr):
            yield node, False
    for node in body:
        if isinstance(node, _BRANCHES):
            yield from ((each, True) for each in _in_branches(node))


def _in_branches(node: ast.stmt) -> Iterator[ast.Expr]:
    for field in ("body", "orelse"):
        for each in getattr(node, field, ()):
            if isinstance(each, ast.Expr):
                yield each
            elif isinstance(each, _BRANCHES):
                yield from _in_branches(each)


def _is_for_show(node: ast.expr, imported: Imported) -> bool:
    if isinstance(node, ast.Call):
        if full_name(node.func, imported) in _SHOWN_CALLS:
            return True
        func = node.func
        plain = not any(k.arg in ("inplace", "out") for k in node.keywords)
        return isinstance(func, ast.Attribute) and func.attr in _SHOWN_METHODS and plain
    if isinstance(node, ast.Subscript):
        return _is_simple(node.value)
    if isinstance(node, (ast.Name, ast.Attribute)):
        return dotted_name(node) is not None
    return isinstance(node, (ast.BinOp, ast.Compare, ast.JoinedStr))


def _is_simple(node: ast.expr) -> bool:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return isinstance(node, ast.Name)


def _comes_from_magic(cell: CodeCell, node: ast.Expr) -> bool:
    span = cell.span(node)
    line = cell.author_lines[span.line - 1].lstrip()
    return line[:1] in ("%", "!", "?") or line.rstrip().endswith("?")


def _edits(cell: CodeCell, node: ast.Expr) -> tuple[Edit, Edit]:
    span = cell.span(node.value)
    start = replace(span, end_line=span.line, end_column=span.column)
    end = replace(span, line=span.end_line, column=span.end_column)
    return Edit(start, "display("), Edit(end, ")")


RULE = Rule(
    code="NB606",
    name="lost-display",
    severity="warning",
    default="reactive",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{expression}` is shown by nothing",
    why=(
        "A cell shows the value of its last expression only. A value above it, or in a branch, "
        "is computed and thrown away."
    ),
    instead="Write `display(...)` around it, move it into a cell of its own, or delete it.",
    fix="unsafe",
    valid=(
        Example(("x = 1\nx",)),
        Example(("x = 1\nprint(x)\nx",)),
        Example(("'''A text'''\nx = 1",)),
        Example(
            (
                "from IPython.core.interactiveshell import InteractiveShell\n"
                "InteractiveShell.ast_node_interactivity = 'all'",
                "1 + 2\n3",
            )
        ),
        Example(("try:\n    x\nexcept NameError:\n    x = 1",)),
        Example(("xs = []\nxs.append(1)\nxs",)),
    ),
    invalid=(
        Example(
            ("df = make()\ndf.head()\ndf.shape",),
            found=("1:2:1",),
            fixed=("df = make()\ndisplay(df.head())\ndf.shape",),
        ),
        Example(("x = 1\nx + 1\nx + 2\nx",), found=("1:2:1",)),
        Example(("x = 1\nif x:\n    x + 1",), found=("1:3:5",)),
        Example(
            ("import marimo as mo", "if True:\n    mo.md('a')"), found=("2:2:5",), kind="reactive"
        ),
    ),
    measured=(
        "28 of 28 sampled findings right; 267 findings in 774 public notebooks, most in one book; "
        "10 of 10 right in 433 held-out ones"
    ),
    check=check,
)
