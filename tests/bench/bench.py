"""Conversion measured against marimo's, in one run: `python tests/bench/bench.py [FOLDER...]`.

All times are processor time, so that what else the machine does counts little, and only the ratios
and slopes mean something.

  (a) notebooks of a folder in this process: nbtools' convert_source, marimo's MarimoConvert
  (b) one notebook from the shell: `nbtools convert`, `marimo convert`
  (c) notebooks of 10, 100, 1,000 and 10,000 cells: the time per cell should stay the same
  (d) peak memory of processes that convert the longest and the heaviest of these notebooks

The last lines hold the four figures against what they should be. Without a FOLDER, (a) takes
notebooks that are generated here and those of fixtures/. marimo may ask the network for the
versions of what a notebook installs: that is part of its price.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "fixtures/weather_station/weather.ipynb"
SIZES = (10, 100, 1_000, 10_000)  # cells

FASTER_IN_PROCESS = 5.0  # times, at least
FASTER_FROM_SHELL = 4.0
GROWTH = 1.25  # times, at most: cost per cell of 10,000 cells against that of 100
PEAK = 200.0  # MB, at most

# One analysis after another, as notebooks grow: {n} is the number of the analysis. The names are
# bound again in each, so that a conversion has something to do.
ANALYSIS: Sequence[tuple[str, str]] = (
    ("markdown", "## Sample {n}\n\nThe mean is $\\bar x = \\frac{{1}}{{n}} \\sum x_i$."),
    ("code", "import math\nimport random\n\nrandom.seed({n})"),
    ("code", "data = [random.gauss({n}, 1) for _ in range(100)]\nlen(data)"),
    (
        "code",
        "def centre(values):\n    mean = sum(values) / len(values)\n"
        "    return [value - mean for value in values]",
    ),
    ("code", "data = centre(data)\ntotal = 0\nfor x in data:\n    total += x * x"),
    ("code", "# root of the mean square\nspread = math.sqrt(total / len(data))\nspread"),
    ("code", "data = [x / spread for x in data]\nresult_{n} = max(data) - min(data)"),
    ("code", "rows = []\nfor i, x in enumerate(data[:3]):\n    rows.append((i, round(x, 2)))"),
    (
        "code",
        "limit = {n} % 3\nfar = [x for x in data if abs(x) > limit]\n"
        'print(f"{{len(far)}} of {{len(data)}} beyond {{limit}}")',
    ),
    ("code", "result_{n}"),
)


def generate_notebook(cells: int, first: int = 0) -> bytes:
    """A notebook of so many cells, the same for the same number of its first analysis."""
    made = []
    for index in range(cells):
        number, step = divmod(index, len(ANALYSIS))
        number += first
        kind, source = ANALYSIS[step]
        cell: dict[str, object] = {"cell_type": kind, "id": f"c{index}", "metadata": {}}
        cell["source"] = source.format(n=number).splitlines(keepends=True)
        if kind == "code":
            cell |= {"execution_count": index + 1, "outputs": []}
        made.append(cell)
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook).encode()


def spent() -> float:
    """Seconds of processor time that this process and its ended children have used."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure(repeats: int, work: Callable[..., object], *arguments: object) -> float:
    """Seconds of the cheapest of some runs: what disturbs a run only ever makes it dearer."""
    costs = []
    for _ in range(repeats):
        start = spent()
        work(*arguments)
        costs.append(spent() - start)
    return min(costs)


def convert_with_nbtools(data: bytes) -> None:
    """Convert in this process; a notebook that is refused counts with the time that took."""
    from nbtools import NbtoolsError, convert_source

    with contextlib.suppress(NbtoolsError):
        convert_source(data)


