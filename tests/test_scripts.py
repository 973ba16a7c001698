from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtools.cells import Cell, Notebook
from nbtools.convert.broken_cells import find_refusal
from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion
from nbtools.convert.global_statements import drop_global_statements
from nbtools.convert.log import Log
from nbtools.convert.newer_syntax import Version, find_newer_python
from nbtools.convert.recursion import allow_deep_trees
from nbtools.convert.scripts import Script, ends_silent, read_scripts
from nbtools.formats.reactive import cell_names, read_reactive


def read(*sources: str, folder: Path | None = None) -> tuple[list[Script], Log]:
    cells = tuple(Cell(index, "code", source) for index, source in enumerate(sources))
    log = Log()
    return read_scripts(Notebook(cells), log, name="nb.ipynb", folder=folder), log


def sources(*cells: str, folder: Path | None = None) -> list[str]:
    return [script.source for script in read(*cells, folder=folder)[0]]


# ---------------------------------------------------------------- which names are bound


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["pwd"], "os.getcwd()"),
        (["pwd", "print(pwd)"], "os.getcwd()"),
        (["pwd", "pwd = 1"], "pwd"),
        (["pwd", "for pwd in x: pass"], "pwd"),
        (["pwd", "def f():\n    global pwd\n    pwd = 1"], "pwd"),
        (["pwd", "%time pwd = 2"], "pwd"),
        (["pwd", "pwd = = 1"], "os.getcwd()"),
        (["pwd", "pwd\npwd"], "os.getcwd()"),
        (["pwd", "from os import *"], "os.getcwd()"),
        (["getcwd", "from os import *"], "getcwd"),
        (["!echo {pi}"], "shell('echo {pi}')"),
        (["!echo {pi}", "pi = 3"], "shell(f'echo {pi}')"),
        (["!echo {pi}", "from math import *"], "shell(f'echo {pi}')"),
        (["!echo {pi}", "from beside import *"], "shell(f'echo {pi}')"),
        (["!echo {pi}", "%run beside.py"], "shell(f'echo {pi}')"),
    ],
)
def test_only_a_real_binding_makes_a_word_a_variable(
    cells: list[str], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("pi = 3")

    assert sources(*cells, folder=tmp_path)[0].replace('"', "'") == expected


# ---------------------------------------------------------------- cells that Python refuses


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1",
        "await f()",
        "async for x in y:\n    pass",
        "[x async for x in y]",
        "x = 1\nfrom __future__ import annotations\ny: int = 2",
        "x = 1\nglobal x",
        "def f():\n    return 1\nfor x in y:\n    break",
        r"'\d'",
    ],
)
def test_what_ipython_runs_is_not_refused(source: str) -> None:
    assert find_refusal(source) is None


@pytest.mark.parametrize(
    ("source", "runs", "line", "first"),
    [
        ("return 5", "", 1, 1),
        ("yield 1", "", 1, 1),
        ("nonlocal x", "", 1, 1),
        ("x = 1\nbreak", "x = 1", 2, 2),
        ("x = 1\n\n# why\nreturn x\ny = 2", "x = 1\n\n# why", 4, 4),
        ("é = 1; return é", "é = 1;", 1, 1),
        ("a = 1\nif a:\n    b = 2\n    continue", "a = 1", 4, 2),
        ("def f():\n    from math import *", "", 2, 1),
        ("x = 1\n@d\n@e\ndef f(a, a):\n    pass", "x = 1", 4, 2),
        ("x = 1\ndef f():\n    y = 1\n    global y", "x = 1", 4, 2),
        ("x = 1\nclass A:\n    return 2", "x = 1", 3, 2),
        ("x = 1\ndef f():\n    await y", "x = 1", 3, 2),
        ("x = 1\n*a, *b = y", "x = 1", 2, 2),
    ],
)
def test_jupyter_runs_what_stands_before_a_refused_statement(
    source: str, runs: str, line: int, first: int
) -> None:
    refusal = find_refusal(source)

    assert refusal is not None
    assert (refusal.runs, refusal.line, refusal.first) == (runs, line, first)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("x = (1,", "SyntaxError"),
        ("f() = 2", "SyntaxError"),
        ("   x = 1\ny = 2", "IndentationError"),
        ("if x:\n\ty\n        z", "TabError"),
        ("x = 1\0", "SyntaxError"),
        ("x = \xa01", "SyntaxError"),
        ("(" * 10_000, "SyntaxError"),
        ("print 'a'", "SyntaxError"),
    ],
)
def test_nothing_runs_of_a_cell_that_does_not_parse(source: str, error: str) -> None:
    refusal = find_refusal(source)

    assert refusal is not None
    assert (refusal.runs, refusal.error, refusal.needs) == ("", error, None)


