"""Notebooks on disk: which are to be proved, and each one's proof, whatever becomes of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from traceback import format_exc

from msgspec import Struct
from msgspec.structs import replace

from nbtools.errors import NbtoolsError, describe_os_error
from nbtools.files import Choice, find_notebooks
from nbtools.lint.detection import detect_kind
from nbtools.lint.reading import Unread, read_file
from nbtools.processes import map_in_processes
from nbtools.rules.finding import Span
from nbtools.verify.proof import Request, Tell, prove
from nbtools.verify.subject import read_conversion, read_reactive
from nbtools.verify.verdict import Proof

_CHOICE = Choice(suffixes=(".ipynb", ".py"))


class Task(Struct, frozen=True):
    """One notebook to be proved."""

    source: Path
    target: Path | None = None  # its conversion, where that is a file
    request: Request | None = None


class Tasks(Struct, frozen=True):
    """What was found to be proved."""

    tasks: tuple[Task, ...]
    passed_over: tuple[Path, ...] = ()  # Python files that were named and are no notebooks
    errors: tuple[OSError, ...] = ()


def find_tasks(paths: Iterable[str | Path]) -> Tasks:
    """The notebooks that files and folders mean.

    An .ipynb and a reactive notebook of the same name are one task: the second is the conversion
    of the first. Where exactly one of each is named, they are a pair whatever they are called.
    """
    search = find_notebooks(paths, _CHOICE)
    originals = [item.path for item in search.found if item.path.suffix == ".ipynb"]
    others = [item for item in search.found if item.path.suffix != ".ipynb"]
    reactive: dict[str, Path] = {}
    passed_over: list[Path] = []
    for item in others:
        if _is_reactive(item.path):
            reactive[os.path.abspath(item.path)] = item.path
        elif item.named:
            passed_over.append(item.path)
    if len(originals) == len(reactive) == 1 and all(item.named for item in search.found):
        return Tasks(
            (Task(originals[0], next(iter(reactive.values()))),), tuple(passed_over), search.errors
        )
    tasks = [Task(path, _take_twin(path, reactive)) for path in originals]
    tasks += [Task(path) for path in reactive.values()]
    tasks.sort(key=lambda task: str(task.source))
    return Tasks(tuple(tasks), tuple(passed_over), search.errors)


def _take_twin(path: Path, reactive: dict[str, Path]) -> Path | None:
    for name in (f"{path.stem}.py", f"{path.stem}_notebook.py"):
        twin = reactive.pop(os.path.abspath(path.with_name(name)), None)
        if twin is not None:
            return twin
    return None


def _is_reactive(path: Path) -> bool:
    """Whether a file is a reactive notebook; one that cannot be read is taken, to say so."""
    try:
        return detect_kind(path.read_bytes(), path.name) == "reactive"
    except OSError:
        return True


def prove_tasks(
    tasks: Sequence[Task], request: Request, workers: int, tell: Tell
) -> Iterator[Proof]:
    """Prove notebooks, in the order given; several at a time if there are several workers."""
    ready = [replace(task, request=request) for task in tasks]
    if workers < 2 or len(tasks) < 2:
        return (prove_file(task, tell) for task in ready)
    return map_in_processes(_prove_quietly, ready, workers, _killed)


def _prove_quietly(task: Task) -> Proof:
    return prove_file(task, lambda _: None)


def _killed(task: Task) -> Proof:
    reason = "the process that proved it was killed, probably out of memory"
    return Proof(str(task.source), status="failed", reason=reason)


def prove_file(task: Task, tell: Tell) -> Proof:
    """Prove one notebook; what is wrong with it, or with nbtools, is part of the result."""
    name = str(task.source)
    target = None if task.target is None else str(task.target)
    assert task.request is not None
    try:
        return replace(_prove(task, task.request, tell), target=target)
    except OSError as error:
        where = error.filename or name
        return Proof(name, target, status="failed", reason=f"{where}: {describe_os_error(error)}")
    except UnicodeDecodeError:
        return Proof(name, target, status="failed", reason="expected UTF-8 text")
    except NbtoolsError as error:
        return Proof(name, target, status="failed", reason=str(error))
    except Exception:
        reason = "nbtools failed; this is a bug of nbtools"
        return Proof(name, target, status="failed", reason=reason, bug=format_exc())


def _prove(task: Task, request: Request, tell: Tell) -> Proof:
    data = task.source.read_bytes()
    if task.source.suffix == ".ipynb":
        target = None if task.target is None else (task.target.read_bytes(), task.target)
        subject = read_conversion(data, task.source, target)
    else:
        subject = read_reactive(data, task.source)
    proof = prove(subject, str(task.source), request, tell)
    if proof.status in ("reproduces", "empty"):
        return proof
    return replace(proof, lines=_find_lines(data, task.source, len(subject.sources)))


def _find_lines(data: bytes, path: Path, count: int) -> tuple[int, ...]:
    """The line of the file (1-based) in which each cell begins."""
    file = read_file(data, name=path.name)
    if isinstance(file, Unread):
        return ()
    return tuple(file.places.physical(Span(cell)).line for cell in range(count))


EXIT_CODES: Mapping[str, int] = {
    "reproduces": 0,
    "empty": 0,
    "differs": 1,
    "order-dependent": 1,
    "unstable": 1,
    "failed": 2,
    "raises": 3,
    "ended": 4,
    "inconclusive": 5,
}
_SEVERITY = (0, 5, 3, 4, 1, 2)
"""Exit codes from the mildest to the worst: of several notebooks the worst one counts."""


def exit_code(proofs: Sequence[Proof]) -> int:
    """The exit code for some proofs."""
    return max((0, *(EXIT_CODES[proof.status] for proof in proofs)), key=_SEVERITY.index)
