"""A small reference executor: a notebook run as Jupyter does, and as marimo does.

It shares no code with nbtools: no reader, no analysis. Whatever needs IPython itself, files or
figures runs in a process of its own (`worker.py`); plain Python runs here, in a fresh namespace.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import builtins
import contextlib
import functools
import io
import operator
import re
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import dataflow
from dataflow import TieOrder
from marimo_stub import Html, Markdown, Query, Screen, Stack, StopError, make_marimo

FIGURE = "figure:"
FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
FUTURES = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
NOT_OF_THE_USER = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open", "display"})


@dataclass(frozen=True, slots=True)
class CellRun:
    """What one cell did when it ran."""

    position: int  # 0-based, among the cells given, or those of the reactive file
    shown: tuple[str, ...] = ()  # see describe_shown
    stdout: str = ""
    error: str | None = None  # the exception's class


class Rename(NamedTuple):
    """A name that a conversion changed in one cell."""

    cell: int  # as CellRun.position of the linear run
    name: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What a whole run did, in the order in which the cells ran."""

    cells: tuple[CellRun, ...]
    values: Mapping[str, str] = field(default_factory=dict)  # final, see describe_value
    bound: Mapping[str, int] = field(default_factory=dict)  # name -> last cell that bound it
    stopped_at: int | None = None  # position of the cell whose error ended the run
    files: Mapping[str, str] = field(default_factory=dict)  # written in the folder: name -> text

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(text for cell in self.cells for text in cell.shown)

    @property
    def stdout(self) -> str:
        return "".join(cell.stdout for cell in self.cells)

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(cell.error for cell in self.cells if cell.error is not None)


# ---------------------------------------------------------------- what a value looks like

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


def _repr(value: object) -> str:
    try:
        return _ADDRESS.sub("0x", repr(value))
    except Exception as error:
        return f"<repr raised {type(error).__name__}>"


def describe_value(value: object, depth: int = 3) -> str:
    """A text that is equal for equal values; an object without a repr shows its attributes."""
    if isinstance(value, types.ModuleType):
        return f"<module {value.__name__}>"
    if type(value).__repr__ is object.__repr__ and depth and hasattr(value, "__dict__"):
        inner = {name: describe_value(each, depth - 1) for name, each in vars(value).items()}
        return f"{_repr(value)} {sorted(inner.items())}"
    return _repr(value)


def describe_shown(value: object) -> list[str]:
    """What a reader sees of a value; figures and markdown are marked, for `same`."""
    if value is None:
        return []
    if isinstance(value, Stack):
        return [text for item in value.items for text in describe_shown(item)]
    if isinstance(value, Markdown):
        return ["md:" + value.text.strip()]
    if isinstance(value, Html):
        return ["html:" + value.text.strip()]
    if isinstance(value, Query):
        return ["sql:" + " ".join(value.text.split())]
    return _describe_foreign(value)


def _describe_foreign(value: object) -> list[str]:
    module, kind = type(value).__module__, type(value).__name__
    if module.startswith("IPython."):
        prefix = {"Markdown": "md:", "Latex": "md:", "HTML": "html:", "SVG": "html:"}.get(kind)
        if kind == "Javascript":
            return ["html:<script>" + str(getattr(value, "data", "")).strip() + "</script>"]
        if prefix:
            return [prefix + str(getattr(value, "data", "")).strip(" \n$")]
    figure = _figure_of(value)
    return [_repr(value)] if figure is None else [describe_figure(figure)]


def _figure_of(value: object) -> object | None:
    """The figure that marimo draws for a Figure, an artist, or a list of artists."""
    if "matplotlib" not in sys.modules:
        return None
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        figures = [_figure_of(each) for each in value]
        return figures[0] if figures and None not in figures else None
    if type(value).__name__ == "BarContainer":
        return _figure_of(getattr(value, "patches", [None])[0])
    if any(each.__name__ == "Artist" for each in type(value).__mro__):
        figure: object | None = getattr(value, "figure", None)
        return figure
    return None


