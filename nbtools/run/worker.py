"""The process that runs a notebook: one file, nothing but the standard library, Python 3.8 to 3.14.

It runs under the user's interpreter, where nbtools need not be installed; `session.py` starts it,
sends it one job (a line of JSON) and reads events: lines of JSON on a descriptor of their own.

What the notebook writes to descriptors 1 and 2 goes through two pipes. Before an event whose
place among that text matters, a mark goes into both, and the event carries the mark's number.
So the order is exact, and no thread in this process, nor any text the notebook prints, disturbs it.
"""

from __future__ import annotations

import _thread
import ast
import binascii
import builtins
import contextlib
import faulthandler
import io
import json
import linecache
import os
import re
import signal
import sys
import time
import types

# `signal.signal` makes a member of an enumeration each time.
from _signal import signal as set_handler  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:  # to import `typing` takes a tenth of the time that this process takes to start
    from typing import Any, Callable, Iterator, Sequence

LOST = 70  # exit code: the notebook closed the descriptors of the events
FRAMES = 60  # of a traceback, at most
_COROUTINE = 0x80  # inspect.CO_COROUTINE
_MAIN_PID = os.getpid()


# --- events -----------------------------------------------------------------------------------


class Channel:
    """Where events go, and the marks among what the notebook prints."""

    def __init__(self, events: int, printed: Sequence[int], token: str, most: int) -> None:
        self.events, self.printed, self.most = events, printed, most
        self.token = token.encode()
        self.lock = _thread.RLock()
        self.marks = 0
        self.waiting = b""
        self.streams: list[_Stream] = []
        self.writer: Any = None  # the stream that was written to last

    def mark(self) -> int:
        """Flush what was printed, and put the next mark behind it."""
        for stream in self.streams:
            with contextlib.suppress(OSError, ValueError):  # the notebook closed it
                stream.flush()
        self.marks += 1
        line = b"\0%s:%d\0" % (self.token, self.marks)
        for descriptor in self.printed:
            self._write(descriptor, line)
        return self.marks

    def send(self, name: str, *, mark: bool = False, later: bool = False, **more: Any) -> None:
        """Send an event; `later`: together with the next one."""
        if os.getpid() != _MAIN_PID:
            return  # a forked copy of this process, which is the notebook's business
        more["event"] = name
        with self.lock:  # threads of the notebook print as well
            if mark:
                more["mark"] = self.mark()
            self.waiting += self.token + b" " + json.dumps(more).encode() + b"\n"
            if not later:
                data, self.waiting = self.waiting, b""
                self._write(self.events, data)

    def _write(self, descriptor: int, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            os._exit(LOST)

    def output(self, kind: str, data: dict[str, Any], metadata: Any = None, **more: Any) -> None:
        """Send something that is shown."""
        bundle = {str(mime): _plain_json(value) for mime, value in data.items()}
        for mime, value in bundle.items():
            size = len(value) if isinstance(value, str) else len(json.dumps(value))
            if size > self.most:
                bundle[mime] = "[%d characters of %s left out]" % (size, mime)
                more["cut"] = True
        meta = _plain_json(metadata or {})
        self.send("output", mark=True, kind=kind, data=bundle, metadata=meta, **more)

    def error(self, error: BaseException, lines: Sequence[str], cut: int = 20_000) -> None:
        """Send an exception that is shown."""
        text = _words_of(error)[:cut]
        name = type(error).__name__
        shown = [str(line)[:cut] for line in lines[:500]]
        self.send("output", mark=True, kind="error", ename=name, evalue=text, traceback=shown)


def _words_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "<the exception cannot be printed>"


def _plain_json(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it: bytes as base64, no NaN, and anything else as its text."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, bytes):
        return binascii.b2a_base64(value, newline=False).decode()
    if isinstance(value, float):
        return value if value - value == 0 else None
    if depth < 100 and isinstance(value, dict):
        return {str(key): _plain_json(each, depth + 1) for key, each in value.items()}
    if depth < 100 and isinstance(value, (list, tuple)):
        return [_plain_json(each, depth + 1) for each in value]
    return str(value)


class _Stream(io.TextIOWrapper):
    """`sys.stdout` or `sys.stderr`: says so when the notebook turns from one to the other."""

    def __init__(self, descriptor: int, channel: Channel) -> None:
        raw = io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False))
        super().__init__(raw, "utf-8", "backslashreplace", line_buffering=True)
        self.channel = channel

    def write(self, text: str) -> int:
        channel = self.channel
        if channel.writer is not self:
            if channel.writer is not None:
                channel.send("turn", mark=True)
            channel.writer = self
        return super().write(text)


# --- errors -----------------------------------------------------------------------------------


