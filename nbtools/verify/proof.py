"""The proof: which runs are made, and what follows from them.

The original runs twice, under different hash seeds and with other values in memory that nobody
initialised, in fresh copies of its folder. The conversion runs in the order of the file, which
tests what was rewritten, and with the order of cells that nothing links turned round, which tests
the graph. More runs of the original are made only where something seems to differ, to tell what
differs from what varies.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from nbtools.run.job import Job
from nbtools.run.session import Limits, open_session, run_job
from nbtools.run.trace import EndingKind, Trace
from nbtools.verify.compare import EXACT, Standards, conversion_standards
from nbtools.verify.display import Restore
from nbtools.verify.folders import private_place
from nbtools.verify.groups import Group
from nbtools.verify.judge import Run, judge_groups, judge_recorded
from nbtools.verify.recorded import read_recorded
from nbtools.verify.rules import RECORDED, rename_back
from nbtools.verify.schedules import ancestors_only, reverse_ties
from nbtools.verify.subject import Subject
from nbtools.verify.values import read_endings
from nbtools.verify.verdict import GREEN, RED, CellProof, Check, Proof, Recorded, Status

MORE_REFERENCES = 3
"""Runs of the original that are added where something seems to differ."""

RANDOM_SEED = 3_406_912_853
"""Of the runs that are to have the same random numbers: 32 bits, as NumPy needs it."""

MOST_SESSIONS = 10
"""Processes in which cells run again: each that shows something else costs one."""

FailOn = Literal["different", "order", "unstable"]

_ENDED: frozenset[EndingKind] = frozenset({"timed-out", "interrupted", "died", "broken"})
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Request(Struct, frozen=True):
    """How a notebook is to be proved."""

    python: str
    limits: Limits
    environment: Mapping[str, str]  # of the runs, but for HOME and what the seed sets
    against: Literal["fresh", "recorded", "both"] = "both"
    deep: bool = False
    in_place: bool = False
    fail_on: FailOn | None = None  # None: order for a reactive notebook alone, else different


Tell = Callable[[str], None]
"""Is told what is done next, in words."""


def prove(subject: Subject, source: str, request: Request, tell: Tell) -> Proof:
    """Run a notebook and its conversion in every way that is asked for, and compare.

    Raises NbtoolsError if the interpreter cannot be started, or the folder not copied.
    """
    start = time.monotonic()
    if subject.is_empty:
        return Proof(source, status="empty", reason="it has no code", sources=subject.sources)
    prover = _Prover(subject, request, tell)
    if request.against == "recorded":
        proof = prover.prove_recorded(source)
    elif subject.linear is None:
        proof = prover.prove_reactive(source)
    else:
        proof = prover.prove_conversion(source)
    return replace(proof, seconds=time.monotonic() - start)


class _Ready(Struct, frozen=True):
    """A job in the place where it is to run."""

    job: Job
    environment: Mapping[str, str]
    restore: Restore


class _Prover:
    def __init__(self, subject: Subject, request: Request, tell: Tell) -> None:
        self.subject, self.request, self.tell = subject, request, tell
        self.by_part = subject.linear is None
        self.original: Job = subject.linear or subject.reactive
        if request.against == "recorded":  # saved figures have the format that was asked for
            self.original = replace(self.original, still=False)
        self.references: list[Run] = []
        self.standards = EXACT
        self.endings = read_endings(
            subject.groups, subject.linear, subject.reactive, subject.renamed
        )
        if subject.linear is not None:
            self.standards = conversion_standards(rename_back(subject.renamed))

    # --- runs

    def run(self, job: Job, seed: int) -> Run:
        """One run in a fresh copy of the folder."""
        request = self.request
        with self.prepare(job, seed) as ready:
            trace = run_job(
                ready.job, request.python, request.limits, environment=ready.environment
            )
        return Run(trace, ready.restore)

    @contextmanager
    def prepare(self, job: Job, seed: int) -> Iterator[_Ready]:
        """A fresh copy of the folder for a job, and the variables that it finds."""
        request = self.request
        with private_place(Path(job.folder), in_place=request.in_place) as place:
            file = None if job.file is None else str(place.folder / Path(job.file).name)
            environment = {
                **dict.fromkeys(_THREADS, "1"),
                **_fill_memory(seed),
                "HOME": str(place.home),
                **request.environment,
                "PYTHONHASHSEED": str(seed),
            }
            placed = replace(job, folder=str(place.folder), file=file)
            yield _Ready(placed, environment, place.restore)

    def add_references(self, count: int) -> None:
        for _ in range(count):
            number = len(self.references) + 1
            which = "the original" if self.subject.linear is not None else "the notebook"
            self.tell(f"running {which}, {_ordinal(number)} time")
            self.references.append(self.run(self.original, number))
            if self.references[-1].trace.ending.kind in _ENDED:
                break

    @property
    def ended(self) -> Trace | None:
        """A reference run that a limit, a signal or an interrupt ended."""
        return next((r.trace for r in self.references if r.trace.ending.kind in _ENDED), None)

    # --- what is proved

    def prove_conversion(self, source: str) -> Proof:
        self.add_references(2)
        checks: list[Check] = []
        if self.ended is None:
            checks = list(self.check_orders())
        recorded = None
        if self.request.against == "both":
            recorded = Recorded(self.judge_recorded())
        proof = self.describe(source, "conversion", checks)
        return replace(proof, recorded=recorded)

    def prove_reactive(self, source: str) -> Proof:
        self.add_references(2)
        checks: list[Check] = []
        if self.ended is None:
            cells = self.settle(self.judge(self.references[0]))
            checks = [Check("document order", cells), *self.check_other_orders(cells)]
        return self.describe(source, "reactive", checks)

    def prove_recorded(self, source: str) -> Proof:
        self.add_references(2)
        cells = self.judge_recorded()
        proof = self.describe(source, "recorded", [Check("saved outputs", cells)])
        return replace(proof, recorded=Recorded(cells))

    def judge_recorded(self) -> tuple[CellProof, ...]:
        standards = Standards(printed=RECORDED, shown=RECORDED, same_kind=True, widen=True)
        return judge_recorded(read_recorded(self.subject.data), self.references, standards)

    # --- checks

    def check_orders(self) -> Sequence[Check]:
        start = time.monotonic()
        self.tell("running the conversion")
        found = self.run(self.subject.reactive, 1)
        cells = self.judge(found)
        if _is_wrong(cells):
            cells = self.look_again(found, cells)
        cells = self.settle(cells)
        first = Check("document order", cells, seconds=time.monotonic() - start)
        return [first, *self.check_other_orders(cells)]

    def judge(self, found: Run, *, widen: bool = False) -> tuple[CellProof, ...]:
        return self.judge_some(self.subject.groups, found, widen=widen)

    def judge_some(
        self,
        groups: Sequence[Group],
        found: Run,
        *,
        widen: bool = False,
        references: Sequence[Run] = (),
    ) -> tuple[CellProof, ...]:
        standards = replace(self.standards, widen=widen)
        expected = references or self.references
        return judge_groups(groups, expected, found, standards, self.endings, by_part=self.by_part)

    def look_again(self, found: Run, cells: tuple[CellProof, ...]) -> tuple[CellProof, ...]:
        """Tell what differs from what varies: more runs of both."""
        self.learn_more()
        if self.ended is not None:
            return cells
        cells = self.judge(found, widen=True)
        if not _is_wrong(cells):
            return cells
        self.tell("running the conversion once more")
        again = self.judge(self.run(self.subject.reactive, 2), widen=True)
        return tuple(map(_the_better, cells, again))

    def settle(self, cells: tuple[CellProof, ...]) -> tuple[CellProof, ...]:
        """Compare once more with the same random numbers, if it matters.

        What few random numbers show, say six throws of a coin, may by chance be the same in every
        run of the original; and where all that is shown varies, nothing is left to compare.
        """
        compared = [cell.verdict for cell in cells if _is_compared(cell)]
        if not _is_wrong(cells) and set(compared) != {"unstable"}:
            return cells
        self.tell("running all with the same random numbers")
        original = replace(self.original, random_seed=RANDOM_SEED)
        references = [self.run(original, number) for number in (1, 2)]
        usual = self.references[0].trace.ending
        if any(run.trace.ending != usual for run in references):
            return cells
        found = self.run(replace(self.subject.reactive, random_seed=RANDOM_SEED), 1)
        seeded = self.judge_some(self.subject.groups, found, references=references)
        return tuple(map(_settle, cells, seeded))

    def learn_more(self) -> None:
        missing = 2 + MORE_REFERENCES - len(self.references)
        if missing > 0 and self.ended is None:
            self.add_references(missing)

    def check_other_orders(self, cells: Sequence[CellProof]) -> list[Check]:
        """Run the reactive notebook in other orders; `cells` are those of the file's order.

        What is wrong there is not judged again, nor what only the same random numbers make right:
        in another order each cell draws others.
        """
        job = self.subject.reactive
        groups = [
            group
            for group, cell in zip(self.subject.groups, cells, strict=True)
            if cell.verdict not in RED and not cell.seeded
        ]
        checks = [self.check_jobs("reversed order", [reverse_ties(job)], groups)]
        if self.request.deep:
            checks.append(self.check_jobs("ancestors only", list(ancestors_only(job)), groups))
            checks.append(self.check_reruns(job, groups))
        return checks

    def check_jobs(self, name: str, jobs: Sequence[Job], groups: Sequence[Group]) -> Check:
        """Run the reactive notebook in other ways; of the groups those that run are judged."""
        start = time.monotonic()
        wrong: dict[Group, CellProof] = {}
        for number, job in enumerate(jobs, start=1):
            more = f" ({number} of {len(jobs)})" if len(jobs) > 1 else ""
            self.tell(f"running the reactive notebook: {name}{more}")
            for group, cell in self.judge_job(job, groups):
                wrong.setdefault(group, cell)
        found = tuple(wrong[group] for group in self.subject.groups if group in wrong)
        return Check(name, found, len(jobs), time.monotonic() - start)

    def judge_job(self, job: Job, groups: Sequence[Group]) -> list[tuple[Group, CellProof]]:
        ran = {cell.index for cell in job.cells}
        chosen = [group for group in groups if group.parts and ran.issuperset(group.parts)]

        found = self.run(job, 1)
        result = self.find_wrong(chosen, found, widen=False)
        if result:
            self.learn_more()
            result = self.find_wrong(chosen, found, widen=True)
        if not result:
            return []
        again = dict(self.find_wrong(chosen, self.run(job, 2), widen=True))
        return [(group, cell) for group, cell in result if group in again]

    def check_reruns(self, job: Job, groups: Sequence[Group]) -> Check:
        """Run each cell once more, with what depends on it: everything must be what it was.

        All in one process, until something differs: then the state is spoilt, and it takes a new
        one.
        """
        start = time.monotonic()
        pending = deque(cell.index for cell in job.cells)
        wrong: dict[Group, CellProof] = {}
        sessions = 0
        while pending and sessions < MOST_SESSIONS:
            sessions += 1
            left = f"{len(pending)} cells to go"
            self.tell(f"running each cell of the reactive notebook again: {left}")
            for group, cell in self.rerun_cells(job, pending, groups):
                wrong.setdefault(group, cell)
        found = tuple(wrong[group] for group in groups if group in wrong)
        note = f"{len(pending)} cells were not run again: too many differ" if pending else ""
        return Check("re-run", found, sessions, time.monotonic() - start, note)

    def rerun_cells(
        self, job: Job, pending: deque[int], groups: Sequence[Group]
    ) -> list[tuple[Group, CellProof]]:
        """Run pending cells again in one process, until something differs; that is given."""
        request = self.request
        with (
            self.prepare(replace(job, values=False), 1) as ready,
            open_session(
                ready.job, request.python, request.limits, environment=ready.environment
            ) as session,
        ):
            latest = {run.cell: run for run in session.run().cells}
            while pending and session.is_alive:
                index = pending.popleft()
                trace = session.rerun(ready.job, [index])
                latest |= {run.cell: run for run in trace.cells}
                ran = {run.cell for run in trace.cells}
                touched = [group for group in groups if not ran.isdisjoint(group.parts)]
                found = Run(replace(trace, cells=tuple(latest.values())), ready.restore)
                wrong = self.find_wrong(touched, found, widen=True)
                if wrong:
                    again = self.name_cells([index])
                    return [(g, replace(c, note=f"after {again} ran again")) for g, c in wrong]
        return []

    def name_cells(self, parts: Sequence[int]) -> str:
        """Reactive cells by the numbers of the notebook's cells that they stand for."""
        cells = sorted(
            {cell for group in self.subject.groups for part in parts if part in group.parts
             for cell in group.cells}
        )  # fmt: skip
        if not cells:
            return f"cell {parts[0] + 1} of the conversion"
        return f"cell {', '.join(str(cell + 1) for cell in cells)}"

    def find_wrong(
        self, groups: Sequence[Group], found: Run, *, widen: bool
    ) -> list[tuple[Group, CellProof]]:
        """The groups that show something else than they should."""
        cells = self.judge_some(groups, found, widen=widen)
        pairs = zip(groups, cells, strict=True)
        return [(group, cell) for group, cell in pairs if cell.verdict in RED]

    # --- the result

    def describe(
        self, source: str, kind: Literal["conversion", "reactive", "recorded"], checks: list[Check]
    ) -> Proof:
        trace = self.references[0].trace
        status, reason = self.find_status(checks[0].cells if checks else ())
        marimo = trace.marimo if self.subject.linear is None else None
        proof = Proof(
            source,
            kind=kind,
            status=status,
            reason=reason,
            checks=tuple(checks),
            python=trace.python,
            engine=trace.engine,
            marimo=marimo,
            references=len(self.references),
            sources=self.subject.sources,
            notes=self.subject.notes,
        )
        demand = self.request.fail_on or ("order" if self.subject.linear is None else "different")
        failure = _find_failure(proof, demand)
        return proof if failure is None else replace(proof, status=failure, reason="")

    def find_status(self, cells: Sequence[CellProof]) -> tuple[Status, str]:
        """What the run in the order of the file says."""
        ended = self.ended
        if ended is not None:
            where = "" if ended.ending.cell is None else f" in cell {ended.ending.cell + 1}"
            return "ended", f"{ended.ending.reason}{where}"
        if _is_wrong(cells):
            return "differs", ""
        trace = self.references[0].trace
        if trace.ending.kind in ("error", "left"):
            return "raises", _describe_error(trace)
        shown = [cell for cell in cells if _is_compared(cell)]
        if any(c.values for c in cells) or any(c.verdict != "unstable" or c.seeded for c in shown):
            return "reproduces", ""
        if shown:
            return "inconclusive", "everything it shows, and every value, varies from run to run"
        if any(c.code for c in cells):
            return "reproduces", ""
        return "inconclusive", "no cell shows anything, or binds a name, that could be compared"