def describe_figure(figure: object) -> str:
    """A digest of the picture, and the titles in it so that a difference can be read."""
    import hashlib

    picture = io.BytesIO()
    save = getattr(figure, "savefig")  # noqa: B009 - matplotlib has no types here
    save(picture, format="png", dpi=40, facecolor="white", metadata={"Software": None})
    titles = [axes.get_title() for axes in getattr(figure, "axes", [])]
    return f"{FIGURE}{titles}:{hashlib.sha1(picture.getvalue()).hexdigest()[:10]}"


# ---------------------------------------------------------------- one namespace, one cell


@dataclass(slots=True)
class Session:
    """A fresh `__main__`, and what catches the output of the cells that run in it."""

    module: types.ModuleType
    take_stdout: Callable[[], str]
    loop: asyncio.AbstractEventLoop | None = None
    flags: int = FLAGS  # Jupyter keeps `from __future__` for the cells below

    def run(self, body: types.CodeType, last: types.CodeType | None) -> object:
        self._evaluate(body)
        return None if last is None else self._evaluate(last)

    def _evaluate(self, code: types.CodeType) -> object:
        value = eval(code, self.module.__dict__)
        if not code.co_flags & 0x80:  # inspect.CO_COROUTINE: a top-level await
            return value
        self.loop = self.loop or asyncio.new_event_loop()
        return self.loop.run_until_complete(value)


@contextlib.contextmanager
def open_session(modules: Mapping[str, types.ModuleType] | None = None) -> Iterator[Session]:
    """A `__main__` of its own, with stdout caught in memory and stderr dropped."""
    main, caught = types.ModuleType("__main__"), io.StringIO()
    main.__dict__["__builtins__"] = builtins

    def take() -> str:
        text = caught.getvalue()
        caught.seek(0)
        caught.truncate()
        return text

    session = Session(main, take)
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(caught))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(replaced_modules({"__main__": main, **(modules or {})}))
        stack.enter_context(fresh_builtins())
        yield session
        if session.loop is not None:
            session.loop.close()


@contextlib.contextmanager
def fresh_builtins() -> Iterator[None]:
    """Python's own names, whatever the code binds there: `gettext.install()` binds `_`."""
    names = vars(builtins)
    before = dict(names)
    names.pop("_", None)
    try:
        yield
    finally:
        for name in names.keys() - before.keys():
            del names[name]
        names.update(before)


@contextlib.contextmanager
def replaced_modules(modules: Mapping[str, types.ModuleType]) -> Iterator[None]:
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def compile_cell(
    tree: ast.Module, name: str, *, show_last: bool, flags: int = FLAGS
) -> tuple[types.CodeType, types.CodeType | None]:
    """The statements, and the last expression where its value is to be shown."""
    last: types.CodeType | None = None
    if show_last and tree.body and isinstance(tree.body[-1], ast.Expr):
        final = tree.body.pop()
        assert isinstance(final, ast.Expr)
        last = compile(ast.Expression(final.value), name, "eval", flags, dont_inherit=True)
    return compile(tree, name, "exec", flags, dont_inherit=True), last