def convert_with_marimo(data: bytes) -> None:
    """As `marimo convert` does, without its start-up."""
    from marimo._convert.converters import MarimoConvert

    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        MarimoConvert.from_ipynb(data.decode("utf-8")).to_py()


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and the limit it should keep."""

    name: str
    value: float
    limit: float
    at_least: bool
    unit: str

    def __str__(self) -> str:
        kept = self.value >= self.limit if self.at_least else self.value <= self.limit
        bound = "at least" if self.at_least else "at most"
        verdict = "ok" if kept else "MISSED"
        return f"{self.name}: {self.value:.3g} {self.unit} ({bound} {self.limit:g}): {verdict}"


def compare_in_process(notebooks: Sequence[bytes], repeats: int) -> Figure:
    """(a): both tools on each notebook in turn, so that both meet the same load of the machine."""
    tools = (convert_with_nbtools, convert_with_marimo)
    for convert in tools:  # imported and warm before the clock runs
        convert(SHIPPED.read_bytes())
    costs = [[measure(repeats, convert, data) for convert in tools] for data in notebooks]
    ours, theirs = map(sum, zip(*costs, strict=True))
    print(f"(a) {len(notebooks)} notebooks in process: nbtools {ours:.2f} s, ", end="")
    print(f"marimo {theirs:.2f} s")
    name = f"(a) {len(notebooks)} notebooks in process, against marimo"
    return Figure(name, theirs / ours, FASTER_IN_PROCESS, True, "times faster")


def compare_from_shell(chosen: Sequence[Path], repeats: int) -> Figure:
    """(b): whole processes, from their start to their end; of some notebooks the middle ratio."""
    ratios = []
    for path in chosen:
        ours, theirs = measure_from_shell(path, repeats)
        ratios.append(theirs / ours)
        print(f"(b) {path.name} from the shell: nbtools {ours:.3f} s, marimo {theirs:.3f} s")
    middle = statistics.median(ratios)
    name = f"(b) {len(chosen)} notebook(s) from the shell, one by one, against marimo"
    return Figure(name, middle, FASTER_FROM_SHELL, True, "times faster")


def find_environment() -> dict[str, str]:
    """Of an installed tool: its modules are compiled."""
    found = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return found | {"PYTHONPATH": str(ROOT)}


def measure_from_shell(notebook: Path, repeats: int) -> tuple[float, float]:
    """Seconds of `nbtools convert` and of `marimo convert`, which take turns."""
    environment = find_environment()
    run = partial(subprocess.run, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    source = str(notebook.resolve())
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "out.py")
        ours = [sys.executable, "-m", "nbtools", "convert", source, "-o", target, "-f", "-q"]
        scripts = Path(sys.executable).parent
        theirs = [str(scripts / "marimo"), "-q", "-y", "convert", source, "-o", target]
        measure(1, run, ours), measure(1, run, theirs)
        pairs = [(measure(1, run, ours), measure(1, run, theirs)) for _ in range(repeats)]
    return min(mine for mine, _ in pairs), min(other for _, other in pairs)


def measure_growth() -> Figure:
    """(c): a cost per cell that grows with the notebook betrays a loop inside a loop.

    No notebook is converted twice: nbtools remembers sources that it has parsed.
    """
    convert_with_nbtools(generate_notebook(SIZES[0]))
    first = iter(range(SIZES[0], sys.maxsize, SIZES[-1]))
    costs = []
    for size in SIZES:
        runs = max(3, math.ceil(SIZES[-2] / size)) if size < SIZES[-1] else 2
        books = [generate_notebook(size, next(first)) for _ in range(runs)]
        seconds = [measure(1, convert_with_nbtools, data) for data in books]
        costs.append(statistics.median(seconds) / size)
        print(f"(c) {size:6,} cells: {costs[-1] * size:7.3f} s, {1000 * costs[-1]:5.3f} ms a cell")
    name = f"(c) cost per cell, {SIZES[-1]:,} cells against {SIZES[1]:,}"
    return Figure(name, costs[-1] / costs[1], GROWTH, False, "times")


_PEAK_PROGRAM = """
import resource, subprocess, sys
if sys.argv[2:]:
    from nbtools import convert_source
    convert_source(open(sys.argv[1], "rb").read())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
else:
    subprocess.run([sys.executable, __file__, sys.argv[1], "convert"], check=True)
"""


def measure_memory(notebooks: Sequence[bytes]) -> Figure:
    """(d): of a process of its own, interpreter and imports included."""
    peaks = [measure_peak(notebook) for notebook in notebooks]
    for notebook, peak in zip(notebooks, peaks, strict=True):
        print(f"(d) a notebook of {len(notebook) / 1e6:.1f} MB: peak memory {peak:.0f} MB")
    return Figure("(d) peak memory", max(peaks), PEAK, False, "MB")


def measure_peak(notebook: bytes) -> float:
    """MB of a process that converts a notebook.

    A small process starts it: Linux counts what the starting process held, here with marimo.
    """
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "large.ipynb", Path(folder) / "program.py"
        source.write_bytes(notebook)
        program.write_text(_PEAK_PROGRAM)
        command = [sys.executable, str(program), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    return int(done.stdout) * unit / 1e6


def read_notebooks(folders: Sequence[Path]) -> Iterator[bytes]:
    """The notebooks below some folders, or the generated and shipped ones if there are none."""
    for folder in folders or [ROOT / "fixtures"]:
        for path in sorted(folder.rglob("*.ipynb")):
            yield path.read_bytes()
    if not folders:
        yield from (generate_notebook(size) for size in range(5, 105, 5))


def main() -> None:
    """Measure what was asked for and print a line for each figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--shell", nargs="+", type=Path, metavar="FILE", help="notebooks of (b)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", default="abcd", help="which figures: some of abcd")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # both tools parse what notebooks hold
    logging.disable(logging.CRITICAL)
    notebooks = list(read_notebooks(chosen.folders))
    figures: list[Figure] = []
    if "a" in chosen.parts:
        figures.append(compare_in_process(notebooks, chosen.repeats))
    if "b" in chosen.parts:
        figures.append(compare_from_shell(chosen.shell or [SHIPPED], chosen.repeats))
    if "c" in chosen.parts:
        figures.append(measure_growth())
    if "d" in chosen.parts:
        largest = max(notebooks, key=len)
        figures.append(measure_memory([generate_notebook(SIZES[-1]), largest]))
    print(*figures, sep="\n")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
