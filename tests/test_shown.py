"""What a cell displays on its way, and the value it ends in, are both shown."""

from __future__ import annotations

import pytest
from plans import make_scripts

from nbtools.convert.log import Log
from nbtools.convert.shown import functions_calling, show_values_apart


def show(*cells: str) -> tuple[list[str], Log]:
    _, scripts = make_scripts(cells)
    log = Log()
    return [script.source for script in show_values_apart(scripts, log)], log


D = "display(x)"
PARTED: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "no value": (("x = 1\n" + D,), ["x = 1\n" + D]),
    "a value and nothing displayed": (("x = 1\nx",), ["x = 1\nx"]),
    "both": ((D + "\nx",), [D, "x"]),
    "both, and comments": (
        (D + "\n# why\nx + 1  # so",),
        [D, "# why\nx + 1  # so"],
    ),
    "a value that is not shown": ((D + "\nx;",), [D + "\nx;"]),
    "a print": ((D + "\nprint(x)",), [D + "\nprint(x)"]),
    "a value on the way": ((D + "\n1 + x\nx",), [D + "\n1 + x;", "x"]),
    "what it shows is changed before": (
        (D + "\nd.pop(x)\nlen(d)",),
        [D + "\nd.pop(x)\nresult_1 = len(d)", "result_1"],
    ),
    "and made in the same cell": (
        ("d = {}\n" + D + "\nd.pop(x)\nlen(d)",),
        ["d = {}\n" + D + "\nd.pop(x);", "len(d)"],
    ),
    "what only makes something": ((D + "\nw.Box(x);\nw.Tab(y)",), [D + "\nw.Box(x);", "w.Tab(y)"]),
    "only a display": ((D,), [D]),
    "in a block": (("for x in y:\n    display(x)\nz",), ["for x in y:\n    display(x)", "z"]),
    "in a function that is called": (
        ("def f():\n    display(1)", "f()\nx"),
        ["def f():\n    display(1)", "f();", "x"],
    ),
    "in a function that a function calls": (
        ("def f():\n    display(1)\ndef g():\n    f()", "g()\nx"),
        ["def f():\n    display(1)\ndef g():\n    f()", "g();", "x"],
    ),
    "in a function that is not called": (
        ("def f():\n    display(1)\nx",),
        ["def f():\n    display(1)\nx"],
    ),
    "the value displays, too": (
        ("def f():\n    display(1)\n    return 2", "y = 1", "f()"),
        ["def f():\n    display(1)\n    return 2", "y = 1", "result_3 = f()", "result_3"],
    ),
    "on one line": ((D + "; x",), [D + "; result_1 = x", "result_1"]),
    "imported under a name": (
        ("from IPython.display import display as d", "d(x)\nx"),
        ["from IPython.display import display as d", "d(x);", "x"],
    ),
    "a widget, and its function": (
        ("from ipywidgets import interact", "interact(f, x=3)"),
        ["from ipywidgets import interact", "result_2 = interact(f, x=3)", "result_2"],
    ),
    "a widget by its dotted name": (
        ("import ipywidgets as w", "w.interact_manual(f, x=3)\nx"),
        ["import ipywidgets as w", "w.interact_manual(f, x=3);", "x"],
    ),
    "a function that is called interact": (("interact(f)",), ["interact(f)"]),
    "marimo's own": (
        ("mo.output.append(x)\nx",),
        ["mo.output.append(x)", "x"],
    ),
}


@pytest.mark.parametrize(("cells", "expected"), PARTED.values(), ids=PARTED)
def test_parting(cells: tuple[str, ...], expected: list[str]) -> None:
    assert show(*cells)[0] == expected


@pytest.mark.parametrize("last", ["[display(x) for x in y]", "display(x), 5", "print(x), 5"])
def test_a_last_value_that_is_made_of_displays(last: str) -> None:
    found, _ = show(f"{D}\n{last}")
    assert len(found) == 2


def test_a_parted_cell_is_reported() -> None:
    _, log = show(f"\n{D}\nx")
    assert [(edit.kind, edit.cell, edit.line) for edit in log.edits] == [("split", 0, 3)]


def test_functions_that_call_something_directly_or_not() -> None:
    _, scripts = make_scripts(
        (
            "def a(): plt.plot()\ndef b(): a()\ndef c(): b",
            "class D:\n    def m(self): b()\ne = lambda: D()",
            "def loop(): loop()\nf = [a]",
        )
    )
    assert functions_calling(scripts, "plt.plot".__eq__) == {"a", "b", "D", "e"}
