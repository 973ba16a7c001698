"""Star imports and script runs become the names that the notebook uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from plans import make_scripts

from nbtools.analysis.modules import forget_modules
from nbtools.convert.log import Log
from nbtools.convert.stars import expand_stars

FILES = {"mine": "a = b = c = 1\n_d = 2", "other": "a = e = 2", "empty": ""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
    forget_modules()
    return tmp_path


def expand(folder: Path | None, *cells: str) -> tuple[list[str], Log]:
    _, scripts = make_scripts(cells)
    log = Log()
    return [script.source for script in expand_stars(scripts, folder, log)], log


STAR = "from mine import *"
CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": (("import mine",), ("import mine",)),
    "used": ((STAR, "print(b, a)"), ("from mine import a, b", "print(b, a)")),
    "used in its own cell": ((f"{STAR}\nprint(b)",), ("from mine import b\nprint(b)",)),
    "used when called, above": (
        ("def f(): return c", STAR, "f()"),
        ("def f(): return c", "from mine import c", "f()"),
    ),
    "used by a string": ((STAR, "eval('b')"), ("from mine import b", "eval('b')")),
    "not used": ((STAR, "x = 1"), ("import mine as _", "x = 1")),
    "used only above": (("print(b)", STAR), ("print(b)", "import mine as _")),
    "private": ((STAR, "print(_d)"), ("import mine as _", "print(_d)")),
    "bound by the notebook before it is used": (
        (STAR, "b = 1", "print(b)"),
        ("import mine as _", "b = 1", "print(b)"),
    ),
    "used and then bound": (
        (STAR, "print(b)", "b = 1"),
        ("from mine import b", "print(b)", "b = 1"),
    ),
    "used to be bound again": ((STAR, "b = b + 1"), ("from mine import b", "b = b + 1")),
    "two: the later one counts": (
        (STAR, "from other import *", "print(a, b, e)"),
        ("from mine import b", "from other import a, e", "print(a, b, e)"),
    ),
    "two: each where it is used": (
        (STAR, "print(a)", "from other import *", "print(a)"),
        ("from mine import a", "print(a)", "from other import a", "print(a)"),
    ),
    "two in a cell": (
        (f"{STAR}\nfrom other import *\nprint(b, e)",),
        ("from mine import b\nfrom other import e\nprint(b, e)",),
    ),
    "a module that binds nothing": (("from empty import *",), ("import empty as _",)),
    "of Python's own": (
        ("from math import *", "print(pi, sin(1))"),
        ("from math import pi, sin", "print(pi, sin(1))"),
    ),
    "a shadowed builtin": (
        ("from math import *", "pow(1, 2)"),
        ("from math import pow", "pow(1, 2)"),
    ),
    "a script": (
        ("%run mine.py", "print(b)"),
        ('_run = runpy.run_path("mine.py", run_name="__main__")\nb = _run["b"]', "print(b)"),
    ),
    "a script above a star in one cell": (
        ("%run mine.py\n%run empty.py\nfrom other import *\nprint(b, e)",),
        (
            '_run = runpy.run_path("mine.py", run_name="__main__")\nb = _run["b"]\n'
            '_run = runpy.run_path("empty.py", run_name="__main__")\n'
            "from other import e\nprint(b, e)",
        ),
    ),
    "a script that nobody uses": (
        ("%run mine.py",),
        ('_run = runpy.run_path("mine.py", run_name="__main__")',),
    ),
}


@pytest.mark.parametrize(("cells", "expected"), CASES.values(), ids=CASES)
def test_stars_become_names(
    cells: tuple[str, ...], expected: tuple[str, ...], folder: Path
) -> None:
    found, log = expand(folder, *cells)
    assert tuple(source.replace("'", '"') for source in found) == tuple(
        source.replace("'", '"') for source in expected
    )
    assert log.warnings == []


UNKNOWN = "from nowhere import *"
ELIMINATED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "what nothing else binds": (
        (UNKNOWN, "x = 1", "print(x, y, z)"),
        ("from nowhere import y, z", "x = 1", "print(x, y, z)"),
    ),
    "what functions look up": (
        (UNKNOWN, "def f(a): return a + b"),
        ("from nowhere import b", "def f(a): return a + b"),
    ),
    "not what another module binds": (
        (UNKNOWN, STAR, "print(b, y)"),
        ("from nowhere import y", "from mine import b", "print(b, y)"),
    ),
    "of two unknown, the nearest above": (
        (UNKNOWN, "from void import *", "print(y)"),
        ("import nowhere as _", "from void import y", "print(y)"),
    ),
    "not builtins, nor what a guard expects": (
        (UNKNOWN, "try:\n    y\nexcept NameError:\n    print(max)"),
        ("import nowhere as _", "try:\n    y\nexcept NameError:\n    print(max)"),
    ),
}


@pytest.mark.parametrize(("cells", "expected"), ELIMINATED.values(), ids=ELIMINATED)
def test_a_module_that_is_not_found(
    cells: tuple[str, ...], expected: tuple[str, ...], folder: Path
) -> None:
    found, log = expand(folder, *cells)
    assert tuple(found) == expected
    assert all("was not found" in warning.message for warning in log.warnings)
    assert log.warnings != []


def test_what_an_unknown_module_is_taken_to_bind_is_said() -> None:
    _, log = expand(None, "x = 1\nfrom nowhere import *", "print(y, z)")
    (warning,) = log.warnings
    assert (warning.cell, warning.line) == (0, 2)
    assert warning.message == "`nowhere` was not found: it is taken to bind `y`, `z`"


def test_each_is_reported(folder: Path) -> None:
    _, log = expand(folder, f"x = 1\n{STAR}", "print(b, a)")
    (edit,) = log.edits
    assert (edit.kind, edit.cell, edit.line, edit.lines) == ("replace", 0, 2, 1)
    assert edit.reason == "`mine` binds, of the names used here: a, b"
