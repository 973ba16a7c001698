"""Putting the lines of a cell together again after some of their statements changed."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
from msgspec import Struct, field

from nbtools.convert.replacements import Replacements, replace_nodes

Statement = cst.BaseSmallStatement | cst.BaseCompoundStatement
_Line = cst.SimpleStatementLine | cst.BaseCompoundStatement


class Work(Struct):
    """What is to be done to the top-level statements of a cell; keys are their indexes."""

    statements: Sequence[Statement]
    changes: dict[int, Replacements] = field(default_factory=dict)
    gone: dict[int, str] = field(default_factory=dict)  # -> the comment left behind, or ""
    bare: set[int] = field(default_factory=set)  # lose the `;` that ends their line

    def result(self, index: int) -> cst.CSTNode | None:
        """What becomes of a statement."""
        if index in self.gone:
            return None
        return replace_nodes(self.statements[index], self.changes.get(index, {}))


def assemble_lines(module: cst.Module, work: Work) -> cst.Module:
    """The module with the work done; own-line comments of dropped lines stay."""
    if not (work.changes or work.gone or work.bare):
        return module
    body: list[_Line] = []
    left: list[cst.EmptyLine] = []  # lines above what was dropped: they go to what follows
    dropped = False
    index = 0
    for line in module.body:
        count = len(line.body) if isinstance(line, cst.SimpleStatementLine) else 1
        edited = _edit_line(line, range(index, index + count), work)
        index += count
        if isinstance(edited, list):
            left += edited
            dropped = True
            continue
        if dropped:
            lines = [*left, *edited.leading_lines]
            top = not body and not module.header
            edited = edited.with_changes(leading_lines=_strip_blank(lines) if top else lines)
            left, dropped = [], False
        body.append(edited)
    return _close(module, body, left)


def _close(module: cst.Module, body: list[_Line], left: list[cst.EmptyLine]) -> cst.Module:
    if not left and len(body) == len(module.body):
        return module.with_changes(body=body)
    footer = [*left, *module.footer]
    if not (body or module.header):
        footer = _strip_blank(footer)
    return module.with_changes(body=body, footer=_strip_blank(footer[::-1])[::-1])


def _strip_blank(lines: list[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Without the blank lines at the start, which set apart what is gone."""
    start = next((at for at, line in enumerate(lines) if line.comment), len(lines))
    return lines[start:]


def _edit_line(line: _Line, indexes: range, work: Work) -> _Line | list[cst.EmptyLine]:
    """The line with its statements edited, or the comments that are left of it."""
    if not any(
        index in work.changes or index in work.gone or index in work.bare for index in indexes
    ):
        return line
    if not isinstance(line, cst.SimpleStatementLine):
        edited = work.result(indexes[0])
        assert isinstance(edited, cst.BaseCompoundStatement)  # nothing drops a block
        return edited
    results = [work.result(index) for index in indexes]
    kept = [result for result in results if isinstance(result, cst.BaseSmallStatement)]
    comments = [work.gone[index] for index in indexes if work.gone.get(index)]
    if not kept:
        return _comment_lines(line, comments)
    semicolon, end = line.body[-1].semicolon, line.trailing_whitespace
    if indexes[-1] in work.bare and isinstance(semicolon, cst.Semicolon):
        space = semicolon.whitespace_after if end.comment else end.whitespace
        semicolon, end = cst.MaybeSentinel.DEFAULT, end.with_changes(whitespace=space)
    kept[-1] = kept[-1].with_changes(semicolon=semicolon)
    return line.with_changes(body=kept, trailing_whitespace=_with_comments(end, comments))


def _comment_lines(line: cst.SimpleStatementLine, comments: list[str]) -> list[cst.EmptyLine]:
    if not comments:
        return list(line.leading_lines)
    trailing = _with_comments(line.trailing_whitespace, comments)
    return [*line.leading_lines, cst.EmptyLine(comment=trailing.comment, newline=trailing.newline)]


def _with_comments(end: cst.TrailingWhitespace, comments: list[str]) -> cst.TrailingWhitespace:
    """The end of a line with more comments before its own."""
    if not comments:
        return end
    own = [end.comment.value] if end.comment else []
    return end.with_changes(
        whitespace=cst.SimpleWhitespace("  "), comment=cst.Comment("  ".join(comments + own))
    )
