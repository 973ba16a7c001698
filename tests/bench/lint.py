"""`nbtools lint` measured against ruff and marimo, in one run: `python tests/bench/lint.py FOLDER`.

  (a) all notebooks of a folder, cold, from the shell: nbtools, and `ruff check --select F,E9`;
      wall time, as both use all processors
  (b) the same from the cache
  (c) one small notebook from the shell: processor time, start-up included
  (d) notebooks of 10, 100, 1,000 and 10,000 cells: the time per cell should stay the same
  (e) peak memory of any process of (a)
  (f) the rules that cost most, each alone, with what it asks for the first time
  (m) `marimo check` on the conversions; it takes minutes, so only when asked for

Without a FOLDER, (a), (b), (e) and (f) take 200 notebooks that are generated here.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench import SIZES, find_environment, generate_notebook

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent
NBTOOLS = [sys.executable, "-m", "nbtools"]
SMALL = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": "# A title"},
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "outputs": [],
            "source": "import math\nx = 2\nprint(math.sqrt(x))",
        },
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 4,
}


def run(command: Sequence[str], folder: Path) -> None:
    """Run a command that may find something."""
    done = subprocess.run(
        command, cwd=folder, env=find_environment(), capture_output=True, check=False
    )
    if done.returncode not in (0, 1, 2) or b"Traceback" in done.stderr:
        raise SystemExit(done.stderr.decode())


def wall(repeats: int, command: Sequence[str], folder: Path) -> float:
    """Seconds of the fastest of some runs."""
    costs = []
    for _ in range(repeats):
        start = time.perf_counter()
        run(command, folder)
        costs.append(time.perf_counter() - start)
    return min(costs)


def processor(repeats: int, command: Sequence[str], folder: Path) -> float:
    """Seconds of processor time of the cheapest of some runs."""
    costs = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(command, folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(costs)


def ruff_of(*arguments: str) -> list[str]:
    """Ruff as it is compared with: no cache, the rules that find what breaks."""
    return [str(SCRIPTS / "ruff"), "check", "--no-cache", "--select", "F,E9", "-q", *arguments]


def compare_whole(folder: Path, repeats: int) -> None:
    """(a) and (b), and (e), whose measure is the largest child of this process."""
    notebooks = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.ipynb"))]
    lint = [*NBTOOLS, "lint", "--isolated", "--no-respect-gitignore", "-q"]
    ruff = wall(repeats, ruff_of("--isolated", "."), folder)
    cold = wall(repeats, [*lint, "--no-cache"], folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(
        f"(a) {len(notebooks)} notebooks, cold: nbtools {cold:.2f} s, ruff {ruff:.2f} s: ", end=""
    )
    print(f"{cold / ruff:.1f} times ruff (at most 4)")
    with tempfile.TemporaryDirectory() as cache:
        cached = [*lint, "--cache-dir", cache]
        run(cached, folder)
        warm = wall(repeats, cached, folder)
    print(f"(b) from the cache: {warm:.2f} s: {warm / ruff:.2f} times ruff, cold (at most 1)")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    print(f"(e) peak memory of a process: {peak * unit / 1e6:.0f} MB (under 150)")


def measure_start(repeats: int) -> None:
    """(c)."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "small.ipynb").write_text(json.dumps(SMALL))
        cold = processor(repeats, [*NBTOOLS, "lint", "--no-cache", "small.ipynb"], folder)
        run([*NBTOOLS, "lint", "small.ipynb"], folder)
        warm = processor(repeats, [*NBTOOLS, "lint", "small.ipynb"], folder)
        empty = processor(repeats, [sys.executable, "-c", "import click"], folder)
    print(f"(c) one small notebook: {1000 * cold:.0f} ms of processor time (at most 150), ", end="")
    print(f"{1000 * warm:.0f} ms from the cache; Python and click alone: {1000 * empty:.0f} ms")


def measure_growth() -> None:
    """(d)."""
    from nbtools.lint.engine import check_source
    from nbtools.lint.settings import Settings

    gc.set_threshold(1_000_000)  # as the command does
    costs = []
    for size in SIZES:
        data = generate_notebook(size)
        seconds = []
        for _ in range(3 if size <= 1_000 else 1):
            start = time.process_time()
            check_source(data, path="a.ipynb", folder=None, settings=Settings())
            seconds.append(time.process_time() - start)
        costs.append(min(seconds) / size)
        print(f"(d) {size:6,} cells: {min(seconds):7.2f} s, {1000 * costs[-1]:5.2f} ms per cell")
    print(f"(d) per cell, {SIZES[-1]:,} against {SIZES[1]:,}: {costs[-1] / costs[1]:.2f} times")


def measure_rules(folder: Path) -> None:
    """(f): a rule pays for what it is the first to ask for, such as the trace of the names."""
    from nbtools.lint.reading import File, read_file
    from nbtools.lint.selection import select_rules
    from nbtools.lint.settings import Settings

    spent: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.ipynb")):
        start = time.process_time()
        file = read_file(path.read_bytes(), name=path.name, folder=path.parent)
        spent["read"] += time.process_time() - start  # type: ignore[assignment]
        if not isinstance(file, File) or file.is_python2:
            continue
        for rule in select_rules(Settings(), file.program.kind):
            if not rule.runs_last and (
                not rule.words or any(word in file.program.text for word in rule.words)
            ):
                start = time.process_time()
                list(rule.check(file.program))
                spent[rule.code] += time.process_time() - start  # type: ignore[assignment]
    for name, seconds in spent.most_common(15):
        print(f"(f) {name:5} {seconds:6.2f} s")


def compare_marimo(folder: Path, marimo: str) -> None:
    """(m): marimo checks the conversions, nbtools the notebooks that they were made of."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        run([*NBTOOLS, "convert", str(folder), "--output-dir", place, "-q"], folder)
        made = sorted(str(path.relative_to(out)) for path in out.rglob("*.py"))
        theirs = wall(1, [marimo, "-q", "check", *made], out)
    sources = [str(Path(name).with_suffix(".ipynb")) for name in made]
    ours = wall(1, [*NBTOOLS, "lint", "--isolated", "--no-cache", "-q", *sources], folder)
    print(f"(m) {len(made)} notebooks: nbtools {ours:.2f} s, marimo check {theirs:.2f} s: ", end="")
    print(f"{theirs / ours:.0f} times faster (at least 20)")


def main() -> None:
    """Measure what was asked for and print a line for each figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--parts", default="acdf", help="which figures: some of acdfm")
    parser.add_argument("--marimo", default=str(SCRIPTS / "marimo"), help="where marimo is")
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()}, {sys.executable}")  # builds differ by a third
    with tempfile.TemporaryDirectory() as place:
        folder = chosen.folder.resolve() if chosen.folder else Path(place)
        if not chosen.folder:
            for number in range(200):
                (folder / f"{number:03}.ipynb").write_bytes(generate_notebook(5 + number % 50))
        if set("abe") & set(chosen.parts):
            compare_whole(folder, chosen.repeats)
        if "c" in chosen.parts:
            measure_start(5 * chosen.repeats)
        if "d" in chosen.parts:
            measure_growth()
        if "f" in chosen.parts:
            measure_rules(folder)
        if "m" in chosen.parts:
            compare_marimo(folder, chosen.marimo)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
