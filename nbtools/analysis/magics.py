"""IPython syntax to plain Python, for lint's facts and for convert. Text to text, by lines."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from functools import cache

from msgspec import Struct, field

from nbtools.analysis.blocks import Line, comment_out, indent_block, is_blank, spread
from nbtools.analysis.cell_magics import CellMagic, read_cell_magic
from nbtools.analysis.interpolation import Scope
from nbtools.analysis.ipython_syntax import (
    Construct,
    clean_lines,
    find_automagic,
    find_cell_magic,
    find_constructs,
    may_hold_ipython,
    split_magic,
)
from nbtools.analysis.line_magics import (
    Replacement,
    split_options,
    timing_arguments,
    translate_capture,
    translate_line_magic,
    translate_shell,
)
from nbtools.analysis.literals import parse_expression, quote_text
from nbtools.analysis.shell_calls import ShellCall, find_interactivity, find_shell_calls
from nbtools.syntax import walk_nodes
from nbtools.words import holds_word

_DEEPEST = 20  # %%time in %%time in ...: nobody writes more, and Python's stack is finite
_MAY_CALL_SHELL = ("get_ipython", "ast_node_interactivity")


class Magic(Struct, frozen=True):
    """One IPython construct of a cell: for lint's messages and convert's report."""

    name: str  # "%time", "%%bash", "!", "?", "automagic pwd", "%unknown"
    line: int  # 1-based in the cell's own source
    text: str  # the original text of that line; of a cell magic, its first line
    replaced: bool  # False: nothing to do at run time was lost (e.g. %matplotlib inline)


class Note(Struct, frozen=True):
    """Something without a reactive form, or that changes: a warning that names the cell."""

    line: int  # 1-based in the cell's own source
    message: str


class PlainCell(Struct, frozen=True):
    """A cell as plain Python, and what it needs besides."""

    source: str  # still a syntax error if the author's cell was one
    lines: tuple[int, ...]  # for each line of source, the 1-based line of the cell it came from
    magics: tuple[Magic, ...] = ()
    notes: tuple[Note, ...] = ()
    helpers: frozenset[str] = frozenset()  # functions the source calls: keys of helpers.HELPERS
    imports: tuple[str, ...] = ()  # statements the source needs: "import os"
    requirements: tuple[str, ...] = ()  # PEP 508, from %pip, !pip and conda lines
    interactivity: str | None = None  # what the cell sets ast_node_interactivity to
    unbound: frozenset[str] = frozenset()  # names that, were they in `bound`, change the result


def to_plain_python(source: str, bound: frozenset[str] = frozenset()) -> PlainCell:
    """Replace IPython syntax; a cell without any comes back as it is.

    Args:
        source: A code cell; lines end in a line feed.
        bound: Names known to be bound elsewhere in the notebook: they are no automagic, and
            `{name}` and `$name` in commands mean their values.
    """
    calls_shell = holds_word(source, _MAY_CALL_SHELL)
    if not calls_shell and not may_hold_ipython(source):
        return PlainCell(source, tuple(range(1, source.count("\n") + 2)))
    numbered = [(text, number) for number, text in enumerate(source.split("\n"), start=1)]
    found = _Found(Scope(bound, cache(lambda: _own_names(source))))
    lines = _translate_cell(numbered, found)
    if calls_shell:
        lines = _replace_shell_calls(lines, found)
    return found.finish(lines)


class _Found(Struct):
    """Collects what the constructs of one cell need."""

    scope: Scope
    magics: list[Magic] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    imports: dict[str, None] = field(default_factory=dict)  # an ordered set
    requirements: dict[str, None] = field(default_factory=dict)
    interactivity: str | None = None
    depth: int = 0  # how many magics the code being translated stands in

    def add(self, name: str, line: Line, replacement: Replacement) -> None:
        has_code = replacement.statements or replacement.value or replacement.code
        self.magics.append(Magic(name, line[1], line[0], bool(has_code) or replacement.lost))
        if replacement.note:
            self.notes.append(Note(line[1], replacement.note))
        self.helpers |= replacement.helpers
        self.imports.update(dict.fromkeys(replacement.imports))
        self.requirements.update(dict.fromkeys(replacement.requirements))
        self.interactivity = replacement.interactivity or self.interactivity

    def finish(self, lines: Sequence[Line]) -> PlainCell:
        return PlainCell(
            source="\n".join(text for text, _ in lines),
            lines=tuple(number for _, number in lines),
            magics=tuple(sorted(self.magics, key=lambda magic: magic.line)),
            notes=tuple(sorted(self.notes, key=lambda note: note.line)),
            helpers=frozenset(self.helpers),
            imports=tuple(self.imports),
            requirements=tuple(self.requirements),
            interactivity=self.interactivity,
            unbound=frozenset(self.scope.asked),
        )


def _translate_cell(lines: Sequence[Line], found: _Found) -> list[Line]:
    """Translate what IPython's `transform_cell` would: a cell, or the body of a %%time."""
    if found.depth == _DEEPEST:
        return list(lines)
    found.depth += 1
    translated = _translate_lines(lines, found)
    found.depth -= 1
    return translated


