"""`nbtools run`: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat as untyped_nbformat
import pytest

from nbtools import cli
from nbtools.cells import ReactiveCell, ReactiveNotebook
from nbtools.formats.reactive_writer import write_reactive
from nbtools.run.trace import Ending, Trace

nbformat: Any = untyped_nbformat
pytestmark = pytest.mark.skipif(os.name != "posix", reason="notebooks run on Linux and macOS")


@pytest.fixture(autouse=True)
def _this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", *map(str, arguments)])
    return int(stop.value.code or 0)


def write_ipynb(path: Path, *sources: str, tags: tuple[str, ...] = ()) -> Path:
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), *cells])
    notebook.metadata["mine"] = {"kept": True}
    path.write_text(nbformat.writes(notebook))
    return path


def write_py(path: Path, *sources: str) -> Path:
    notebook = ReactiveNotebook(tuple(ReactiveCell(source) for source in sources))
    path.write_text(write_reactive(notebook))
    return path


def test_a_reactive_notebook_runs_with_a_line_for_each_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_py(tmp_path / "nb.py", "y = x + 1\ny", "x = 1\nprint('hello')")
    assert run(path) == 0
    printed = capsys.readouterr()
    lines = [line.partition(",")[0] for line in printed.out.splitlines()]
    assert lines[:-1] == ["cell 2: ok", "    hello", "cell 1: ok", "    2"]
    assert lines[-1].startswith(f"{path}: 2 cells ran in ")
    assert printed.err == f"{path}: executing its code with {sys.executable} in {tmp_path}\n"


def test_an_error_is_told_with_its_place_and_gives_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_ipynb(tmp_path / "nb.ipynb", "def f():\n    return 1 / 0", "f()", "2")
    assert run(path) == 3
    printed = capsys.readouterr().out
    assert "cell 4: not run" in printed
    words = "cell 2, line 2 (called from cell 3): ZeroDivisionError: division by zero"
    assert f"{path}: {words}\n" in printed
    assert "1 raised an error, 1 not run" in printed


def test_a_notebook_runs_reactively_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_ipynb(tmp_path / "nb.ipynb", "x = 1", "x = x + 1", "1 / 0", "print(x, 'end')")
    assert run(path, "--reactive") == 3
    assert "    2 end\n" in capsys.readouterr().out
    assert sorted(each.name for each in tmp_path.iterdir()) == ["nb.ipynb"]


def test_a_percent_script_runs_from_top_to_bottom(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nb.py"
    path.write_text("# %%\nx = 1\n# %%\nx + 1\n")
    assert run(path) == 0
    assert "    2\n" in capsys.readouterr().out


def test_json_says_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_py(tmp_path / "nb.py", "x = 1\nx", "y = [\n    missing,\n]", "y")
    assert run(path, "--json") == 3
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["engine"]) == ("reactive", "reactive")
    assert document["ending"] == {"kind": "error", "cell": 2, "reason": ""}
    first, second, third = document["cells"]
    assert first["outputs"][0]["data"] == {"text/plain": ["1"]}
    assert second["error"]["frames"] == [
        {"cell": 2, "line": 2, "function": "<module>", "text": "missing,"}
    ]
    assert (third["status"], third["because"]) == ("cancelled", 2)


def test_the_executed_notebook_keeps_all_but_outputs(tmp_path: Path) -> None:
    path = write_ipynb(tmp_path / "nb.ipynb", "print('a')\nprint('b')", "1", "1 / 0", "2")
    out = tmp_path / "out.ipynb"
    assert run(path, "-o", out) == 3
    before, after = nbformat.read(path, 4), nbformat.read(out, 4)
    nbformat.validate(after)
    assert after.metadata == before.metadata
    assert [cell.source for cell in after.cells] == [cell.source for cell in before.cells]
    assert after.cells[1].outputs[0].text == "a\nb\n"
    assert after.cells[2].outputs[0].data == {"text/plain": "1"}
    assert after.cells[3].outputs[0].ename == "ZeroDivisionError"
    assert [cell.execution_count for cell in after.cells[1:]] == [1, 2, 3, None]


def test_an_output_that_exists_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_ipynb(tmp_path / "nb.ipynb", "print('a')")
    before = path.read_bytes()
    assert run(path, "-o", path) == 2
    assert f"{path} exists: --force overwrites it" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert run(path, "-o", path, "--force") == 0
    assert nbformat.read(path, 4).cells[-1].outputs[0].text == "a\n"


def test_a_reactive_notebook_becomes_an_executed_one(tmp_path: Path) -> None:
    path = write_py(tmp_path / "nb.py", "y = x\ny", "x = 1")
    out = tmp_path / "out.ipynb"
    assert run(path, "-o", out) == 0
    after = nbformat.read(out, 4)
    nbformat.validate(after)
    assert [cell.source for cell in after.cells] == ["y = x\ny", "x = 1"]
    assert [cell.execution_count for cell in after.cells] == [2, 1]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("n=10", "10"), ("n=a b", "'a b'"), ("n=[1, 2]", "[1, 2]"), ("n = 'q'", "'q'")],
)
def test_names_are_set(
    value: str, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (
        write_py(tmp_path / "nb.py", "n", "n = 1"),
        write_ipynb(tmp_path / "nb.ipynb", "n = 1", "n"),
    ):
        assert run(path, "--set", value) == 0
        assert f"    {shown}\n" in capsys.readouterr().out


def test_limits_give_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_py(tmp_path / "nb.py", "1", "import time\ntime.sleep(60)")
    assert run(path, "--cell-timeout", "0.3") == 4
    assert f"{path}: it took longer than 0.3 s in cell 2\n" in capsys.readouterr().out
    assert run(path, "--timeout", "0.4") == 4
    assert f"{path}: the run took longer than 0.4 s in cell 2\n" in capsys.readouterr().out
    path = write_py(tmp_path / "nb.py", "x = bytearray(2 * 10**9)")
    assert run(path, "--memory", "500M") == 3
    assert "MemoryError" in capsys.readouterr().out


def test_a_process_that_dies_gives_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_py(tmp_path / "nb.py", "1", "import os\nos.kill(os.getpid(), 9)")
    assert run(path) == 4
    words = "killed by signal 9 (SIGKILL), probably out of memory in cell 2"
    assert f"{path}: {words}\n" in capsys.readouterr().out


def test_the_folder_is_the_notebook_s_or_the_one_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_py(tmp_path / "nb.py", "import os\nos.getcwd()")
    other = tmp_path / "other"
    other.mkdir()
    for arguments, folder in (((), tmp_path), (("--cwd", other), other)):
        assert run(path, *arguments) == 0
        assert f"    '{folder}'\n" in capsys.readouterr().out


def test_the_active_environment_s_interpreter_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "env"))
    path = write_py(tmp_path / "nb.py", "1")
    assert run(path) == 0
    assert f"executing its code with {python} in" in capsys.readouterr().err


def test_what_a_notebook_shows_cannot_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "print('\\x1b]0;title\\x07 \\x9b2J \\u202e \\x1b[31mred\\x1b[0m')\nprint('10%\\r99%')"
    assert run(write_py(tmp_path / "nb.py", source)) == 0
    printed = capsys.readouterr().out
    assert "    \\x1b]0;title\\x07 \\x9b2J \\u202e red\n    99%\n" in printed


def test_long_outputs_are_cut_at_the_terminal_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_py(tmp_path / "nb.py", "for i in range(1000):\n    print(i)")
    out = tmp_path / "out.ipynb"
    assert run(path, "-o", out) == 0
    printed = capsys.readouterr().out
    assert "    59\n    ... 940 more lines\n" in printed
    assert nbformat.read(out, 4).cells[0].outputs[0].text.endswith("999\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--memory", "much"), "expected a size such as 500M or 2G"),
        (("--timeout", "0"), "expected seconds, more than 0"),
        (("--set", "1x=2"), "expected name=value"),
        (("--set", "k=2"), "no cell binds `k`"),
        (("-o", "out.txt"), "ends in .ipynb or .html"),
        (("--python", "no-such-python"), "there is no such command"),
        (("--reactive",), "--reactive takes an .ipynb"),
        (("--cwd", "/no/such/folder"), "no such file or directory"),
    ],
)
def test_wrong_options_give_2(
    arguments: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nb.py"
    path.write_text("# %%\nx = 1\n")
    assert run(path, *arguments) == 2
    assert words in capsys.readouterr().err


def test_what_marimo_refuses_gives_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_py(tmp_path / "nb.py", "x = 1", "x = 2")
    assert run(path) == 2
    assert "nb.py: cells 1 and 2 both define `x`" in capsys.readouterr().err


def test_ctrl_c_interrupts_and_leaves_nothing_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    cell = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    path = write_py(tmp_path / "nb.py", "print('first')", cell)
    command = [sys.executable, "-m", "nbtools", "run", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 20
    while not note.exists() or not note.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "cell 2: INTERRUPTED" in printed
    assert f"{path}: interrupted in cell 2" in printed
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_a_full_disk_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_py(tmp_path / "nb.py", "1")
    out = tmp_path / "out.ipynb"
    out.symlink_to("/dev/full")
    assert run(path, "-o", out) == 2
    assert capsys.readouterr().err.endswith("out.ipynb: No space left on device\n")


@pytest.mark.parametrize("suffix", ["ipynb", "html"])
def test_of_a_file_that_cannot_be_written_whole_the_old_one_stays(
    tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"out.{suffix}"
    out.write_text("old")
    write_py(tmp_path / "nb.py", "print('x' * 3_000)")
    command = f"ulimit -f 2; exec {sys.executable} -m nbtools run nb.py -f -o {out.name}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, out.read_text()) == (2, "old")
    assert done.stderr.endswith(f"{out.name}: File too large\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["nb.py", out.name]


def test_an_old_notebook_is_written_as_a_new_one() -> None:
    from nbtools.cells import Cell
    from nbtools.run.executed import write_executed

    trace = Trace("linear", (), Ending("finished"))
    for data in (b'{"nbformat": 3, "worksheets": []}', b"no json", b'{"nbformat": 4, "cells": 3}'):
        text = "".join(
            write_executed(data, (Cell(0, "code", "x"), Cell(1, "markdown", "y")), trace)
        )
        nbformat.validate(nbformat.reads(text, 4))


def test_variables_are_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nb.py"
    path.write_text("# %%\nimport os; print(os.environ['GIVEN'], 'PATH' in os.environ)\n")
    assert run(path, "--env", "GIVEN=7") == 0
    assert "7 True" in capsys.readouterr().out
    assert run(path, "--env", "=7") == 2


NETWORK = """\
# %%
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
print("loopback works")
# %%
socket.create_connection(("192.0.2.1", 80), 2)
"""


def test_a_run_without_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nb.py"
    path.write_text(NETWORK)
    code = run(path, "--no-network")
    output = capsys.readouterr()
    if code == 2:  # a container may forbid it: then it is one clear line
        assert "--no-network: this system does not let a process go: " in output.err
        return
    assert code == 3
    assert "loopback works" in output.out
    assert "Network is unreachable" in output.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
@pytest.mark.parametrize("name", ["out.ipynb", "out.html"])
def test_a_full_disk_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nb.py"
    path.write_text("# %%\nprint(1)\n")
    (tmp_path / name).symlink_to("/dev/full")
    assert run(path, "-o", tmp_path / name) == 2
    assert f"{tmp_path / name}: no space left on device" in capsys.readouterr().err.lower()


def test_sql_of_the_stand_in(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    pandas = pytest.importorskip("pandas")
    from nbtools.run.worker import Area, Channel, make_marimo

    class Silent(Channel):
        def output(self, *_: object, **__: object) -> None:
            pass

    area = Area(Silent(-1, (), "", 100))
    mo = make_marimo(area, None)
    people = pandas.DataFrame({"age": [3, 9]})
    found = mo.sql("SELECT sum(age) AS total FROM people")
    assert found["total"].to_list() == [12]
    assert len(area.bundles) == 1
    assert len(people) == 2
