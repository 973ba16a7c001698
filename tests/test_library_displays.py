"""What libraries display through IPython is shown by marimo."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from test_properties import convert

from nbtools.convert.helpers import HELPERS


def test_the_helper_is_called_behind_the_import() -> None:
    text = convert(["from ipywidgets import interact\nx = 1", "interact(print, x=3);"]).text
    assert "    from ipywidgets import interact\n    show_displays()\n    x = 1\n" in text
    assert text.count("def show_displays(") == 1


def test_figures_of_widgets_are_shown_above_them_but_for_a_backend_that_was_set() -> None:
    imports = "import matplotlib.pyplot as plt\nfrom ipywidgets import interact"
    text = convert([imports, "interact(f, x=3);"]).text
    assert "    show_displays(show_figures)\n" in text
    assert text.count("def show_figures(") == 1
    text = convert(["%matplotlib inline\n" + imports, "interact(f, x=3);"]).text
    assert "    show_displays()\n" in text


@pytest.mark.parametrize(
    "cells",
    [
        ["import sympy as sp", "sp.plot(x)"],
        ["from sympy import symbols, plot3d", "plot3d(x)"],
        ["from sympy import *", "p = plot_implicit(x)"],
        ["from sympy.plotting import plot as draw", "draw(x)"],
    ],
)
def test_plots_of_sympy_show_themselves(cells: list[str]) -> None:
    lines = convert(cells).text.split("\n")
    assert "sympy" in lines[lines.index("    show_displays()") - 1]


@pytest.mark.parametrize(
    "cells",
    [
        ["import ipywidgets as widgets", "widgets.IntSlider()"],
        ["from somewhere import interact", "interact(print, x=3)"],
        ["import sympy as sp\nimport matplotlib.pyplot as plt", "plt.plot([1])"],
        ["from sympy import *\nimport matplotlib.pyplot as plt", "plt.plot([1])"],
    ],
    ids=["nothing shows itself", "not ipywidgets", "no plot of sympy", "all of sympy, no plot"],
)
def test_other_notebooks_have_no_helper(cells: list[str]) -> None:
    assert "show_displays" not in convert(cells).text


def test_what_is_displayed_goes_to_marimo(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = pytest.importorskip("IPython.core.display_functions")
    import IPython.display

    shown: list[object] = []
    marimo = SimpleNamespace(output=SimpleNamespace(append=shown.append))
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    library = SimpleNamespace(display=functions.display, clear_output=functions.clear_output)
    monkeypatch.setitem(sys.modules, "a_library", library)
    for place in (functions, IPython.display):
        for name in ("display", "clear_output"):
            monkeypatch.setattr(place, name, getattr(functions, name))
    names: dict[str, object] = {}
    exec(HELPERS["show_displays"] + "get_ipython = str\nshow_displays()", names)
    library.display(1, 2)
    assert shown == [1, 2]
    library.clear_output()
    assert shown == [1, 2]
    exec("show_displays(clear=shown.clear)", names | {"shown": shown})
    library.clear_output()
    assert shown == [1, 2]
    IPython.display.clear_output()  # type: ignore[no-untyped-call]
    assert shown == []