def test_a_refused_cell_is_kept_as_a_comment_and_raises_where_it_stood() -> None:
    (script,), log = read("%time x = 1\nreturn x  # a\xa0b\nmore")

    assert script.source.split("\n") == [
        "x = 1  # %time",
        "# return x  # a b",
        "# more",
        "raise SyntaxError(\"nb.ipynb:cell 1:2: 'return' outside function\")",
    ]
    assert script.lines == (1, 2, 3, 2)
    assert [(warning.cell, warning.line) for warning in log.warnings] == [(0, 2)]
    assert "from line 2 on" in log.warnings[0].message
    assert [(edit.line, edit.lines) for edit in log.edits] == [(1, 1), (2, 2)]


def test_the_error_stands_apart_from_what_other_cells_need() -> None:
    conversion = convert_cells("import math\nmath.pi\nreturn math", "math.e")

    assert [cell.source for cell in read_reactive(conversion.text).cells] == [
        "import math\n_ = math.pi",
        "# return math\nraise SyntaxError(\"nb.ipynb:cell 1:3: 'return' outside function\")",
        "math.e",
    ]
    assert [edit.kind for edit in conversion.edits if edit.cell == 0].count("split") == 1


def test_the_lines_of_a_refused_magic_are_the_authors() -> None:
    (_, script), _ = read("x = 1", "%%capture\ny = 1\nbreak")

    assert script.source.startswith("# %%capture\n# y = 1\n# break\nraise SyntaxError(")
    assert "nb.ipynb:cell 2:3: " in script.source


@given(st.text("x=1\0\xa0\u2028 ()#'\"\\\n:\x0c;", max_size=30))
def test_whatever_a_cell_holds_what_comes_out_is_python_that_marimo_compiles(source: str) -> None:
    (script,), _ = read(source)

    cell_names(script.source)
    assert len(script.lines) == script.source.count("\n") + 1


# ---------------------------------------------------------------- grammar of a newer Python


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ("type X = int", (3, 12)),
        ("def f[T](x: T): pass", (3, 12)),
        ("class A[T]: pass", (3, 12)),
        ("class A[T = int]: pass", (3, 13)),
        ("t'{x}'", (3, 14)),
        ("rt'{x}'", (3, 14)),
        ("f'{x['a']}'", (3, 12)),
        ("f'{\"\\n\".join(x)}'", (3, 12)),
        ("f'{x # why\n}'", (3, 12)),
        ("try:\n    a\nexcept* E:\n    b", (3, 11)),
        ("a[*b]", (3, 11)),
        ("f'{x}'\ntype X = int", (3, 12)),
        # wrong, or old
        ("f'{x}' 'it's'", None),
        ("type X = ", None),
        ("f'''{x['a']}'''", None),
        ("t = 't'", None),
        ("try:\n    a\nexcept E, e:\n    b", None),
        ("type X = " + "(" * 10_000, None),
        ("type X = " + "1+" * 50_000, None),
    ],
)
def test_a_newer_python_is_named(source: str, version: Version | None) -> None:
    assert find_newer_python(source, (3, 10)) == version
    assert find_newer_python(source, (3, 14)) is None


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python reads it")
def test_a_cell_for_a_newer_python_says_so() -> None:
    (script,), log = read("t'{x}'")

    assert script.source.startswith("# t'{x}'\nraise SyntaxError(")
    assert "needs Python 3.14" in script.source
    assert "needs Python 3.14" in log.warnings[0].message