def _translate_lines(lines: Sequence[Line], found: _Found) -> list[Line]:
    texts = clean_lines([text for text, _ in lines])
    cleaned = [(text, number) for text, (_, number) in zip(texts, lines, strict=True)]
    first = find_cell_magic(texts)
    if first is not None:
        return cleaned[:first] + _translate_cell_magic(cleaned[first:], found)
    constructs = find_constructs(texts) or _automagic(texts, found.scope)
    result: list[Line] = []
    position = 0
    for construct in constructs:
        result += cleaned[position : construct.start]
        result += _replace(construct, cleaned[construct.start : construct.end], found)
        position = construct.end
    return _hide_earlier_value(result, cleaned[position:])


def _automagic(texts: Sequence[str], scope: Scope) -> list[Construct]:
    words = find_automagic(texts)
    if words is None or scope.is_bound(words[0]):
        return []
    start = next(index for index, text in enumerate(texts) if text.strip())
    return [Construct("magic", start, start + 1, 0, words[0], words[1], escape="")]


def _hide_earlier_value(lines: list[Line], rest: Sequence[Line]) -> list[Line]:
    """Keep an expression unshown that a magic, now a comment, hid by being the last statement."""
    is_last = lines and lines[-1][0].startswith("#") and all(is_blank(text) for text, _ in rest)
    if is_last and _ends_with_value("\n".join(text for text, _ in lines)):
        lines = [*lines[:-1], ("pass  " + lines[-1][0], lines[-1][1])]
    return [*lines, *rest]


def _ends_with_value(source: str) -> bool:
    body = _parse(source)
    return bool(body) and isinstance(body[-1], ast.Expr)


def _parse(source: str) -> list[ast.stmt]:
    """The statements of a source; none if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []


def _replace(construct: Construct, lines: Sequence[Line], found: _Found) -> list[Line]:
    """The lines that take the place of one construct."""
    replacement = _choose(construct, found)
    found.add(_label(construct), lines[0], replacement)
    prefix = lines[0][0][: construct.column]
    if replacement.code is not None:
        inner = _translate_cell([(replacement.code, lines[0][1])], found)
        head = _typed_before(construct, lines[0][0], replacement.code)
        return _place_code(construct, lines, [text for text, _ in inner], head)
    indent = prefix[: len(prefix) - len(prefix.lstrip())]
    statements = [indent + text for text in replacement.statements]
    if replacement.value is not None:
        return spread([*statements, *(prefix + replacement.value).split("\n")], lines)
    if construct.assigned:
        comment = "" if statements else "  # " + lines[0][0][construct.column :]
        return spread([*statements, f"{prefix}None{comment}"], lines)
    return spread(statements, lines) if statements else comment_out(lines, indent)


def _typed_before(construct: Construct, text: str, code: str) -> str:
    """What the author wrote before a magic's statement: `%prun -s time`."""
    typed = text[construct.column :].rstrip()
    return typed.removesuffix(code.rstrip()).rstrip() if typed[:1] == "%" else f"%{construct.name}"


