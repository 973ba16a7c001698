"""Reading reactive notebooks: marimo's `.py` files, by `ast` alone; nothing is executed."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.errors import InvalidNotebookError
from nbtools.formats.reactive_dedent import dedent_cell
from nbtools.formats.reactive_options import APP_DEFAULTS, CELL_DEFAULTS
from nbtools.formats.reactive_recovery import parse_pieces

_IMPORT = re.compile(r"^import[ \t]+marimo(?:[ \t]+as[ \t]+(\w+))?[ \t]*(?:[#;\r\n]|\Z)", re.M)
_HEADER_END = re.compile(r"(?:[\s(),/*\]\\]|#[^\n]*)*:[ \t]*(?:#[^\n]*)?")
_DEF = re.compile(r"(?:async\s+)?def\s+\w+")
_KINDS = ("cell", "function", "class_definition")
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class IgnoredStatement(Struct, frozen=True):
    """Something in the file that belongs to no cell: marimo drops it when it saves."""

    line: int  # 1-based, in the file
    text: str  # its first line


class ReactiveFile(Struct, frozen=True):
    """A reactive notebook's file, as marimo loads it."""

    notebook: ReactiveNotebook
    lines: tuple[int, ...]  # per cell: the file's line (1-based) where its source starts
    ignored: tuple[IgnoredStatement, ...] = ()
    version: str | None = None  # marimo's, that wrote the file


def is_reactive(data: bytes | str) -> bool:
    """Whether the content is a marimo notebook: cheap, and safe on any Python file.

    It must import marimo and make its App at top level, outside strings and comments.
    """
    if isinstance(data, bytes):
        if b"import marimo" not in data or b".App" not in data:
            return False
        data = data.decode("utf-8", errors="replace")
    elif "import marimo" not in data or ".App" not in data:
        return False
    text = data.lstrip("\ufeff")
    imported = _IMPORT.search(text)
    if imported is None:
        return False
    alias = imported[1] or "marimo"
    made = re.compile(rf"^app[ \t]*=[ \t]*{alias}\.App[ \t]*\(", re.M).search(text, imported.end())
    # Where the text before it is whole statements, it does not stand inside a string.
    return made is not None and _parse(text[: made.start()]) is not None


def read_reactive(text: str) -> ReactiveNotebook:
    """The notebook in marimo's `.py` text.

    Raises:
        InvalidNotebookError: the text is no marimo notebook, or has statements that belong
            to no cell and would get lost (`parse_reactive` lists them instead).
    """
    file = parse_reactive(text)
    if file.ignored:
        first = file.ignored[0]
        raise InvalidNotebookError(
            f"line {first.line}: `{first.text}` belongs to no cell; marimo would delete it"
        )
    return file.notebook


