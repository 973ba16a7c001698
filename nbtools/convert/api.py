"""Conversion of files: the thin shell around `convert_source`, which does the work on bytes."""

from __future__ import annotations

import ast
import os
import sys
import traceback
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from nbtools.convert.collector import paused_collector
from nbtools.convert.edits import Conversion, Options
from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.files import Found, find_notebooks, read_if_file, write_atomically
from nbtools.processes import map_in_processes, useful_workers

Action = Literal["write", "compare", "return"]
Status = Literal["written", "unchanged", "would-change", "error"]

FILES_PER_PROCESS = 8
"""Fewer do not pay: starting a process costs as much as converting five notebooks or so."""

NEEDED_BY_MARIMO = frozenset(
    "anyio click docutils exceptiongroup h11 idna itsdangerous jedi loro markdown msgspec "
    "multipart narwhals packaging parso psutil pygments pymdownx python_multipart starlette "
    "tomlkit typing_extensions uvicorn websockets yaml zmq".split()
)
"""Modules without which no notebook of a folder starts: what marimo requires, and that in turn."""


class Job(Struct, frozen=True):
    """One notebook to convert, and what is to become of the result."""

    source: Path
    target: Path | None  # None: the text only goes back to the caller
    options: Options = field(default_factory=Options)
    action: Action = "write"
    force: bool = False  # overwrite a target that differs
    keep_name: bool = False  # the user chose the target's name: warn if it shadows a module
    data: bytes | None = None  # the notebook itself, where it does not come from a file


class Outcome(Struct, frozen=True):
    """What became of one notebook."""

    source: Path
    target: Path | None  # where the reactive notebook stands or would stand
    status: Status
    conversion: Conversion | None = None  # None: it could not be converted
    previous: str | None = None  # what stood in the target before
    note: str | None = None  # what the user should know about the target
    error: str | None = None  # one line, for the user to mend
    bug: str | None = None  # a traceback: nbtools is wrong, not the notebook


class _Failure(Struct, frozen=True):
    error: str
    bug: str | None = None


def convert_file(
    source: Path | str,
    target: Path | str | None = None,
    options: Options | None = None,
    *,
    action: Action = "write",
    force: bool = False,
) -> Outcome:
    """Convert one notebook file.

    Args:
        source: The .ipynb file.
        target: The .py file; None for the one beside it, or for a name like `glob_notebook.py`
            where that would shadow a module.
        options: How to convert; None for the defaults.
        action: "write" the target, "compare" with it, or "return" the text and touch no file.
        force: Overwrite a target that holds something else.

    Returns:
        The outcome. What the user can mend is in its `error`; a bug of nbtools is raised.
    """
    source = Path(source)
    job = Job(
        source,
        None if action == "return" else Path(target or _default_target(source)),
        options or Options(),
        action,
        force,
        keep_name=target is not None,
    )
    return _finish(job, _translate(job), taken=())


def convert_paths(
    paths: Iterable[Path | str],
    output_dir: Path | str | None = None,
    options: Options | None = None,
    *,
    action: Action = "write",
    force: bool = False,
    workers: int | None = None,
) -> Iterator[Outcome]:
    """Convert files, and every notebook below folders; see `convert_file` and `convert_jobs`.

    Raises NbtoolsError before anything is written if two notebooks have the same target, and
    OSError if a folder cannot be searched.
    """
    search = find_notebooks(paths)
    for error in search.errors:
        raise error
    template = Job(Path(), None, options or Options(), action, force)
    jobs = plan_jobs(search.found, template, Path(output_dir) if output_dir else None)
    return convert_jobs(jobs, workers=workers)


def plan_jobs(found: Sequence[Found], template: Job, output_dir: Path | None) -> tuple[Job, ...]:
    """Give each notebook its target: beside it, or at the same place below `output_dir`.

    Raises NbtoolsError if two notebooks would be written to one file.
    """
    jobs = []
    sources: dict[str, Path] = {}  # by target
    for item in found:
        target = _default_target(output_dir / item.below if output_dir else item.path)
        other = sources.setdefault(os.path.normcase(os.path.abspath(target)), item.path)
        if other != item.path and template.action != "return":
            raise NbtoolsError(
                f"{other} and {item.path} would both be written to {target}: "
                "convert them one by one with -o, or give the folder that holds both"
            )
        jobs.append(replace(template, source=item.path, target=target))
    return tuple(jobs)