def _fill_memory(seed: int) -> dict[str, str]:
    """What `np.empty` finds; in the first run, and without glibc, what happens to be there."""
    return {} if seed == 1 else {"MALLOC_PERTURB_": str(seed * 37 % 256)}


def _find_failure(proof: Proof, demand: FailOn) -> Status | None:
    """What is wrong with a proof that found no difference, if more than that is asked for."""
    if demand != "different" and proof.status == "reproduces" and proof.order_dependent:
        return "order-dependent"
    varies = any(cell.verdict == "unstable" for cell in proof.cells)
    if demand == "unstable" and proof.status in ("reproduces", "inconclusive") and varies:
        return "unstable"
    return None


def _is_compared(cell: CellProof) -> bool:
    """Whether it shows something that was compared."""
    return cell.shows and cell.verdict != "not-compared"


def _is_wrong(cells: Sequence[CellProof]) -> bool:
    return any(cell.verdict in RED for cell in cells)


def _the_better(first: CellProof, second: CellProof) -> CellProof:
    """A cell that is right in one of two runs of the conversion varies."""
    if first.verdict not in RED or second.verdict in RED:
        return first
    return _varying(first, "the conversion shows it in some runs")


def _settle(cell: CellProof, seeded: CellProof) -> CellProof:
    """A cell that varies, or seems to differ, but not where random numbers are the same."""
    if cell.verdict not in RED | {"unstable"} or seeded.verdict not in GREEN:
        return cell
    cause = "random numbers: where all runs get the same ones, it shows the same"
    return replace(_varying(cell, cause), seeded=True)


def _varying(cell: CellProof, cause: str) -> CellProof:
    items = tuple(replace(item, verdict="unstable", cause=cause) for item in cell.items)
    return replace(cell, verdict="unstable", items=items, note="")


def _describe_error(trace: Trace) -> str:
    cell = trace.ending.cell
    if trace.ending.kind == "left" or cell is None:
        return "it calls exit()"
    run = next(each for each in trace.cells if each.cell == cell)
    if run.error is None:
        return f"cell {cell + 1} raises an exception"
    text = run.error.text.strip().split("\n")[0]
    return f"cell {cell + 1} raises {run.error.name}{': ' if text else ''}{text}"


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
