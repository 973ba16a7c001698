"""A small stand-in for `import marimo as mo`: it keeps what a cell shows, and renders nothing."""

from __future__ import annotations

import contextlib
import io
import pathlib
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


class StopError(Exception):
    """What `mo.stop` raises; its output is what the cell shows."""

    def __init__(self, output: object) -> None:
        super().__init__(output)
        self.output = output


@dataclass(slots=True)
class Markdown:
    """What `mo.md` returns."""

    text: str


@dataclass(slots=True)
class Html:
    """What `mo.Html` returns."""

    text: str


@dataclass(slots=True)
class Stack:
    """Values shown one below the other: `mo.vstack`, `mo.hstack`."""

    items: list[object]


@dataclass(slots=True)
class Query:
    """What `mo.sql` returns."""

    text: str


def _do_nothing() -> None:
    pass


@dataclass(slots=True)
class Screen:
    """What the running cell has put on the page so far, described at the moment it was shown."""

    describe: Callable[[object], list[str]]
    after_cell: Callable[[], None] = _do_nothing
    output: list[list[str]] = field(default_factory=list)  # the output area above the cell
    console: list[str] = field(default_factory=list)  # figures of plt.show(), below the cell

    def finish(self, last: object) -> tuple[str, ...]:
        """Give what stays visible: marimo's last expression replaces what was appended."""
        texts = [text for each in self.output for text in each] if last is None else []
        shown = (*self.console, *texts, *self.describe(last))
        self.output.clear()
        self.console.clear()
        self.after_cell()
        return shown


def _stop(predicate: object, output: object = None) -> None:
    if predicate:
        raise StopError(output)


def _stack(items: object, **_layout: object) -> Stack:
    return Stack(list(items) if isinstance(items, list | tuple) else [items])


@contextlib.contextmanager
def _capture_stdout() -> Iterator[io.StringIO]:
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        yield caught


@contextlib.contextmanager
def _capture_stderr() -> Iterator[io.StringIO]:
    with contextlib.redirect_stderr(io.StringIO()) as caught:
        yield caught


def _output_area(screen: Screen) -> types.SimpleNamespace:
    def append(value: object) -> None:
        screen.output.append(screen.describe(value))

    def replace(value: object) -> None:
        screen.output[:] = [screen.describe(value)]

    def replace_at_index(value: object, idx: int) -> None:
        screen.output[idx : idx + 1] = [screen.describe(value)]

    return types.SimpleNamespace(
        append=append,
        replace=replace,
        replace_at_index=replace_at_index,
        clear=screen.output.clear,
    )


def make_marimo(screen: Screen, folder: str = ".") -> types.ModuleType:
    """Build the module that `import marimo` finds while a reactive notebook runs."""
    module = types.ModuleType("marimo")
    show_itself: Callable[[object], object] = lambda value: value  # noqa: E731 - a table of them
    module.__dict__.update(
        md=lambda text: Markdown(str(text)),
        Html=Html,
        iframe=lambda html, **_size: Html(html),
        output=_output_area(screen),
        stop=_stop,
        vstack=_stack,
        hstack=_stack,
        as_html=show_itself,
        plain=show_itself,
        plain_text=show_itself,
        show_code=show_itself,
        sql=lambda query, **_options: Query(str(query)),
        capture_stdout=_capture_stdout,
        capture_stderr=_capture_stderr,
        redirect_stdout=contextlib.nullcontext,
        redirect_stderr=contextlib.nullcontext,
        notebook_dir=lambda: pathlib.Path(folder).resolve(),
        running_in_notebook=lambda: True,
    )
    return module