def convert_jobs(jobs: Sequence[Job], *, workers: int | None = None) -> Iterator[Outcome]:
    """Carry out jobs and yield their outcomes in the same order, each as soon as it is there.

    Notebooks are converted in `workers` processes (None: as many as pay off) and written by this
    one. A bug in one of them is that notebook's outcome; the others go on.
    """
    taken = {job.target for job in jobs if job.target}
    count = useful_workers(len(jobs) // FILES_PER_PROCESS) if workers is None else workers
    results = map(_attempt, jobs) if count < 2 else map_in_processes(_attempt, jobs, count, _killed)
    for job, result in zip(jobs, results, strict=True):
        yield _finish(job, result, taken - {job.target})


def imported_modules(source: str) -> frozenset[str]:
    """The top-level names of the modules that Python source imports; none if it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's invalid escapes, for example
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return frozenset(names)


def same_notebook(old: str, new: str) -> bool:
    """Tell whether two reactive notebooks differ in nothing but the version marimo notes down.

    marimo's editor puts its own version in when it saves: that alone is no change.
    """
    return _without_version(old) == _without_version(new)


def _without_version(text: str) -> str:
    start = text.find("\n__generated_with = ")
    end = text.find("\n", start + 1)
    return text if start < 0 or end < 0 else text[:start] + text[end:]


def _default_target(source: Path) -> Path:
    return source.with_suffix(".py")


def _translate(job: Job) -> Conversion | _Failure:
    """Read and convert one notebook; a bug escapes, with the file's name where Python can."""
    with paused_collector():  # the readers and the analysis come with it: many objects that stay
        from nbtools.convert.conversion import convert_source

    try:
        if job.target and os.path.abspath(job.target) == os.path.abspath(job.source):
            raise NbtoolsError(
                "the output would replace the input: expected an .ipynb file, "
                f"found {job.source.name}"
            )
        if job.target and job.target.suffix == ".ipynb":
            raise NbtoolsError(
                f"{job.target} is the name of a Jupyter notebook: expected a .py file"
            )
        data = job.source.read_bytes() if job.data is None else job.data
        return convert_source(data, job.options, name=job.source.name, folder=job.source.parent)
    except NbtoolsError as error:
        return _Failure(str(error))
    except OSError as error:
        return _Failure(describe_os_error(error))
    except Exception as error:
        if sys.version_info >= (3, 11):
            error.add_note(f"while converting {job.source}")
        raise


def _attempt(job: Job) -> Conversion | _Failure:
    """As `_translate`, with a bug as a failure: it must survive pickling and stop no other file."""
    try:
        return _translate(job)
    except Exception:
        return _Failure("nbtools failed on this notebook, please report it", traceback.format_exc())


def _killed(_: Job) -> _Failure:
    return _Failure("the process that converted it was killed (too little memory?)")


def _finish(job: Job, result: Conversion | _Failure, taken: Collection[Path]) -> Outcome:
    """Write or compare a converted notebook, or tell why not."""
    if isinstance(result, _Failure):
        return Outcome(job.source, job.target, "error", error=result.error, bug=result.bug)
    if job.action == "return" or job.target is None:
        return Outcome(job.source, None, "written", result)
    target, note = _choose_target(job, job.target, result.text, taken)
    outcome = Outcome(job.source, target, "unchanged", result, note=note)
    try:
        if target.is_dir():
            return _refuse(outcome, f"{target} is a folder: use --output-dir to write into it")
        previous = read_if_file(target)
        if previous is not None and same_notebook(previous, result.text):
            return outcome
        outcome = replace(outcome, previous=previous)
        if job.action == "compare":
            return replace(outcome, status="would-change")
        if previous is not None and not job.force:
            return _refuse(
                outcome,
                f"{target} exists and differs: --force overwrites it, --diff shows the difference",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, result.text)
    except FileExistsError as error:
        return _refuse(outcome, f"{error.filename} is a file: a folder is needed there")
    except OSError as error:
        return _refuse(outcome, f"{target}: {describe_os_error(error)}")
    return replace(outcome, status="written")


def _refuse(outcome: Outcome, error: str) -> Outcome:
    return replace(outcome, status="error", error=error)


def _choose_target(
    job: Job, target: Path, text: str, taken: Collection[Path]
) -> tuple[Path, str | None]:
    """Keep an output from hiding a module that notebooks beside it import.

    Python looks for modules in a script's own folder first: a `glob.py` there is found by every
    `import glob`, those inside the standard library, marimo and its neighbours included.
    """
    name = target.stem
    if name not in sys.stdlib_module_names | NEEDED_BY_MARIMO and not (
        name in text and name in imported_modules(text)  # the first is quick and nearly always no
    ):
        return target, None
    if job.keep_name:
        return target, f"{target.name} hides the module {name} from notebooks in this folder"
    number, safe = 1, target.with_name(f"{name}_notebook.py")
    while safe in taken:
        number += 1
        safe = target.with_name(f"{name}_notebook_{number}.py")
    return safe, f"named {safe.name}, because {target.name} would hide the module {name}"