class Sources:
    """The cells' texts under the names that tracebacks give them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cells: dict[str, int] = {}
        self.lines: dict[int, list[int]] = {}  # of a translated cell: the author's lines
        self.shift: dict[int, int] = {}  # how many lines stand above what was compiled
        self.folders = (os.path.dirname(os.path.abspath(__file__)),)

    def add(self, index: int, text: str, lines: list[int] | None = None) -> str:
        name = "%s#cell-%d" % (self.name, index + 1)
        self.cells[name] = index
        if lines:
            self.lines[index] = lines
        # Without a time of change `linecache.checkcache` leaves it alone.
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        return name

    def frames(self, error: BaseException) -> list[dict[str, Any]]:
        """Where in the cells an exception comes from, the innermost last."""
        if isinstance(error, SyntaxError) and error.filename in self.cells:
            return [self._frame(self.cells[error.filename], error.lineno or 1, "")]
        found: list[dict[str, Any]] = []
        step = error.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            index = self.cells.get(code.co_filename)
            if index is not None:
                found.append(self._frame(index, step.tb_lineno, code.co_name))
                if len(found) > FRAMES:
                    del found[FRAMES // 2]
            step = step.tb_next
        return found

    def _frame(self, index: int, line: int, function: str) -> dict[str, Any]:
        text = linecache.getline("%s#cell-%d" % (self.name, index + 1), line).strip()
        lines = self.lines.get(index)
        line = lines[line - 1] if lines and 0 < line <= len(lines) else line
        line += self.shift.get(index, 0)
        return {"cell": index, "line": line, "function": function, "text": text[:400]}

    def format(self, error: BaseException) -> list[str]:
        """The traceback as Python prints it, from the first line of a cell on."""
        import traceback  # slow to import

        limit = -FRAMES if isinstance(error, RecursionError) else FRAMES
        try:
            shown = traceback.TracebackException(
                type(error), error, _below(error.__traceback__, self), limit=limit
            )
            return "".join(shown.format()).splitlines()
        except Exception:
            return [type(error).__name__ + ": " + _words_of(error)]

    def describe(self, error: BaseException) -> dict[str, Any]:
        return {
            "name": type(error).__name__,
            "text": _words_of(error)[:20_000],
            "frames": self.frames(error),
        }


def _below(step: Any, sources: Sources) -> Any:
    """The traceback without what stands above the first cell."""
    while step is not None and step.tb_frame.f_code.co_filename not in sources.cells:
        step = step.tb_next
    return step


# --- values as text: what IPython.lib.pretty prints --------------------------------------------

_WIDTH, _ITEMS = 79, 1000


class _Group:
    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.breaks = 0  # places that wait to be written
        self.broken = False


class Printer:
    """Writes words and places where a line may break; `_repr_pretty_` is given it.

    The algorithm is Oppen's (Prettyprinting, 1980), as Ruby's and IPython's printers have it: what
    may still be on one line waits, and where it grows too long the outermost group is broken.
    """

    max_width, max_seq_length, verbose = _WIDTH, _ITEMS, False

    def __init__(self) -> None:
        root = _Group(0)
        self.open, self.groups = [root], [[root]]
        self.written: list[str] = []
        self.waiting: list[tuple[_Group | None, str, int]] = []  # None: text; else a place
        self.column = self.width = self.indentation = 0  # of what is written, and of what waits
        self.stack: list[int] = []  # objects that are being printed

    def text(self, words: str) -> None:
        if not self.waiting:
            self.written.append(words)
            self.column += len(words)
            return
        self.waiting.append((None, words, 0))
        self.width += len(words)
        self._break_outer()

    def breakable(self, sep: str = " ") -> None:
        group = self.open[-1]
        if group.broken:
            self.flush()
            self._new_line(self.indentation)
            return
        group.breaks += 1
        self.waiting.append((group, sep, self.indentation))
        self.width += len(sep)
        self._break_outer()

    def break_(self) -> None:
        group = self._outermost()
        if group is not None:
            self._break(group)
        self.flush()
        self._new_line(self.indentation)

    def begin_group(self, indent: int = 0, open: str = "") -> None:
        if open:
            self.text(open)
        group = _Group(self.open[-1].depth + 1)
        self.open.append(group)
        while len(self.groups) <= group.depth:
            self.groups.append([])
        self.groups[group.depth].append(group)
        self.indentation += indent

    def end_group(self, dedent: int = 0, close: str = "") -> None:
        self.indentation -= dedent
        group = self.open.pop()
        if not group.breaks:
            self._forget(group)
        if close:
            self.text(close)

    def flush(self) -> None:
        for part in self.waiting:
            self._write(*part)
        self.waiting.clear()
        self.width = 0

    @contextlib.contextmanager
    def group(self, indent: int = 0, open: str = "", close: str = "") -> Iterator[None]:
        self.begin_group(indent, open)
        try:
            yield
        finally:
            self.end_group(indent, close)

    @contextlib.contextmanager
    def indent(self, indent: int) -> Iterator[None]:
        self.indentation += indent
        try:
            yield
        finally:
            self.indentation -= indent

    def _write(self, group: _Group | None, words: str, margin: int) -> None:
        if group is not None:
            group.breaks -= 1
            if group.broken:
                self._new_line(margin)
                return
            if not group.breaks:
                self._forget(group)
        self.written.append(words)
        self.column += len(words)

    def _new_line(self, margin: int) -> None:
        self.written.append("\n" + " " * margin)
        self.column = margin

    def _forget(self, group: _Group) -> None:
        with contextlib.suppress(ValueError):
            self.groups[group.depth].remove(group)

    def _outermost(self) -> _Group | None:
        """The outermost group with a place that waits; those about it need not wait any more."""
        for groups in self.groups:
            for number, group in enumerate(reversed(groups)):
                if group.breaks:
                    del groups[number]
                    group.broken = True
                    return group
            for group in groups:
                group.broken = True
            del groups[:]
        return None

    def _break(self, group: _Group) -> None:
        while group.breaks or (self.waiting and self.waiting[0][0] is None):
            part = self.waiting.pop(0)
            self._write(*part)
            self.width -= len(part[1])

    def _break_outer(self) -> None:
        while self.column + self.width > _WIDTH:
            group = self._outermost()
            if group is None:
                return
            self._break(group)

    def pretty(self, value: Any) -> None:
        cycle = id(value) in self.stack
        self.stack.append(id(value))
        self.begin_group()
        try:
            self._print(value, cycle)
        finally:
            self.end_group()
            self.stack.pop()

    def _print(self, value: Any, cycle: bool) -> None:
        for kind in type(value).__mro__:
            if kind in _PRINTERS:
                _PRINTERS[kind](self, value, cycle)
                return
            own = kind.__dict__
            if (kind.__module__, kind.__name__) in _NAMED_PRINTERS:
                _NAMED_PRINTERS[kind.__module__, kind.__name__](self, value, cycle)
                return
            if callable(own.get("_repr_pretty_")):
                value._repr_pretty_(self, cycle)
                return
            if kind is not object and callable(own.get("__repr__")):
                _print_repr(self, value, cycle)
                return
        self.text("<")
        self.pretty(type(value))
        self.text(" at 0x%x>" % id(value))


def pretty(value: Any) -> str:
    """The value as Jupyter prints it."""
    printer = Printer()
    printer.pretty(value)
    printer.flush()
    return "".join(printer.written)


def _print_repr(printer: Printer, value: Any, _cycle: bool) -> None:
    with printer.group():
        for number, line in enumerate(repr(value).splitlines()):
            if number:
                printer.break_()
            printer.text(line)


def _own_repr(value: Any, base: Any) -> bool:
    return type(value).__repr__ is not base.__repr__


def _items(printer: Printer, values: Any) -> Iterator[Any]:
    for number, value in enumerate(values):
        if number:
            printer.text(",")
            printer.breakable()
        if number == _ITEMS:
            printer.text("...")
            return
        yield value


def _sequence(start: str, end: str, base: type) -> Callable[[Printer, Any, bool], None]:
    def show(printer: Printer, value: Any, cycle: bool) -> None:
        if type(value) is not base and _own_repr(value, base):
            printer.text(repr(value))
        elif cycle:
            printer.text(start + "..." + end)
        else:
            with printer.group(len(start), start, end):
                for item in _items(printer, value):
                    printer.pretty(item)
                if len(value) == 1 and base is tuple:
                    printer.text(",")

    return show


def _set(start: str, end: str, base: type) -> Callable[[Printer, Any, bool], None]:
    def show(printer: Printer, value: Any, cycle: bool) -> None:
        if type(value) is not base and _own_repr(value, base):
            printer.text(repr(value))
        elif cycle:
            printer.text(start + "..." + end)
        elif not value:
            printer.text(base.__name__ + "()")
        else:
            items = list(value)
            if len(items) <= _ITEMS:
                try:
                    items.sort()
                except Exception:
                    items.sort(key=str)
            with printer.group(len(start), start, end):
                for item in _items(printer, items):
                    printer.pretty(item)

    return show


def _print_dict(printer: Printer, value: Any, cycle: bool) -> None:
    if type(value) is not dict and _own_repr(value, dict):
        printer.text(repr(value))
        return
    if cycle:
        printer.text("{...}")
        return
    with printer.group(1, "{", "}"):
        for key in _items(printer, value):
            printer.pretty(key)
            printer.text(": ")
            printer.pretty(value[key])


def _print_type(printer: Printer, value: Any, _cycle: bool) -> None:
    """Without `<class ...>`, unless its metaclass has words of its own."""
    kinds = (kind.__dict__ for kind in type(value).__mro__ if kind not in (type, object))
    if any(callable(own.get("__repr__")) for own in kinds):
        _print_repr(printer, value, False)
        return
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", value.__name__)
    known = module in (None, "builtins", "exceptions", "__builtin__")
    printer.text(name if known else "%s.%s" % (module, name))


def _print_function(printer: Printer, value: Any, _cycle: bool) -> None:
    import inspect

    name = getattr(value, "__qualname__", value.__name__)
    module = value.__module__
    if module and module not in ("__builtin__", "builtins", "exceptions"):
        name = module + "." + name
    with contextlib.suppress(TypeError, ValueError):
        name += str(inspect.signature(value))
    printer.text("<function %s>" % name)


def _print_exception(printer: Printer, value: Any, _cycle: bool) -> None:
    name = getattr(type(value), "__qualname__", type(value).__name__)
    if type(value).__module__ not in ("exceptions", "builtins"):
        name = "%s.%s" % (type(value).__module__, name)
    with printer.group(len(name) + 1, name + "(", ")"):
        for item in _items(printer, getattr(value, "args", ())):
            printer.pretty(item)


def _print_call(name: str, arguments: Callable[[Any], list[Any]]) -> Any:
    """`Name(argument, ...)`, as collections are printed."""

    def show(printer: Printer, value: Any, cycle: bool) -> None:
        words = name or type(value).__name__
        with printer.group(len(words) + 1, words + "(", ")"):
            if cycle:
                printer.text("...")
                return
            for number, argument in enumerate(arguments(value)):
                if number:
                    printer.text(",")
                    printer.breakable()
                if isinstance(argument, _Keyword):
                    with printer.group(len(argument.name) + 1, argument.name + "="):
                        printer.pretty(argument.value)
                else:
                    printer.pretty(argument)

    return show


class _Keyword:
    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value


def _deque_arguments(value: Any) -> list[Any]:
    rest = [] if value.maxlen is None else [_Keyword("maxlen", value.maxlen)]
    return [list(value), *rest]


def _namespace_arguments(value: Any) -> list[Any]:
    return [_Keyword(name, each) for name, each in value.__dict__.items()]


class _Written:
    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_pretty_(self, printer: Printer, _cycle: bool) -> None:
        printer.text(self.text)


_FLAGS = "IGNORECASE LOCALE MULTILINE DOTALL UNICODE VERBOSE DEBUG".split()


def _pattern_arguments(value: Any) -> list[Any]:
    pattern = "r" + repr(value.pattern).replace("\\\\", "\\")
    flags = "|".join(f"re.{name}" for name in _FLAGS if value.flags & getattr(re, name))
    return [_Written(pattern), *([_Written(flags)] if flags else [])]


_PRINTERS: dict[type, Callable[[Printer, Any, bool], None]] = {
    int: _print_repr,
    float: _print_repr,
    str: _print_repr,
    bytes: _print_repr,
    tuple: _sequence("(", ")", tuple),
    list: _sequence("[", "]", list),
    dict: _print_dict,
    set: _set("{", "}", set),
    frozenset: _set("frozenset({", "})", frozenset),
    type: _print_type,
    types.FunctionType: _print_function,
    types.BuiltinFunctionType: _print_function,
    types.MethodType: _print_repr,
    types.SimpleNamespace: _print_call("namespace", _namespace_arguments),
    BaseException: _print_exception,
    re.Pattern: _print_call("re.compile", _pattern_arguments),
}
_NAMED_PRINTERS: dict[tuple[str, str], Callable[[Printer, Any, bool], None]] = {
    ("collections", "deque"): _print_call("", _deque_arguments),
    ("collections", "defaultdict"): _print_call("", lambda d: [d.default_factory, dict(d)]),
    ("collections", "OrderedDict"): _print_call("", lambda d: [list(d.items())] if d else []),
    ("collections", "UserList"): _print_call("", lambda d: [d.data]),
    ("collections", "Counter"): _print_call("", lambda d: [dict(d.most_common())] if d else []),
}


# --- values as mime bundles ---------------------------------------------------------------------

_METHODS = (
    ("_repr_html_", "text/html"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"),
    ("_repr_pdf_", "application/pdf"),
    ("_repr_jpeg_", "image/jpeg"),
    ("_repr_latex_", "text/latex"),
    ("_repr_json_", "application/json"),
    ("_repr_javascript_", "application/javascript"),
)
_CANARY = "_ipython_canary_method_should_not_exist_"


def describe_value(value: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The value's mime bundle and metadata as IPython gives them; None: it showed itself."""
    shows_itself = _method(value, "_ipython_display_")
    if shows_itself is not None:
        shows_itself()
        return None
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    if _is_marimo(value):
        return _describe_marimo(value), {}
    bundle = _method(value, "_repr_mimebundle_")
    if bundle is not None:
        _add(bundle(include=None, exclude=None), None, data, metadata)
    data.setdefault("text/plain", pretty(value))
    for name, mime in _METHODS:
        method = None if mime in data else _method(value, name)
        if method is not None:
            _add(method(), mime, data, metadata)
    if "matplotlib.figure" in sys.modules and "image/png" not in data:
        figure = draw_figure(value)
        if figure is not None:
            data["image/png"] = figure
    return data, metadata


