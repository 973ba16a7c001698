"""Comments in which authors say what lint is not to report, and where they hold."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from nbtools.lazy_patterns import lazy_pattern
from nbtools.rules.finding import Edit, Span
from nbtools.rules.program import CodeCell, Program

Form = Literal["noqa", "ignore", "ignore-cell", "ignore-file"]


class Directive(Struct, frozen=True):
    """One such comment."""

    form: Form
    span: Span  # from its `#` to the end of what it says
    selectors: tuple[tuple[str, Span], ...]  # as written, each with its place
    is_blanket: bool  # it names no rules, and means all
    lines: tuple[int, int]  # the lines (1-based, inclusive) of the cell for which it holds

    def covers(self, span: Span) -> bool:
        """Whether it holds for what was found there."""
        if self.form == "ignore-file":
            return True
        if span.cell != self.span.cell:
            return False
        first, last = self.lines
        if self.form == "ignore-cell" or first <= span.line <= last:
            return True
        return self.span.line == last == span.end_line  # the last line of a longer piece


class Usage(Struct, frozen=True):
    """What became of the directives, when all other rules had run."""

    directives: tuple[Directive, ...]
    silenced: tuple[frozenset[str], ...]  # per directive: the codes of what it hid
    active: frozenset[str]  # the codes of the rules that ran


RUN_LAST = frozenset({"NB901", "NB902", "NB903"})
"""The rules about the directives themselves. Only a directive that names them hides them."""

_DIRECTIVE = lazy_pattern(
    r"#[ \t]*(?:(?P<noqa>noqa)(?![\w-])(?:[ \t]*:(?P<codes>[ \t]*[^#]*))?"
    r"|nbtools:[ \t]*(?P<form>ignore(?:-cell|-file)?)(?![\w-])(?:[ \t]*\[(?P<list>[^\]]*)\])?)",
    re.IGNORECASE,
)
_NOQA_CODE = lazy_pattern(r"[ \t,]*([A-Z]+[0-9]+|[a-z0-9]+(?:-[a-z0-9]+)+)(?![\w-])", re.IGNORECASE)
_LISTED = lazy_pattern(r"[^\s,]+")
_WORDS = ("noqa", "NOQA", "NoQA", "nbtools:")
_STRING_STARTS = ("FSTRING_START", "TSTRING_START")
_STRING_ENDS = ("FSTRING_END", "TSTRING_END")


def find_directives(program: Program) -> tuple[Directive, ...]:
    """The directives of a notebook in the order of the text. Strings hold none."""
    if not _has_word(program.text):
        return ()
    return tuple(
        directive
        for cell in program.cells
        if _has_word(cell.cell.source)
        for directive in _in_cell(cell)
    )


def _has_word(text: str) -> bool:
    return any(word in text for word in _WORDS)


def _in_cell(cell: CodeCell) -> Iterator[Directive]:
    for line, column, covered in sorted(_comments(cell)):
        comment = cell.author_lines[line - 1][column:]
        for match in _DIRECTIVE.finditer(comment):
            found = _read(cell, match, line, column, covered)
            if found is not None:
                yield found


def _read(
    cell: CodeCell, match: re.Match[str], line: int, column: int, covered: int
) -> Directive | None:
    """What a comment says, given its place (line from 1, column from 0) in the author's text."""

    def place(start: int, end: int) -> Span:
        return Span(cell.index, line, column + start + 1, line, column + end + 1)

    listed = match["list"] if match["form"] else match["codes"]
    selectors: list[tuple[str, Span]] = []
    end = match.end("list") + 1 if match["list"] is not None else match.end()
    if match["list"] is not None:
        at = match.start("list")
        selectors = [
            (word[0], place(at + word.start(), at + word.end()))
            for word in _LISTED.finditer(match["list"])
        ]
    elif match["codes"] is not None:
        at = match.start("codes")
        while code := _NOQA_CODE.match(match.string, at, match.end("codes")):
            selectors.append((code[1], place(code.start(1), code.end(1))))
            at = end = code.end()
    if listed is not None and not selectors:
        return None  # it names nothing, as `ignore[]`
    form: Form = "noqa" if match["noqa"] else match["form"].lower()  # type: ignore[assignment]
    alone = not cell.author_lines[line - 1][:column].strip()
    lines = (covered, line)
    if form == "ignore" and alone and match.start() == 0:
        lines = _statement_below(cell, line)
    return Directive(form, place(match.start(), end), tuple(selectors), listed is None, lines)


# --- comments -------------------------------------------------------------------------------


