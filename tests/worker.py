"""Runs notebooks in processes of their own: IPython's semantics, files, shell commands, figures.

`python worker.py` imports the heavy packages once and then forks for each job it reads: a job is
one line of JSON on stdin, the trace one line of JSON on stdout. Where there is no fork, the test
starts one process a job (`python worker.py once`).
"""

from __future__ import annotations

import builtins
import contextlib
import dataclasses
import importlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import dataflow
import executor
from dataflow import TieOrder
from executor import CellRun, Session, Trace
from marimo_stub import Screen, make_marimo

TIME_LIMIT = 20  # seconds for one notebook
JobKind = Literal["ipython", "reactive"]


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One notebook to run."""

    kind: JobKind
    cells: tuple[str, ...]  # for "reactive" one text, the whole file
    folder: str  # working directory; what is written there becomes part of the trace
    tags: tuple[tuple[str, ...], ...] = ()
    allow_errors: bool = False
    order: TieOrder = "document"
    name: str = "notebook.py"


# ---------------------------------------------------------------- the side of the tests


class Worker:
    """A process that runs notebooks; made once for a whole test session."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, job: Job) -> Trace:
        line = json.dumps(dataclasses.asdict(job))
        if not hasattr(os, "fork"):
            command = [sys.executable, __file__, "once"]
            done = subprocess.run(command, input=line, capture_output=True, text=True, check=True)
            return _read_trace(done.stdout)
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return _read_trace(process.stdout.readline())

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=_environment(),
            )
        return self._process

    def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()


def _environment() -> dict[str, str]:
    """One locale, one hash seed and no colours, so that two runs can be compared."""
    fixed = {
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "IPYTHONDIR": tempfile.gettempdir() + "/nbtools-tests-ipython",
    }
    return {**os.environ, **fixed}


def _read_trace(line: str) -> Trace:
    if not line:
        raise RuntimeError("the worker died")
    data = json.loads(line)
    if "refused" in data:
        raise getattr(dataflow, data["refused"])(data["reason"])
    if "crash" in data:
        raise RuntimeError(data["crash"])
    cells = tuple(CellRun(**{**cell, "shown": tuple(cell["shown"])}) for cell in data.pop("cells"))
    return Trace(cells, **data)


# ---------------------------------------------------------------- the side of the notebooks


@dataclasses.dataclass(frozen=True, slots=True)
class Kernel:
    """An IPython shell, and the values it has shown since the list was last cleared."""

    shell: Any
    shown: list[object]


def run_job(job: Job, kernel: Kernel) -> str:
    """Run the job in this process, and give its trace as one line of JSON."""
    before = _snapshot(job.folder)
    os.chdir(job.folder)
    sys.path.insert(0, job.folder)
    try:
        trace = _run_ipython(job, kernel) if job.kind == "ipython" else _run_reactive(job)
    except dataflow.NotRunnableError as error:
        return json.dumps({"refused": type(error).__name__, "reason": str(error)})
    written = {k: v for k, v in _snapshot(job.folder).items() if before.get(k) != v}
    return json.dumps(dataclasses.asdict(dataclasses.replace(trace, files=written)))


def _snapshot(folder: str) -> dict[str, str]:
    """Every file and folder below, with the file's text; what caches is left out."""
    root, found = pathlib.Path(folder), {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if "__pycache__" not in name:
            found[name] = "folder" if path.is_dir() else path.read_text("utf-8", "replace")
    return found


@contextlib.contextmanager
def _caught_stdout() -> Iterator[Callable[[], str]]:
    """Catch file descriptor 1, so that what child processes print comes in the right place."""
    number, path = tempfile.mkstemp()
    silence = os.open(os.devnull, os.O_RDWR)
    sys.stdout.flush()
    kept, before = os.dup(1), sys.stdout
    for source, target in ((silence, 0), (number, 1), (silence, 2)):
        os.dup2(source, target)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - stays open for the whole process
    raw = open(1, "wb", buffering=0, closefd=False)  # noqa: SIM115 - it is stdout
    sys.stdout = io.TextIOWrapper(raw, "utf-8", write_through=True)
    with open(path, "rb") as reader:
        yield lambda: reader.read().decode("utf-8", "replace")
    sys.stdout = before
    os.dup2(kept, 1)
    os.close(number)
    os.unlink(path)


def _run_reactive(job: Job) -> Trace:
    screen, main = Screen(executor.describe_shown), types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __file__=os.path.join(job.folder, job.name))
    marimo = make_marimo(screen, job.folder)
    _show_as_marimo(screen)
    with _caught_stdout() as take, executor.replaced_modules({"__main__": main, "marimo": marimo}):
        session = Session(main, take)
        return executor.run_reactive(job.cells[0], job.order, session=session, screen=screen)


def _show_as_marimo(screen: Screen) -> None:
    """marimo shows what `display` is given, and figures at `plt.show()`; then it closes them."""
    import IPython.core.display_functions
    import IPython.display
    from IPython.core.interactiveshell import InteractiveShell

    for name in ("display", "get_ipython", "__IPYTHON__"):
        vars(builtins).pop(name, None)
    InteractiveShell.clear_instance()
    for each in InteractiveShell.__subclasses__():
        each.clear_instance()

    def display(*values: object, **_options: object) -> None:
        screen.output.extend(screen.describe(value) for value in values)

    for module in (IPython.display, IPython.core.display_functions):
        setattr(module, "display", display)  # noqa: B010 - mypy knows that it is another's
    with contextlib.suppress(ImportError):
        _show_figures(screen)


