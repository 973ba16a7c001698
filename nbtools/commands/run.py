"""`nbtools run`: executes a notebook's code in a process of its own."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct

from nbtools.cells import Cell, Notebook, ReactiveNotebook
from nbtools.commands.terminal import DONE, INTERRUPTED, complain
from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.lint.detection import detect_kind
from nbtools.report.printable import printable
from nbtools.report.run import (
    format_cell,
    format_json,
    format_outputs,
    format_title,
    format_trace,
)
from nbtools.run.job import Job
from nbtools.run.session import Limits, Listener, run_job
from nbtools.run.trace import CellRun, Trace

RAISED, ENDED = 3, 4
EXIT_CODES = {
    "finished": DONE,
    "error": RAISED,
    "left": RAISED,
    "timed-out": ENDED,
    "died": ENDED,
    "broken": ENDED,
    "interrupted": INTERRUPTED,
}
_Command = TypeVar("_Command", bound=Callable[..., Any])
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def read_size(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """An option's size, such as 500M, in bytes."""
    if value is None:
        return None
    found = _SIZE.fullmatch(value.strip())
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if not size:
        raise click.BadParameter(f"expected a size such as 500M or 2G, found {value!r}")
    return size


def read_seconds(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """An option's seconds: more than 0."""
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter(f"expected seconds, more than 0, found {value:g}")
    return value


def read_variables(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Variables as NAME=VALUE; NAME alone passes this process's own on."""
    given: dict[str, str] = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not name or (not sign and name not in os.environ):
            raise click.BadParameter(f"expected NAME=VALUE, or a variable that is set: {value!r}")
        given[name] = text if sign else os.environ[name]
    return given


def _read_values(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Names with values as Python writes them; what is no literal is text."""
    given: dict[str, str] = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not sign or not name.strip().isidentifier():
            raise click.BadParameter(f"expected name=value, found {value!r}")
        try:
            given[name.strip()] = repr(ast.literal_eval(text.strip()))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            given[name.strip()] = repr(text)
    return given


def with_limits(command: _Command) -> _Command:
    """The options of every command that executes a notebook: what it may use, and where."""
    for option in (
        click.option(
            "--python",
            metavar="PYTHON",
            help="The interpreter (3.8 or newer). Default: that of the active environment.",
        ),
        click.option(
            "--no-network", is_flag=True, help="Let a run find no network but loopback (Linux)."
        ),
        click.option(
            "--memory", callback=read_size, metavar="SIZE", help="Limit the memory: 500M, 2G."
        ),
        click.option(
            "--file-size",
            callback=read_size,
            metavar="SIZE",
            help="Limit the size of each file that is written.",
        ),
        click.option(
            "--cell-timeout",
            type=float,
            callback=read_seconds,
            metavar="SECONDS",
            help="Limit every cell.",
        ),
    ):
        command = option(command)
    return command


@click.command("run")
@click.argument("file", metavar="FILE")
@click.option(
    "--reactive", is_flag=True, help="Convert an .ipynb in memory, and run it by its dataflow."
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="Write the notebook with its outputs, as OUT.ipynb or as a page, OUT.html.",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite OUT, if it exists.")
@click.option(
    "--watch",
    is_flag=True,
    help="Go on, and run again what an edit of FILE makes stale; Ctrl-C ends it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what every cell did as JSON.")
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read_values,
    help="Give a name another value, right after the cell that binds it (of an .ipynb: the cell "
    "tagged `parameters`, or else the first). VALUE is a Python literal, or text.",
)
@click.option(
    "--timeout", type=float, callback=read_seconds, metavar="SECONDS", help="Limit the whole run."
)
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="NAME=VALUE",
    callback=read_variables,
    help="Give the run a variable of the environment, in addition to yours.",
)
@click.option(
    "--engine",
    type=click.Choice(("nbtools", "kernel")),
    default="nbtools",
    help="What runs an .ipynb: nbtools' own process (default), or a Jupyter kernel, through "
    "nbclient, to compare.",
)
@with_limits
@click.option("--cwd", metavar="DIR", help="Run in DIR. Default: where FILE lies.")
def run_command(**choices: Any) -> int:
    """Execute the code of a notebook: with all your rights, in a process of its own.

    FILE is a reactive notebook (marimo's .py), which runs in the order of its dataflow, or a
    Jupyter notebook or a script with # %% cells, which run from top to bottom. marimo and Jupyter
    need not be installed. Ctrl-C interrupts the cell that runs; pressed twice it ends the run.

    Exit code: 0 all cells ran, 2 FILE cannot be run, 3 a cell raised an exception or called
    exit(), 4 a limit was reached or the process died, 130 interrupted.
    """
    return _run(RunRequest(**choices))


class RunRequest(Struct, frozen=True):
    """What `nbtools run` was asked for, option by option."""

    file: str
    reactive: bool
    output: str | None
    force: bool
    watch: bool
    as_json: bool
    given: Mapping[str, str]
    timeout: float | None
    cell_timeout: float | None
    memory: int | None
    file_size: int | None
    environment: Mapping[str, str]
    no_network: bool
    cwd: str | None
    engine: str
    python: str | None


class Target(Struct, frozen=True):
    """A notebook that was read and can run."""

    job: Job
    cells: tuple[Cell, ...]
    data: bytes | None  # the file, if `cells` are an .ipynb's own


def _run(request: RunRequest) -> int:
    if request.output is not None and not request.output.endswith((".ipynb", ".html")):
        raise click.UsageError(
            "-o writes a Jupyter notebook or a page: give it a name that ends in .ipynb or .html"
        )
    if request.output is not None and not request.force and Path(request.output).is_file():
        raise NbtoolsError(f"{request.output} exists: --force overwrites it")
    if request.watch and (request.as_json or request.output is not None):
        raise click.UsageError("--watch prints what runs: it goes with neither --json nor -o")
    in_kernel = request.engine == "kernel"
    sizes = (request.memory, request.file_size)
    if in_kernel and (request.no_network or any(size is not None for size in sizes)):
        raise click.UsageError(
            "--engine kernel does not go with --memory, --file-size or --no-network"
        )
    target = read_target(request)
    if in_kernel and target.job.kind != "linear":
        raise click.UsageError("--engine kernel runs an .ipynb, from top to bottom")
    if request.watch and target.job.kind != "reactive":
        raise click.UsageError("--watch takes a reactive notebook; an .ipynb with --reactive")
    python = find_python(request.python)
    name = printable(request.file)
    complain(
        f"{name}: executing its code with {printable(python)} in {printable(target.job.folder)}"
    )
    environment = {**os.environ, **request.environment}
    limits = Limits(
        request.timeout,
        request.cell_timeout,
        request.memory,
        request.file_size,
        network=not request.no_network,
    )
    if request.watch:
        from nbtools.commands.watch import watch_file

        return watch_file(Path(request.file), lambda: read_target(request), target,
                          python, limits, environment)  # fmt: skip
    progress = Progress(target.cells)
    listener = Listener() if request.as_json else Listener(progress.start, progress.end)
    run = _choose_engine(request.engine)
    trace = run(target.job, python, limits, environment=environment, listener=listener)
    _report(request, trace, progress)
    if request.output is not None:
        _write_executed(Path(request.output), target, trace)
    return EXIT_CODES[trace.ending.kind]


def _choose_engine(engine: str) -> Callable[..., Trace]:
    if engine == "kernel":
        from nbtools.run.kernel import run_in_kernel

        return run_in_kernel
    return run_job


def _report(request: RunRequest, trace: Trace, progress: Progress) -> None:
    if request.as_json:
        sys.stdout.writelines(format_json(trace, request.file))
        click.echo()
        return
    for run in trace.cells:
        if run.status == "not-run" or (run.status == "skipped" and run.because is not None):
            progress.end(run)
    for line in format_trace(trace, request.file):
        click.echo(line)


def _write_executed(path: Path, target: Target, trace: Trace) -> None:
    from nbtools.files import write_pieces_atomically

    pieces = _render_executed(path.suffix, target, trace)
    try:
        write_pieces_atomically(path, (piece.encode("utf-8", "replace") for piece in pieces))
    except OSError as error:
        raise NbtoolsError(f"{path}: {describe_os_error(error)}") from None


def _render_executed(suffix: str, target: Target, trace: Trace) -> Iterator[str]:
    if suffix == ".html":
        from nbtools.report.executed_page import format_page

        return (f"{line}\n" for line in format_page(target.job.name, target.cells, trace))
    from nbtools.run.executed import write_executed

    return write_executed(target.data, target.cells, trace)


class Progress:
    """Says at the terminal how far a run is: one line for each cell, and below what it showed."""

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self.cells = cells
        self.live = sys.stdout.isatty()

    def start(self, cell: int) -> None:
        """Show which cell runs, until it is done; only where the line can be written anew."""
        if self.live:
            title = format_title(self.cells[cell].source)
            click.echo(f"cell {cell + 1}: running  {title}"[:79], nl=False)

    def end(self, run: CellRun) -> None:
        """Print what became of a cell."""
        if self.live:
            click.echo("\r\x1b[K", nl=False)
        click.echo(format_cell(run, self.cells[run.cell].source))
        for line in format_outputs(run):
            click.echo(line)


# --- what is to run -----------------------------------------------------------------------------


def find_python(wanted: str | None) -> str:
    """The interpreter: the one asked for, or that of the active environment, or this one."""
    if wanted is not None:
        import shutil  # slow to import

        found = os.path.abspath(wanted) if os.sep in wanted else shutil.which(wanted)
        if found is None:
            raise NbtoolsError(f"--python {wanted}: there is no such command")
        return found
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        python = os.path.join(os.environ.get(variable, ""), "bin", "python")
        if os.environ.get(variable) and os.access(python, os.X_OK):
            return python
    return sys.executable


def read_target(request: RunRequest) -> Target:
    """Read FILE, and plan its run. Raises NbtoolsError."""
    path = Path(request.file)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NbtoolsError(f"{path}: {describe_os_error(error)}") from None
    folder = os.path.abspath(request.cwd or path.parent)
    kind = detect_kind(data, path.name)
    try:
        if kind == "reactive":
            return _read_reactive(data.decode("utf-8"), path, folder, request)
        if kind == "ipynb" and request.reactive:
            return _convert(data, path, folder, request)
        if request.reactive:
            raise click.UsageError("--reactive takes an .ipynb")
        if kind == "ipynb":
            return _read_ipynb(data, path, folder, request)
        if kind == "percent":
            return _read_percent(data.decode("utf-8"), path, folder, request)
    except UnicodeDecodeError:
        raise NbtoolsError(f"{path}: expected UTF-8 text") from None
    except NbtoolsError as error:
        if str(error).startswith(path.name):
            raise
        raise NbtoolsError(f"{path}: {error}") from None
    raise NbtoolsError(f"{path}: not a notebook: neither .ipynb nor marimo's .py nor # %% cells")


def _read_ipynb(data: bytes, path: Path, folder: str, request: RunRequest) -> Target:
    from nbtools.formats.ipynb import read_notebook, require_python

    notebook = read_notebook(data)
    require_python(notebook)
    return _linear(notebook, data, path, folder, request)


def _read_percent(text: str, path: Path, folder: str, request: RunRequest) -> Target:
    from nbtools.formats.percent import parse_percent

    return _linear(parse_percent(text).notebook, None, path, folder, request)


def _linear(
    notebook: Notebook, data: bytes | None, path: Path, folder: str, request: RunRequest
) -> Target:
    from nbtools.run.linear import plan_linear

    job = plan_linear(notebook, path.name, folder, request.given)
    return Target(job, notebook.cells, data)


def _read_reactive(text: str, path: Path, folder: str, request: RunRequest) -> Target:
    from nbtools.formats.reactive_reader import parse_reactive

    return _reactive(parse_reactive(text).notebook, path, folder, request)


def _convert(data: bytes, path: Path, folder: str, request: RunRequest) -> Target:
    from nbtools.convert.conversion import convert_source
    from nbtools.formats.reactive_reader import parse_reactive

    text = convert_source(data, name=path.name, folder=path.parent).text
    return _reactive(parse_reactive(text).notebook, path.with_suffix(".py"), folder, request)


def _reactive(notebook: ReactiveNotebook, path: Path, folder: str, request: RunRequest) -> Target:
    from nbtools.run.reactive import plan_reactive

    file = os.path.abspath(path)
    job = plan_reactive(notebook, path.name, folder, request.given, file=file)
    cells = tuple(Cell(i, "code", cell.source) for i, cell in enumerate(notebook.cells))
    return Target(job, cells, None)
