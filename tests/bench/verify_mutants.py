"""Doctored conversions: how many does verify find? `python tests/bench/verify_mutants.py [MOST]`.

The notebooks of fixtures/behaviour are converted, and their conversions changed: a literal, a
dropped statement that shows something, the message of an exception, displays in another order,
a figure's colour, neighbouring cells exchanged. A mutant counts if it changes what is seen:
if the raw outputs of the run differ from those of the honest conversion, compared as they are but
for what nobody sees: plain text beside a richer form, and a carriage return that ends a line.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from behaviour import Case, read_cases, to_ipynb
from msgspec.structs import replace

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.convert.conversion import convert_source
from nbtools.errors import NbtoolsError
from nbtools.formats.reactive_reader import parse_reactive
from nbtools.run.job import Job
from nbtools.run.reactive import plan_reactive
from nbtools.run.session import Limits, run_job
from nbtools.run.trace import Output, Trace
from nbtools.verify.compare import conversion_standards
from nbtools.verify.folders import private_place
from nbtools.verify.groups import Group, align_cells, code_cells, group_cells
from nbtools.verify.judge import Run, judge_groups
from nbtools.verify.rules import rename_back
from nbtools.verify.subject import plan_original, read_original
from nbtools.verify.verdict import RED

LIMITS = Limits(seconds=20)
Mutant = tuple[str, list[str]]  # its kind, and the sources of all cells


def replace_node(source: str, node: ast.expr | ast.stmt, text: str) -> str:
    """The source with another text in the place of a node."""
    lines = source.split("\n")
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    first = lines[node.lineno - 1].encode()[: node.col_offset].decode()
    last = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
    return "\n".join([*lines[: node.lineno - 1], first + text + last, *lines[node.end_lineno :]])


_COLOURS = ("red", "blue", "green", "r", "b", "k")


def _change(value: float | str) -> float | str:
    if value in _COLOURS:
        return "orange"
    return f"{value}~" if isinstance(value, str) else value + 1


def mutate_cell(source: str) -> Iterator[tuple[str, str]]:
    """The cell, changed in one place: the kind of change and the new source."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str)):
            kind = "colour" if node.value in _COLOURS else "literal"
            yield kind, replace_node(source, node, repr(_change(node.value)))
        elif isinstance(node, ast.Raise) and node.exc is not None:
            yield "exception", replace_node(source, node.exc, "LookupError('mutant')")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield "dropped", replace_node(source, node, "pass")
    shows = [n for n in tree.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    for left, right in itertools.pairwise(shows):
        one, two = (ast.get_source_segment(source, each) or "" for each in (left, right))
        yield "reordered", replace_node(replace_node(source, right, one), left, two)


def mutate(sources: Sequence[str]) -> Iterator[Mutant]:
    """Every way of doctoring a conversion."""
    for position, source in enumerate(sources):
        if source.startswith("mo.md("):
            continue
        for kind, changed in mutate_cell(source):
            yield kind, [*sources[:position], changed, *sources[position + 1 :]]
    for position in range(len(sources) - 1):
        swapped = list(sources)
        swapped[position : position + 2] = sources[position + 1], sources[position]
        yield "swapped", swapped


class Bench:
    """One notebook: its original and its conversion were run."""

    def __init__(self, case: Case, folder: Path) -> None:
        for name, text in case.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        data = to_ipynb(case)
        notebook = read_original(data)
        conversion = convert_source(data, folder=folder)
        cells = parse_reactive(conversion.text).notebook.cells
        self.folder, self.cells = folder, cells
        self.sources = [cell.source for cell in cells]
        self.origins = list(conversion.origins)
        self.order = code_cells([cell.kind for cell in notebook.cells])
        job = plan_original(notebook, folder / "nb.ipynb")
        self.references = [Run(run_apart(job, seed), str) for seed in (1, 2)]
        self.honest = self.run(self.sources)
        names = {e.new_name: e.name for e in conversion.edits if e.name and e.new_name}
        self.standards = conversion_standards(rename_back(names))

    def run(self, sources: Sequence[str]) -> Trace | None:
        """A run of a conversion with these sources; None if marimo would refuse it."""
        kinds = [*self.cells, *[ReactiveCell("")] * len(sources)]
        cells = tuple(
            ReactiveCell(source, name=kinds[i].name if kinds[i].name == "setup" else "_")
            for i, source in enumerate(sources)
        )
        try:
            job = plan_reactive(ReactiveNotebook(cells), "nb.py", str(self.folder))
        except NbtoolsError:
            return None
        return run_apart(job, 1)

    def shown(self, trace: Trace, sources: Sequence[str]) -> str:
        """Everything that is seen of a run, per group: so an exchange alone is no change."""
        runs = {run.cell: run for run in trace.cells}
        outputs = [
            [
                (o.kind == "stream", o.name, *seen(o), o.error_name, o.error_text)
                for part in group.parts
                if part in runs
                for o in runs[part].outputs
            ]
            for group in self.groups(sources)
        ]
        return json.dumps([each for each in outputs if each], sort_keys=True)

    def groups(self, sources: Sequence[str]) -> tuple[Group, ...]:
        origins = align_cells(self.sources, self.origins, sources)
        return group_cells(origins, self.order)

    def is_found(self, trace: Trace, sources: Sequence[str]) -> bool:
        groups = self.groups(sources)
        cells = judge_groups(groups, self.references, Run(trace, str), self.standards)
        return any(cell.verdict in RED for cell in cells)


_RICHER = ("text/html", "text/latex", "text/markdown", "image/png", "image/svg+xml")


def seen(output: Output) -> tuple[str, dict[str, object]]:
    """What a reader sees of an output: its printed text, and its data."""
    richer = any(kind in output.data for kind in _RICHER)
    data = {k: v for k, v in output.data.items() if not (richer and k == "text/plain")}
    return _LINE_END.sub("\n", output.text), data


_LINE_END = re.compile(r"\r+\n")


def run_apart(job: Job, seed: int) -> Trace:
    """A run in a copy of the folder, so that it does not find what another one wrote."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    with private_place(Path(job.folder)) as place:
        placed = replace(job, folder=str(place.folder))
        return run_job(placed, sys.executable, LIMITS, environment=environment)


def measure_case(case: Case, most: int) -> tuple[Counter[str], Counter[str], list[str]]:
    """Mutants of one notebook that change something, those found, and words about the others."""
    changed: Counter[str] = Counter()
    found: Counter[str] = Counter()
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        try:
            bench = Bench(case, Path(name).resolve())
        except NbtoolsError:
            return changed, found, missed
        if any(run.trace.ending.kind != "finished" for run in bench.references):
            return changed, found, missed  # there is nothing to compare behind the error
        if bench.honest is None or bench.is_found(bench.honest, bench.sources):
            return changed, found, missed  # not a notebook whose honest conversion is the same
        before = bench.shown(bench.honest, bench.sources)
        again = bench.run(bench.sources)
        if again is None or bench.shown(again, bench.sources) != before:
            return changed, found, missed  # it varies by itself
        mutants = list(mutate(bench.sources))
        step = max(len(mutants) // most, 1)
        for kind, sources in mutants[::step][:most]:
            trace = bench.run(sources)
            if trace is None or bench.shown(trace, sources) == before:
                continue
            changed[kind] += 1
            if bench.is_found(trace, sources):
                found[kind] += 1
            else:
                missed.append(f"{case.theme}: {case.title}: {kind}")
    return changed, found, missed


def main(most: int) -> int:
    cases = [case for case in read_cases() if not case.expected("refused")]
    changed: Counter[str] = Counter()
    found: Counter[str] = Counter()
    with ThreadPoolExecutor(2) as pool:
        for one, two, missed in pool.map(lambda case: measure_case(case, most), cases):
            changed += one
            found += two
            print(*missed, sep="\n", end="\n" if missed else "", flush=True)
    for kind in sorted(changed):
        print(f"{kind}: {found[kind]} of {changed[kind]} found")
    print(f"all: {found.total()} of {changed.total()} mutants found")
    return 0 if found == changed else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 6))
