"""Which definitions stand alone, with their imports in the setup cell."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from plans import make_scripts, show_atom

from nbtools.analysis.versions import atoms_of
from nbtools.convert.importable import Arrangement, arrange_importable

F = "def f(): return math.pi"


def arrange(cells: Sequence[str]) -> Arrangement:
    _, scripts = make_scripts(cells)
    atoms = [atoms_of(number, script.statements) for number, script in enumerate(scripts)]
    return arrange_importable(atoms, lambda module: module.split(".")[0] == "local")


def setup_of(*cells: str) -> list[str]:
    return [show_atom(atom, cells) for atom in arrange(cells).setup]


SETUP: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "no definition": (("import math", "x = math.pi"), []),
    "a definition and its import": (("import math", F), ["import math"]),
    "an import below": ((F, "import math"), ["import math"]),
    "a definition that needs nothing": (("import math", "def f(): pass"), []),
    "a class": (("import a", "class C(a.B): pass"), ["import a"]),
    "only what is needed": (("import math\nx = 1", "import a", F), ["import math"]),
    "a cell of imports goes as a whole": (
        ("import math\nimport a", F),
        ["import math", "import a"],
    ),
    "an import for a helper of the function": (
        ("import math", F, "def g(): return f()"),
        ["import math"],
    ),
    "a global: not importable": (("import math\nx = 1", "def f(): return math.pi + x"), []),
    "a function that needs one of a global: not importable": (
        ("import math\nx = 1", "def f(): return g() + math.pi", "def g(): return x"),
        [],
    ),
    "a global assigned: not importable": (
        ("import math", "def f():\n    global x\n    x = math.pi"),
        [],
    ),
    "defined twice": (("import math", F, F), []),
    "its name is bound elsewhere": (("import math", F, "for f in []: pass"), []),
    "private": (("import math", "def _f(): return math.pi"), []),
    "a private import": (("import math as _m", "def f(): return _m.pi"), []),
    "a decorator of another cell": (("import math", "def d(g): return g", "@d\n" + F), []),
    "a decorator that is imported": (("import a", "@a.b\ndef f(): pass"), ["import a"]),
    "a decorator that is called": (("import a", "@a.b()\ndef f(): pass"), []),
    "a default that is computed": (("import a", "def f(x=a.b()): pass"), []),
    "a name in a string": (("import a", "def f(d): return d.query('v > @a')"), []),
    "the import stands for two things": (("import math", "import cmath as math", F), []),
    "the import repeated": (("import math", "import math", F), ["import math", "import math"]),
    "an import that an effect may have changed": (
        ("import sys", "sys.path.append('x')", "import math", F),
        [],
    ),
    "an import that no effect can have changed": (("print(1)", "import math", F), ["import math"]),
    "a local import before all effects": (
        ("import local", "def f(): return local.x"),
        ["import local"],
    ),
    "a local import behind an effect": (
        ("print(1)", "import local", "def f(): return local.x"),
        [],
    ),
    "an import that shows things itself": (("import tqdm", "def f(): return tqdm.tqdm"), []),
    "an import in a block": (("try:\n    import math\nexcept E:\n    pass", F), []),
    "a builtin that is shadowed": (("max = 1", "def f(): return max"), []),
    "a reserved name": (("import math", "def app(): return math.pi"), []),
}


@pytest.mark.parametrize(("cells", "expected"), SETUP.values(), ids=SETUP)
def test_setup(cells: tuple[str, ...], expected: list[str]) -> None:
    assert setup_of(*cells) == expected


def show_parts(*cells: str) -> list[str]:
    parts = arrange(cells).cells
    return [" / ".join(show_atom(atom, cells) for atom in part) for part in parts]


def test_an_importable_definition_stands_alone() -> None:
    cells = ("import math\nx = 1\ndef f(): return math.pi\ny = 2\nz = 3", "f()")
    assert show_parts(*cells) == ["x = 1", "def f(): return math.pi", "y = 2 / z = 3", "f()"]


def test_other_definitions_stay_where_they_are() -> None:
    cells = ("x = 1\ndef f(): return x\ny = 2", "f()")
    assert show_parts(*cells) == ["x = 1 / def f(): return x / y = 2", "f()"]


def test_functions_that_need_each_other_are_importable() -> None:
    cells = ("def f(): return g()\nx = 1\ndef g(): return f()",)
    assert show_parts(*cells) == ["def f(): return g()", "x = 1", "def g(): return f()"]


def test_nothing_is_lost() -> None:
    cells = ("import math\nx = 1", F + "\nprint(f())", "import a\nimport b", "class C(a.B): pass")
    found = arrange(cells)
    every = [*found.setup, *(atom for part in found.cells for atom in part)]
    places = sorted((atom.cell, atom.statements[0].index) for atom in every)
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0)]
