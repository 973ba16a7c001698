"""The reference executor is right about Jupyter, about marimo, and about what differs."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import pathlib
from collections.abc import Iterator
from typing import Any

import dataflow
import pytest
from dataflow import CycleError, MultipleDefinitionError, NotRunnableError, UnparsableError
from executor import (
    Rename,
    Trace,
    describe_value,
    find_differences,
    lost_names,
    run_linear,
    run_reactive,
    same,
)
from worker import Job, Worker


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def reactive(*cells: str, setup: str = "", top: str = "") -> str:
    """A reactive notebook by hand; signatures and returns do not matter to marimo's loader."""
    head = 'import marimo\n\n__generated_with = "0.25.2"\napp = marimo.App()\n\n'
    if setup:
        head += f"with app.setup:\n{dataflow.indent_cell(setup)}\n\n"
    head += f"\n{top}\n\n" if top else ""
    bodies = [
        f"\n@app.cell\ndef _():\n{dataflow.indent_cell(cell)}\n    return\n" for cell in cells
    ]
    return head + "\n".join(bodies) + '\n\nif __name__ == "__main__":\n    app.run()\n'


# ---------------------------------------------------------------- Jupyter

LINEAR = {
    "the last value is shown": (["1 + 1"], ["2"], ""),
    "a semicolon hides it": (["1 + 1;", "2 ; # end"], [], ""),
    "None is not shown": (["None", "print('a')"], [], "a\n"),
    "only the last expression is shown": (["1\n2", "3\nx = 4"], ["2"], ""),
    "history": (["40", "_ + 2", "__, _1, Out[2], In[1]"], ["40", "42", "(40, 40, 42, '40')"], ""),
    "the user's own _": (["1", "_ = 5\n2", "_"], ["1", "2", "5"], ""),
    "the user's own _ before the first value": (["_ = 5", "1", "_"], ["1", "5"], ""),
    "the user's _ deleted": (["_ = 5\n1", "del _", "2", "_"], ["1", "2", "2"], ""),
    "await": (["import asyncio", "await asyncio.sleep(0, 7)"], ["7"], ""),
    "async for": (
        ["async def f():\n    yield 1", "async for x in f():\n    print(x)"],
        [],
        "1\n",
    ),
    "display": (["display(1, 'a')\n2"], ["1", "'a'", "2"], ""),
    "no future is inherited": (["def f(x: undefined_type = 1): ...", "1"], [], ""),
}


@pytest.mark.parametrize("case", LINEAR.values(), ids=LINEAR)
def test_linear_run_shows_and_prints_what_jupyter_does(
    case: tuple[list[str], list[str], str], worker: Worker, tmp_path: pathlib.Path
) -> None:
    cells, shown, stdout = case
    trace = run_linear(cells)
    assert (list(trace.shown), trace.stdout) == (shown, stdout)
    jupyter = worker.run(Job("ipython", tuple(cells), str(tmp_path)))
    assert find_differences(jupyter, trace) == []
    assert jupyter.values == trace.values


def test_an_error_stops_the_linear_run_unless_it_is_expected() -> None:
    cells = ["x = 1", "1/0", "x = 2"]
    assert run_linear(cells).stopped_at == 1
    assert run_linear(cells).values == {"x": "1"}
    assert run_linear(cells, allow_errors=True).values == {"x": "2"}
    assert run_linear(cells, [(), ("raises-exception",), ()]).errors == ("ZeroDivisionError",)
    assert run_linear(cells, [(), ("skip-execution",), ()]).errors == ()


def test_every_run_has_a_namespace_of_its_own() -> None:
    assert run_linear(["x = 1\n__name__"]).shown == ("'__main__'",)
    assert run_linear(["x"]).errors == ("NameError",)


def test_values_show_the_attributes_of_plain_objects() -> None:
    source = "class P:\n    def __init__(self, a): self.a = a\np, q = P(1), P(2)"
    values = run_linear([source]).values
    assert values["p"] != values["q"]
    assert values["p"] == "<__main__.P object at 0x> [('a', '1')]"
    assert describe_value(ast) == "<module ast>"


# ---------------------------------------------------------------- marimo

ORDER = {
    "document order without links": (["print(1)", "print(2)"], "1\n2\n"),
    "a definition below is run first": (["print(x)", "x = 1"], "1\n"),
    "a late read pulls its cell down": (
        ["def f():\n    return y\nprint('f')", "print('b')", "y = 1\nprint('y')"],
        "b\ny\nf\n",
    ),
    "ties fall to document order": (["print(z)", "print('a')", "z = 1", "print('b')"], "a\n1\nb\n"),
    "_x is local to its cell": (["_x = 1\nprint(_x)", "_x = 2\nprint(_x)"], "1\n2\n"),
    "del comes after every reader": (["x = 1", "del x", "print(x)"], "1\n"),
    "text in a string is dedented with the code": (['print("""a\n  b\n""")'], "a\n  b\n\n"),
    "an error cancels what depends on it": (["x = 1/0", "print(x)", "print(2)"], "2\n"),
    "mo.stop": (["import marimo as mo", "mo.stop(True)\nx = 1", "print(x)", "print(2)"], "2\n"),
}


