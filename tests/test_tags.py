"""Cell tags: what they mean for a run holds in the reactive notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from executor import find_differences, run_linear, run_reactive
from notebooks import code_cells, convert, make_notebook, run_converted

from nbtools.convert.conversion import convert_source
from nbtools.convert.log import Log
from nbtools.convert.scripts import read_scripts
from nbtools.convert.tags import obey_tags
from nbtools.formats.ipynb import read_notebook

RAISES, SKIP = "raises-exception", "skip-execution"
TAGS = list[tuple[str, ...]]


def converted_cells(cells: list[str], tags: TAGS) -> list[str]:
    found = code_cells(convert(*cells, tags=tags).text)
    return [each for each in found if each not in ("", "import traceback")]


# ---------------------------------------------------------------- raises-exception

RAISING: dict[str, list[str]] = {
    "the notebook goes on": ["print('a')\n1 / 0\nprint('b')", "print('c')"],
    "names bound before stay": ["x = 1", "x = 2\nraise ValueError\nx = 3", "x"],
    "a value at the end": ["x = 4\nx + 1", "x"],
    "a value that is not reached": ["1 / 0\n5", "6"],
    "a value that raises": ["5 / 0", "6"],
    "no value": ["print(1)", "x = 2;", "3;"],
    "a tuple": ["1, 2", "3"],
    "exit": ["import sys\nsys.exit(1)", "raise SystemExit", "6"],
    "nothing that can raise": ["x = 1\ndef f():\n    return x", "f()"],
    "a function and its call": ["def f():\n    raise KeyError\nf()", "f()\n5"],
    "a future import": ["from __future__ import annotations\n1 / 0", "2"],
    "a failing import": ["import json\nimport no_such_module_\nimport os", "json.dumps(1)"],
    "in one line": ["def f(): return 1\nx = 1; 1 / 0; x = 2", "x"],
    "a string over lines": ["s = '''a\n  b\nc'''\n1 / 0", "s"],
    "only a comment": ["# nothing", "1"],
    "the name _value": ["_value = 3\n_value + 1", "_value_ = 1\n_value_"],
    "display before a value": ["display(1)\n2", "3"],
    "an await": ["import asyncio\nawait asyncio.sleep(0, 'x')", "1"],
}


@pytest.mark.parametrize("cells", RAISING.values(), ids=RAISING)
def test_a_cell_may_raise_and_nothing_else_changes(cells: list[str]) -> None:
    tags: TAGS = [(RAISES,)] * len(cells)
    before = run_linear(cells, tags)
    conversion = convert(*cells, tags=tags)
    after = run_reactive(conversion.text)
    assert after.errors == ()
    assert find_differences(before, after, aspects=["stdout", "shown"]) == [], conversion.text


CAUGHT: dict[str, tuple[str, str]] = {
    "statements": (
        "# why\nx = f()  # beside\n# end",
        "try:\n    # why\n    x = f()  # beside\n    # end\n"
        "except Exception:\n    traceback.print_exc()",
    ),
    "a value": (
        "f()  # beside",
        "try:\n    _value = f()  # beside\nexcept Exception:\n    traceback.print_exc()\n"
        "    _value = None\n_value",
    ),
    "what cannot raise stays outside": (
        "import os\nn = 1\ndef f(a=2):\n    n / 0\nprint(f())",
        "import os\nn = 1\ndef f(a=2):\n    n / 0\ntry:\n    print(f())\n"
        "except Exception:\n    traceback.print_exc()",
    ),
    "SystemExit": (
        "exit()",
        "try:\n    _value = exit()\nexcept (Exception, SystemExit):\n    traceback.print_exc()\n"
        "    _value = None\n_value",
    ),
}


@pytest.mark.parametrize(("source", "expected"), CAUGHT.values(), ids=CAUGHT)
def test_the_cell_is_put_in_a_try(source: str, expected: str) -> None:
    text = convert(source, tags=[(RAISES,)]).text
    found = "\n".join(line.removeprefix("    ") for line in text.split("\n"))
    assert expected in found


def test_the_traceback_goes_to_stderr_with_the_line_that_raised(tmp_path: Path) -> None:
    cells = ["print('before')\n1 / 0  # the line", "print('next')"]
    (cell,) = (each for each in converted_cells(cells, [(RAISES,)]) if "1 / 0" in each)
    path = tmp_path / "cell.py"
    path.write_text(f"import traceback\n{cell}\nprint('next')\n")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert done.stdout == "before\nnext\n"
    assert "1 / 0  # the line" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_every_line_knows_the_line_of_the_author() -> None:
    notebook = read_notebook(make_notebook(["import os\nx = 1\n\ny()\nz()"], [(RAISES,)]))
    log = Log()
    (script,) = obey_tags(read_scripts(notebook, log), notebook, log)
    found = [script.line_in_cell(number) for number in range(1, len(script.text_lines()) + 1)]
    lines = ["import os", "x = 1", "try:", "", "    y()", "    _value = z()"]
    assert script.text_lines()[:6] == lines
    assert found == [1, 2, 3, 3, 4, 5, 5, 5, 5, 5]


# ---------------------------------------------------------------- skip-execution

COMMENTED: dict[str, list[str]] = {
    "a name that another cell binds": ["x = 1", "x = 2\nprint(x)", "x"],
    "a name that another cell reads": ["1", "y = 2\nprint(y)", "'y' in dir() and y"],
    "a renamed name": ["x = 1", "print(x)", "x = 2", "x"],
    "a magic": ["x = 1", "!echo $x", "x"],
    "no Python": ["x = 1", "x = (", "x"],
    "a star import": ["x = 1", "from os.path import *", "x"],
}


@pytest.mark.parametrize("cells", COMMENTED.values(), ids=COMMENTED)
def test_a_skipped_cell_that_would_disturb_others_is_commented(cells: list[str]) -> None:
    tags: TAGS = [(), (SKIP,)]
    conversion = convert(*cells, tags=tags)
    assert "disabled" not in conversion.text
    assert all(f"    # {line}\n" in conversion.text for line in cells[1].split("\n"))
    assert run_reactive(conversion.text).shown == run_linear(cells, tags).shown
    assert [edit.cell for edit in conversion.edits if SKIP in edit.reason] == [1]
    assert not conversion.warnings


DISABLED: dict[str, str] = {
    "no name": "print('never')",
    "names of its own": "import no_such_module_\nz = 1\nprint(z)",
    "it reads other cells": "print(x)\nraise SystemExit",
    "a private name": "_i = x\nprint(_i)",
    "comments": "# a\n\nprint(x)  # b",
}


@pytest.mark.parametrize("source", DISABLED.values(), ids=DISABLED)
def test_a_skipped_cell_of_its_own_is_disabled(source: str) -> None:
    conversion = convert("x = 1", source, "x", tags=[(), (SKIP,)])
    assert conversion.text.count("@app.cell(disabled=True)") == 1
    assert run_reactive(conversion.text).shown == ("1",)
    assert not conversion.warnings


def test_skipped_cells_that_share_a_name_are_commented() -> None:
    text = convert("z = 1", "z = 2", "3", tags=[(SKIP,), (SKIP,)]).text
    assert "disabled" not in text
    assert "# z = 1" in text
    assert "# z = 2" in text


def test_a_skipped_cell_decides_nothing_for_others() -> None:
    cells = ["x = 1", "x = 2\ndef f():\n    return x", "x", "from os import *", "x + 1"]
    conversion = convert(*cells, tags=[(), (SKIP,), (), (SKIP,)])
    assert {edit.cell for edit in conversion.edits} == {1, 3}


@pytest.mark.slow
@pytest.mark.parametrize("source", DISABLED.values(), ids=DISABLED)
def test_marimo_does_not_run_a_disabled_cell(source: str, tmp_path: Path) -> None:
    pytest.importorskip("marimo")
    path = tmp_path / "notebook.py"
    path.write_text(convert("x = 1", source, "print(x)", tags=[(), (SKIP,)]).text)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


# ---------------------------------------------------------------- outputs

HIDDEN: dict[str, tuple[str, str]] = {
    "a value": ("x = 1\nx  # shown\n# end", "x = 1\nx;  # shown\n# end"),
    "brackets": ("(\n    1\n)", "(\n    1\n);"),
    "letters of more bytes": ("'é', 'ü'  # é", "'é', 'ü';  # é"),
    "hidden already": ("1;", "1;"),
    "no value": ("print(1)", "print(1)"),
    "no statement": ("x = 2", "x = 2"),
}


@pytest.mark.parametrize(
    "tag",
    ["remove-output", "remove_output", "hide-output", "hide_output", "remove-cell", "remove_cell"],
)
@pytest.mark.parametrize(("source", "expected"), HIDDEN.values(), ids=HIDDEN)
def test_a_value_is_hidden(source: str, expected: str, tag: str) -> None:
    assert converted_cells([source], [(tag,)]) == [expected]
    assert run_converted(source, tags=[(tag,)]).shown == ()


def test_a_figure_is_hidden_with_its_cell() -> None:
    cells = ["import matplotlib.pyplot as plt", "plt.plot([1])", "plt.plot([2])"]
    text = convert(*cells, tags=[(), ("remove-output",)]).text
    assert "plt.plot([1]);\n" in text
    assert text.count("gcf()") + text.count("show_figures") + text.count("plt.plot([2])\n") >= 1


def test_other_tags_change_nothing() -> None:
    data = json.loads(make_notebook(["1 / 1", "x = 2"], [("my-tag",), ("solution", "skip")]))
    conversion = convert_source(json.dumps(data).encode())
    assert conversion.edits == ()
