"""Where the figures of a cell are shown."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from notebooks import convert
from plans import make_scripts

from nbtools.cells import Notebook, Output
from nbtools.convert.figures import show_figures
from nbtools.convert.log import Log
from nbtools.formats.reactive_reader import read_reactive

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
    "shown at last, with a semicolon": (
        "plt.plot(x);\nplt.show(); # as Jupyter does",
        f"plt.plot(x);\n{GCF} # as Jupyter does",
    ),
    "shown in the middle, with a semicolon": (
        "plt.figure()\nplt.show();\nplt.plot(x)\nplt.show();",
        f"plt.figure()\n{HELPER};\nplt.plot(x)\n{HELPER};",
    ),
    "axes made of a figure": (
        "fig = plt.figure()\nax = Axes3D(fig)\nax.scatter(x, y, z)",
        "fig = plt.figure()\nax = Axes3D(fig)\nax.scatter(x, y, z)",
    ),
    "axes": (
        "fig, ax = plt.subplots()\nax.plot(x);",
        f"fig, ax = plt.subplots()\nax.plot(x);\n{GCF}",
    ),
    "one of many axes, and an artist": (
        "fig, axs = plt.subplots(2)\naxs[0].plot(x)\naxs[1].set_title('a')",
        None,
    ),
    "one of many axes, and nothing": (
        "fig, axs = plt.subplots(2)\naxs[0].plot(x)\naxs[1].set_axis_off()",
        f"fig, axs = plt.subplots(2)\naxs[0].plot(x)\naxs[1].set_axis_off()\n{GCF}",
    ),
    "a grid": (
        "fig, ax = plt.subplots()\nax.grid(True)",
        f"fig, ax = plt.subplots()\nax.grid(True)\n{GCF}",
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
    "a value of one of many axes": (
        "fig, axs = plt.subplots(2)\naxs[0].plot(x)\naxs[1].set_ylim(0, 1)",
        [
            "fig, axs = plt.subplots(2)\naxs[0].plot(x)\n"
            "result_2 = axs[1].set_ylim(0, 1)\nshow_figures(result_2)",
            "result_2",
        ],
    ),
    "a value that an item computes": (
        "plt.plot(x)\nf[0](x)",
        [f"plt.plot(x)\nresult_2 = f[0](x)\n{GCF}", "result_2"],
    ),
    "on one line": ("plt.plot(x); x", [f"plt.plot(x); result_2 = x\n{GCF}", "result_2"]),
}


@pytest.mark.parametrize(("cell", "expected"), PARTED.values(), ids=PARTED)
def test_a_value_behind_a_figure_is_shown_apart(cell: str, expected: list[str]) -> None:
    assert show(cell)[0] == expected


def test_functions_of_the_notebook_that_draw() -> None:
    found, _ = show("def f(x):\n    plt.plot(x)", "def g(x):\n    f(x)", "y = g(1)")
    assert found[2] == f"y = g(1)\n{HELPER}"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("plt.plot(x)", ["f(1)\nshow_figures()"]),
        ("plt.plot(x)\n    if x:\n        return", ["f(1)\nshow_figures()"]),
        ("return plt.plot(x)", ["result_3 = f(1)\nshow_figures(result_3)", "result_3"]),
        ("plt.plot(x)\n    yield", ["result_3 = f(1)\nshow_figures(result_3)", "result_3"]),
    ],
)
def test_a_function_that_returns_nothing_has_no_value_to_show(body: str, shown: list[str]) -> None:
    assert show(f"def f(x):\n    {body}", "f(1)")[0][1:] == shown


def test_a_name_with_two_functions_may_return_something() -> None:
    found, _ = show("def f():\n    plt.plot(x)", "def f():\n    return plt.plot(x)", "f()")
    assert found[-1] == "result_4"


LIBRARIES = {
    "networkx": ("import networkx as nx", "nx.draw_circular(g)", True),
    "a function of it": ("from networkx import draw_networkx", "draw_networkx(g)", True),
    "a module of pandas": ("import pandas as pd", "pd.plotting.lag_plot(s);", True),
    "a class method": (
        "from sklearn.metrics import RocCurveDisplay",
        "RocCurveDisplay.from_estimator(m, x, y);",
        True,
    ),
    "deep": ("import statsmodels.api as sm", "sm.graphics.tsa.plot_acf(x);", True),
    "imported dotted": ("import scipy.spatial", "scipy.spatial.voronoi_plot_2d(v);", True),
    "another function": ("import networkx as nx", "nx.path_graph(3)", False),
    "another library": ("import mine as nx", "nx.draw(g)", False),
}


@pytest.mark.parametrize(("line", "call", "draws"), LIBRARIES.values(), ids=LIBRARIES)
def test_libraries_that_draw(line: str, call: str, draws: bool) -> None:
    assert show(line, call)[0][-1] == (f"{call}\n{HELPER}" if draws else call)


@pytest.mark.parametrize(
    "cells",
    [
        ("def f(x):\n    plt.plot(x)", "interact(f, x=3);"),
        ("def f(x):\n    plt.plot(x)", "w = widgets.interactive_output(f, {'x': s})"),
        ("@interact(x=3)\ndef f(x):\n    plt.plot(x)",),
        ("@interact\ndef f(x=3):\n    plt.plot(x)",),
    ],
)
def test_a_widget_calls_a_function_that_draws(cells: tuple[str, ...]) -> None:
    assert show(*cells)[0][-1] == f"{cells[-1]}\n{HELPER}"


def test_a_function_that_is_only_handed_on_draws_nothing() -> None:
    assert show("def f(x):\n    plt.plot(x)", "plots = [f, f]")[0][-1] == "plots = [f, f]"


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


@pytest.mark.parametrize(
    ("function", "below"),
    [("def f():\n    return 1", ()), ("def f():\n    return b\na = 1", ("b = a", "f()"))],
    ids=["that can be imported", "that needs a cell below"],
)
def test_a_function_between_does_not_part_what_draws(function: str, below: Sequence[str]) -> None:
    converted = convert(PLT, f"plt.plot(x)\n{function}\nplt.title('a')", *below)
    sources = [cell.source for cell in read_reactive(converted.text).cells]
    assert [source for source in sources if "plot" in source and "title" in source]


def test_a_function_between_does_not_part_a_figure_from_what_shows_it() -> None:
    converted = convert(PLT, "plt.plot(x)\ndef f():\n    return 1\nx")
    sources = [cell.source for cell in read_reactive(converted.text).cells]
    assert [source for source in sources if "plot" in source and GCF in source]
