"""What an edit makes stale, and `nbtools run --watch`, which runs it again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.run.job import Job
from nbtools.run.reactive import plan_reactive
from nbtools.run.stale import find_stale


def plan(*sources: str) -> Job:
    cells = tuple(ReactiveCell(source) for source in sources)
    return plan_reactive(ReactiveNotebook(cells), "nb.py", ".")


BEFORE = ("x = 1", "y = x + 1", "print(y)", "z = 5", "print(z)")


@pytest.mark.parametrize(
    ("after", "reasons"),
    [
        (BEFORE, {}),
        (("x = 2", *BEFORE[1:]),
         {0: "its source changed", 1: "it reads `x` of cell 1", 2: "it reads `y` of cell 2"}),
        (("w = 0", *BEFORE), {0: "it is new"}),
        ((*BEFORE[3:], *BEFORE[:3]), {}),  # moved
        ((*BEFORE[:3], BEFORE[4]), {3: "a cell is gone that it needed (`z`)"}),
        ((*BEFORE[:4], "print(z, y)"), {4: "its source changed"}),
        (("import os", "x = 1", "y = x", *BEFORE[2:]),
         {0: "it is new", 2: "its source changed", 3: "it reads `y` of cell 3"}),
    ],
)  # fmt: skip
def test_what_an_edit_makes_stale(after: tuple[str, ...], reasons: dict[int, str]) -> None:
    assert dict(find_stale(plan(*BEFORE), plan(*after)).reasons) == reasons


def test_cells_keep_their_keys_wherever_they_go() -> None:
    first = find_stale(plan(*BEFORE), plan("w = 0", *BEFORE)).job
    keys = {cell.source: cell.key for cell in first.cells}
    assert keys == {"w = 0": 5, **{source: number for number, source in enumerate(BEFORE)}}
    second = find_stale(first, plan(*BEFORE)).job
    assert {cell.source: cell.key for cell in second.cells} == {
        source: number for number, source in enumerate(BEFORE)
    }


HEAD = "import marimo\n\napp = marimo.App()\n\n\n"
CELL = "@app.cell\ndef _({0}):\n    {1}\n    return\n\n\n"


def write(path: Path, *cells: tuple[str, str]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(HEAD + "".join(CELL.format(*cell) for cell in cells))
    temporary.replace(path)


@pytest.mark.skipif(os.name != "posix", reason="notebooks run on Linux and macOS")
def test_an_edit_runs_again_what_it_makes_stale(tmp_path: Path) -> None:
    path = tmp_path / "nb.py"
    write(path, ("", "x = 1"), ("x", "print('x is', x)"), ("", "print('apart')"))
    command = [sys.executable, "-u", "-m", "nbtools", "run", "--watch", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=Path.cwd()
    ) as process:
        assert process.stdout is not None

        def read_until(words: str) -> str:
            lines = ""
            assert process.stdout is not None
            for line in process.stdout:
                lines += line
                if words in line:
                    return lines
            raise AssertionError(lines)

        first = read_until("watching for edits")
        assert "x is 1" in first
        assert "apart" in first
        write(path, ("", "x = 23"), ("x", "print('x is', x)"), ("", "print('apart')"))
        again = read_until("2 cells ran")
        assert "cell 1 runs again: its source changed" in again
        assert "cell 2 runs again: it reads `x` of cell 1" in again
        assert "x is 23" in again
        assert "apart" not in again
        write(path, ("", "x = ("))
        read_until("nb.py")
        write(path, ("", "x = 23"), ("x", "print('x is', -x)"), ("", "print('apart')"))
        assert "x is -23" in read_until("1 cell ran")
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
