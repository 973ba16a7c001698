"""All edits of one cell: one parse, one pass over each edited statement, one text."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import libcst as cst

from nbtools.convert import statement_edits
from nbtools.convert.cell_edits import (
    AssignExpression,
    CellEdit,
    DropDeletes,
    DropImports,
    ExpandStar,
    Names,
    QuoteAnnotations,
    RenameNames,
    ReplaceCalls,
    WrapExpression,
    WrapInTry,
)
from nbtools.convert.rename import rename_in_statement
from nbtools.convert.statement_edits import Changes
from nbtools.convert.statement_lines import Statement, Work, assemble_lines
from nbtools.convert.tree import code_of

# libcst reads and writes code by recursion, 3 frames for each term of `1 + 1 + ...`, and
# reads it in quadratic time: 0.6 s for 1,000 terms, 6 s for `a.b()` with 1,000 calls, and
# without end for 4,000. What nests deeper than people write is refused.
_FRAMES = 3_000
_DEPTH = 1_000  # nodes of `ast`
_SHORT = 5_000  # characters: shorter sources cannot take long, so their depth is not measured

# An edit of a node is given what those before it made of the node.
_STAGES: tuple[tuple[type, ...], ...] = (
    (ReplaceCalls,),
    (RenameNames, ExpandStar),
    (QuoteAnnotations, WrapExpression, AssignExpression),
)


def edit_module(source: str, edits: Sequence[CellEdit]) -> str:
    """Make edits as `rewrite.edit_cell` promises them; there is at least one."""
    top, text, bottom = _set_margins_apart(source)
    try:
        if len(text) > _SHORT:
            _check_depth(text)
        with _deep_recursion():
            module = _parse(text)
            edited = assemble_lines(module, _plan_work(module, edits))
            for edit in edits:
                if isinstance(edit, WrapInTry):
                    edited = _wrap_in_try(edited, edit.handler_lines)
            code = edited.code
    except RecursionError:
        raise ValueError("the source nests too deeply to be edited") from None
    return f"{top}{code}{bottom}" if code else ""


def _set_margins_apart(source: str) -> tuple[str, str, str]:
    """Blank margins, which libcst 1.9 does not give back as they were, and what is between."""
    text = source.lstrip("\f")
    top = source[: len(source) - len(text)]
    stripped = text.rstrip(" \t\r\n\f")
    if stripped.endswith("\\"):
        return top, text, ""  # it needs the line that follows
    return top, stripped, text[len(stripped) :]


def _check_depth(source: str) -> None:
    """Raise RecursionError for what libcst would take too long to read."""
    try:
        level: list[ast.AST] = [ast.parse(source)]
    except (SyntaxError, ValueError, MemoryError):
        return  # newer than this interpreter, or libcst will say what is wrong
    for _ in range(_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise RecursionError


@contextmanager
def _deep_recursion() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _parse(source: str) -> cst.Module:
    try:
        return cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        raise ValueError(f"not Python: line {error.raw_line}: {error.message}") from None


def _plan_work(module: cst.Module, edits: Sequence[CellEdit]) -> Work:
    work = Work(_flatten(module))
    for edit in edits:
        if isinstance(edit, (DropImports, DropDeletes)):
            _drop(work, edit)
    renames = {
        index: names
        for edit in edits
        if isinstance(edit, RenameNames)
        for index, names in edit.statements.items()
    }
    for stage in _STAGES:
        for edit in edits:
            if isinstance(edit, stage):
                _ask(work, edit, renames)
    return work


def _flatten(module: cst.Module) -> list[Statement]:
    """The top-level statements as `ast` counts them; libcst groups `a; b` in a line."""
    statements: list[Statement] = []
    for line in module.body:
        if isinstance(line, cst.SimpleStatementLine):
            statements.extend(line.body)
        else:
            statements.append(line)
    return statements


def _ask(work: Work, edit: CellEdit, renames: Mapping[int, Names]) -> None:
    """Write down what an edit asks of which statement."""
    match edit:
        case RenameNames(statements):
            for index, names in statements.items():
                if index not in work.gone:
                    _change(work, index, rename_in_statement(_statement(work, index), names))
        case ExpandStar(index):
            names = renames.get(index, Names())
            _change(work, index, statement_edits.expand_star(_statement(work, index), edit, names))
        case QuoteAnnotations(index):
            _change(work, index, statement_edits.quote_annotations(_statement(work, index)))
        case WrapExpression(index) | AssignExpression(index):
            _change(work, index, statement_edits.wrap_expression(_statement(work, index), edit))
            work.bare.add(index)
        case ReplaceCalls():
            for index, statement in enumerate(work.statements):
                _change(work, index, statement_edits.replace_calls(statement, edit))


def _statement(work: Work, index: int) -> Statement:
    if not 0 <= index < len(work.statements):
        raise ValueError(f"no statement {index}: the cell has {len(work.statements)}")
    return work.statements[index]


def _change(work: Work, index: int, changes: Changes) -> None:
    for node, replace in changes:
        work.changes.setdefault(index, {}).setdefault(node, []).append(replace)


def _drop(work: Work, edit: DropImports | DropDeletes) -> None:
    """Write down what goes; what goes altogether is not renamed or wrapped."""
    deletes = isinstance(edit, DropDeletes)
    drop = statement_edits.drop_from_delete if deletes else statement_edits.drop_from_import
    for index, names in edit.drops.items():
        statement = _statement(work, index)
        changes = drop(statement, names)
        if changes is not None:
            _change(work, index, changes)
        else:
            work.gone[index] = _as_comment(statement) if deletes else ""


def _as_comment(statement: Statement) -> str:
    code = code_of(statement.with_changes(semicolon=cst.MaybeSentinel.DEFAULT))
    return "# " + " ".join(line.strip() for line in code.splitlines())


def _wrap_in_try(module: cst.Module, handler_lines: Sequence[str]) -> cst.Module:
    """The body of a module below `try:`, with its own-line comments."""
    template = _parse("\n".join(["try:", "    pass", *handler_lines]))
    frame = template.body[0] if len(template.body) == 1 else None
    if not isinstance(frame, (cst.Try, cst.TryStar)):
        raise ValueError(f"not the handlers of a try: {list(handler_lines)!r}")
    lines = list(module.body) or [_parse("pass").body[0]]
    lines[0] = lines[0].with_changes(leading_lines=[*module.header, *lines[0].leading_lines])
    block = cst.IndentedBlock(lines, indent="    ", footer=module.footer)
    frame = cst.ensure_type(frame.visit(_ExplicitIndent(template.default_indent)), type(frame))
    body = [frame.with_changes(body=block.visit(_EmptyBlankLines()))]
    return module.with_changes(header=[], footer=[], body=body)


class _ExplicitIndent(cst.CSTTransformer):
    """Blocks keep their indent in a module whose default is another."""

    def __init__(self, indent: str) -> None:
        super().__init__()
        self.indent = indent

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        if original_node.indent is not None:
            return updated_node
        return updated_node.with_changes(indent=self.indent)


class _EmptyBlankLines(cst.CSTTransformer):
    """Blank lines stay empty where the lines around them are indented."""

    def leave_EmptyLine(
        self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine
    ) -> cst.EmptyLine:
        blank = original_node.comment is None and not original_node.whitespace.value
        return updated_node.with_changes(indent=False) if blank else updated_node
