"""Where the figures of a cell are shown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from plans import make_scripts

from nbtools.cells import Notebook, Output
from nbtools.convert.figures import show_figures
from nbtools.convert.log import Log

PLT = "import matplotlib.pyplot as plt"
GCF, HELPER = "plt.gcf()", "show_figures()"
FIGURE = Output("display_data", ("image/png", "text/plain"))
PLOT = "plt.plot(x)"


def show(
    *cells: str, outputs: tuple[Output, ...] = (), tags: tuple[str, ...] = ()
) -> tuple[list[str], Log]:
    """The cells behind one that imports pyplot; `outputs` and `tags` are those of the last."""
    notebook, scripts = make_scripts((PLT, *cells))
    last = replace(notebook.cells[-1], outputs=outputs, tags=tags)
    log = Log()
    shown = show_figures(scripts, Notebook((*notebook.cells[:-1], last)), None, log)
    assert shown[0].source == PLT
    helped = {script.cell for script in shown if "show_figures" in script.helpers}
    assert helped == {script.cell for script in shown if HELPER[:-1] in script.source}
    return [script.source for script in shown[1:]], log


ONE = {
    "nothing drawn": ("x = 1", "x = 1"),
    "a last artist shows its figure": ("plt.plot(x)", "plt.plot(x)"),
    "a title is an artist": ("plt.plot(x)\nplt.title('a')", "plt.plot(x)\nplt.title('a')"),
    "silenced": ("plt.plot(x);", f"plt.plot(x);\n{GCF}"),
    "assigned": ("y = plt.plot(x)", f"y = plt.plot(x)\n{GCF}"),
    "a last call that gives nothing": (
        "plt.plot(x)\nplt.grid()",
        f"plt.plot(x)\nplt.grid()\n{GCF}",
    ),
    "a function of seaborn that gives nothing": (
        "import seaborn as sns\nsns.boxplot(x)\nsns.despine(left=True)",
        f"import seaborn as sns\nsns.boxplot(x)\nsns.despine(left=True)\n{HELPER}",
    ),
    "seaborn's settings at last": (
        "import seaborn as sns\nsns.boxplot(x)\nsns.set_style('dark')",
        f"import seaborn as sns\nsns.boxplot(x)\nsns.set_style('dark')\n{HELPER}",
    ),
    "seaborn's axes at last": (
        "import seaborn as sns\nsns.boxplot(x)",
        "import seaborn as sns\nsns.boxplot(x)",
    ),
    "printed at last": ("plt.plot(x)\nprint(x)", f"plt.plot(x)\nprint(x)\n{GCF}"),
    "shown at last": ("plt.plot(x)\nplt.show()", f"plt.plot(x)\n{GCF}"),
    "axes": (
        "fig, ax = plt.subplots()\nax.plot(x);",
        f"fig, ax = plt.subplots()\nax.plot(x);\n{GCF}",
    ),
    "the figure at last": ("fig = plt.figure()\nfig", "fig = plt.figure()\nfig"),
    "a method of data": ("df.plot()", "df.plot()"),
    "a method of data, silenced": ("df.plot();", f"df.plot();\n{HELPER}"),
    "two figures": (
        "plt.figure()\nplt.plot(x)\nplt.figure()\nplt.plot(x);",
        f"plt.figure()\nplt.plot(x)\nplt.figure()\nplt.plot(x);\n{HELPER}",
    ),
    "a loop": (
        "for x in y:\n    plt.figure()\n    plt.plot(x)",
        f"for x in y:\n    plt.figure()\n    plt.plot(x)\n{HELPER}",
    ),
    "shown in a loop": (
        "for x in y:\n    plt.plot(x)\n    plt.show()",
        f"for x in y:\n    plt.plot(x)\n    {HELPER}",
    ),
    "shown twice": (
        "plt.plot(x)\nplt.show()\nplt.plot(y)\nplt.show()",
        f"plt.plot(x)\n{HELPER}\nplt.plot(y)\n{HELPER}",
    ),
    "closed": ("plt.plot(x)\nplt.close()\ny = 1", f"plt.plot(x)\nplt.close()\ny = 1\n{HELPER}"),
    "nothing that draws": ("plt.rcParams['a'] = 1\nplt.style.use('b')", None),
    "data only": ("x = plt.cm.viridis(1)", None),
}


@pytest.mark.parametrize(("cell", "expected"), ONE.values(), ids=ONE)
def test_one_cell(cell: str, expected: str | None) -> None:
    found, _ = show(cell)
    assert found[0] == (cell if expected is None else expected)


PARTED = {
    "a value at last": ("plt.plot(x)\nx", [f"plt.plot(x)\n{GCF}", "x"]),
    "a value that is computed": (
        "plt.plot(x)\nf(x)",
        [f"plt.plot(x)\nresult_2 = f(x)\n{GCF}", "result_2"],
    ),
    "what may show its figure itself": (
        "for a in b:\n    plt.figure(a)\nf(a)",
        [
            "for a in b:\n    plt.figure(a)\nresult_2 = f(a)\nshow_figures(result_2)",
            "result_2",
        ],
    ),
    "a name that may show its figure itself": (
        "for a in b:\n    plt.figure(a)\na.b",
        ["for a in b:\n    plt.figure(a)\nshow_figures(a.b)", "a.b"],
    ),
    "a value that is no artist": (
        "for a in b:\n    plt.figure(a)\na, b",
        [f"for a in b:\n    plt.figure(a)\n{HELPER}", "a, b"],
    ),
    "on one line": ("plt.plot(x); x", [f"plt.plot(x); result_2 = x\n{GCF}", "result_2"]),
}


@pytest.mark.parametrize(("cell", "expected"), PARTED.values(), ids=PARTED)
def test_a_value_behind_a_figure_is_shown_apart(cell: str, expected: list[str]) -> None:
    assert show(cell)[0] == expected


def test_functions_of_the_notebook_that_draw() -> None:
    found, _ = show("def f(x):\n    plt.plot(x)", "def g(x):\n    f(x)", "y = g(1)")
    assert found[2] == f"y = g(1)\n{HELPER}"


def test_a_function_that_shows_uses_the_helper() -> None:
    found, _ = show("def f(x):\n    plt.plot(x)\n    plt.show()")
    assert found == [f"def f(x):\n    plt.plot(x)\n    {HELPER}"]


def test_pyplot_that_is_not_there_yet_is_not_called() -> None:
    notebook, scripts = make_scripts(("df.plot();", PLT))
    shown = show_figures(scripts, notebook, None, Log())
    assert [script.source for script in shown] == [f"df.plot();\n{HELPER}", PLT]


@pytest.mark.parametrize("module", ["pylab", "matplotlib.pyplot"])
def test_names_from_pyplot(module: str) -> None:
    notebook, scripts = make_scripts((f"from {module} import plot, show", "plot(x)\nshow()"))
    shown = show_figures(scripts, notebook, None, Log())
    assert shown[1].source == f"plot(x)\n{HELPER}"


def test_a_saved_figure_tells_of_what_drew_it() -> None:
    assert show("y = model.fit(x)")[0] == ["y = model.fit(x)"]
    found, _ = show("y = model.fit(x)", outputs=(FIGURE,))
    assert found == [f"y = model.fit(x)\n{HELPER}"]


def test_a_saved_picture_that_is_no_figure() -> None:
    picture = Output("display_data", ("image/png", "text/html"))
    assert show("y = f(x)", outputs=(picture,))[0] == ["y = f(x)"]


def test_a_cell_whose_output_is_hidden_shows_nothing() -> None:
    assert show("plt.plot(x);", tags=("remove-output",))[0] == ["plt.plot(x);"]


def test_what_is_added_and_replaced_is_reported() -> None:
    _, log = show("plt.plot(x);", "plt.plot(x)\nplt.show()")
    assert [(e.kind, e.cell, e.line, e.lines) for e in log.edits] == [
        ("add", 1, 1, 0),
        ("replace", 2, 2, 1),
    ]
