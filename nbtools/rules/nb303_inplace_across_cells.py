"""NB303: `inplace=True` on a value that another cell has made."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from nbtools.analysis.mutation import Change
from nbtools.rules.edits import apply_edits, text_between
from nbtools.rules.finding import Edit, Finding, Fix
from nbtools.rules.mutations import and_more, find_cross_changes, first_of_each, made_at
from nbtools.rules.new_values import make_new_values
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.rule import Example, Rule


def check(program: Program) -> Iterator[Finding]:
    """Report the first such call for each name in each cell."""
    found = (
        each
        for each in program.once(find_cross_changes)
        if each.change.how == "inplace" and not each.module
    )
    for each, more in first_of_each(found):
        change = each.change
        where, made = made_at(program, each)
        name, method = change.name, change.what
        instead = (
            f"make a new value: `{name}_1 = {name}.{method}(...)`"
            if change.direct
            else "change it in the cell that makes it"
        )
        message = (
            f"`.{method}(inplace=True)` changes `{name}` from {where}{and_more(more)}: "
            f"what it holds depends on which cells have run; {instead}"
        )
        cell = program.cells[each.position]
        yield RULE.finding(
            message,
            cell.span(change.node),
            symbol=name,
            related=(made,),
        )


def mend(program: Program, finding: Finding) -> Fix | None:
    """`df.drop("a", axis=1, inplace=True)` -> `df_1 = df.drop("a", axis=1)`."""
    return make_new_values(program, finding.symbol, ("inplace",), _bind_results)


def _bind_results(cell: CodeCell, changes: Sequence[Change]) -> str | None:
    """The cell in which the calls bind the name; None unless each of them is a statement."""
    edits: list[Edit] = []
    for change in changes:
        if change.how == "inplace":
            found = _bind_result(cell, change)
            if not found:
                return None
            edits += found
    return apply_edits(cell.cell.source, edits)


def _bind_result(cell: CodeCell, change: Change) -> tuple[Edit, ...]:
    node = change.node
    if not change.direct or not isinstance(node, ast.Call) or not _is_alone(cell, node):
        return ()
    if not (isinstance(node.func, ast.Attribute) and node.func.value is change.root):
        return ()  # `df.index.set_names(...)`: the result is no frame
    keyword = node.keywords[-1]
    if keyword.arg != "inplace":
        return ()
    others = [*node.args, *(k.value for k in node.keywords[:-1])]
    before = others[-1] if others else node.func
    start, end = cell.span(before), cell.span(keyword.value)
    text = cell.author_lines
    if text[start.line - 1] != cell.plain.source.split("\n")[before.lineno - 1]:
        return ()
    gap = text_between(text, (start.end_line, start.end_column), (end.line, end.column))
    words = gap.replace(" ", "")
    if words not in ((",inplace=", "),inplace=") if others else ("(inplace=",)):
        return ()
    kept = gap[: gap.index(",")] if others else "("
    span = cell.span(node)
    cut = replace(start, line=start.end_line, column=start.end_column)
    cut = replace(cut, end_line=end.end_line, end_column=end.end_column)
    here = replace(span, end_line=span.line, end_column=span.column)
    return Edit(here, f"{change.name} = "), Edit(cut, kept)


def _is_alone(cell: CodeCell, node: ast.Call) -> bool:
    return any(each.value is node for each in cell.nodes(ast.Expr))


RULE = Rule(
    code="NB303",
    name="inplace-across-cells",
    severity="warning",
    default="reactive",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`inplace=True` changes `{name}` from cell {n}",
    why=(
        "A second run of the cell meets the value that the first has changed, and often fails: "
        "the column is gone, the index is set. Cells that use the value are not told."
    ),
    instead="Leave `inplace=True` out and give the result a name of its own.",
    fix="unsafe",
    mend=mend,
    words=("inplace",),
    valid=(
        Example(("df = make()\ndf.dropna(inplace=True)",)),
        Example(("df = make()", "df.dropna(inplace=False)")),
        Example(("df = make()", "df = df.copy()\ndf.dropna(inplace=True)")),
        Example(("df = make()", "df2 = df.dropna()")),
    ),
    invalid=(
        Example(
            ("df = make()", "df.dropna(axis=1, inplace=True)"),
            found=("2:1:1",),
            fixed=("df = make()", "df_1 = df.dropna(axis=1)"),
        ),
        Example(
            (
                "df = make()",
                "df.dropna(inplace=True)",
                "%%md Then",
                "df.drop('a', inplace=True)\ndf",
            ),
            found=("2:1:1", "4:1:1"),
            fixed=("df = make()", "df_1 = df.dropna()", "Then", "df_2 = df_1.drop('a')\ndf_2"),
        ),
        Example(
            ("df = make()", "df.drop(['a'], axis=1, inplace=True)\ndf.a.fillna(0, inplace=True)"),
            found=("2:1:1",),
        ),
    ),
    measured="20 of 20 sampled findings right; 25 findings in 774 public notebooks",
    check=check,
)
