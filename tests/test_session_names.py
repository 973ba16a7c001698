"""`display`, `get_ipython` and IPython's shell, which Jupyter gives to every cell."""

from __future__ import annotations

import pytest
from plans import make_scripts

from nbtools.convert.log import Log
from nbtools.convert.session_names import define_session_names

D = "display(x)"
G = "get_ipython()"
R = "from IPython.core.magic import register_line_magic"
HELPED: dict[str, tuple[tuple[str, ...], list[bool]]] = {
    "called": ((D, "x"), [True, False]),
    "called later": (("def f(): display(1)",), [True]),
    "handed on": (("y = map(display, z)",), [True]),
    "the notebook's own": (("def display(x): pass", D), [False, False]),
    "imported from IPython": (("from IPython.display import display", D), [True, True]),
    "the shell": ((f"'colab' in str({G})", "x"), [True, False]),
    "the shell, imported": (("from IPython import get_ipython", G), [True, True]),
    "the notebook's own function": ((f"def {G[:-2]}(): pass", G), [False, False]),
}


@pytest.mark.parametrize(("cells", "expected"), HELPED.values(), ids=HELPED)
def test_who_gets_the_helper(cells: tuple[str, ...], expected: list[bool]) -> None:
    _, scripts = make_scripts(cells)
    defined = define_session_names(scripts, Log())
    assert [bool(script.helpers) for script in defined] == expected


SHELL: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "registering": ((R, "@register_line_magic\ndef f(line): pass"), [f"{R}\n_shell = {G}"]),
    "among others": ((f"import os\n{R}\nx = 1",), [f"import os\n{R}\n_shell = {G}\nx = 1"]),
    "a method of the module": (
        ("import IPython", f"ip = IPython.{G}"),
        [f"import IPython\n_shell = {G}"],
    ),
    "all of it": (
        ("from IPython.core.magic import *",),
        [f"from IPython.core.magic import *\n_shell = {G}"],
    ),
    "what needs no shell": (("import IPython", "IPython.display.HTML(x)"), ["import IPython"]),
}


@pytest.mark.parametrize(("cells", "expected"), SHELL.values(), ids=SHELL)
def test_where_the_shell_is_made(cells: tuple[str, ...], expected: list[str]) -> None:
    _, scripts = make_scripts(cells)
    log = Log()
    sources = [script.source for script in define_session_names(scripts, log)]
    assert sources == [*expected, *cells[len(expected) :]]
    assert len(log.edits) == (sources[0] != cells[0])
