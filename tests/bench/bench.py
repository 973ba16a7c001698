"""Conversion measured against marimo's, in one run: `python tests/bench/bench.py [FOLDER...]`.

All times are processor time, so that what else the machine does counts little, and only the ratios
and slopes mean something.

  (a) notebooks of a folder in this process: nbtools' convert_source, marimo's MarimoConvert
  (b) one notebook from the shell: `nbtools convert`, `marimo convert`
  (c) notebooks of 10, 100, 1,000 and 10,000 cells: the time per cell should stay the same
  (d) peak memory of a process that converts the largest of all these notebooks

Without a FOLDER, (a) takes notebooks that are generated here and those of fixtures/. marimo may
ask the network for the versions of what a notebook installs: that is part of its price.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "fixtures/weather_station/weather.ipynb"
SIZES = (10, 100, 1_000, 10_000)  # cells

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


def generate_notebook(cells: int) -> bytes:
    """A notebook of so many cells, always the same."""
    made = []
    for index in range(cells):
        number, step = divmod(index, len(ANALYSIS))
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
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


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


def compare_in_process(notebooks: Sequence[bytes], repeats: int) -> None:
    """(a): both tools over all notebooks; both are imported and warm before the clock runs."""
    seconds = []
    for convert in (convert_with_nbtools, convert_with_marimo):
        convert(SHIPPED.read_bytes())
        seconds.append(measure(repeats, lambda use: [use(data) for data in notebooks], convert))
    ours, theirs = seconds
    print(f"(a) {len(notebooks)} notebooks in process: nbtools {ours:.2f} s, ", end="")
    print(f"marimo {theirs:.2f} s: {theirs / ours:.1f} times faster")


def compare_from_shell(repeats: int) -> None:
    """(b): whole processes, from their start to their end."""
    scripts = Path(sys.executable).parent
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed tool is compiled
    run = partial(subprocess.run, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "out.py")
        ours = [sys.executable, "-m", "nbtools", "convert", str(SHIPPED), "-o", target, "-f", "-q"]
        theirs = [str(scripts / "marimo"), "-q", "-y", "convert", str(SHIPPED), "-o", target]
        run(ours), run(theirs)
        mine, other = measure(repeats, run, ours), measure(repeats, run, theirs)
    print(f"(b) one notebook from the shell: nbtools {mine:.2f} s, ", end="")
    print(f"marimo {other:.2f} s: {other / mine:.1f} times faster")


def measure_growth() -> None:
    """(c): a cost per cell that grows with the notebook betrays a loop inside a loop."""
    costs = []
    for size in SIZES:
        data = generate_notebook(size)
        seconds = measure(3 if size <= 1_000 else 1, convert_with_nbtools, data)
        costs.append(seconds / size)
        print(f"(c) {size:6,} cells: {seconds:7.2f} s, {1000 * seconds / size:5.2f} ms per cell")
    print(
        f"(c) per cell, {SIZES[-1]:,} cells against {SIZES[1]:,}: {costs[-1] / costs[1]:.2f} times"
    )


def measure_memory(notebook: bytes) -> None:
    """(d): of a process of its own, interpreter and imports included."""
    program = (
        "import resource, sys; from nbtools import convert_source; "
        "convert_source(open(sys.argv[1], 'rb').read()); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    with tempfile.NamedTemporaryFile(suffix=".ipynb") as file:
        file.write(notebook)
        file.flush()
        command = [sys.executable, "-c", program, file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    peak = int(done.stdout) * unit / 1e6
    print(f"(d) largest notebook, {len(notebook) / 1e6:.1f} MB: peak memory {peak:.0f} MB")


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
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", default="abcd", help="which figures: some of abcd")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # both tools parse what notebooks hold
    logging.disable(logging.CRITICAL)
    notebooks = list(read_notebooks(chosen.folders))
    if "a" in chosen.parts:
        compare_in_process(notebooks, chosen.repeats)
    if "b" in chosen.parts:
        compare_from_shell(chosen.repeats)
    if "c" in chosen.parts:
        measure_growth()
    if "d" in chosen.parts:
        measure_memory(max([*notebooks, generate_notebook(SIZES[-1])], key=len))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