@pytest.mark.parametrize("case", ORDER.values(), ids=ORDER)
def test_reactive_run_follows_the_graph(case: tuple[list[str], str]) -> None:
    cells, stdout = case
    assert run_reactive(reactive(*cells)).stdout == stdout


def test_ties_can_be_reversed() -> None:
    text = reactive("print(1)", "print(2)", "x = 3", "print(x)")
    assert run_reactive(text, "reverse").stdout == "3\n2\n1\n"


REFUSED = {
    "two definitions": (["x = 1", "x = 2"], MultipleDefinitionError),
    "+= defines": (["x = 1", "x += 2"], MultipleDefinitionError),
    "a loop variable defines": (["for i in []: pass", "i = 1"], MultipleDefinitionError),
    "global in a function defines": (
        ["x = 1", "def f():\n    global x\n    x = 2"],
        MultipleDefinitionError,
    ),
    "a cycle by a function": (["def f():\n    return x", "x = 1\nf()"], CycleError),
    "a star import": (["from math import *"], UnparsableError),
    "two deleters": (["x = 1", "del x", "print(x)\ndel x"], CycleError),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_marimo_refuses_is_refused(case: tuple[list[str], type[Exception]]) -> None:
    cells, error = case
    with pytest.raises(error):
        run_reactive(reactive(*cells))


def test_statements_that_marimo_would_drop_are_refused() -> None:
    with pytest.raises(NotRunnableError, match="drops"):
        run_reactive(reactive("1").replace("\n\nif __name__", "\n\ny = 3\n\nif __name__"))
    with pytest.raises(UnparsableError):
        run_reactive(reactive("1", top='app._unparsable_cell("x =", name="_")'))


def test_setup_and_top_level_functions_run_before_the_cells() -> None:
    text = reactive(
        "print(f(2))",
        setup="import math",
        top="@app.function\ndef f(x):\n    return math.sqrt(x * 2)",
    )
    assert run_reactive(text).stdout == "2.0\n"


SHOWN = {
    "the last value": (["1\n2"], ["2"]),
    "mo.output.append": (["import marimo as mo", "mo.output.append(1)\nx = 2"], ["1"]),
    "a last value replaces what was appended": (
        ["import marimo as mo", "mo.output.append(1)\n2"],
        ["2"],
    ),
    "a stack": (["import marimo as mo", "mo.vstack([1, 'a'])"], ["1", "'a'"]),
    "markdown and html": (
        ["import marimo as mo", "mo.md('# a')", "mo.Html('<b>')"],
        ["md:# a", "html:<b>"],
    ),
}


@pytest.mark.parametrize("case", SHOWN.values(), ids=SHOWN)
def test_what_a_cell_shows(case: tuple[list[str], list[str]]) -> None:
    assert list(run_reactive(reactive(*case[0])).shown) == case[1]


# ---------------------------------------------------------------- comparing

PLANTED = {
    "the loop splits the name (marimo's own bug)": (
        ["t = 0", "for i in range(5):\n    t = t + i", "t"],
        ["t = 0", "for i in range(5):\n    t_1 = t + i", "t_1"],
        "shown: ['10'] became ['4']",
    ),
    "a function keeps the old value": (
        ["r = 1", "def f():\n    return r", "r = 2", "print(f())"],
        ["r = 1", "def f():\n    return r", "r_1 = 2", "print(f())"],
        "stdout: '2\\n' became '1\\n'",
    ),
    "a value is left wrong": (
        ["x = 1", "x = x + 1"],
        ["x = 1", "x_1 = x + 2"],
        "x = 2 became {'x_1': '3'}",
    ),
    "an alias is cut": (
        ["a = [1]\nb = a", "a += [2]"],
        ["a = [1]\nb = a", "a_1 = a + [2]"],
        "b = [1, 2] became {'b': '[1]'}",
    ),
    "prints change places": (
        ["print(1)\nx = 1", "print(2)"],
        ["print(2)", "print(1)\nx = 1"],
        "stdout",
    ),
    "a value is no longer shown": (["1", "2"], ["1", "2;"], "shown"),
    "a value is shown that was hidden": (["1;"], ["1"], "shown"),
    "an error is lost": (["1/0"], ["pass"], "errors"),
    "a function has another name": (
        ["def f(): ...", "f.__name__"],
        ["def f_1(): ...", "f_1.__name__"],
        "shown",
    ),
    "a private name crosses cells": (
        ["_x = 1", "_x"],
        ["_x = 1", "_x"],
        "errors: [] became ['NameError']",
    ),
}


@pytest.mark.parametrize("case", PLANTED.values(), ids=PLANTED)
def test_a_wrong_conversion_is_found(case: tuple[list[str], list[str], str]) -> None:
    before, after, message = case
    linear = run_linear(before, allow_errors=True)
    renames = [
        Rename(linear.bound.get(name, 0), name, name + "_1") for name in ("t", "x", "r", "a", "f")
    ]
    found = find_differences(linear, run_reactive(reactive(*after)), renames)
    assert found
    assert message in "\n".join(found)


def test_a_right_conversion_is_found_right() -> None:
    linear = run_linear(
        ["x = 0", "for i in range(4):\n    x += i\nx", "print(x)", "[_i for _i in 'a']"]
    )
    text = reactive(
        "import marimo as mo", "x = 0", "x_1 = x\nfor i in range(4):\n    x_1 += i\nx_1",
        "mo.md('a heading')", "print(x_1)", "[_i for _i in 'a']",
    )  # fmt: skip
    assert same(linear, run_reactive(text), [Rename(1, "x", "x_1")])


def test_a_lost_name_is_named() -> None:
    linear = run_linear(["x = 1", "y = 2", "_z = 3"])
    run = run_reactive(reactive("x_1 = 1", "_z = 3"))
    assert lost_names(linear, run, [Rename(1, "x", "x_1")]) == {"y"}


# ---------------------------------------------------------------- held against the real ones

SNIPPETS = [
    "x = y\nx += z\nx: int = w",
    "def f(a, b=c, *d, e: t = g, **h) -> r:\n    global k\n    k = a + i\n    return lambda q=p: s",
    "class C(B, metaclass=M):\n    a = b\n    def m(self, d=a):\n        return a + n\n    c = a",
    "[u for u in v if w]; {p: q for p, q in zip(r, s)}; (t := 1); [(o := n) for n in m]",
    "try:\n    a\nexcept E as e:\n    print(e)\n    b = e\nelse:\n    c\nfinally:\n    d = 1",
    "with open(p) as f, g as (h, *i):\n    for j, k in f:\n        del j, zz",
    "import a.b, c.d as e\nfrom f import g, h as _i, _j\n_i, _j, _k",
    "match p:\n    case [a, *b]: 1\n    case {'k': c, **d}: 2\n    case K(x=e) as f if g: 3",
    "def f():\n    print(x)\nx = 0\ny = [x for x in x]\nprint(later)\nlater = 1",
    "del x\ndef f():\n    del y\n_a = 1\ndef _b():\n    return _a + _b.__name__\n__ = 2\n__c__ = 3",
    "@deco(arg)\nasync def f():\n    async with a as b: await b\n    return [c async for c in d]",
    "x.y = 1\nz[w] = 2\nv[u] += 3\nt.s += r\nf'{q!r:{p}}'",
    "def outer():\n    n = 1\n    def inner():\n        nonlocal n\n        n = m\n    inner",
    "def f():\n    x_later()\ndef x_later():\n    return f\n",
]


def marimo_names(source: str) -> tuple[set[str], set[str], set[str]]:
    compiler = pytest.importorskip("marimo._ast.compiler")
    cell = compiler.compile_cell(source, cell_id="0")
    return set(cell.defs), set(cell.refs), set(cell.deleted_refs)


@pytest.mark.slow
@pytest.mark.parametrize("source", SNIPPETS)
def test_names_are_those_that_marimo_finds(source: str) -> None:
    names = dataflow.mangle_cell(ast.parse(source), "_cell_0")
    assert (set(names.defs), set(names.refs), set(names.deleted)) == marimo_names(source)


def run_in_marimo(path: pathlib.Path) -> tuple[list[str], str]:
    """(what is shown, stdout) of real marimo's App.run, in this process."""
    spec = importlib.util.spec_from_file_location("converted", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        spec.loader.exec_module(module)
        outputs, _ = module.app.run()
    return [repr(each) for each in outputs if each is not None], stdout.getvalue()


@pytest.mark.slow
def test_reactive_run_agrees_with_marimo(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("marimo")
    fine = [cells for cells, _ in ORDER.values() if not any("1/0" in cell for cell in cells)]
    plain = [cells for cells, _ in SHOWN.values() if "mo" not in cells[0]]
    for number, cells in enumerate([*fine, *plain]):
        path = tmp_path / f"converted{number}.py"  # else Python may take the last one's bytecode
        text = reactive(*cells)
        path.write_text(text)
        trace: Trace = run_reactive(text)
        assert run_in_marimo(path) == (list(trace.shown), trace.stdout)