def parse_reactive(text: str) -> ReactiveFile:
    """The notebook in marimo's `.py` text, and what else stands there.

    A cell that is not Python costs that cell alone: it comes back with its broken source.

    Raises:
        InvalidNotebookError: there is no `import marimo` or no `app = marimo.App(...)`.
    """
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    module = _parse(text)
    body = parse_pieces(text) if module is None else module.body
    reader = _Reader(text)
    reader.read(body)
    return reader.result()


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Reader:
    """Goes through the top-level statements once, in the order marimo expects them."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.cells: list[ReactiveCell] = []
        self.starts: list[int] = []
        self.ignored: list[IgnoredStatement] = []
        self.header = ""
        self.options: tuple[tuple[str, object], ...] = ()
        self.version: str | None = None

    def result(self) -> ReactiveFile:
        notebook = ReactiveNotebook(tuple(self.cells), self.header, self.options)
        return ReactiveFile(notebook, tuple(self.starts), tuple(self.ignored), self.version)

    def read(self, body: Sequence[ast.stmt]) -> None:
        rest = iter(body)
        alias = self._read_header(rest)
        self._read_app(rest, alias)
        for statement in rest:
            if _is_run_guard(statement):
                self._read_run_guard(statement)
            elif not self._read_cell(statement):
                self._ignore(statement)

    def _ignore(self, node: ast.stmt | ast.expr) -> None:
        text = self.lines[node.lineno - 1].strip()
        self.ignored.append(IgnoredStatement(node.lineno, text))

    def _read_header(self, rest: Iterator[ast.stmt]) -> str:
        """Read up to `import marimo`; returns the name it binds."""
        in_header = True
        for statement in rest:
            if in_header and not _is_string(statement):
                in_header = False
                self.header = "\n".join(self.lines[: statement.lineno - 1]).strip()
            if isinstance(statement, ast.Import) and statement.names[0].name == "marimo":
                return statement.names[0].asname or "marimo"
            if not in_header:
                self._ignore(statement)
        raise InvalidNotebookError("not a marimo notebook: it has no `import marimo`")

    def _read_app(self, rest: Iterator[ast.stmt], alias: str) -> None:
        for statement in rest:
            match statement:
                case ast.Assign([ast.Name("__generated_with")], ast.Constant(version)):
                    self.version = str(version)
                case ast.Assign(
                    [ast.Name("app")], ast.Call(ast.Attribute(ast.Name(name), "App")) as call
                ) if name == alias:
                    self.options = self._read_options(call)
                    return
                case _:
                    self._ignore(statement)
        raise InvalidNotebookError(f"not a marimo notebook: it has no `app = {alias}.App(...)`")

    def _read_options(self, call: ast.Call) -> tuple[tuple[str, object], ...]:
        given = self._read_keywords(call, APP_DEFAULTS)
        options = ((name, given.get(name, value)) for name, value in APP_DEFAULTS.items())
        return tuple((name, value) for name, value in options if value != APP_DEFAULTS[name])

    def _read_keywords(self, call: ast.Call, known: dict[str, object]) -> dict[str, Any]:
        """The call's constant keywords of the known kinds; any other is reported as ignored."""
        given: dict[str, Any] = {}
        for keyword in call.keywords:
            value = _constant(keyword.value)
            if keyword.arg not in known or not _is_like(value, known[keyword.arg]):
                self._ignore(keyword.value)
            else:
                given[keyword.arg] = value
        return given

    def _read_run_guard(self, statement: ast.stmt) -> None:
        for inner in (*statement.body, *statement.orelse):  # type: ignore[attr-defined]
            match inner:
                case ast.Expr(ast.Call(ast.Attribute(ast.Name("app"), "run"))):
                    pass
                case _:
                    self._ignore(inner)

    # ------------------------------------------------------------------------ cells

    def _read_cell(self, statement: ast.stmt) -> bool:
        """Read the statement if it is a cell; tells whether it is one."""
        match statement:
            case ast.With(items=[item]) | ast.AsyncWith(items=[item]):
                return self._read_setup(statement, item.context_expr)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self._read_definition(statement)
            case ast.Expr(
                ast.Call(
                    ast.Attribute(ast.Name("app"), "_unparsable_cell"),
                    [ast.Constant(str(source))],
                ) as call
            ):
                return self._read_unparsable(source, call)
        return False

    def _add(self, source: str, line: int, name: str, options: dict[str, Any]) -> bool:
        self.cells.append(ReactiveCell(source, name, **options))
        self.starts.append(line)
        return True

    def _read_unparsable(self, source: str, call: ast.Call) -> bool:
        options = self._read_keywords(call, {**CELL_DEFAULTS, "name": "_"})
        name = options.pop("name", "_") or "_"
        line = call.args[0].lineno + source.startswith("\n")
        return self._add(dedent_cell(source).strip(), line, str(name), options)

    def _read_setup(self, statement: ast.With | ast.AsyncWith, context: ast.expr) -> bool:
        call = context if isinstance(context, ast.Call) else None
        match call.func if call else context:
            case ast.Attribute(ast.Name("app"), "setup") if not any(
                cell.name == "setup" for cell in self.cells
            ):
                options = self._read_keywords(call, CELL_DEFAULTS) if call else {}
            case _:
                return False
        first = (context.end_lineno or context.lineno) + 1
        source = dedent_cell(self._with_comments_below(statement, first))
        self._add(source.removesuffix("\npass"), first, "setup", options)
        self.cells.insert(0, self.cells.pop())
        self.starts.insert(0, self.starts.pop())
        return True

    def _read_definition(self, node: _Definition) -> bool:
        found = _app_decorator(node)
        if found is None:
            return False
        index, kind, call = found
        if kind == "cell" and isinstance(node, ast.ClassDef):
            return False
        options = self._read_keywords(call, CELL_DEFAULTS) if call else {}
        for other in node.decorator_list[:index] if kind != "cell" else node.decorator_list:
            if other is not node.decorator_list[index]:
                self._ignore(other)
        if kind != "cell" or isinstance(node, ast.ClassDef):
            first = (node.decorator_list[index].end_lineno or node.lineno) + 1
            return self._add(
                dedent_cell(self._with_comments_below(node, first)), first, "_", options
            )
        source, first = self._read_body(node)
        return self._add(dedent_cell(source), first, node.name, options)

    def _with_comments_below(self, node: _Definition | ast.With | ast.AsyncWith, first: int) -> str:
        """The lines from the first (1-based) to the block's end, and comments that go with it."""
        last = node.end_lineno or node.lineno
        start = self.lines[node.body[0].lineno - 1]
        margin = start[: len(start) - len(start.lstrip())]
        return "\n".join(self.lines[first - 1 : self._extend(last, margin)])

    def _extend(self, last: int, margin: str) -> int:
        """The last line (1-based) of the indented or blank ones below, trailing blanks left out."""
        end = last
        for number in range(last, len(self.lines) if margin else last):
            line = self.lines[number]
            if not line.strip():
                continue
            if not line.startswith(margin):
                break
            end = number + 1
        return end

    def _read_body(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, int]:
        """The cell's text between signature and last return, still indented, and its line."""
        header_end, is_alone = self._find_header_end(node)
        last = node.body[-1]
        returns = isinstance(last, ast.Return)
        if not is_alone:
            return self._read_one_line_body(node, returns)
        first = header_end + 1
        before = node.body[-2].end_lineno or 0 if len(node.body) > 1 else header_end
        if not returns:
            start = self.lines[node.body[0].lineno - 1]
            margin = start[: len(start) - len(start.lstrip())]
            end = self._extend(node.end_lineno or last.lineno, margin)
            return "\n".join(self.lines[first - 1 : end]), first
        if before < last.lineno:
            return "\n".join(self.lines[first - 1 : last.lineno - 1]), first
        kept = [*self.lines[first - 1 : last.lineno - 1], self._before(last)]
        return "\n".join(kept), first

    def _before(self, node: ast.stmt) -> str:
        """What stands on the node's first line before it, without the semicolon."""
        line = self.lines[node.lineno - 1].encode()[: node.col_offset].decode()
        return line.rstrip(" \t;")

    def _read_one_line_body(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, returns: bool
    ) -> tuple[str, int]:
        first, last = node.body[0], node.body[-1]
        end_line, end_column = (
            (last.lineno, last.col_offset)
            if returns
            else (last.end_lineno or last.lineno, last.end_col_offset or 0)
        )
        lines = self.lines[first.lineno - 1 : end_line]
        lines[-1] = lines[-1].encode()[:end_column].decode()
        lines[0] = lines[0].encode()[first.col_offset :].decode()
        return "\n".join(lines).rstrip(" \t;"), first.lineno

    def _find_header_end(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, bool]:
        """The line (1-based) of the signature's colon, and whether no code follows it there."""
        arguments = node.args
        parts: list[Any] = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            *arguments.defaults,
            *arguments.kw_defaults,
            arguments.vararg,
            arguments.kwarg,
            node.returns,
            *getattr(node, "type_params", ()),
        ]
        ends = [(part.end_lineno, part.end_col_offset) for part in parts if part is not None]
        line, column = max(ends, default=(node.lineno, node.col_offset))
        text = "\n".join(self.lines[line - 1 : node.body[0].lineno])
        start = len(text.encode()[:column].decode())
        if not ends:
            found = _DEF.match(text, start)
            start = found.end() if found else start
        header = _HEADER_END.match(text, start)
        end = header.end() if header else start
        return line + text.count("\n", 0, end), text[end : end + 1] in ("\n", "")


def _constant(node: ast.expr) -> object:
    """The value of a constant or a list of constants (as a tuple); `...` for anything else."""
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError):
        return ...
    return tuple(value) if isinstance(value, list) else value


def _is_like(value: object, default: object) -> bool:
    if isinstance(default, bool | tuple):
        return isinstance(value, type(default))
    return value is None or isinstance(value, str | int)


def _app_decorator(node: _Definition) -> tuple[int, str, ast.Call | None] | None:
    """The index of `@app.cell` or the like among the decorators, its kind, and its call."""
    for index, decorator in enumerate(node.decorator_list):
        call = decorator if isinstance(decorator, ast.Call) else None
        match call.func if call else decorator:
            case ast.Attribute(ast.Name("app"), kind) if kind in _KINDS:
                return index, kind, call
    return None


def _is_string(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(ast.Constant(str())):
            return True
    return False


def _is_run_guard(statement: ast.stmt) -> bool:
    match statement:
        case ast.If(ast.Compare(ast.Name("__name__"))):
            return True
    return False