def _place_code(
    construct: Construct, lines: Sequence[Line], code: list[str], head: str
) -> list[Line]:
    """Put the author's statement where `%time statement` stood."""
    prefix = lines[0][0][: construct.column]
    indent = prefix[: len(prefix) - len(prefix.lstrip())]
    if construct.assigned:
        if len(code) == 1 and parse_expression(code[0]) is not None:
            return spread([prefix + code[0]], lines)
        return spread([*(indent + text for text in code), prefix + "None"], lines)
    if len(code) == 1 and not code[0].startswith("#"):
        return spread([f"{indent}{code[0]}  # {head}"], lines)
    if indent and all(is_blank(text) for text in code):
        code = ["pass  " + code[0], *code[1:]]
    return spread([text for text, _ in indent_block([(text, 0) for text in code], indent)], lines)


def _choose(construct: Construct, found: _Found) -> Replacement:
    if construct.kind == "shell":
        return translate_shell(construct.text, found.scope)
    if construct.kind == "capture":
        return translate_capture(construct.text, found.scope)
    if construct.kind == "help":
        return Replacement(lost=False)
    if construct.kind == "call":
        return Replacement(value=_call(construct))
    if construct.name == "timeit":
        return _timeit_statement(construct.text, found)
    return translate_line_magic(construct.name, construct.text, found.scope)


def _call(construct: Construct) -> str:
    """`,f a b`, `;f a b` and `/f a b` quote each argument, all of them, none."""
    if construct.escape == "/":
        return f"{construct.name}({', '.join(construct.text.split())})"
    words = construct.text.split() if construct.escape == "," else [construct.text]
    return f"{construct.name}({', '.join(quote_text(word) for word in words)})"


def _label(construct: Construct) -> str:
    if construct.kind == "magic":
        return f"%{construct.name}" if construct.escape else f"automagic {construct.name}"
    return "?" if construct.kind == "help" else construct.escape


def _timeit_statement(arguments: str, found: _Found) -> Replacement:
    """`%timeit statement`: a lambda for an expression, else a function; its names are local."""
    options, statement = split_options(arguments.strip(), "nrpv")
    if not statement:
        return Replacement(lost=False)
    keywords = timing_arguments(options)
    helpers = frozenset({"time_it"})
    code = _translate_cell([(statement, 0)], found)
    expression = _expression_text(code[0][0]) if len(code) == 1 else None
    if expression is not None:
        call = f"time_it({', '.join([f'lambda: {expression}', *keywords])})"
        return Replacement(value=call, helpers=helpers)
    body = [text for text, _ in indent_block(code, "    ")]
    call = f"time_it({', '.join(['_timed', *keywords])})"
    return Replacement(statements=("def _timed():", *body), value=call, helpers=helpers)


def _expression_text(code: str) -> str | None:
    """The text of an expression that can be a lambda's body, without a comment or `;` after it."""
    body = _parse(code)
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        return None
    value = body[0].value
    if any(isinstance(node, ast.Await | ast.NamedExpr | ast.Yield) for node in walk_nodes(value)):
        return None
    text = code.encode()[body[0].col_offset : body[0].end_col_offset].decode()
    return f"({text})" if isinstance(value, ast.Tuple) and text[:1] != "(" else text


def _translate_cell_magic(lines: Sequence[Line], found: _Found) -> list[Line]:
    """Translate a cell that begins with `%%name`."""
    header, body = lines[0], lines[1:]
    name, arguments = split_magic(header[0][2:])
    magic = read_cell_magic(name, arguments, [text for text, _ in body], found.scope)
    found.add(f"%%{name}", header, magic.replacement)
    if magic.runs == "statement":
        code = _translate_cell([(magic.statement, header[1])], found)
        return _place_statement(code, header, body)
    if magic.runs == "no":
        return _place_text(magic, lines)
    code = _translate_cell(body, found)
    if magic.runs == "plain":
        return [("# " + header[0], header[1]), *code]
    return _wrap(magic, header, code, found)


def _place_statement(code: list[Line], header: Line, body: Sequence[Line]) -> list[Line]:
    """`%%time f()` with nothing below it is `%time f()`."""
    if len(code) == 1:
        return [(f"{code[0][0]}  # {header[0].split()[0]}", header[1]), *body]
    return [*code, *body]


