"""Lint over many files: read, look up in the cache, check in several processes when it pays."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from nbtools.errors import describe_os_error
from nbtools.lint.outcome import Mend, Outcome
from nbtools.lint.settings import Settings
from nbtools.processes import map_in_processes, useful_workers

if TYPE_CHECKING:
    from nbtools.lint.cache import Cache, Stamp

FILES_PER_PROCESS = 24
"""Fewer do not pay: starting a process costs as much as checking a dozen notebooks or so."""

FILES_PER_CHUNK = 8
"""What a process gets at a time: many enough to cost little, few enough to be shared out evenly."""


class Job(Struct, frozen=True):
    """One file to check."""

    path: str  # as the user named it, and as reports show it
    settings: Settings
    mend: Mend | None = None
    data: bytes | None = None  # the file itself, where it does not come from the disk
    keep: bool = False  # the cache will be given the outcome
    physical: bool = True  # the report names lines of the file


class Checked(Struct, frozen=True):
    """An outcome, and the file that it is of."""

    outcome: Outcome
    stamp: Stamp | None = None  # None: no file, or the outcome is none to be kept
    refers: bool = False  # the notebook mentions others, as `%run other.ipynb` does


def check_jobs(
    jobs: Sequence[Job], cache: Cache | None = None, *, workers: int | None = None
) -> Iterator[Outcome]:
    """Check files, and yield their outcomes in the same order, each as soon as it is there.

    Files are checked in `workers` processes (None: as many as pay off). A bug that one of them
    brings to light is that file's outcome; the others go on.
    """
    known = [_look_up(job, cache) for job in jobs]
    keep = cache is not None
    asked = [
        replace(job, keep=keep and job.mend is None)
        for job, outcome in zip(jobs, known, strict=True)
        if outcome is None
    ]
    fresh = _check_all(asked, workers)
    for job, outcome in zip(jobs, known, strict=True):
        if outcome is not None:
            yield outcome
            continue
        checked = next(fresh)
        if cache and checked.stamp:
            cache.keep(
                job.path,
                job.settings,
                checked.outcome,
                checked.stamp,
                checked.refers,
                physical=job.physical,
            )
        yield checked.outcome
    if cache:
        cache.save()


def _look_up(job: Job, cache: Cache | None) -> Outcome | None:
    """What need not be checked: a Python file that is no notebook, and what the cache knows."""
    if job.data is None and job.path.endswith(".py") and not _may_be_notebook(job.path):
        return Outcome(job.path, "not-a-notebook", is_notebook=False)
    if cache is None or job.data is not None:
        return None
    outcome = cache.find(job.path, job.settings, physical=job.physical)
    return None if outcome and _may_mend(job, outcome) else outcome


def _may_mend(job: Job, outcome: Outcome) -> bool:
    """Whether the file, of which the outcome is known, must be read to be mended."""
    if job.mend == "fixes":
        return any(r.finding.fix or r.finding.offer for r in outcome.found)
    return job.mend == "noqa" and bool(outcome.found)


def _may_be_notebook(path: str) -> bool:
    """A quick look at a Python file, for a word that each kind of notebook has."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return True  # the reader says what is wrong
    return any(word in data for word in _WORDS)


_WORDS = (b"marimo", b"%%", b'"cells"', b'"worksheets"')


def _check_all(jobs: Sequence[Job], workers: int | None) -> Iterator[Checked]:
    count = useful_workers(len(jobs) // FILES_PER_PROCESS) if workers is None else workers
    if count < 2:
        return map(_check, jobs)
    _import_rules()
    chunks = [jobs[i : i + FILES_PER_CHUNK] for i in range(0, len(jobs), FILES_PER_CHUNK)]
    results = map_in_processes(_check_chunk, chunks, count, _check_one_by_one)
    return (checked for chunk in results for checked in chunk)


def _import_rules() -> None:
    """Import here once what processes that are forked need: they have it then."""
    from importlib import import_module

    from nbtools.rules.registry import all_rules

    for module in ("nbtools.lint.engine", "nbtools.lint.reading"):
        import_module(module)
    all_rules()


def _check_chunk(jobs: Sequence[Job]) -> list[Checked]:
    return [_check(job) for job in jobs]


def _check_one_by_one(jobs: Sequence[Job]) -> list[Checked]:
    """Find out which file of a chunk costs the process its life."""
    return list(map_in_processes(_check, jobs, 1, _killed))


def _killed(job: Job) -> Checked:
    reason = "the process that checked it was killed (too little memory?)"
    return Checked(Outcome(job.path, "failed", reason=reason))


def _check(job: Job) -> Checked:
    """Read and check one file; a bug must survive pickling and stop no other file."""
    from nbtools.lint.engine import check_source  # brings the readers, the analysis and the rules

    notebook = not job.path.endswith(".py")
    stamp, data = None, job.data
    try:
        if data is None:
            with open(job.path, "rb") as file:
                status = os.fstat(file.fileno())
                data = file.read()
            stamp = _stamp(status, data) if job.keep else None
        folder = Path(job.path).parent
        outcome = check_source(
            data,
            path=job.path,
            folder=folder,
            settings=job.settings,
            mend=job.mend,
            physical=job.physical,
        )
    except OSError as error:
        reason = describe_os_error(error)
        return Checked(Outcome(job.path, "failed", reason=reason, is_notebook=notebook))
    except Exception:
        reason = "nbtools failed on this notebook, please report it"
        from traceback import format_exc  # 10 ms

        bug = format_exc()
        return Checked(Outcome(job.path, "failed", reason=reason, is_notebook=notebook, bug=bug))
    refers = job.keep and b".ipynb" in data
    return Checked(outcome, stamp if outcome.status != "failed" else None, refers)


def _stamp(status: os.stat_result, data: bytes) -> Stamp:
    from nbtools.lint.cache import Stamp, digest_of

    return Stamp(status.st_mtime_ns, status.st_size, digest_of(data))


def without_text(outcome: Outcome) -> Outcome:
    """Let go of the text that has been written: of 10,000 notebooks it is some GB."""
    return replace(outcome, text=None) if outcome.text is not None else outcome
