from __future__ import annotations

import ast
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Written, notebooks

from nbtools.convert.conversion import convert_source
from nbtools.convert.edits import Conversion, Options
from nbtools.convert.formatting import LINE_WIDTH, format_source
from nbtools.convert.scripts import ends_silent
from nbtools.formats.reactive import read_reactive, write_reactive


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x=1", "x = 1"),
        ("x = 1\n\n\n\n\ny=2\n\n", "x = 1\n\n\ny = 2"),
        ("f(  x )  # why", "f(x)  # why"),
        ("# only", "# only"),
        ("#only", "# only"),
        ("await f( )", "await f()"),
        ("del (a, b)", "del (a, b)"),
        ("u'x'", '"x"'),
        ("f'{x=}' 'a'", 'f"{x=}a"'),
        # the end that hides a value
        ("x  ;", "x;"),
        ("x;y;", "x\ny;"),
        ("df.plot( ) ;  # c\n\n# tail", "df.plot();  # c\n\n# tail"),
        ("if x:\n  y;", "if x:\n    y"),
        # docstrings are values
        ("def f():\n  ''' doc\n  more '''\n  g( )", "def f():\n    ''' doc\n  more '''\n    g()"),
        ("class A:\n  'doc '\n  x=1", "class A:\n    'doc '\n\n    x = 1"),
        ("def f(): 'doc'", 'def f():\n    "doc"'),
        ("é = 1\ndef f():\n  ' é'; x=1", "é = 1\n\n\ndef f():\n    ' é'\n    x = 1"),
        (
            "def f():\n  '''a\n  \n '''\ndef g():\n  ' b'",
            "def f():\n    '''a\n  \n '''\n\n\ndef g():\n    ' b'",
        ),
        ("'''doc \n  more'''", "'''doc \n  more'''"),
        ("''' shown '''\nx=1", "''' shown '''\nx = 1"),
        ("# fmt: off\nx=1", "# fmt: off\nx=1"),
    ],
)
def test_format_source(source: str, expected: str) -> None:
    assert format_source(source).replace('"""', "'''") == expected.replace('"""', "'''")
    assert format_source(format_source(source)) == format_source(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "  \n",
        "def f(:",
        "%time x=1",
        "x?",
        "(" * 10_000 + "x" + ")" * 10_000,
        "x=1\0",
        "f(x) # fmt: skip\n;",
    ],
)
def test_what_ruff_cannot_format_comes_back_as_it_is(source: str) -> None:
    assert format_source(source) == source


def test_lines_are_as_long_as_ruff_has_them_once_a_cell_is_indented() -> None:
    fits = f"y = [{'1, ' * 25}123]"
    assert len(fits) == LINE_WIDTH == 84

    assert format_source(fits) == fits
    assert format_source(f"x{fits}") == "xy = [\n" + "    1,\n" * 25 + "    123,\n]"


# ---------------------------------------------------------------- the whole conversion


def notebook(*cells: str) -> str:
    fields: dict[str, object] = {
        "cell_type": "code",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    made = [{**fields, "id": f"c{i}", "source": cell} for i, cell in enumerate(cells)]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


def convert(*cells: str, reformat: bool = True) -> Conversion:
    return convert_source(notebook(*cells), Options(format=reformat))


def test_every_code_cell_is_formatted_and_says_so() -> None:
    conversion = convert(
        "import math", "def f( x ):\n  return math.sqrt( x )", "y=f(4)", "#why", "y"
    )
    sources = [cell.source for cell in read_reactive(conversion.text).cells]

    assert sources == [
        "import math",
        "def f(x):\n    return math.sqrt(x)",
        "y = f(4)",
        "# why",
        "y",
    ]
    formatted = [edit for edit in conversion.edits if edit.reason == "formatted by ruff"]
    assert [(edit.cell, edit.kind, edit.lines) for edit in formatted] == [
        (1, "replace", 2),
        (2, "replace", 1),
        (3, "replace", 1),
    ]


def test_nothing_is_formatted_unless_it_is_asked_for() -> None:
    conversion = convert("x=1", "y = x  ;", reformat=False)

    assert "x=1\n" in conversion.text
    assert "y = x  ;\n" in conversion.text
    assert conversion.edits == ()


@settings(max_examples=25, deadline=None)
@given(notebooks(), st.sampled_from(["", ";", " ;  # c"]))
def test_formatting_changes_the_layout_alone(written: Written, end: str) -> None:
    cells = [cell.replace(" = ", "=").replace("    ", "  ") + end for cell in written.cells]
    plain, formatted = convert(*cells, reformat=False).text, convert(*cells).text
    before, after = read_reactive(plain), read_reactive(formatted)

    assert write_reactive(after) == formatted
    for old, new in zip(before.cells, after.cells, strict=True):
        assert ast.dump(ast.parse(old.source)) == ast.dump(ast.parse(new.source))
        assert format_source(new.source) == new.source
        if isinstance([None, *ast.parse(new.source).body][-1], ast.Expr):
            assert ends_silent(old.source) == ends_silent(new.source)


@pytest.mark.slow
def test_marimo_reads_formatted_text_and_writes_it_back() -> None:
    pytest.importorskip("marimo")
    from marimo._convert.converters import MarimoConvert

    def drop_version(text: str) -> str:
        return re.sub(r'(?m)^__generated_with = ".*"$', "", text)

    text = convert(
        "import math\n# c",
        "def f( x ):\n  ''' doc '''\n  return math.sqrt( x )\n# below",
        "y=f(4)\nprint( y ) ;",
        "class A: pass",
        "s='''a\n  b'''\n\n\n\nimport os",
    ).text
    assert drop_version(MarimoConvert.from_py(text).to_py()) == drop_version(text)