def _place_text(magic: CellMagic, lines: Sequence[Line]) -> list[Line]:
    """A body that is text: a literal in a call, or comments."""
    replacement = magic.replacement
    if replacement.value is None and not replacement.statements:
        return comment_out(lines, "")
    code = "\n".join([*replacement.statements, *([replacement.value] if replacement.value else [])])
    return spread(code.split("\n"), lines)


def _wrap(magic: CellMagic, header: Line, code: list[Line], found: _Found) -> list[Line]:
    """Indent the body under the statements that stand for %%capture and %%timeit."""
    used = max((row for row, (text, _) in enumerate(code, start=1) if text.strip()), default=0)
    code, tail = code[:used], code[used:]
    if len(magic.opening) == 1 and all(is_blank(text) for text, _ in code):
        code = [*code, ("pass", code[-1][1] if code else header[1])]
    setup: list[Line] = []
    if magic.statement:
        setup = indent_block(_translate_cell([(magic.statement, header[1])], found), "    ")
    opening = [(text, header[1]) for text in magic.opening]
    end = code[-1][1] if code else header[1]
    depth = "    " * (2 if setup else 1)
    loop = [("    for _ in _loops:", header[1])] if setup else []
    closing = [(text, end) for text in magic.closing]
    return [*opening, *setup, *loop, *indent_block(code, depth), *closing, *tail]


def _replace_shell_calls(lines: list[Line], found: _Found) -> list[Line]:
    """Replace `get_ipython().magic("...")` and its kin as the magics that they are."""
    body = _parse("\n".join(text for text, _ in lines))
    found.interactivity = find_interactivity(body) or found.interactivity
    texts = [text for text, _ in lines]
    for call in reversed(find_shell_calls(body, texts)):
        new = _replace_shell_call(call, lines[call.start : call.end], found)
        if new is not None:
            lines[call.start : call.end] = new
    return lines


def _replace_shell_call(call: ShellCall, lines: Sequence[Line], found: _Found) -> list[Line] | None:
    alone = call.suffix.strip()[:1] in ("", "#") and not call.prefix.strip()
    if call.kind == "cell":
        if not alone or call.prefix:
            return None
        number = lines[0][1]
        header = (f"%%{call.name} {call.text}".rstrip(), number)
        below = call.body.removesuffix("\n").split("\n") if call.body else []
        return _translate_cell_magic([header, *((text, number) for text in below)], found)
    if call.kind == "setting":
        return comment_out(lines, call.prefix) if alone else None
    escape = {"shell": "!", "capture": "!!"}.get(call.kind, "%")
    construct = Construct(
        call.kind, 0, len(lines), len(call.prefix), call.name, call.text, escape, call.assigned
    )
    if alone or (call.assigned and call.suffix.strip()[:1] in ("", "#")):
        return _replace(construct, lines, found)
    return _replace_inside(construct, lines, call.suffix, found)


def _replace_inside(
    construct: Construct, lines: Sequence[Line], suffix: str, found: _Found
) -> list[Line] | None:
    """Replace a call that shares its line with other statements; None if that takes lines."""
    replacement = _choose(construct, found)
    if replacement.statements or replacement.code or "\n" in (replacement.value or ""):
        return None
    found.add(_label(construct), lines[0], replacement)
    value = replacement.value or "None"
    return [(lines[0][0][: construct.column] + value + suffix, lines[0][1])]


def _own_names(source: str) -> frozenset[str]:
    """Names the cell binds itself, as far as they can be seen before it is translated."""
    texts = clean_lines(source.split("\n"))
    first = find_cell_magic(texts)
    texts = texts if first is None else texts[first + 1 :]
    for construct in reversed(find_constructs(texts)):
        prefix = texts[construct.start][: construct.column]
        texts[construct.start : construct.end] = [prefix + ("None" if prefix.strip() else "pass")]
    names: set[str] = set()
    for node in (node for statement in _parse("\n".join(texts)) for node in walk_nodes(statement)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return frozenset(names)
