"""What running costs: `python tests/bench/run.py`. All in one run, in seconds of CPU.

`nbtools run` against `python notebook.py` under marimo and against nbclient, on cells that do next
to nothing; what each further cell costs; and the time of plain Python, below which nobody gets.
Each number is the smallest of several, the children's time included. A cell's cost is that of a
reactive run without the command line: one that shows a value, compiling it included.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import find_environment

ROOT = Path(__file__).parents[2]
FEW, MANY = 20, 1020
REPEATS = 5
LIMIT = 0.15  # seconds of CPU for FEW cells
CELL_LIMIT = 0.0002  # for each further one
SCIENCE_LIMIT = 1.15
RERUN_LIMIT = 1.0  # per cent of the whole run

NBCLIENT = """\
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook).execute()
"""


def write_reactive(folder: Path, count: int) -> Path:
    cells = "".join(
        f"@app.cell\ndef _():\n    x{i} = {i}\n    x{i}\n    return\n\n\n" for i in range(count)
    )
    path = folder / f"reactive{count}.py"
    head = "import marimo\n\napp = marimo.App()\n\n\n"
    path.write_text(head + cells + 'if __name__ == "__main__":\n    app.run()\n')
    return path


def write_jupyter(folder: Path, count: int) -> Path:
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [],
         "source": f"x{i} = {i}\nx{i}"}
        for i in range(count)
    ]  # fmt: skip
    path = folder / f"jupyter{count}.ipynb"
    path.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    )
    return path


def measure(command: Sequence[str | Path], repeats: int = REPEATS) -> float:
    """Seconds of CPU, user and system, of a command and all that it started."""
    found = []
    environment = find_environment()
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


SESSION = """\
import sys
from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.run.reactive import plan_reactive
from nbtools.run.session import run_job
cells = [ReactiveCell(f"x{i} = {i}\\nx{i}") for i in range(int(sys.argv[1]))]
job = plan_reactive(ReactiveNotebook(tuple(cells)), "nb.py", ".")
if sys.argv[2] == "run":
    run_job(job, sys.executable)
"""


def measure_session(count: int) -> float:
    """Seconds of CPU that running takes, without planning."""
    command = [sys.executable, "-c", SESSION, str(count)]
    return measure([*command, "run"]) - measure([*command, "plan"])


RERUN = """\
import sys, time
from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.run.reactive import plan_reactive
from nbtools.run.session import open_session
count = int(sys.argv[1])
sources = ["x0 = 1", "x1 = x0", "x2 = x1", "x3 = x2"]
sources += [f"x{i} = {i}\\nx{i}" for i in range(4, count)]
job = plan_reactive(ReactiveNotebook(tuple(map(ReactiveCell, sources))), "nb.py", ".")
start = time.perf_counter()
with open_session(job, sys.executable) as session:
    session.run()
    whole = time.perf_counter() - start
    times = []
    for _ in range(9):
        start = time.perf_counter()
        assert len(session.rerun(job, [0]).cells) == 4
        times.append(time.perf_counter() - start)
print(sorted(times)[4] / whole)
"""


def measure_rerun(count: int) -> float:
    """The time to run one cell again with its three descendants, as a share of the whole run's."""
    environment = find_environment()
    command = [sys.executable, "-c", RERUN, str(count)]
    found = subprocess.run(command, check=True, capture_output=True, env=environment, text=True)
    return float(found.stdout)


SCIENCE_IMPORTS = """\
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
rng = np.random.default_rng(0)
df = pd.DataFrame(rng.normal(size=(200000, 4)), columns=list("abcd"))"""
SCIENCE_PLOT = """\
fig{i}, ax{i} = plt.subplots()
ax{i}.plot(df["a"].cumsum().to_numpy()[::50])
plt.show()"""
SCIENCE_TABLE = 'df.groupby((df["a"] * 10).astype(int)).agg(["mean", "std"]).sum().sum() + {i}'
SAVE = "plt.gcf().savefig(io.BytesIO(), format='png', bbox_inches='tight'); plt.close('all')"