def _comments(cell: CodeCell) -> set[tuple[int, int, int]]:
    """Line (1-based) and column (0-based) of comments with a directive, in the author's text.

    With each comes the first line of the string that ends on its line, else its own line.
    """
    rows = cell.plain.source.split("\n")
    numbers = cell.plain.lines
    found: set[tuple[int, int, int]] = set()
    seen = 0  # rows that could be read
    for row, text, opened in _tokenized_comments(cell.plain.source):
        seen = row
        line = numbers[row - 1] if row <= len(numbers) else row
        at = cell.author_lines[line - 1].rfind(text)
        if at >= 0 and _DIRECTIVE.search(text):
            found.add((line, at, numbers[opened - 1] if opened <= len(numbers) else line))
    by_text = {magic.line for magic in cell.plain.magics}  # what a comment is, IPython knows
    if cell.refusal is not None:
        by_text.update(
            numbers[row - 1] for row in range(seen + 1, min(len(rows), len(numbers)) + 1)
        )
    known = {line for line, _, _ in found}
    for line in sorted(by_text - known):
        match = _DIRECTIVE.search(cell.author_lines[line - 1])
        if match:
            found.add((line, match.start(), line))
    return found


def _tokenized_comments(source: str) -> Iterator[tuple[int, str, int]]:
    """Row (1-based) and text of each comment, and the row where a string before it began."""
    opened: dict[int, int] = {}  # row where a string ends -> row where it begins
    starts: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                opened.setdefault(token.end[0], opened.get(token.start[0], token.start[0]))
            elif name in _STRING_STARTS:
                starts.append(token.start[0])
            elif name in _STRING_ENDS and starts:
                begun = starts.pop()
                opened.setdefault(token.end[0], opened.get(begun, begun))
            elif name == "COMMENT":
                row = token.start[0]
                yield row, token.string, opened.get(row, row)
    except (tokenize.TokenError, SyntaxError):
        return  # as far as it goes


def _statement_below(cell: CodeCell, line: int) -> tuple[int, int]:
    """The lines of the statement that follows a comment which stands alone on a line."""
    first = next(
        (
            number
            for number, text in enumerate(cell.author_lines[line:], start=line + 1)
            if text.strip() and not text.lstrip().startswith("#")
        ),
        line,
    )
    last = first
    for start, end in _statement_lines(cell):
        if start == first:
            last = max(last, end)
    return first, last


def statement_at(cell: CodeCell, line: int) -> int:
    """The first line of the innermost statement that has a line (1-based, the author's)."""
    starts = (start for start, end in _statement_lines(cell) if start <= line <= end)
    return max(starts, default=line)


def _statement_lines(cell: CodeCell) -> Iterator[tuple[int, int]]:
    """First and last line of each statement, decorators among it, as the author counts."""
    numbers = cell.plain.lines
    for node in _statements(cell.tree.body):
        rows = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]
        end = min(node.end_lineno or node.lineno, len(numbers))
        yield numbers[min(rows) - 1], numbers[end - 1]


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, name, None)
            if isinstance(below, list):
                yield from _statements(below)


# --- taking them out ------------------------------------------------------------------------


def remove_selectors(program: Program, directive: Directive, unwanted: Sequence[str]) -> Edit:
    """The edit that takes rules out of a directive: all of it, where none would be left."""
    kept = [word for word, _ in directive.selectors if word not in unwanted]
    if not kept:
        return remove_directive(program, directive)
    first, last = directive.selectors[0][1], directive.selectors[-1][1]
    span = Span(first.cell, first.line, first.column, last.line, last.end_column)
    return Edit(span, ", ".join(kept))


def remove_directive(program: Program, directive: Directive) -> Edit:
    """The edit that takes a directive out: with the blanks before it, or its whole line."""
    cell = next(each for each in program.cells if each.index == directive.span.cell)
    line = directive.span.line
    text = cell.author_lines[line - 1]
    before = text[: directive.span.column - 1]
    after = text[directive.span.end_column - 1 :]
    if before.strip() or after.strip():
        return _remove_part(directive.span, before, after)
    if line < len(cell.author_lines):
        return Edit(Span(cell.index, line, 1, line + 1, 1), "")
    if line > 1:
        above = len(cell.author_lines[line - 2]) + 1
        return Edit(Span(cell.index, line - 1, above, line, len(text) + 1), "")
    return Edit(Span(cell.index, line, 1, line, len(text) + 1), "")


def _remove_part(span: Span, before: str, after: str) -> Edit:
    """What else the comment says stays a comment."""
    rest = after.strip()
    width = len(before.rstrip()) + 1
    if not rest:
        return Edit(Span(span.cell, span.line, width, span.line, span.end_column + len(after)), "")
    if rest.startswith("#"):
        gap = len(after) - len(after.lstrip())
        return Edit(Span(span.cell, span.line, span.column, span.line, span.end_column + gap), "")
    gap = len(after) - len(after.lstrip(" \t:,-"))
    return Edit(Span(span.cell, span.line, span.column, span.line, span.end_column + gap), "# ")
