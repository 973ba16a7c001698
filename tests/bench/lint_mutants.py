"""How many broken notebooks does lint find? Notebooks that pass are broken in a known way.

    LAB=/path/to/lab python tests/bench/lint_mutants.py [HOW_MANY]

LAB is the laboratory's folder (shared/lab/lab.py), with `linear` done. Of each notebook that runs
without an error, mutants are made: a cell that defines a name is deleted, two dependent cells
change places, a definition goes below its call, an import goes. Each is run, statement by
statement in IPython, and kept only if it really stops with a NameError; then lint reads it.
"""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbtools.analysis.facts import Facts, SourceError, compose
from nbtools.analysis.magics import to_plain_python
from nbtools.analysis.statements import read_statements
from nbtools.cells import Cell, Notebook
from nbtools.rules.program import read_program
from nbtools.rules.unbound import find_unbound

LAB = Path(os.environ.get("LAB", "/tmp/lab"))
RUN = """
import sys, json, io, contextlib
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    for source in json.loads(sys.argv[1]):
        result = shell.run_cell(source)
        error = result.error_in_exec or result.error_before_exec
        if error is not None:
            break
    else:
        error = None
print(type(error).__name__)
"""


@dataclass(frozen=True)
class Mutant:
    """A notebook that was broken."""

    notebook: str
    kind: str
    cells: tuple[str, ...]


def passing() -> Iterator[tuple[str, Path, list[str]]]:
    """The notebooks that run without an error, quickly: name, folder, code cells."""
    rows = json.loads((LAB / "scan.json").read_text())
    for path in sorted((LAB / "linear").glob("*.ipynb")):
        document = json.loads(path.read_text())
        oracle = document["metadata"].get("oracle", {})
        code = [c for c in document["cells"] if c["cell_type"] == "code"]
        failed = any(o["output_type"] == "error" for c in code for o in c.get("outputs", []))
        if failed or oracle.get("stop") != "ok" or oracle.get("s", 99) > 8:
            continue
        source = LAB / "repos" / rows[int(path.stem)][0]
        yield rows[int(path.stem)][0], source.parent, ["".join(c["source"]) for c in code]


def facts_of(source: str) -> Facts:
    """What a cell does; nothing, where it cannot be read."""
    try:
        return compose(s.facts for s in read_statements(to_plain_python(source).source))
    except SourceError:
        return Facts()


def mutate(name: str, cells: list[str]) -> Iterator[Mutant]:
    """Every way to break a notebook that is tried."""
    facts = [facts_of(cell) for cell in cells]
    for i, own in enumerate(facts):
        users = [j for j in range(i + 1, len(cells)) if own.binds & facts[j].reads]
        if not users:
            continue
        yield Mutant(name, "deleted", (*cells[:i], *cells[i + 1 :]))
        first = users[0]
        moved = (*cells[:i], *cells[i + 1 : first + 1], cells[i], *cells[first + 1 :])
        yield Mutant(name, "below its call" if own.code else "swapped", moved)
    for i, cell in enumerate(cells):
        lines = cell.split("\n")
        for row, line in enumerate(lines):
            if line.startswith(("import ", "from ")) and parses(line):
                less = "\n".join([*lines[:row], *lines[row + 1 :]])
                yield Mutant(name, "no import", (*cells[:i], less, *cells[i + 1 :]))


def parses(line: str) -> bool:
    """Whether a line is a whole statement."""
    try:
        ast.parse(line)
    except SyntaxError:
        return False
    return True


def stops_with_name_error(mutant: Mutant, folder: Path) -> bool:
    """Run it in IPython, in the laboratory's environment."""
    python = str(LAB / "venv/bin/python")
    command = [python, "-c", RUN, json.dumps(mutant.cells)]
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        return False
    return done.stdout.strip().endswith(("NameError", "UnboundLocalError"))


def is_found(mutant: Mutant, folder: Path) -> bool:
    """Whether lint reports a name (NB101 to NB104)."""
    cells = tuple(Cell(i, "code", source) for i, source in enumerate(mutant.cells))
    program = read_program(Notebook(cells), folder=folder)
    return any(each.kind != "maybe" for each in find_unbound(program))


def main(wanted: int) -> None:
    """Print recall by kind of mutant, and what was missed."""
    chance = random.Random(7)
    pool = [(m, folder) for n, folder, cells in passing() for m in mutate(n, cells)]
    chance.shuffle(pool)
    real, found = Counter[str](), Counter[str]()
    for mutant, folder in pool:
        if real.total() >= wanted:
            break
        if not stops_with_name_error(mutant, folder):
            continue
        real[mutant.kind] += 1
        if is_found(mutant, folder):
            found[mutant.kind] += 1
        else:
            print("missed:", mutant.kind, mutant.notebook)
    for kind, count in sorted(real.items()):
        print(f"{kind}: {found[kind]} of {count}")
    print(f"recall on mutants: {found.total()} of {real.total()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