def parse_cell(source: str) -> ast.Module:
    flags = FLAGS | ast.PyCF_ONLY_AST
    tree = compile(source, "<cell>", "exec", flags, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def is_silenced(source: str) -> bool:
    """Tell whether the cell's last token is a semicolon, which hides the last value."""
    import tokenize

    ignored = {"ENDMARKER", "NEWLINE", "NL", "COMMENT", "DEDENT"}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    texts = [token.string for token in tokens if tokenize.tok_name[token.type] not in ignored]
    return texts[-1:] == [";"]


# ---------------------------------------------------------------- Jupyter, top to bottom


@dataclass(slots=True)
class _History:
    """`_`, `__`, `___`, `_3`, `In` and `Out`, as IPython keeps them."""

    namespace: dict[str, object]
    number: int = 0
    ours: dict[str, object] = field(default_factory=lambda: {"_": "", "__": "", "___": ""})

    def begin(self, source: str) -> None:
        if not self.number:
            self.namespace.update(self.ours, In=[""], Out={})
        self.number += 1
        inputs = self.namespace["In"]
        if isinstance(inputs, list):
            inputs.append(source)

    def keep(self, value: object) -> None:
        outputs = self.namespace.get("Out")
        if isinstance(outputs, dict):
            outputs[self.number] = value
        self.namespace[f"_{self.number}"] = value
        taken = any(self.namespace.get(name, old) is not old for name, old in self.ours.items())
        self.ours = {"___": self.ours["__"], "__": self.ours["_"], "_": value}
        if not taken:  # IPython lets go of all three when the user binds one of them
            self.namespace.update(self.ours)


def run_linear(
    cells: Sequence[str],
    tags: Sequence[Iterable[str]] = (),
    *,
    allow_errors: bool = False,
) -> Trace:
    """Run plain Python cells as Jupyter's Run All does, in one fresh namespace.

    An exception ends the run, unless the cell has the tag `raises-exception` or `allow_errors`
    is set; a cell tagged `skip-execution` does not run.
    """
    with open_session() as session:
        namespace = session.module.__dict__
        shown: list[object] = []
        given = set(namespace)
        namespace["display"] = lambda *values: shown.extend(values)
        history = _History(namespace)

        def run_cell(position: int, source: str) -> CellRun:
            return _run_linear_cell(session, history, shown, position, source)

        return run_in_turn(cells, tags, allow_errors, run_cell, namespace, given)


def run_in_turn(
    cells: Sequence[str],
    tags: Sequence[Iterable[str]],
    allow_errors: bool,
    run_cell: Callable[[int, str], CellRun],
    namespace: Mapping[str, object],
    given: set[str],
) -> Trace:
    """Run cell after cell, until one fails that may not; `given` are the names of the system."""
    runs: list[CellRun] = []
    bound: dict[str, int] = {}
    stopped = None
    for position, source in enumerate(cells):
        cell_tags = set(tags[position]) if position < len(tags) else set[str]()
        if "skip-execution" in cell_tags or not source.strip():
            continue
        before = dict(namespace)
        runs.append(run_cell(position, source))
        bound.update(dict.fromkeys(find_changes(before, namespace), position))
        if runs[-1].error and not (allow_errors or "raises-exception" in cell_tags):
            stopped = position
            break
    values = describe_names(namespace, given | NOT_OF_THE_USER)
    return Trace(tuple(runs), values, bound, stopped)


def find_changes(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """The names that now hold another object."""
    return [name for name, value in now.items() if before.get(name, _NOTHING) is not value]


_NOTHING = object()


def _run_linear_cell(
    session: Session, history: _History, shown: list[object], position: int, source: str
) -> CellRun:
    error = None
    history.begin(source)
    shown.clear()
    try:
        tree = parse_cell(source)
        show = not is_silenced(source)
        code = compile_cell(tree, f"<cell {position}>", show_last=show, flags=session.flags)
        session.flags |= code[0].co_flags & FUTURES
        value = session.run(*code)
        if value is not None:
            history.keep(value)
            shown.append(value)
    except (Exception, SystemExit, KeyboardInterrupt) as raised:
        error = type(raised).__name__
    texts = tuple(text for each in shown for text in describe_shown(each))
    return CellRun(position, texts, session.take_stdout(), error)


_HISTORY_NAME = re.compile(r"_+|_i{1,3}|_i?\d+|_[do]h|_ih|_exit_code|__\w+__")


def describe_names(namespace: Mapping[str, object], given: Iterable[str]) -> dict[str, str]:
    """The final values of the user's own names."""
    hidden = set(given)
    return {
        name: describe_value(value)
        for name, value in list(namespace.items())
        if name not in hidden and not _HISTORY_NAME.fullmatch(name)
    }


# ---------------------------------------------------------------- marimo, by the graph


@dataclass(frozen=True, slots=True)
class _Ready:
    """A cell of a reactive notebook, compiled."""

    names: dataflow.Names
    code: tuple[types.CodeType, types.CodeType | None]
    prefix: str  # `_x` of this cell is `<prefix>_x` in the namespace
    setup: bool


def run_reactive(
    text: str,
    order: TieOrder = "document",
    *,
    session: Session | None = None,
    screen: Screen | None = None,
) -> Trace:
    """Run a reactive notebook as marimo's kernel does; an error cancels what depends on it.

    Raises NotRunnableError where marimo refuses the whole notebook.
    """
    ready = [
        _prepare(position, block) for position, block in enumerate(dataflow.split_blocks(text))
    ]
    parents = dataflow.find_parents([cell.names for cell in ready])
    _put_setup_first(ready, parents)
    sequence = dataflow.sort_cells(parents, order)
    if session is not None and screen is not None:
        return _run_in_order(ready, parents, sequence, session, screen)
    screen = Screen(describe_shown)
    with open_session({"marimo": make_marimo(screen)}) as session:
        return _run_in_order(ready, parents, sequence, session, screen)


def _prepare(position: int, block: dataflow.Block) -> _Ready:
    prefix = f"_cell_{position}"
    try:
        tree = parse_cell(block.source)
    except SyntaxError as error:
        raise dataflow.UnparsableError(f"cell {position}: {error}") from None
    names = dataflow.mangle_cell(tree, prefix)
    show = block.kind == "cell" and not is_silenced(block.source)
    code = compile_cell(tree, f"<cell {position}>", show_last=show)
    return _Ready(names, code, prefix, block.kind == "setup")


def _put_setup_first(ready: Sequence[_Ready], parents: Sequence[set[int]]) -> None:
    for position, cell in enumerate(ready):
        if cell.setup:
            if parents[position]:
                raise dataflow.NotRunnableError("the setup cell refers to another cell")
            for other, found in enumerate(parents):
                if other != position:
                    found.add(position)


def _run_in_order(
    ready: Sequence[_Ready],
    parents: Sequence[set[int]],
    sequence: Sequence[int],
    session: Session,
    screen: Screen,
) -> Trace:
    namespace, cancelled = session.module.__dict__, set[int]()
    runs: list[CellRun] = []
    bound: dict[str, tuple[int, str]] = {}  # name -> lowest cell that binds it, its real name
    for position in sequence:
        if position in cancelled:
            continue
        before = dict(namespace)
        run, stopped = _run_reactive_cell(session, screen, position, ready[position])
        runs.append(run)
        if stopped:
            cancelled |= dataflow.find_descendants(parents, position)
        for name, real in _find_bindings(before, namespace, ready[position]).items():
            bound[name] = max(bound.get(name, (-1, "")), (position, real))
            if dataflow.is_local(name):
                bound[f"{name} of cell {position}"] = (position, real)
    values = {n: describe_value(namespace[r]) for n, (_, r) in bound.items() if r in namespace}
    return Trace(tuple(runs), values, {name: place for name, (place, _) in bound.items()})


def _find_bindings(
    before: Mapping[str, object], now: Mapping[str, object], cell: _Ready
) -> dict[str, str]:
    """The names the cell bound, and their names in the namespace: `_x` of a cell is mangled."""
    found = {}
    for real in {*find_changes(before, now), *(cell.names.defs & now.keys())}:
        if not _HISTORY_NAME.fullmatch(real):
            mangled = real.startswith(cell.prefix + "_")
            found[real.removeprefix(cell.prefix) if mangled else real] = real
    return found


def _run_reactive_cell(
    session: Session, screen: Screen, position: int, cell: _Ready
) -> tuple[CellRun, bool]:
    """Run one cell; the flag says that nothing that depends on it may run."""
    error, last, stopped = None, None, True
    try:
        last = session.run(*cell.code)
        stopped = False
    except StopError as raised:
        last = raised.output
    except (Exception, SystemExit, KeyboardInterrupt) as raised:
        error = type(raised).__name__
    return CellRun(position, screen.finish(last), session.take_stdout(), error), stopped


# ---------------------------------------------------------------- are they the same?

_SYNTAX = frozenset({"SyntaxError", "IndentationError", "TabError"})


def same(linear: Trace, reactive: Trace, renames: Sequence[Rename] = ()) -> bool:
    """Tell whether both runs showed, printed and left the same; see find_differences."""
    return not find_differences(linear, reactive, renames)


def find_differences(
    linear: Trace,
    reactive: Trace,
    renames: Sequence[Rename] = (),
    aspects: Collection[str] = ("stdout", "shown", "figures", "errors", "values", "files"),
) -> list[str]:
    """Say in words how the reactive run differs from the linear one; nothing if it does not.

    Args:
        linear: The notebook as it was.
        reactive: The converted notebook.
        renames: Every rename of the conversion.
        aspects: What is compared.
    """
    pairs = {
        "stdout": (clean_stdout(linear.stdout), clean_stdout(reactive.stdout)),
        "shown": _compare_texts(linear, reactive),
        "figures": _compare_figures(linear, reactive),
        "errors": (_error_kinds(linear), _error_kinds(reactive)),
        "files": ({**linear.files}, {n: reactive.files.get(n) for n in linear.files}),
    }
    found = [
        f"{aspect}: {before!r} became {after!r}"
        for aspect, (before, after) in pairs.items()
        if aspect in aspects and before != after
    ]
    return found + (_compare_values(linear, reactive, renames) if "values" in aspects else [])


def _error_kinds(trace: Trace) -> list[str]:
    return ["SyntaxError" if error in _SYNTAX else error for error in trace.errors]


def clean_stdout(text: str) -> str:
    return _ADDRESS.sub("0x", text.replace("\r\n", "\n"))


def _compare_texts(linear: Trace, reactive: Trace) -> tuple[list[str], list[str]]:
    texts = [text for text in linear.shown if not text.startswith(FIGURE)]
    others = [text for text in reactive.shown if not text.startswith(FIGURE)]
    return texts, _drop_headings(texts, others)


def _compare_figures(linear: Trace, reactive: Trace) -> tuple[list[str], list[str]]:
    """Apart from the texts: marimo shows some figures below what the cell prints."""
    before = [each for cell in linear.cells for each in dict.fromkeys(_figures(cell))]
    return before, [each for cell in reactive.cells for each in _figures(cell)]


def _figures(cell: CellRun) -> list[str]:
    """The figures of one run; Jupyter may show one twice (as a value, and at the cell's end)."""
    return [text for text in cell.shown if text.startswith(FIGURE)]


def _drop_headings(expected: Sequence[str], found: Sequence[str]) -> list[str]:
    """Leave out the `mo.md` of the notebook's markdown cells, which Jupyter does not count."""
    kept: list[str] = []
    for text in found:
        wanted = expected[len(kept)] if len(kept) < len(expected) else None
        if text == wanted or not text.startswith("md:"):
            kept.append(text)
    return kept


def _compare_values(linear: Trace, reactive: Trace, renames: Sequence[Rename]) -> list[str]:
    """Compare each name's final value with that of its last version.

    That is the version made by the cell which bound the name last. Where a function bound it
    (`global`), or a cell was merged, it is the one that stands lowest in the file.
    """
    origins = {each.new_name: each.name for each in renames}
    found = []
    for name, value in linear.values.items():
        versions = _find_versions(name, linear, reactive, renames)
        texts = {each: reactive.values[each] for each in versions}
        if texts and value not in texts.values():
            old = {_under_old_names(text, origins) for text in texts.values()}
            if value not in old:
                found.append(f"{name} = {value} became {texts}")
    return found


def _find_versions(
    name: str, linear: Trace, reactive: Trace, renames: Sequence[Rename]
) -> list[str]:
    """The reactive names that may hold the final value of a name."""
    here = [each.new_name for each in renames if each.name == name]
    made = [
        each.new_name
        for each in renames
        if each.name == name and each.cell == linear.bound.get(name)
    ]
    known = [each for each in {name, *here} if each in reactive.values]
    lowest = max(known, key=lambda each: reactive.bound[each], default=name)
    wanted = {*(made or [name]), lowest}
    return sorted(each for each in reactive.values if each.split(" of cell ")[0] in wanted)


def _under_old_names(text: str, origins: Mapping[str, str]) -> str:
    """Forgive functions and classes that they were renamed, as long as nobody looked at it."""
    text = re.sub(r"_cell_\d+(?=_)", "", text)
    named = r"(?<=<function )\w+|(?<=__main__\.)\w+"
    return re.sub(named, lambda match: origins.get(match[0], match[0]), text)


def lost_names(linear: Trace, reactive: Trace, renames: Sequence[Rename]) -> set[str]:
    """The names of the linear run of which the reactive run has no version at all."""
    kept = set(reactive.bound) | {each.name for each in renames if each.new_name in reactive.bound}
    return {name for name in linear.values if name not in kept}
