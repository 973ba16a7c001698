"""Which imports are dropped because the name stands for the same already, and which move."""

from __future__ import annotations

import pytest
from plans import make_scripts

from nbtools.convert.imports import Imports, drop_repeated_imports
from nbtools.convert.log import Log


def search(*cells: str) -> tuple[Imports, Log]:
    """`local` and what is in it lies beside the notebook."""
    _, scripts = make_scripts(cells)
    log = Log()
    found = drop_repeated_imports(scripts, lambda module: module.split(".")[0] == "local", log)
    return found, log


Drops = dict[tuple[int, int], str]

DROPS: dict[str, tuple[tuple[str, ...], Drops]] = {
    "once": (("import a",), {}),
    "twice": (("import a", "import a"), {(1, 0): "a"}),
    "twice in a cell": (("import a\nx = 1\nimport a",), {(0, 2): "a"}),
    "one of several": (("import a, b", "import b, c"), {(1, 0): "b"}),
    "under another name": (("import a", "import a as b"), {}),
    "under the same name": (("import a as b", "import a as b"), {(1, 0): "b"}),
    "another module": (("import a as x", "import b as x"), {}),
    "and back": (("import a as x", "import b as x", "import a as x"), {}),
    "from": (("from a import b, c as d", "from a import c as d"), {(1, 0): "d"}),
    "the module and from it": (("import a", "from a import a"), {}),
    "a submodule again": (("import a.b", "import a.b"), {(1, 0): "a"}),
    "its parent": (("import a.b", "import a"), {(1, 0): "a"}),
    "a submodule after its parent": (("import a", "import a.b"), {}),
    "the parent of a deeper one": (("import a.b.c", "import a.b"), {(1, 0): "a"}),
    "bound to something else between": (("import a", "a = 1", "import a"), {}),
    "deleted between": (("import a", "del a", "import a"), {}),
    "bound by a function between": (
        ("import a", "def f():\n    global a\n    a = 1", "import a"),
        {},
    ),
    "in a block": (("import a", "if x:\n    import a", "import a"), {(2, 0): "a"}),
    "another in a block": (("import a", "if x:\n    import b as a", "import a"), {}),
    "a block alone is not sure": (("try:\n    import a\nexcept E:\n    pass", "import a"), {}),
    "reloaded: names in it are new": (
        ("import a\nfrom a import b", "importlib.reload(a)", "import a\nfrom a import b"),
        {(2, 0): "a"},
    ),
    "from the future": (("from __future__ import annotations",), {(0, 0): "annotations"}),
    "a star": (("from a import *", "from a import *"), {}),
    "relative": (("from . import a", "from . import a", "from .. import a"), {(1, 0): "a"}),
}


@pytest.mark.parametrize(("cells", "expected"), DROPS.values(), ids=DROPS)
def test_drops(cells: tuple[str, ...], expected: Drops) -> None:
    found, _ = search(*cells)
    assert {place: " ".join(sorted(names)) for place, names in found.drops.items()} == expected


MOVES: dict[str, tuple[tuple[str, ...], dict[tuple[int, int], tuple[int, int]]]] = {
    "a second submodule": (("import a.b", "x = 1", "import a.c"), {(2, 0): (0, 0)}),
    "a submodule of an imported module": (("import a", "import a.b"), {(1, 0): (0, 0)}),
    "not beside another name": (("import a.b", "import a.c, d"), {}),
    "not one that lies beside the notebook": (("import local.b", "import local.c"), {}),
    "not after something else": (("import a.b", "a = 1", "import a.c"), {}),
    "with a name of its own": (("import a.b", "import a.c as d"), {}),
}


@pytest.mark.parametrize(("cells", "expected"), MOVES.values(), ids=MOVES)
def test_moves(cells: tuple[str, ...], expected: dict[tuple[int, int], tuple[int, int]]) -> None:
    assert search(*cells)[0].moves == expected


def test_what_is_dropped_is_bound_no_more() -> None:
    found, _ = search("import a, b", "import b, c")
    (statement,) = found.scripts[1].statements
    assert statement.facts.binds == statement.facts.always == {"c"}
    assert [bound.bound for bound in statement.facts.imports] == ["c"]
    assert found.scripts[0].statements[0].facts.binds == {"a", "b"}


def test_every_dropped_name_is_reported() -> None:
    _, log = search("import a, b", "x = 1\nimport b, a")
    assert [(e.kind, e.cell, e.line, e.name) for e in log.edits] == [
        ("drop", 1, 2, "a"),
        ("drop", 1, 2, "b"),
    ]