# ---------------------------------------------------------------- other edits of the text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1", "x = 1"),
        ("global x", "pass"),
        ("a = 0; global a; a += 1  # c", "a = 0; pass; a += 1  # c"),
        ("é = 1; global x; global y", "é = 1; pass; pass"),
        ("if 1:\n    global q  # é\n    q = 1", "if 1:\n    pass  # é\n    q = 1"),
        ("global x, \\\n  y", "\\\npass"),
        ("if 1:\n    global x, \\\n  y; z = 1", "if 1:\n    \\\npass; z = 1"),
        ("try:\n global é\nfinally: global c", "try:\n pass\nfinally: pass"),
        ("def f():\n    global x", "def f():\n    global x"),
        ("class A:\n    global x\n    x = 1", "class A:\n    global x\n    x = 1"),
        ("x = '''\nglobal y\n'''", "x = '''\nglobal y\n'''"),
    ],
)
def test_global_outside_a_function_is_nothing(source: str, expected: str) -> None:
    text, lines = drop_global_statements(source)

    compile(text, "cell", "exec", dont_inherit=True)
    assert text == expected
    assert bool(lines) == (text != source)


def test_a_dropped_global_is_an_edit_of_its_line() -> None:
    (script,), log = read("x = 1\nglobal x\nx += 1")

    assert script.source == "x = 1\npass\nx += 1"
    assert [(edit.kind, edit.line, edit.lines) for edit in log.edits] == [("replace", 2, 1)]


def test_a_character_that_marimo_damages_is_an_edit_of_its_line() -> None:
    (script, _), log = read('x = 1\ns = "a\xa0b"\n# a\xa0comment', "y = 1")

    assert script.source == 'x = 1\ns = "a\\xa0b"\n# a comment'
    assert [(edit.kind, edit.cell, edit.line) for edit in log.edits] == [
        ("replace", 0, 2),
        ("replace", 0, 3),
    ]


@pytest.mark.parametrize(
    ("source", "silent"),
    [
        ("x", False),
        ("x;", True),
        ("x ;  # why", True),
        ("x;\n# below\n", True),
        ("x  # a;", False),
        ("f('a;')", False),
        ("f('a;#b')", False),
        ("f('a;#b');  # c", True),
        ("f('a; # b', '''\n''')", False),
    ],
)
def test_a_semicolon_at_the_end_keeps_a_value_from_being_shown(source: str, silent: bool) -> None:
    assert ends_silent(source) is silent


# ---------------------------------------------------------------- deep trees


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "+".join(["1"] * 600),
        "x = a" + ".b()" * 400,
        "if a:\n x = 1\n" + "elif b:\n x = 2\n" * 400,
    ],
    ids=["sum", "chain", "elif"],
)
def test_a_cell_as_deep_as_python_compiles_is_converted(source: str) -> None:
    (script,), log = read(source)

    assert script.source == source
    assert log.edits == []


def test_the_recursion_limit_is_put_back() -> None:
    limit = sys.getrecursionlimit()
    with allow_deep_trees():
        assert sys.getrecursionlimit() > limit
    assert sys.getrecursionlimit() == limit


def convert_cells(*cells: str) -> Conversion:
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell} for cell in cells
        ],
    }
    return convert_source(json.dumps(notebook), name="nb.ipynb")


@pytest.mark.parametrize("depth", [3_000, 30_000])
def test_what_python_finds_too_deep_is_refused_though_nbtools_goes_deeper(depth: int) -> None:
    source = "x = " + "-" * depth + "1"
    conversion = convert_cells(source, "x = 2")

    compile(conversion.text, "nb.py", "exec", dont_inherit=True)
    assert ("raise SyntaxError(" in conversion.text) == (find_refusal(source) is not None)


def test_python_says_nothing_about_the_authors_code() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        convert_cells("a = '\\d'\na = a is 'b'\nglobal c", "a = '\\s'", "!echo '\\d'", "def f(:")

    assert caught == []


# ---------------------------------------------------------------- the notebook as text


def test_text_is_converted_as_its_bytes_are() -> None:
    text = (
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code",'
        ' "id": "a", "metadata": {}, "source": "s = \'é\ud800\'", "outputs": [],'
        ' "execution_count": null}]}'
    )

    assert "s = 'é\ufffd'" in convert_source(text).text
    assert convert_source("\ufeff" + text).text == convert_source(text).text
