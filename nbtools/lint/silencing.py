"""`--add-noqa`: a comment at each finding, which hides it from then on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec.structs import replace

from nbtools.cells import Cell
from nbtools.lint.reading import File
from nbtools.lint.suppression import means
from nbtools.rules.directives import Directive, find_directives, statement_at
from nbtools.rules.edits import apply_edits
from nbtools.rules.finding import Edit, Finding, Fix, Span
from nbtools.rules.program import CodeCell, Program, read_program


def silence(file: File, finding: Finding) -> Fix | None:
    """The comment that hides a finding, as its fix.

    A comment is only made where it is one, and not a part of a string, of a magic or of another
    language, and where it holds for the finding: both are tried. None where there is no such
    place, as for what was found in Markdown, in an empty or a `%%bash` cell.
    """
    cell = next((c for c in file.program.cells if c.index == finding.span.cell), None)
    if cell is None or not cell.cell.source.strip():
        return None
    before = _read_alone(file.program, cell.cell)
    for edit in _places(before, finding):
        source = apply_edits(cell.cell.source, [edit])
        after = _read_alone(file.program, replace(cell.cell, source=source))
        if _does_the_same(before, after) and _hides(after, finding, _shift(finding.span, edit)):
            return Fix("safe", f"Hide {finding.code} here", (edit,))
    return None


def _read_alone(program: Program, cell: Cell) -> Program:
    return read_program(replace(program.notebook, cells=(cell,)), kind=program.kind)


def _does_the_same(before: Program, after: Program) -> bool:
    """Whether Python and IPython see the same cell: a comment is nothing to them."""
    one, other = before.cells[0], after.cells[0]
    if (one.refusal is None) != (other.refusal is None):
        return False
    return ast.dump(one.tree) == ast.dump(other.tree)


def _hides(program: Program, finding: Finding, span: Span) -> bool:
    directives = find_directives(program)
    return any(each.covers(span) and means(each, finding.code) for each in directives)


def _shift(span: Span, edit: Edit) -> Span:
    """Where a finding is when a line was put above it."""
    if not edit.content.endswith("\n"):
        return span
    return replace(span, line=span.line + 1, end_line=span.end_line + 1)


def _places(program: Program, finding: Finding) -> Iterator[Edit]:
    """Comments that may hide the finding; what people write most comes first."""
    cell, code = program.cells[0], finding.code
    span = finding.span
    lines = cell.author_lines
    ends = dict.fromkeys([span.line, min(span.end_line, len(lines))])
    listed = {
        directive.span.line: directive
        for directive in find_directives(program)
        if directive.form == "noqa" and directive.selectors
    }
    for line in ends:
        if line in listed:
            yield _extend(listed[line], code)
        yield _append(cell, line, code)
    above = statement_at(cell, span.line)
    indent = lines[above - 1][: len(lines[above - 1]) - len(lines[above - 1].lstrip())]
    yield Edit(Span(cell.index, above, 1, above, 1), f"{indent}# nbtools: ignore[{code}]\n")
    yield Edit(Span(cell.index, 1, 1, 1, 1), f"# nbtools: ignore-cell[{code}]\n")


def _extend(directive: Directive, code: str) -> Edit:
    """One more rule in a comment that names some."""
    last = directive.selectors[-1][1]
    return Edit(replace(last, line=last.end_line, column=last.end_column), f", {code}")


def _append(cell: CodeCell, line: int, code: str) -> Edit:
    text = cell.author_lines[line - 1]
    width = len(text.rstrip())
    return Edit(
        Span(cell.index, line, width + 1, line, len(text) + 1),
        f"  # noqa: {code}" if width else f"# noqa: {code}",
    )