def _show_figures(screen: Screen) -> None:
    plt: Any = importlib.import_module("matplotlib.pyplot")
    plt.switch_backend("agg")

    def show(*_args: object, **_options: object) -> None:
        for number in plt.get_fignums():
            screen.console.append(executor.describe_figure(plt.figure(number)))
        plt.close("all")

    def close_all() -> None:
        plt.close("all")

    plt.show = show
    screen.after_cell = close_all


def _run_ipython(job: Job, kernel: Kernel) -> Trace:
    namespace = kernel.shell.user_ns
    given = set(namespace) | set(kernel.shell.user_ns_hidden)
    with _caught_stdout() as take:

        def run_cell(position: int, source: str) -> CellRun:
            return _run_ipython_cell(kernel, take, position, source)

        arguments = (job.cells, job.tags, job.allow_errors, run_cell, namespace, given)
        return executor.run_in_turn(*arguments)


def _run_ipython_cell(
    kernel: Kernel, take: Callable[[], str], position: int, source: str
) -> CellRun:
    kernel.shown.clear()
    result = kernel.shell.run_cell(source, store_history=True)
    error = result.error_before_exec or result.error_in_exec
    texts = tuple(text for value in kernel.shown for text in _describe_in_jupyter(value))
    return CellRun(position, texts, take(), type(error).__name__ if error else None)


def _describe_in_jupyter(value: object) -> list[str]:
    """As marimo, but an artist is only a line of text, which marimo replaces by its figure."""
    if isinstance(value, _Picture):
        return [value.text]
    texts = executor.describe_shown(value)
    return [] if any(text.startswith(executor.FIGURE) for text in texts) else texts


@dataclasses.dataclass(frozen=True, slots=True)
class _Picture:
    """A figure as it looked when it was shown."""

    text: str


def make_kernel() -> Kernel:
    """An IPython shell that keeps every value it shows, and prints none."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shown: list[object] = []
    screen = _Formatted()

    class SilentHook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
            shown.append(screen.pop(format_dict))

        def finish_displayhook(self) -> None:
            sys.stdout.flush()

    class Shell(InteractiveShell):
        displayhook_class = SilentHook

        def _showtraceback(self, *_args: object) -> None:
            pass

        def enable_gui(self, *_args: object) -> None:
            """Accept `%matplotlib inline`, which needs no event loop."""

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell: Any = Shell.instance(config=config)
    shell.display_formatter.format = screen.format
    shell.display_pub.publish = lambda data, **_more: shown.append(screen.pop(data))
    shell.set_hook("show_in_pager", lambda *_args, **_more: None)
    return Kernel(shell, shown)


@dataclasses.dataclass(slots=True)
class _Formatted:
    """Values on their way from IPython's formatter to its publisher; `%%capture` stops some."""

    values: dict[str, object] = dataclasses.field(default_factory=dict)

    def format(self, value: object, **_mimes: object) -> tuple[dict[str, str], dict[str, str]]:
        if type(value).__name__ == "Figure" and "matplotlib" in sys.modules:
            value = _Picture(executor.describe_figure(value))  # now: it may be drawn on later
        key = f"value {len(self.values)}"
        self.values[key] = value
        return {"text/plain": key}, {}

    def pop(self, data: Mapping[str, str]) -> object:
        """Give the value that this bundle stands for, or the bundle that the user made."""
        return self.values.get(data.get("text/plain", ""), data)


# ---------------------------------------------------------------- the process


def _serve() -> None:
    _import_heavy_packages()
    kernel = make_kernel()
    for line in sys.stdin:
        print(_run_in_fork(line, kernel), flush=True)


def _import_heavy_packages() -> None:
    import IPython.display  # noqa: F401

    for name in ("matplotlib.pyplot", "pandas"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _run_in_fork(line: str, kernel: Kernel) -> str:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
        child = os.fork()
        if not child:
            _answer_and_exit(line, kernel, answer)
        os.waitpid(child, 0)
        answer.seek(0)
        return answer.read() or json.dumps({"crash": f"died or took over {TIME_LIMIT} s"})


def _answer_and_exit(line: str, kernel: Kernel, answer: Any) -> None:
    try:
        signal.alarm(TIME_LIMIT)
        text = run_job(_read_job(line), kernel)
    except BaseException:
        import traceback

        text = json.dumps({"crash": traceback.format_exc()})
    answer.write(text)
    answer.flush()
    os._exit(0)


def _read_job(line: str) -> Job:
    data: Mapping[str, Any] = json.loads(line)
    tags: Sequence[Sequence[str]] = data["tags"]
    return Job(**{**data, "cells": tuple(data["cells"]), "tags": tuple(map(tuple, tags))})


if __name__ == "__main__":
    sys.modules["worker"] = sys.modules["__main__"]
    if sys.argv[1:] == ["once"]:
        print(run_job(_read_job(sys.stdin.read()), make_kernel()))
    else:
        _serve()
