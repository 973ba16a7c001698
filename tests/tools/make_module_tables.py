"""Write nbtools/analysis/data/stdlib.json and libraries.json from what star imports really bind.

    python tests/tools/make_module_tables.py stdlib python3.10 python3.11 python3.12 python3.13
    python tests/tools/make_module_tables.py libraries OLD_VENV/bin/python ... NEW_VENV/bin/python

Oldest first: each module's line holds the names of the first interpreter (or numpy), then what
later ones added and ("-name") removed. `stdlib` lists only modules whose text does not say it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "nbtools" / "analysis" / "data"

LIBRARIES = """
IPython.display PIL.Image ipywidgets matplotlib matplotlib.pylab matplotlib.pyplot mpmath networkx
numpy numpy.fft numpy.linalg numpy.ma numpy.polynomial numpy.random numpy.testing pandas patsy pylab
scipy scipy.constants scipy.fft scipy.fftpack scipy.integrate scipy.interpolate scipy.io
scipy.linalg scipy.ndimage scipy.optimize scipy.signal scipy.sparse scipy.sparse.linalg
scipy.spatial scipy.special scipy.stats seaborn sympy sympy.abc sympy.physics.mechanics
sympy.physics.quantum sympy.physics.units sympy.physics.vector sympy.plotting sympy.solvers
sympy.stats
""".split()
DISTRIBUTIONS = "ipython ipywidgets matplotlib mpmath networkx numpy pandas patsy pillow scipy"
MANY_EDITIONS = ("numpy", "pylab", "matpl", "PIL.")  # their names change with what numpy is there
NOT_ASKED = ("antigravity", "idlelib", "this", "urllib")  # they print, or show what site imported

LIST = "import json, sys; print(json.dumps(sorted(sys.stdlib_module_names)))"
STAR = """
import json
bound = {}
exec("from %s import *", bound)
print("\\n" + json.dumps(sorted(bound.keys() - {"__builtins__", "__warningregistry__"})))
"""
READ = """
import json
from nbtools.analysis import modules
modules.table_names = lambda module: None
modules.load_table = lambda name: {"unreadable": {}}
names = modules._World(None).star("%s")
print(json.dumps(None if names is None else sorted(names)))
"""
VERSION = """
import json, sys
from importlib.metadata import version
print(json.dumps([list(sys.version_info[:2]), {n: version(n) for n in %r.split()}]))
"""


def ask(python: str, program: str) -> object:
    """The JSON that a program prints last, run by an interpreter; None if it fails."""
    command = [python, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def names_in(python: str, modules: Iterable[str]) -> dict[str, list[str]]:
    """What `from module import *` binds in one interpreter, for each module it has."""
    answers = {module: ask(python, STAR % module) for module in modules}
    return {module: names for module, names in answers.items() if isinstance(names, list)}


def merge(editions: list[tuple[str, dict[str, list[str]]]]) -> dict[str, dict[str, str]]:
    """One entry per module: the oldest edition's names, then the changes of later ones."""
    table: dict[str, dict[str, str]] = {}
    before: dict[str, list[str]] = {}
    for version, names in editions:
        for module in sorted(before.keys() | names.keys()):
            changes = difference(before.get(module, []), names.get(module, []))
            if changes:
                table.setdefault(module, {})[version] = changes
        before = names
    return dict(sorted(table.items()))


def difference(old: list[str], new: list[str]) -> str:
    if old and not new:
        return "-"  # the module is gone
    gone = [f"-{name}" for name in sorted(set(old) - set(new))]
    return " ".join(sorted(set(new) - set(old)) + gone)


def is_readable(python: str, module: str, names: list[str]) -> bool:
    """Tell whether reading the module's text gives at least the names it binds."""
    read = ask(python, READ % module)
    return isinstance(read, list) and set(names) <= set(read)


def make_stdlib(pythons: list[str]) -> dict[str, object]:
    editions = []
    unreadable: set[str] = set()
    for python in pythons:
        listed = ask(python, LIST)
        assert isinstance(listed, list)
        public = [name for name in listed if not name.startswith("_") and name not in NOT_ASKED]
        names = names_in(python, public)
        unreadable |= {name for name in names if not is_readable(python, name, names[name])}
        editions.append((version_of(python, ""), names))
    return {name: line for name, line in merge(editions).items() if name in unreadable}


def make_libraries(pythons: list[str]) -> dict[str, object]:
    editions = [(version_of(python, "numpy"), names_in(python, LIBRARIES)) for python in pythons]
    newest, names = pythons[-1], editions[-1][1]
    for _, older in editions[:-1]:  # one edition is enough where numpy's names do not show
        for module in [name for name in older if not name.startswith(MANY_EDITIONS)]:
            del older[module]
    unreadable = {name: 1 for name in sorted(names) if ask(newest, READ % name) is None}
    answer = ask(newest, VERSION % DISTRIBUTIONS)
    assert isinstance(answer, list)
    return {"names": merge(editions), "unreadable": unreadable, "versions": answer[1]}


def version_of(python: str, distribution: str) -> str:
    """major.minor of a distribution, or of the interpreter itself."""
    answer = ask(python, VERSION % distribution)
    assert isinstance(answer, list)
    numbers = answer[1][distribution].split(".") if distribution else answer[0]
    return ".".join(map(str, numbers[:2]))


def write_table(name: str, table: dict[str, object]) -> None:
    """JSON with a line per entry, and a line per entry of the "names" inside."""
    lines = []
    for key, value in table.items():
        text = json.dumps(value)
        if key == "names" and isinstance(value, dict):
            inner = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            text = "{\n" + ",\n".join(inner) + "\n}"
        lines.append(f"{json.dumps(key)}: {text}")
    (DATA / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    name, pythons = arguments[0], arguments[1:]
    make = {"stdlib": make_stdlib, "libraries": make_libraries}[name]
    write_table(name, make(pythons))


if __name__ == "__main__":
    main(sys.argv[1:])