def _add(found: Any, mime: str | None, data: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Put what a method gave into the bundle; a pair is data and metadata."""
    if found is None:
        return
    extra: Any = None
    if isinstance(found, tuple) and len(found) == 2:
        found, extra = found
    if mime is None:
        data.update(found)
        metadata.update(extra or {})
        return
    data[mime] = found
    if extra:
        metadata[mime] = extra


def _method(value: Any, name: str) -> Any:
    """A method for display, unless the value is a class or answers to any name."""
    if isinstance(value, type):
        return None
    try:
        if getattr(value, _CANARY, None) is not None:
            return None
        method = getattr(value, name, None)
    except Exception:
        return None
    return method if callable(method) else None


def _is_marimo(value: Any) -> bool:
    return callable(getattr(type(value), "_mime_", None))


def _describe_marimo(value: Any) -> dict[str, Any]:
    text = getattr(value, "_markdown_text", None)
    if isinstance(text, str):
        return {"text/markdown": text.strip()}
    mime, data = value._mime_()
    return {str(mime): data}


def draw_figure(value: Any) -> bytes | None:
    """A figure's picture as the inline backend makes it; None for other values."""
    figure_type = getattr(sys.modules.get("matplotlib.figure"), "Figure", ())
    if not isinstance(value, figure_type) or not (value.axes or value.lines):
        return None
    file = io.BytesIO()
    value.canvas.print_figure(
        file,
        format="png",
        facecolor=value.get_facecolor(),
        edgecolor=value.get_edgecolor(),
        dpi=value.dpi,
        bbox_inches="tight",
    )
    return file.getvalue()


def figure_of(value: Any) -> Any:
    """The figure that marimo shows for an artist, or a list of artists, that ends a cell."""
    if type(value) in (list, tuple) and value:  # not matplotlib's other containers of artists
        found = [figure_of(each) for each in value]
        return found[0] if all(each is not None for each in found) else None
    if type(value).__name__ == "BarContainer":
        return figure_of(list(value.patches))
    grids = sys.modules.get("seaborn.axisgrid")
    if any(isinstance(value, getattr(grids, name, ())) for name in _GRIDS):
        return getattr(value, "figure", None) or getattr(value, "fig", None)
    artist = getattr(sys.modules.get("matplotlib.artist"), "Artist", None)
    if artist is None or not isinstance(value, artist):
        return None
    return value if type(value).__name__ == "Figure" else getattr(value, "figure", None)


_GRIDS = ("FacetGrid", "PairGrid", "JointGrid")


class AfterImport:
    """Does something to a module once it is imported, without importing it."""

    def __init__(self, actions: dict[str, Callable[[Any], None]]) -> None:
        self.actions = actions

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self.actions:
            return None
        from importlib.machinery import PathFinder

        action = self.actions.pop(name)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            action(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def seed_generators(seed: int) -> None:
    """Let random numbers that nobody seeds be the same in every run."""
    import random

    random.seed(seed)
    entropy = random.Random(seed)

    def seed_numpy(module: Any) -> None:
        module.seed(seed)
        module.bit_generator.randbits = entropy.getrandbits  # asked by `default_rng()`

    def seed_torch(module: Any) -> None:
        module.manual_seed(seed)

    actions: dict[str, Any] = {"numpy.random": seed_numpy, "torch": seed_torch}
    for name in sys.modules.keys() & actions.keys():
        actions.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, AfterImport(actions))


# --- one cell -----------------------------------------------------------------------------------


def parse_cell(source: str, name: str) -> ast.Module:
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree: Any = compile(source, name, "exec", flags, dont_inherit=True)
    return tree  # type: ignore[no-any-return]


def is_silenced(source: str, last: ast.expr) -> bool:
    """Whether a semicolon follows the last expression."""
    lines = source.split("\n")
    row, column = last.end_lineno or 1, last.end_col_offset or 0
    rest = lines[row - 1].encode()[column:].decode().lstrip(" \t)")
    return rest.startswith(";")


class Code:
    """A compiled cell: its statements, and the last expression whose value is shown."""

    def __init__(self, source: str, name: str, tree: ast.Module, flags: int, shows: bool) -> None:
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.last: Any = None
        last = tree.body[-1] if tree.body else None
        if shows and isinstance(last, ast.Expr) and not is_silenced(source, last.value):
            tree.body.pop()
            value = ast.Expression(last.value)
            self.last = compile(value, name, "eval", flags, dont_inherit=True)
        self.body = compile(tree, name, "exec", flags, dont_inherit=True)

    async def run(self, namespace: dict[str, Any]) -> Any:
        value = None
        for code in (self.body, self.last):
            if code is not None:
                value = eval(code, namespace)
                if code.co_flags & _COROUTINE:
                    value = await value
        return value if self.last is not None else None


def run_now(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("the cell waits for something, but no event loop is running")


def future_flags() -> int:
    import __future__

    found = 0
    for name in __future__.all_feature_names:
        found |= getattr(__future__, name).compiler_flag
    return found


# --- names that marimo keeps to one cell --------------------------------------------------------

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_local(name: str) -> bool:
    return name == "__" or (name.startswith("_") and not name.startswith("__"))


_UNDERSCORE = re.compile(r"(?<!\w)_")


def may_have_locals(source: str) -> bool:
    """Whether a cell may have a name that `is_local`; most have none."""
    # Python reads some other characters as an underscore (PEP 3131).
    return not source.isascii() or _UNDERSCORE.search(source) is not None


class Mangler(ast.NodeTransformer):
    """Gives every `_x` of a cell a name that no other cell has."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.scopes: list[set[str]] = []  # local names of the functions and classes around

    def _rename(self, name: str | None) -> Any:
        if name is None or not is_local(name) or any(name in scope for scope in self.scopes):
            return name
        return self.prefix + name

    def _within(self, names: set[str], nodes: Sequence[Any]) -> None:
        self.scopes.append(names)
        for node in nodes:
            self.visit(node)
        self.scopes.pop()

    def visit_Name(self, node: ast.Name) -> Any:
        node.id = self._rename(node.id)
        return node

    def _visit_function(self, node: Any) -> Any:
        if not isinstance(node, ast.Lambda):
            node.name = self._rename(node.name)
            for each in [*node.decorator_list, node.returns]:
                if each is not None:
                    self.visit(each)
        arguments = node.args
        every = [*getattr(arguments, "posonlyargs", ()), *arguments.args, *arguments.kwonlyargs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each]
        for each in [*arguments.defaults, *arguments.kw_defaults]:
            if each is not None:
                self.visit(each)
        for each in every:
            if each.annotation is not None:
                self.visit(each.annotation)
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self._within({each.arg for each in every} | bound_in(body), body)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.name = self._rename(node.name)
        for each in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(each)
        functions = [each for each in node.body if isinstance(each, _SCOPES)]
        own = bound_in(node.body)
        for each in node.body:  # methods do not see the names of the class
            if each not in functions:
                self._within(own, [each])
            else:
                name = getattr(each, "name", "")
                self.visit(each)
                if is_local(name):
                    each.name = name
        return node

    def _visit_comprehension(self, node: Any) -> Any:
        names: set[str] = set()
        for generator in node.generators:
            names |= bound_in([generator.target])
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.visit(node.generators[0].iter)
        rest = [each for g in node.generators for each in (g.target, *g.ifs)]
        rest += [generator.iter for generator in node.generators[1:]]
        self._within(names, [*rest, *values])
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        node.name = self._rename(node.name)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> Any:
        node.names = [self.prefix + name if is_local(name) else name for name in node.names]
        return node

    def visit_alias(self, node: ast.alias) -> Any:
        bound = node.asname or node.name
        if self._rename(bound) != bound and "." not in bound:
            node.asname = self._rename(bound)
        return node

    def _visit_capture(self, node: Any) -> Any:
        node.name = self._rename(node.name)
        return self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = _visit_capture

    def visit_MatchMapping(self, node: Any) -> Any:
        node.rest = self._rename(node.rest)
        return self.generic_visit(node)


def bound_in(nodes: Sequence[Any]) -> set[str]:
    """The names that statements bind in their own scope."""
    bound: set[str] = set()
    other: set[str] = set()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
            pending += node.decorator_list
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, _COMPREHENSIONS):
            pending += [each for each in ast.walk(node) if isinstance(each, ast.NamedExpr)]
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            bound.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            other.update(node.names)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.partition(".")[0])
        else:
            for field in ("name", "rest"):  # of `except ... as name`, and of patterns
                name = getattr(node, field, None)
                if isinstance(name, str):
                    bound.add(name)
        pending += ast.iter_child_nodes(node)
    return bound - other


# --- engines ------------------------------------------------------------------------------------


class Outcome:
    """How one cell ended."""

    def __init__(self, error: BaseException | None = None, stopped: bool = False) -> None:
        self.error, self.stopped = error, stopped
        self.leaves = False  # the notebook called `exit()`
        self.shown = ""  # the error's text, if it is not the error's own


class IPythonEngine:
    """Cells as a Jupyter kernel runs them, by the IPython of this interpreter."""

    def __init__(self, channel: Channel, sources: Sources, module: Any, still: bool) -> None:
        import IPython

        self.name = "IPython " + IPython.__version__
        self.sources = sources
        self.shell = make_shell(channel, sources, module)
        self.shell.nbtools_still = still
        if still:
            draw_as_png()

    async def run(self, cell: dict[str, Any]) -> Outcome:
        source, index = cell["source"], cell["index"]
        self.sources.shift[index] = len(source) - len(source.lstrip("\n"))
        self.shell.nbtools_cell = index
        result = await self._run_source(source)
        outcome = Outcome(result.error_before_exec or result.error_in_exec)
        outcome.leaves = self.shell.nbtools_leaves
        return outcome

    async def _run_source(self, source: str) -> Any:
        shell = self.shell
        try:
            found, failure = shell.transform_cell(source), None
        except Exception:
            found, failure = source, sys.exc_info()
        more = {"transformed_cell": found, "preprocessing_exc_tuple": failure}
        if not shell.should_run_async(source, **more):
            return shell.run_cell(source, store_history=True)
        result = None
        try:
            result = await shell.run_cell_async(source, store_history=True, **more)
        finally:
            shell.events.trigger("post_execute")
            if result is not None:
                shell.events.trigger("post_run_cell", result)
        return result

    def set(self, source: str) -> None:
        exec(source, self.shell.user_ns)


def draw_as_png() -> None:
    """Let `figure_format` (svg, retina) change nothing: every figure is a picture of one size."""
    from IPython.core import pylabtools

    select: Any = pylabtools.select_figure_formats

    def select_png(shell: Any, formats: Any, *_: Any, **options: Any) -> None:
        select(shell, {"png"}, **options)

    pylabtools.select_figure_formats = select_png


class NoComms:
    """Stands for what connects a kernel with a front end: nobody is there, and nobody answers."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_arguments, **_options: None


def make_shell(channel: Channel, sources: Sources, module: Any) -> Any:  # noqa: C901
    """IPython's shell, with what it shows sent as events.

    It is named as the kernel's: pandas, tqdm and rich look at the name.
    """
    from IPython.core.compilerop import CachingCompiler
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Type
    from traitlets.config import Config

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
            count = self.prompt_count
            channel.output("execute_result", format_dict, md_dict, count=count)

        def finish_displayhook(self) -> None:
            self._is_active = False

    class Publisher(DisplayPublisher):
        def publish(
            self, data: Any, metadata: Any = None, *_: Any, transient: Any = None, **more: Any
        ) -> None:
            more = {"update": True} if more.get("update") else {}
            key = (transient or {}).get("display_id")
            if key is not None:
                more["display_id"] = str(key)
            channel.output("display_data", data, metadata, **more)

        def clear_output(self, wait: bool = False) -> None:
            channel.send("clear", mark=True, wait=bool(wait))

    class Compiler(CachingCompiler):
        def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
            return sources.add(shell.nbtools_cell, transformed_code)

    class ZMQInteractiveShell(InteractiveShell):
        displayhook_class = Type(Hook)
        display_pub_class = Type(Publisher)
        compiler_class = Type(Compiler)
        nbtools_cell = 0
        nbtools_leaves = False
        nbtools_still = False  # interactive backends are taken for the one that draws pictures
        kernel = types.SimpleNamespace(shell=None, comm_manager=NoComms())

        def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
            channel.error(evalue, stb)

        def enable_matplotlib(self, gui: Any = None) -> Any:
            interactive = ("notebook", "nbagg", "widget", "ipympl")
            still = self.nbtools_still and gui in interactive
            untyped: Any = super()
            return untyped.enable_matplotlib("inline" if still else gui)

        def enable_gui(self, gui: Any = None) -> None:
            """There is no event loop of a window system."""

        def ask_exit(self) -> None:
            self.nbtools_leaves = True

        def init_sys_modules(self) -> None:
            """`__main__` is the notebook already."""

        def init_virtualenv(self) -> None:
            """An environment that is activated is not this interpreter's, which has its own."""

    config = Config()
    config.HistoryManager.enabled = False
    config.IPKernelApp.connection_file = ""
    shell: Any = ZMQInteractiveShell.instance(config=config, user_module=module)
    shell.set_hook("show_in_pager", lambda *_arguments, **_more: None)
    add_kernel_magics(shell)
    return shell


def add_kernel_magics(shell: Any) -> None:
    """The magics that a kernel adds to IPython's own.

    What they would open (a pager, an editor, another console) is no output of the notebook.
    """
    from IPython.core.error import UsageError

    def autosave(line: str) -> None:
        from IPython.display import Javascript, display

        try:
            seconds = int(line)
        except ValueError:
            raise UsageError("%%autosave requires an integer, got %r" % line) from None
        if not shell.nbtools_still:
            script = "IPython.notebook.set_autosave_interval(%d)" % (1000 * seconds)
            shown: Any = Javascript(script)  # type: ignore[no-untyped-call]
            display(shown, include=["application/javascript"])  # type: ignore[no-untyped-call]
        print("Autosaving every %d seconds" % seconds if seconds else "Autosave disabled")

    def less(line: str) -> None:
        if not line:
            raise UsageError("Missing filename.")
        with open(line):  # one that is missing is an error
            pass

    def clear(_line: str) -> None:
        shell.system("clear")

    def open_nothing(_line: str) -> None:
        pass

    magics = {"autosave": autosave, "less": less, "more": less, "clear": clear}
    opening = ("man", "edit", "ed", "qtconsole", "connect_info")
    for name, magic in {**magics, **dict.fromkeys(opening, open_nothing)}.items():
        shell.register_magic_function(magic, "line", name)


class PlainEngine:
    """Cells of a Jupyter notebook where IPython is missing; magics are translated before."""

    name = "no IPython"

    def __init__(self, channel: Channel, sources: Sources, module: Any, flush: Any) -> None:
        self.channel, self.sources, self.flush = channel, sources, flush
        self.namespace = module.__dict__
        self.count = 0
        self.flags = 0
        self.futures = future_flags()
        self.kept: dict[str, Any] = {"_": "", "__": "", "___": ""}
        self.namespace.update(self.kept, In=[""], Out={})
        shell = _PlainShell(self.namespace)
        builtins.get_ipython = lambda: shell  # type: ignore[attr-defined]
        builtins.display = self.display  # type: ignore[attr-defined]

    def display(self, *values: Any, **_options: Any) -> None:
        for value in values:
            found = describe_value(value)
            if found is not None:
                self.channel.output("display_data", *found)

    async def run(self, cell: dict[str, Any]) -> Outcome:
        self.count += 1
        source = cell.get("plain", cell["source"])
        name = self.sources.add(cell["index"], source, cell.get("lines"))
        inputs = self.namespace.get("In")
        if isinstance(inputs, list):
            inputs.append(cell["source"])
        try:
            code = Code(source, name, parse_cell(source, name), self.flags, True)
            self.flags |= code.body.co_flags & self.futures
            value = await code.run(self.namespace)
            if value is not None:
                self._keep(value)
                found = describe_value(value)
                if found is not None:
                    self.channel.output("execute_result", *found, count=self.count)
            self.flush()
        except BaseException as error:
            self.flush()
            self.channel.error(error, self.sources.format(error))
            return Outcome(error)
        return Outcome()

    def _keep(self, value: Any) -> None:
        """`_`, `__`, `___`, `_3` and `Out`; not those that the notebook has bound itself."""
        names, kept = self.namespace, self.kept
        if isinstance(names.get("Out"), dict):
            names["Out"][self.count] = value
        names["_%d" % self.count] = value
        own = all(names.get(name, old) is old for name, old in kept.items())
        self.kept = {"___": kept["__"], "__": kept["_"], "_": value}
        if own:
            names.update(self.kept)

    def set(self, source: str) -> None:
        exec(source, self.namespace)


class _PlainShell:
    """What `get_ipython` gives; its text names no code, where people look for "google.colab"."""

    kernel = None

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.user_ns, self.events = namespace, _Events()


class _Events:
    def register(self, *_arguments: Any) -> None:
        pass

    unregister = trigger = register


class ReactiveEngine:
    """Cells of a reactive notebook, in an order that was found before."""

    name = "reactive"

    def __init__(self, channel: Channel, sources: Sources, module: Any, area: Area) -> None:
        self.channel, self.sources, self.area = channel, sources, area
        self.namespace = module.__dict__

    async def run(self, cell: dict[str, Any]) -> Outcome:
        index, source = cell["index"], cell["source"]
        prefix = "_cell_%d" % cell.get("key", index)
        name = self.sources.add(index, source)
        value, outcome = None, Outcome()
        try:
            tree = parse_cell(source, name)
            if may_have_locals(source):
                Mangler(prefix).visit(tree)
            code = Code(source, name, tree, 0, shows=not cell.get("setup"))
            value = await code.run(self.namespace)
        except BaseException as error:
            outcome = Outcome(error)
            if type(error).__name__ == "MarimoStopError":
                outcome, value = Outcome(stopped=True), getattr(error, "output", None)
        try:
            self.area.finish(value)
        except Exception as error:
            outcome = Outcome(outcome.error or error)
        if outcome.error is not None:
            _unmangle(outcome.error)
            lines = self.sources.format(outcome.error)
            self.channel.error(outcome.error, [_unmangle_text(line) for line in lines])
        return outcome

    def set(self, source: str) -> None:
        exec(source, self.namespace)

    def forget(self, cells: list[dict[str, Any]]) -> None:
        """Delete what cells defined when they ran before, and their `_x`, as marimo does."""
        names = {name for cell in cells for name in cell["defs"]}
        prefixes = tuple("_cell_%d_" % cell["key"] for cell in cells)
        for name in [n for n in self.namespace if n in names or n.startswith(prefixes)]:
            del self.namespace[name]


_MANGLED = re.compile(r"\b_cell_\d+(?=_)")


def is_mangled(name: str) -> bool:
    """Whether it is a cell's own `_x`, as the process calls it."""
    return _MANGLED.match(name) is not None


_HINT = re.compile(r" Did you mean: '_cell_\d+_\w*'\?")


def _unmangle_text(text: str) -> str:
    """Python's words with the author's names; a hint at another cell's `_x` is none."""
    return _MANGLED.sub("", _HINT.sub("", text))


def _unmangle(error: BaseException) -> None:
    if isinstance(error, (NameError, AttributeError)):
        error.args = tuple(_unmangle_text(e) if isinstance(e, str) else e for e in error.args)


class Area:
    """The output area of a reactive cell: its last value replaces what was put there before."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.bundles: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def append(self, value: Any) -> None:
        found = self.describe(value)
        if found is not None:
            self.bundles.append(found)

    def replace(self, value: Any = None) -> None:
        self.bundles.clear()
        if value is not None:
            self.append(value)

    def replace_at_index(self, value: Any, idx: int) -> None:
        found = self.describe(value)
        self.bundles[idx : idx + 1] = [found] if found else []

    def clear(self) -> None:
        self.bundles.clear()

    def display(self, *values: Any, raw: bool = False, **_options: Any) -> None:
        for value in values:
            if raw and isinstance(value, dict):
                self.bundles.append((value, {}))
            else:
                self.append(value)

    def describe(self, value: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The value as marimo shows it: of an artist, the figure it is part of."""
        figure = figure_of(value) if "matplotlib.artist" in sys.modules else None
        found = describe_value(value if figure is None else figure)
        if found and figure is not None and "image/png" in found[0]:
            found[0]["text/plain"] = pretty(value)  # all that Jupyter shows of an artist
        return found

    def finish(self, value: Any) -> None:
        """Send what stays, and close the figures that nothing has shown."""
        try:
            if value is not None:
                self.bundles.clear()
                self.append(value)
            kind = "execute_result" if value is not None else "display_data"
            for data, metadata in self.bundles:
                self.channel.output(kind, data, metadata)
        finally:
            self.bundles.clear()
            close_figures()


def show_libraries(area: Area) -> dict[str, Callable[[Any], None]]:
    """For modules that show something by themselves, what marimo does once they are imported.

    The formats are those that the libraries give Jupyter, so that both can be compared.
    """

    def show_plotly(figure: Any, *_arguments: Any, **_options: Any) -> None:
        import plotly.io  # type: ignore[import-untyped]

        renderer = plotly.io.renderers["plotly_mimetype"]
        area.channel.output("display_data", renderer.to_mimebundle(figure.to_dict()))

    def show_bokeh(shown: Any, *_arguments: Any, **_options: Any) -> None:
        from bokeh.embed.notebook import notebook_content
        from bokeh.io import curdoc

        if shown not in curdoc().roots:
            curdoc().add_root(shown)
        script, place = notebook_content(shown)[:2]
        run = {"application/javascript": script, "application/vnd.bokehjs_exec.v0+json": ""}
        area.bundles += [({"text/html": place}, {}), (run, {})]

    def patch_plotly(module: Any) -> None:
        module.BaseFigure.show = module.BaseFigure._ipython_display_ = show_plotly

    def patch_bokeh(module: Any) -> None:
        module.show = show_bokeh
        module.output_notebook = lambda *_arguments, **_options: None

    return {
        "plotly.basedatatypes": patch_plotly,
        "bokeh.io": patch_bokeh,
        "bokeh.plotting": patch_bokeh,
    }


# --- figures ------------------------------------------------------------------------------------


def close_figures() -> None:
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is not None and helpers.Gcf.figs:
        sys.modules["matplotlib.pyplot"].close("all")


def make_show(flush: Callable[[], None]) -> Callable[..., None]:
    """`plt.show` as the inline backend defines it, for whoever looks at it."""

    def show(close: Any = None, block: Any = None) -> None:
        flush()

    show.__module__, show.__qualname__, show.__annotations__ = "matplotlib.pyplot", "show", {}
    return show


def show_figures(channel: Channel) -> None:
    """Show every open figure of pyplot, and close them."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None or not helpers.Gcf.figs:
        return
    try:
        for manager in helpers.Gcf.get_all_fig_managers():
            found = describe_value(manager.canvas.figure)
            if found is not None:
                channel.output("display_data", *found)
    finally:
        close_figures()


# --- a stand-in for marimo ----------------------------------------------------------------------


class MarimoStopError(BaseException):
    """What `mo.stop` raises."""

    def __init__(self, output: Any) -> None:
        self.output = output


class Html:
    """`mo.Html`, and what most functions of the stand-in give."""

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def text(self) -> str:
        return self._text

    def _mime_(self) -> tuple[str, str]:
        return "text/html", self._text

    def __format__(self, spec: str) -> str:
        return " ".join(self._text.split("\n"))

    def _same(self, *_arguments: Any, **_options: Any) -> Html:
        return self

    center = left = right = callout = style = batch = _same


class Markdown(Html):
    """`mo.md`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._markdown_text = text


class Stack(Html):
    """`mo.vstack` and `mo.hstack`: the texts of what they hold, one below the other."""

    def __init__(self, items: Any) -> None:
        items = items.values() if isinstance(items, dict) else items
        super().__init__("\n".join(_as_html(item) for item in items))


class Element(Html):
    """An element of `mo.ui`: it keeps its initial value, since nobody moves it."""

    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value
        super().__init__("<marimo-%s>%s</marimo-%s>" % (name, value, name))

    def form(self, *_arguments: Any, **_options: Any) -> Element:
        return Element("form", None)


def _as_html(value: Any) -> str:
    if isinstance(value, Html):
        return value.text
    import html

    data = (describe_value(value) or ({}, {}))[0]
    found = data.get("text/html")
    return found if isinstance(found, str) else "<pre>%s</pre>" % html.escape(pretty(value))


def _first(name: str, default: Any = None) -> Callable[..., Element]:
    """An element whose value is what `value` says."""

    def make(*_arguments: Any, value: Any = default, **_options: Any) -> Element:
        return Element(name, value)

    return make


def _number(name: str) -> Callable[..., Element]:
    def make(
        start: Any = None, stop: Any = None, step: Any = None, value: Any = None, **more: Any
    ) -> Element:
        if start is None and more.get("steps") is not None:
            start, stop = more["steps"][0], more["steps"][-1]
        if value is None:
            value = [start, stop] if name == "range_slider" else start
        return Element(name, value)

    return make


def _choice(name: str) -> Callable[..., Element]:
    def make(options: Any = (), value: Any = None, **_options: Any) -> Element:
        pick = options.get if isinstance(options, dict) else lambda key: key
        if name == "multiselect":
            return Element(name, [pick(key) for key in value or ()])
        return Element(name, None if value is None else pick(value))

    return make


def _text(name: str) -> Callable[..., Element]:
    def make(value: Any = "", *_arguments: Any, **_options: Any) -> Element:
        return Element(name, value)

    return make


def make_ui() -> Any:
    ui: Any = types.ModuleType("marimo.ui")
    for name in ("slider", "range_slider", "number"):
        setattr(ui, name, _number(name))
    for name in ("dropdown", "radio", "multiselect"):
        setattr(ui, name, _choice(name))
    for name in ("text", "text_area", "code_editor"):
        setattr(ui, name, _text(name))
    for name in ("checkbox", "switch", "run_button"):
        setattr(ui, name, _first(name, False))
    ui.button, ui.date = _first("button"), _first("date")
    ui.array = lambda items, **_more: Element("array", [item.value for item in items])
    ui.dictionary = lambda items, **_more: Element(
        "dictionary", {key: item.value for key, item in items.items()}
    )
    ui.__getattr__ = _missing("marimo.ui")
    return ui


def _missing(module: str) -> Callable[[str], Any]:
    def refuse(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            "%s.%s: nbtools' stand-in for marimo does not have it; "
            "install marimo in this environment" % (module, name)
        )

    return refuse


def make_marimo(area: Area, file: str | None) -> Any:
    """What `import marimo` finds where marimo is not installed."""

    def stop(predicate: Any, output: Any = None) -> None:
        if predicate:
            raise MarimoStopError(output)

    @contextlib.contextmanager
    def capture_stdout() -> Iterator[io.StringIO]:
        with contextlib.redirect_stdout(io.StringIO()) as caught:
            yield caught

    @contextlib.contextmanager
    def capture_stderr() -> Iterator[io.StringIO]:
        with contextlib.redirect_stderr(io.StringIO()) as caught:
            yield caught

    def notebook_dir() -> Any:
        import pathlib

        return pathlib.Path(file).parent if file else pathlib.Path.cwd()

    def same(value: Any, *_arguments: Any, **_options: Any) -> Any:
        return value

    def sql(query: str, *, output: bool = True, engine: Any = None, **_options: Any) -> Any:
        import duckdb

        connection = duckdb if engine is None else engine
        connection.execute("SET python_scan_all_frames = true")  # tables are the notebook's names
        found = connection.sql(query)
        if found is None:  # it defines or changes something
            return None
        table = found.pl() if _is_installed("polars") else found.df()
        if output:
            area.replace(table)
        return table

    mo: Any = types.ModuleType("marimo")
    mo.__dict__.update(
        md=lambda text, **_more: Markdown(str(text)),
        Html=Html,
        stop=stop,
        sql=sql,
        MarimoStopError=MarimoStopError,
        output=types.SimpleNamespace(
            append=area.append,
            replace=area.replace,
            replace_at_index=area.replace_at_index,
            clear=area.clear,
        ),
        ui=make_ui(),
        vstack=lambda items, **_more: Stack(items),
        hstack=lambda items, **_more: Stack(items),
        accordion=lambda items, **_more: Stack(items),
        tabs=lambda items, **_more: Stack(items),
        callout=same,
        center=same,
        left=same,
        right=same,
        plain=same,
        show_code=same,
        plain_text=lambda text: Html("<pre>%s</pre>" % text),
        as_html=lambda value: value if isinstance(value, Html) else Html(_as_html(value)),
        iframe=lambda text, **_more: Html(text),
        capture_stdout=capture_stdout,
        capture_stderr=capture_stderr,
        redirect_stdout=contextlib.nullcontext,
        redirect_stderr=contextlib.nullcontext,
        notebook_dir=notebook_dir,
        running_in_notebook=lambda: True,
        __version__="stand-in",
        __getattr__=_missing("marimo"),
        __path__=[],
    )
    sys.modules["marimo.ui"] = mo.ui
    return mo


# --- what names mean in the end -----------------------------------------------------------------

MOST_NAMES = 10_000  # with more of them no value is told
MOST_INSIDE = 1 << 25  # bytes of one value that are looked at; larger ones are not compared
MOST_IN_ALL = 1 << 28
_PART = 32  # bytes that each part of a value counts for, at least: it takes its time
_DEEPEST = 60
_ATOMS = (type(None), bool, int, float, complex, str, bytes, range, slice, type(...))
_BASES = (int, float, complex, str, bytes, bytearray)
_BY_REPR = {"datetime", "decimal", "fractions", "ipaddress", "pathlib", "re", "uuid", "zoneinfo"}
_BY_STATE = {"__main__", "argparse", "networkx", "scipy", "sklearn", "types"}
"""Packages whose objects are what their attributes are; those of others may be tied to a run."""
_BY_ENGINE = {"IPython", "ipywidgets", "marimo", "matplotlib", "traitlets"}
"""Packages whose dictionaries and lists may hold what is Jupyter's, or marimo's: `plt.rcParams`."""


class _ClosedError(Exception):
    """A value cannot be looked into."""


class _TooLargeError(Exception):
    """A value has more inside than is looked at."""


class Fingerprint:
    """Tells whether values of two processes are the same, without running the notebook's code.

    It looks into what Python, NumPy and pandas define, and into objects of the notebook's own
    classes and of some libraries. An open file has no fingerprint. That of a function, class or
    module begins with `code:`: it is the name in a library, or compiled code without names, which
    conversions change.
    """

    def __init__(self, value: Any, most: int) -> None:
        from hashlib import blake2b

        self.left, self.new_hash = most, blake2b
        self.inside: list[int] = []  # the values that the current one is in, by their id
        self.text = ""  # hexadecimal digits; "" if it has none, "?" if it takes too long
        try:
            self.text = self._tell(value, type(value))
        except _TooLargeError:
            self.text = "?"
        except Exception:  # closed, or of a library's code
            pass

    def _tell(self, value: Any, kind: type) -> str:
        if issubclass(kind, _CODE):
            return "code:" + self._digest(value, self._parts_of_code(value)).hex()
        return self._digest(value, self._parts(value, kind)).hex()

    def _digest(self, value: Any, parts: Iterator[bytes]) -> bytes:
        self.inside.append(id(value))
        found = self.new_hash(digest_size=16)
        for part in parts:
            self.left -= len(part) + _PART
            if self.left < 0 or len(self.inside) > _DEEPEST:
                raise _TooLargeError
            found.update(b"%d:" % len(part))
            found.update(part)
        self.inside.pop()
        return found.digest()

    def _within(self, value: Any) -> bytes:
        """What stands for a part of a value; one that is closed counts as what it is."""
        if type(value) in _ATOMS:
            return self._write(value, type(value))
        if id(value) in self.inside:  # a cycle
            return b"%d up" % self.inside[::-1].index(id(value))
        depth = len(self.inside)
        try:
            return self._digest(value, self._parts(value, type(value)))
        except _ClosedError:
            del self.inside[depth:]
            return type(value).__name__.encode()

    def _parts(self, value: Any, kind: type) -> Iterator[bytes]:
        """What makes a value what it is."""
        if kind in _ATOMS:
            return iter((self._write(value, kind),))
        found = self._parts_of_array(value, kind) if "numpy" in sys.modules else None
        if found is not None:
            return found
        package = str(kind.__module__).partition(".")[0]
        if package in _BY_REPR:
            return iter((kind.__name__.encode(), repr(value).encode()))
        for base in _BASES:
            if issubclass(kind, base):
                return iter((self._write(value, base),))
        return self._parts_of_container(value, kind, package)

    def _parts_of_code(self, value: Any) -> Iterator[bytes]:
        """Of a function, what is inside, or of a class its functions and values."""
        module = getattr(value, "__module__", None)
        if isinstance(value, types.ModuleType) or module not in (None, "__main__"):
            yield ("%s %s" % (module, getattr(value, "__qualname__", value.__name__))).encode()
        elif isinstance(value, types.CodeType):
            yield b"code %d" % value.co_argcount + value.co_code
            yield from map(self._within, (value.co_varnames, value.co_freevars))
            yield from map(self._within_code, value.co_consts)
        elif isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            yield from self._parts_of_code(value.__code__)
            yield from map(self._within, (value.__defaults__, value.__kwdefaults__, cells))
        else:
            yield b"class"
            for name, each in vars(value).items():
                if name not in _NOT_CLASS:
                    yield self._within_code(getattr(each, "__func__", each))

    def _within_code(self, value: Any) -> bytes:
        if isinstance(value, (types.CodeType, types.FunctionType)):
            return self._digest(value, self._parts_of_code(value))
        return self._within(value)

    def _parts_of_container(self, value: Any, kind: type, package: str) -> Iterator[bytes]:
        if package in _BY_ENGINE:
            raise _ClosedError
        deque: Any = getattr(sys.modules.get("collections"), "deque", list)
        for base in (list, tuple, deque):
            if issubclass(kind, base):
                return self._sequence(base.__name__, base.__iter__(value))
        for base in (set, frozenset):
            if issubclass(kind, base):
                return iter([b"set", *sorted(map(self._within, base.__iter__(value)))])
        if issubclass(kind, dict) and not dict.__contains__(value, "__builtins__"):
            return self._mapping("dict", value)  # not `globals()`
        if package not in _BY_STATE or issubclass(kind, _CODE):
            raise _ClosedError
        state = _state(value)
        if not state:
            raise _ClosedError
        return self._mapping("object", state)

    def _write(self, value: Any, kind: Any) -> bytes:
        """A value without parts; of a subclass, what the class below makes of it."""
        if kind in (str, bytes, bytearray) and kind.__len__(value) > self.left:
            raise _TooLargeError
        text: str = hex(value) if kind is int else kind.__repr__(value)
        name: str = kind.__name__
        return (name + text).encode("utf-8", "backslashreplace")

    def _sequence(self, name: str, values: Any) -> Iterator[bytes]:
        yield name.encode()
        for value in values:
            yield self._within(value)

    def _mapping(self, name: str, values: Any) -> Iterator[bytes]:
        yield name.encode()
        for key, value in dict.items(values):
            yield self._within(key)
            yield self._within(value)

    def _parts_of_array(self, value: Any, kind: type) -> Iterator[bytes] | None:
        """Of an array, a table, a column, an index, or one of their items."""
        np, pd = sys.modules["numpy"], sys.modules.get("pandas")
        if issubclass(kind, (np.ndarray, np.generic)):
            return self._array(np, value, kind)
        if pd is None or kind.__module__.partition(".")[0] != "pandas":
            return None
        if issubclass(kind, pd.DataFrame):
            columns = [value.iloc[:, place].array for place in range(value.shape[1])]
            return self._sequence("table", (value.columns, value.index, columns))
        if issubclass(kind, pd.Series):
            return self._sequence("column", (value.name, value.index, value.array))
        if issubclass(kind, pd.MultiIndex):
            parts = (list(value.names), list(value.levels), list(value.codes))
            return self._sequence("index", parts)
        if issubclass(kind, pd.Index):
            return self._sequence("index", (value.name, value.array))
        if issubclass(kind, pd.Categorical):
            return self._sequence("kinds", (value.categories, value.codes, value.ordered))
        if issubclass(kind, pd.api.extensions.ExtensionArray):
            plain = (value.to_numpy(),) if isinstance(value.dtype, np.dtype) else iter(value)
            return self._sequence(str(value.dtype), plain)
        if pd.api.types.is_scalar(value):
            return iter((kind.__name__.encode(), repr(value).encode()))
        return None

    def _array(self, np: Any, value: Any, kind: type) -> Iterator[bytes]:
        plain = np.asarray(value) if issubclass(kind, np.generic) else value.view(np.ndarray)
        yield b"array %s %s" % (plain.dtype.str.encode(), repr(plain.shape).encode())
        if plain.nbytes > self.left:
            raise _TooLargeError
        if plain.dtype.hasobject:
            yield from self._sequence("objects", plain.ravel().tolist())
        else:
            yield plain.tobytes()
        state = _state(value) if issubclass(kind, np.ndarray) else None
        if state:  # a mask, a unit
            yield from self._mapping("state", state)


def _state(value: Any) -> Any:
    """The attributes of an object, past what its class says of them."""
    try:
        return object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None


_NOT_CLASS = {"__module__", "__qualname__", "__dict__", "__weakref__", "__firstlineno__"}
_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)


_CONTAINERS = (list, tuple, dict, set, frozenset)


def _is_short(value: Any, depth: int = 3) -> bool:
    """Whether a value can be shown whole: a few of Python's own values."""
    if type(value) is int:
        return abs(value) < 1 << 100
    if type(value) not in _CONTAINERS:
        return value is None or type(value) in (bool, float, complex, str)
    parts = [*value, *value.values()] if type(value) is dict else value
    return depth > 0 and len(value) <= 20 and all(_is_short(part, depth - 1) for part in parts)


def describe_kind(value: Any) -> str:
    """A value in a few words: itself, if it is short."""
    if type(value) is str or _is_short(value):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    name = type(value).__name__
    if type(value) in _CONTAINERS:
        return "%s of %d" % (name, len(value))
    if str(type(value).__module__).partition(".")[0] in ("numpy", "pandas"):
        return "%s of shape %s" % (name, getattr(value, "shape", "unknown"))
    return name


def describe_names(namespace: dict[str, Any], known: dict[str, Any]) -> dict[str, list[str]]:
    """The names that the notebook bound: the fingerprint of each value, and what it is in words."""
    names = [
        (name, value)
        for name, value in list(namespace.items())
        if isinstance(name, str)
        and (name[:1] != "_" or is_mangled(name))
        and (name not in known or known[name] is not value)
    ]
    found: dict[str, list[str]] = {}
    left = MOST_IN_ALL
    for name, value in names if len(names) <= MOST_NAMES else ():
        most = min(MOST_INSIDE, left)
        fingerprint = Fingerprint(value, most)
        left -= most - max(fingerprint.left, 0)
        found[name] = [fingerprint.text, describe_kind(value)]
    return found


# --- the run ------------------------------------------------------------------------------------


class Run:
    """One job: its cells from the first to the last."""

    def __init__(self, job: dict[str, Any], channel: Channel) -> None:
        self.job, self.channel = job, channel
        self.sources = Sources(job["name"])
        self.module = types.ModuleType("__main__")
        linear = job["kind"] == "linear"  # in marimo it is a dictionary
        self.module.__dict__["__builtins__"] = builtins if linear else vars(builtins)
        self.interrupted = False
        self.engine: Any = None
        self.known: dict[str, Any] = {}  # the names that are there before the notebook's

    def begin(self) -> None:
        """Prepare the process for the notebook's code."""
        sys.modules["__main__"] = self.module
        sys.path.insert(0, "")
        sys.argv[:] = [self.job["name"]]
        set_handler(signal.SIGINT, self._on_interrupt)
        faulthandler.enable(2)  # says on descriptor 2 where Python was when it crashed
        for number, name in ((1, "stdout"), (2, "stderr")):
            stream = _Stream(number, self.channel)
            self.channel.streams.append(stream)
            setattr(sys, name, stream)
        if self.job["kind"] == "reactive":
            self.engine = self._make_reactive()
        else:
            self.engine = self._make_linear()
        if self.job.get("random_seed") is not None:
            seed_generators(self.job["random_seed"])
        self.known = dict(self.module.__dict__)
        python = "%d.%d.%d" % sys.version_info[:3]
        self.channel.send("ready", python=python, engine=self.engine.name)

    def _on_interrupt(self, _number: int, _frame: Any) -> None:
        """Between two cells: in a cell Python's own handler raises KeyboardInterrupt."""
        self.interrupted = True

    def _make_linear(self) -> Any:
        builtins.input = _refuse_input
        try:
            if self.job.get("plain"):
                raise ImportError
            import IPython  # noqa: F401
        except ImportError:
            os.environ["MPLBACKEND"] = "agg"
            channel = self.channel

            def flush() -> None:
                show_figures(channel)

            def patch(pyplot: Any) -> None:
                pyplot.show = make_show(flush)

            sys.meta_path.insert(0, AfterImport({"matplotlib.pyplot": patch}))
            return PlainEngine(channel, self.sources, self.module, flush)
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        return IPythonEngine(self.channel, self.sources, self.module, bool(self.job.get("still")))

    def _make_reactive(self) -> Any:
        area = Area(self.channel)
        file = self.job.get("file")
        if file:
            self.module.__dict__["__file__"] = file
        os.environ["MPLBACKEND"] = "agg"

        def patch_pyplot(pyplot: Any) -> None:
            pyplot.switch_backend("agg")  # later it would change the function's signature
            pyplot.show = make_show(lambda: show_figures(self.channel))

        def patch_display(module: Any) -> None:
            module.display = area.display

        def patch_marimo(module: Any) -> None:
            output = module.output
            for name in ("append", "replace", "replace_at_index", "clear"):
                setattr(output, name, getattr(area, name))

        actions = {
            "matplotlib.pyplot": patch_pyplot,
            "IPython.core.display_functions": patch_display,
            "marimo": patch_marimo,
            **show_libraries(area),
        }
        if self.job.get("imports_marimo") and not _is_installed("marimo"):
            sys.modules["marimo"] = make_marimo(area, file)
        sys.meta_path.insert(0, AfterImport(actions))
        return ReactiveEngine(self.channel, self.sources, self.module, area)

    async def cells(self, tick: Any = None) -> None:
        """Run the cells in the order given; an error ends a linear run."""
        reactive = self.job["kind"] == "reactive"
        cancelled: dict[int, int] = {}
        for cell in self.job["cells"]:
            index = cell["index"]
            if index in cancelled:
                self.channel.send("skip", cell=index, because=cancelled[index], later=True)
                continue
            if self.interrupted:
                break
            outcome = await self._run_cell(cell)
            if tick is not None:
                await tick(0)
            if outcome.error is not None or outcome.stopped:
                self._cancel(cell, cancelled)
            failed = outcome.error is not None and not cell.get("raises")
            if outcome.leaves or (failed and not reactive):
                break

    def _cancel(self, cell: dict[str, Any], cancelled: dict[int, int]) -> None:
        """Note that what depends on a cell cannot run."""
        children = {each["index"]: each.get("children", ()) for each in self.job["cells"]}
        pending = list(cell.get("children", ()))
        while pending:
            child = pending.pop()
            if child not in cancelled:
                cancelled[child] = cell["index"]
                pending += children.get(child, ())

    async def _run_cell(self, cell: dict[str, Any]) -> Outcome:
        self.channel.send("start", cell=cell["index"])
        start = time.perf_counter()
        set_handler(signal.SIGINT, signal.default_int_handler)
        try:
            outcome: Outcome = await self.engine.run(cell)
            if "set" in cell and outcome.error is None:
                self.engine.set(cell["set"])
        except BaseException as error:  # an interrupt beside the notebook's own code
            outcome = Outcome(error)
            self.channel.error(error, self.sources.format(error))
        set_handler(signal.SIGINT, self._on_interrupt)
        if isinstance(outcome.error, KeyboardInterrupt) and not cell.get("raises"):
            self.interrupted = True
        if os.getpid() != _MAIN_PID:  # the cell forked, and this is the copy
            for stream in self.channel.streams:
                stream.flush()
            os._exit(0)
        seconds = time.perf_counter() - start
        more: dict[str, Any] = {}
        if outcome.error is not None:
            more["error"] = self.sources.describe(outcome.error)
        self.channel.writer = None
        self.channel.send(
            "end",
            mark=True,
            later=True,
            cell=cell["index"],
            seconds=round(seconds, 6),
            stopped=outcome.stopped,
            leaves=outcome.leaves,
            **more,
        )
        return outcome

    def again(self, more: dict[str, Any]) -> None:
        """Make ready for another round in the same process: some cells, maybe changed."""
        self.engine.forget(more["forget"])
        self.job["cells"] = more["cells"]
        self.interrupted = False

    def finish(self) -> None:
        """Say that all is done; what Python does when it ends comes after."""
        marimo = getattr(sys.modules.get("marimo"), "__version__", None)
        memory = _peak_memory()
        more: dict[str, Any] = {}
        if self.job.get("values"):
            more["values"] = describe_names(self.module.__dict__, self.known)
        self.channel.send("done", memory=memory, marimo=marimo, **more)


def _refuse_input(prompt: Any = "") -> str:
    """Nobody is there to answer: as in a kernel whose front end does not support it."""

    class StdinNotImplementedError(NotImplementedError):
        pass

    raise StdinNotImplementedError(
        "raw_input was called, but this frontend does not support input requests."
    )


def _is_installed(name: str) -> bool:
    from importlib.machinery import PathFinder

    return PathFinder.find_spec(name) is not None


def _peak_memory() -> int:
    """Bytes that this process had in use at most."""
    try:  # what getrusage says began with the size of the process that forked this one
        with open("/proc/self/status", "rb") as file:
            found = re.search(rb"VmHWM:\s*(\d+)", file.read())
        return int(found[1]) * 1024 if found else 0
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


MOST_OPEN = 4096  # files: what a Jupyter server gives itself and its kernels


def set_limits(job: dict[str, Any]) -> None:
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    if job.get("memory"):
        _lower(resource.RLIMIT_AS, int(job["memory"]))
    if job.get("file_size"):
        _lower(resource.RLIMIT_FSIZE, int(job["file_size"]))
    _lower(resource.RLIMIT_NOFILE, MOST_OPEN)
    if job.get("cpu"):
        _lower(resource.RLIMIT_CPU, int(job["cpu"]))


def leave_network() -> None:
    """Move this process to a network of its own that has nothing but loopback (Linux).

    A user namespace gives the right to do so without being root; the user stays the same in it.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    new_user, new_network = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET
    if not hasattr(libc, "unshare") or libc.unshare(new_user | new_network):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number) if number else "not on this system")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", "%d %d 1" % (user, user)),
        ("gid_map", "%d %d 1" % (group, group)),
    ):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)
    _raise_loopback()
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS: no program of another user's rights


def _raise_loopback() -> None:
    import fcntl
    import socket
    import struct

    with contextlib.suppress(OSError), socket.socket() as probe:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(probe, 0x8914, request)  # SIOCSIFFLAGS


def _lower(kind: int, most: int) -> None:
    import resource

    _soft, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(kind, (most, most))


def die_with_parent(descriptor: int) -> None:
    """Have the kernel kill this process group when nbtools is gone, however that happens.

    nbtools holds the other end of a pipe; when it closes, Linux sends the signal.
    """
    if not sys.platform.startswith("linux"):
        return  # a run then ends by its limits
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(descriptor, 10, signal.SIGKILL)  # F_SETSIG
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)


def _hide(descriptor: int) -> int:
    """A copy of a descriptor, out of the way of the notebook's own and closed in its children."""
    import fcntl

    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
    os.close(descriptor)
    return copy


def _read_line(descriptor: int) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        chunk = os.read(descriptor, 1 << 20)
        if not chunk:
            os._exit(0)
        data += chunk
    return data


def _needs_loop(job: dict[str, Any], engine: Any) -> bool:
    """Jupyter runs cells inside a running event loop; importing asyncio takes its time."""
    if isinstance(engine, IPythonEngine):
        return True
    words = ("async", "await")
    return any(word in cell["source"] for cell in job["cells"] for word in words)


class Loop:
    """Runs rounds of cells: inside a running event loop where they may need one, as in Jupyter."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.loop: Any = None

    def round(self) -> None:
        if self.loop is None and not _needs_loop(self.run.job, self.run.engine):
            run_now(self.run.cells())
            return
        import asyncio

        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.run.cells(asyncio.sleep))


def main(jobs: int, events: int, alive: int) -> None:
    """Run the job that comes on a descriptor, send events to another, and die with the third.

    A job that says `stay` is followed by others: cells that run again in this process.
    """
    job = json.loads(_read_line(jobs))
    printed = [_hide(os.dup(1)), _hide(os.dup(2))]
    channel = Channel(_hide(events), printed, job["token"], int(job["most"]))
    jobs, alive = _hide(jobs), _hide(alive)

    def forget() -> None:
        for descriptor in (channel.events, jobs, alive, *printed):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget)
    die_with_parent(alive)
    set_limits(job)
    if job.get("no_network"):
        try:
            leave_network()
        except OSError as error:
            channel.send("refused", reason=error.strerror or str(error))
            return
    run = Run(job, channel)
    run.begin()
    loop = Loop(run)
    loop.round()
    run.finish()
    while job.get("stay"):
        run.again(json.loads(_read_line(jobs)))
        loop.round()
        run.finish()