def measure_science(folder: Path) -> dict[str, float]:
    """The times of a notebook with numpy, pandas and pyplot, as multiples of the script's."""
    cells = [SCIENCE_IMPORTS]
    cells += [part.format(i=i) for i in range(5) for part in (SCIENCE_PLOT, SCIENCE_TABLE)]
    notebook = folder / "science.ipynb"
    written: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": each,
        }
        for each in cells
    ]
    document = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    notebook.write_text(json.dumps(document))
    lines = [each.replace("plt.show()", SAVE) for each in cells]
    script = folder / "science.py"
    script.write_text("\n".join(["import io, matplotlib", "matplotlib.use('agg')", *lines]))
    nbtools = [sys.executable, "-m", "nbtools"]
    reactive = folder / "science_reactive.py"
    subprocess.run([*nbtools, "convert", "-q", notebook, "-o", reactive], check=True)
    plain = measure([sys.executable, script])
    return {
        name: measure([*nbtools, "run", file]) / plain
        for name, file in (("reactive", reactive), (".ipynb with IPython", notebook))
    }


MEMORY = """\
import atexit, re, sys
from pathlib import Path
from nbtools.cli import main
def tell():
    sys.stderr.write(re.search(r"VmHWM:.*", Path("/proc/self/status").read_text())[0])
atexit.register(tell)
main(sys.argv[1:])
"""


def measure_memory(folder: Path, command: str, cells: int) -> float:
    """The most memory, in MB, that nbtools itself takes where each cell shows 5 MB (Linux)."""
    source = "'x' * 4_999_999"
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    path = folder / f"large{cells}.ipynb"
    path.write_text(
        json.dumps({"cells": [cell] * cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    )
    argv = [sys.executable, "-c", MEMORY, command, str(path)]
    done = subprocess.run(argv, capture_output=True, env=find_environment(), text=True)
    return int(done.stderr.rpartition("VmHWM:")[2].split()[0]) / 1024


def find_bare_python() -> str | None:
    """An interpreter without IPython, to measure the engine that needs none."""
    for path in sorted(Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python"), reverse=True):
        if subprocess.run([path, "-c", "import IPython"], capture_output=True).returncode:
            return str(path)
    return None


def main() -> int:
    run = [sys.executable, "-m", "nbtools", "run"]
    bare = find_bare_python()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, many = write_reactive(folder, FEW), write_reactive(folder, MANY)
        ipynb = write_jupyter(folder, FEW)
        results = {
            "python -c pass": measure([sys.executable, "-c", "pass"]),
            f"nbtools run, reactive, {FEW} cells": measure([*run, few]),
            f"nbtools run, reactive, {MANY} cells": measure([*run, many]),
            f"nbtools run, .ipynb with IPython, {FEW} cells": measure([*run, ipynb]),
        }
        if bare:
            label = f"nbtools run, .ipynb without IPython, {FEW} cells"
            results[label] = measure([*run, ipynb, "--python", bare])
        results[f"marimo: python notebook.py, {FEW} cells"] = measure([sys.executable, few], 2)
        if importlib.util.find_spec("ipykernel"):
            results[f"nbclient, {FEW} cells"] = measure([sys.executable, "-c", NBCLIENT, ipynb], 2)
        science = measure_science(folder)
        memory = {
            (command, cells): measure_memory(folder, command, cells)
            for command in ("run", "verify")
            for cells in (5, 20)
        }
    for label, seconds in results.items():
        print(f"{seconds:8.3f} s  {label}")
    each = (measure_session(MANY) - measure_session(FEW)) / (MANY - FEW)
    print(
        f"{each * 1000:8.3f} ms each further cell of a reactive run (at most {CELL_LIMIT * 1000})"
    )
    share = min(measure_rerun(1000) for _ in range(3))
    print(f"{share * 100:8.2f} %  of a run of 1,000 cells to run 4 again (at most {RERUN_LIMIT})")
    told = f"times the script with numpy, pandas and pyplot (at most {SCIENCE_LIMIT})"
    for name, factor in science.items():
        print(f"{factor:8.2f}    {told}, {name}")
    for (command, cells), size in memory.items():
        print(f"{size:8.0f} MB of nbtools {command} itself, {cells} cells that show 5 MB each")
    few_seconds = results[f"nbtools run, reactive, {FEW} cells"]
    print(f"{few_seconds:8.3f} s  of at most {LIMIT} for {FEW} cells")
    holds = few_seconds <= LIMIT and each <= CELL_LIMIT and share * 100 <= RERUN_LIMIT
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
