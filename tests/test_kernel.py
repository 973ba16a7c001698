"""`run --engine kernel`: the same notebook by nbclient, and what both engines agree on."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from test_verify_command import write_notebook

from nbtools import cli

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="notebooks run on Linux and macOS")


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> Any:
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "--python", sys.executable, *map(str, arguments)])
    output = capsys.readouterr()
    assert stop.value.code == code, output.out + output.err
    return output


def what_it_did(text: str) -> list[tuple[object, ...]]:
    return [
        (
            cell["status"],
            *[(o["output_type"], o.get("text"), o.get("data")) for o in cell["outputs"]],
        )
        for cell in json.loads(text)["cells"]
    ]


def test_both_engines_do_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_notebook(
        tmp_path / "a.ipynb",
        "print('hello')\n1 + 1",
        "_ * 10",
        "%env NBTOOLS_CELL=1\nx = !echo $NBTOOLS_CELL\nx",
        "display({'a': 1})\nimport sys; print('late', file=sys.stderr)",
        "raise ValueError('no')",
        "print('never')",
    )
    ours = run(capsys, path, "--json", code=3).out
    kernel = run(capsys, path, "--json", "--engine", "kernel", code=3).out
    assert json.loads(kernel)["engine"].startswith("ipykernel ")
    one, other = what_it_did(ours), what_it_did(kernel)
    assert [cell[0] for cell in one] == ["ok"] * 4 + ["error", "not-run"]
    assert one[:4] == other[:4]
    assert [cell[0] for cell in other] == [cell[0] for cell in one]


def test_a_cell_that_takes_too_long_is_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_notebook(tmp_path / "a.ipynb", "import time\ntime.sleep(60)")
    output = run(capsys, path, "--engine", "kernel", "--cell-timeout", 1, code=4)
    assert "cell 1" in output.out


def test_what_the_kernel_cannot_do_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_notebook(tmp_path / "a.ipynb", "1")
    reactive = ("--engine", "kernel", "--reactive")
    assert "top to bottom" in run(capsys, path, *reactive, code=2).err
    limited = ("--engine", "kernel", "--memory", "1G")
    assert "--memory" in run(capsys, path, *limited, code=2).err


def test_an_interpreter_without_ipykernel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_notebook(tmp_path / "a.ipynb", "1")
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    bare.chmod(0o755)
    output = run(capsys, path, "--engine", "kernel", "--python", bare, code=2)
    assert "has no ipykernel" in output.err
