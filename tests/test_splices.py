"""Edits by position: what `ast` places exactly, with the text that libcst gives."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NAMES, Written, notebooks

from nbtools.convert.cell_edits import (
    AssignExpression,
    CellEdit,
    DropDeletes,
    DropImports,
    ExpandStar,
    Names,
    QuoteAnnotations,
    RenameNames,
    ReplaceCalls,
    WrapExpression,
    WrapInTry,
    changes_nothing,
)
from nbtools.convert.module_edits import edit_module
from nbtools.convert.splices import splice_edits

X = Names(loads={"x": "x_1"}, stores={"x": "x_2"}, late={"x": "x_3"})
LONG = {"x": "a_much_longer_name"}

SPLICED = {
    "read and bind": ("x = x + 1", "x_2 = x_1 + 1"),
    "augmented": ("x += x", "x_2 += x_1"),
    "deleted": ("del x, y", "del x_1, y"),
    "unpacked": ("(x, *y), z[x] = x", "(x_2, *y), z[x_1] = x_1"),
    "walrus": ("print(x := 1)", "print(x_2 := 1)"),
    "attribute and keyword": ("a.x(x=x)", "a.x(x=x_1)"),
    "behind other letters": ("'äöü€😀', x, 'é', x", "'äöü€😀', x_1, 'é', x_1"),
    "lines and comments": ("y = [  # x\n    x,\n]  # x", "y = [  # x\n    x_1,\n]  # x"),
    "loop": ("for x in x:\n\tprint(x)  # x", "for x_2 in x_1:\n\tprint(x_1)  # x"),
    "function": ("def f(a=x):\n    return x", "def f(a=x_1):\n    return x_3"),
    "method": (
        "class C(x):\n    y = x\n    def m(self): return x",
        "class C(x_1):\n    y = x_1\n    def m(self): return x_3",
    ),
    "lambda": ("f = lambda a=x: a + x", "f = lambda a=x_1: a + x_3"),
    "comprehension": ("[x + a for a in x if x]", "[x_1 + a for a in x_1 if x_1]"),
    "definition": ("@x\ndef  x(): return x", "@x_1\ndef  x_2(): return x_3"),
    "asynchronous definition": ("async  def x(): pass", "async  def x_2(): pass"),
    "class": ("class x(x): pass", "class x_2(x_1): pass"),
    "import": ("import x", "import x as x_2"),
    "import from": ("from .m import (\n    x, y,\n)", "from .m import (\n    x as x_2, y,\n)"),
    "import as": ("import x.y  as  x, z", "import x.y  as  x_2, z"),
    "f-string": ("f'{x} é {x!r:>{x}}' f'x{{x}}'", "f'{x_1} é {x_1!r:>{x_1}}' f'x{{x}}'"),
    "f-string that shows the name": ("f'{ x = } {x=:>{x}}'", "f' x = {x_1!r} x={x_1:>{x_1}}'"),
    "f-string over lines": ("f'''\n é {x}\n{x:{x}}'''", "f'''\n é {x_1}\n{x_1:{x_1}}'''"),
    "parameter": ("def f(x, y=x): return lambda: x", "def f(x, y=x_1): return lambda: x"),
    "lambda's parameter": ("f(x, lambda x, *y: x)", "f(x_1, lambda x, *y: x)"),
    "comprehension's own": ("[x for x in x if x]", "[x for x in x_1 if x]"),
    "comprehension that unpacks": (
        "{a: x for a, (x, b) in x}",
        "{a: x for a, (x, b) in x_1}",
    ),
    "many on a line": ("x; x = 1; print(x)", "x_1; x_2 = 1; print(x_1)"),
}

LEFT = {
    "parameter that is bound again": "def f(x):\n    x = 1",
    "parameter and class variable": "def f(x):\n    class C:\n        x = x",
    "local": "def f():\n    x = 1\n    return x",
    "global": "def f():\n    global x\n    x = 1",
    "class variable": "class C:\n    x = x",
    "inner walrus": "[(x := a) for a in y]",
    "handler": "try: pass\nexcept E as x: print(x)",
    "capture": "match y:\n    case [x, *_]: pass",
    "module of a package": "import x.y",
    "import under its own name again": "from y import x_2 as x",
    "inner import": "def f():\n    import x",
    "f-string that shows quotes": "print(f'{x[\"a\"]=}')",
    "rest of a mapping": "match y:\n    case {'a': 1, **x}: pass",
    "inner definition": "def f():\n    def x(): pass",
    "written otherwise": "\uff58 = 1",
    "carriage return": "x = 1\r\ny = x",
    "not Python": "x = = 1",
}


@pytest.mark.parametrize(("before", "after"), SPLICED.values(), ids=SPLICED)
def test_certain_renames_are_spliced(before: str, after: str) -> None:
    edits = [RenameNames(dict.fromkeys(range(len(ast.parse(before).body)), X))]
    assert splice_edits(before, edits) == edit_module(before, edits) == after


@pytest.mark.parametrize("source", LEFT.values(), ids=LEFT)
def test_what_is_not_certain_is_left_to_libcst(source: str) -> None:
    assert splice_edits(source, [RenameNames({0: X})]) is None


A = frozenset("a")
MANY = [f"name_{number}" for number in range(9)]
STAR = "from é.m import *;  # c"
ANNOTATED = (
    "def f(a: int, *b: List[ int], c: 'C' = 1, **d : e) -> Dict[str,\n  int]:\n    y: int = 1\n"
    '    def g(z: x) -> "y": pass\n    class C:\n        v: Literal["a"]'
)

EDITED: dict[str, tuple[str, CellEdit]] = {
    "wrapped": ("a\nx.y()[0]  # c\nb", WrapExpression(1, "show(", ")")),
    "wrapped over lines": ("(x +\n  1)", WrapExpression(0, "show(", ")")),
    "wrapped before a semicolon": ("x;", WrapExpression(0, "show(", ")")),
    "wrapped between semicolons": ("x; y ;", WrapExpression(1, "show(", ")")),
    "wrapped without brackets": ("(x), (\n y);", WrapExpression(0, "show(", ")")),
    "wrapped with brackets": ("((x), y)", WrapExpression(0, "show(", ")")),
    "without its semicolon": ("x; y.z() ;", WrapExpression(1, "", "")),
    "tuple without its semicolon": ("x, y;", WrapExpression(0, "", "")),
    "named": ("x.y()", AssignExpression(0, "_")),
    "named before a semicolon": ("é.y() ;", AssignExpression(0, "_")),
    "named without brackets": ("x, y", AssignExpression(0, "_")),
    "calls": ("plt.show()\nif x:\n    plt.show(); y", ReplaceCalls("plt.show".__eq__, "gcf()")),
    "calls, and their values": (
        "_ = plt.show()\ndef f():\n    return (plt.show(block=True)), 1",
        ReplaceCalls("plt.show".__eq__, "gcf()"),
    ),
    "first of an import": ("from m import a, b as c  # d", DropImports({0: A})),
    "last of an import": ("import b.c ,  a.x", DropImports({0: A})),
    "one of an import over lines": ("from m import (\n  b, x as a,\n)", DropImports({0: A})),
    "import between statements": ("x\n# c\n\nimport a  # d\n\ny", DropImports({1: A})),
    "import under a comment": ("# c\n\nimport a\n", DropImports({0: A})),
    "import above a comment": ("import a\n\n# c", DropImports({0: A})),
    "import under blank lines": ("\n\nimport a\nx", DropImports({0: A})),
    "import above blank lines": ("import a;\n\n  \nx", DropImports({0: A})),
    "import at the end": ("x\n\nimport a\n\n", DropImports({1: A})),
    "import before a semicolon": ("import a; x; y  # c", DropImports({0: A})),
    "import behind a semicolon": ("x; import a; # c", DropImports({1: A})),
    "del": ("x\n  \ndel a\ny", DropDeletes({1: A})),
    "one of a del": ("del b, a ; x", DropDeletes({0: A})),
    "star import": (STAR, ExpandStar(0, ["a", "b"])),
    "star import of one line": (STAR, ExpandStar(0, ["n" * 71])),
    "star import of many lines": (STAR, ExpandStar(0, ["n" * 72])),
    "star import of many names": (STAR, ExpandStar(0, MANY)),
    "annotations of a function": (ANNOTATED, QuoteAnnotations(0)),
    "annotations of variables": ("class C:\n    é: int\n    b: 'x'", QuoteAnnotations(0)),
}


@pytest.mark.parametrize(("source", "edit"), EDITED.values(), ids=EDITED)
def test_other_edits_are_spliced_as_libcst_makes_them(source: str, edit: CellEdit) -> None:
    spliced = splice_edits(source, [edit])
    assert spliced is not None
    assert spliced == edit_module(source, [edit])


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


LINES = [
    *("", "# c", "  ", "x", "x  # c", "import a", "import a  # c", "import a;", "import b,  a"),
    *("import a, b", "from m import (\n  a, b,\n)", "from m import (b,\n  a)", "import a; x"),
    *("x; import a", "def f():\n    pass", "def f():\n    pass\n    # c", "@f\ndef f(): pass"),
    *("del a", "del a  # c", "del (a)", "del a;", "del a, b", "del b, a"),
]


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=5), st.sampled_from(["", "\n", " "]))
def test_what_is_dropped_by_position_libcst_drops_too(lines: list[str], end: str) -> None:
    source = "\n".join(lines) + end
    body = ast.parse(source).body
    imports = [i for i, node in enumerate(body) if _is_import(node)]
    deletes = [i for i, node in enumerate(body) if isinstance(node, ast.Delete)]
    for places in (imports, imports[:1], imports[1:]):
        assert_alike(source, [DropImports(dict.fromkeys(places, A))])
    assert_alike(source, [DropDeletes(dict.fromkeys(deletes, A)), RenameNames({0: X})])


def assert_alike(source: str, edits: list[CellEdit]) -> None:
    spliced = None if all(map(changes_nothing, edits)) else splice_edits(source, edits)
    if spliced is not None and ast.parse(source).body:
        assert spliced == edit_module(source, edits)


@pytest.mark.parametrize(
    "source",
    [
        "import a",
        "\nimport a.x  \n",
        "import b.x as a",
        "from b import (\n    a,\n    x as y,\n)",
        "from __future__ import a",
        "import a  # c",
        "import a;",
    ],
)
def test_an_import_of_which_nothing_is_left_is_dropped(source: str) -> None:
    edits = [DropImports({0: frozenset({"a", "y"})})]
    assert splice_edits(source, edits) == edit_module(source, edits) == ""


@pytest.mark.parametrize(
    ("source", "edit"),
    [
        ("x; # c", WrapExpression(0, "show(", ")")),
        ("x = 1; y", WrapExpression(0, "show(", ")")),
        ("x", WrapExpression(0, "(lambda: ", ")()")),
        ("(x  # (\n, y)", WrapExpression(0, "show(", ")")),
        ("(yield)", WrapExpression(0, "show(", ")")),
        ("x", AssignExpression(0, "a.b")),
        ("x", AssignExpression(7, "a")),
        ("plt.show(\n)", ReplaceCalls("plt.show".__eq__, "gcf()")),
        ("from a import *", DropImports({0: A})),
        ("from m import (\n    a,  # c\n    b)", DropImports({0: A})),
        ("import a\nimport a", DropImports({0: A, 1: A})),
        ("def f():\n    pass\n    # c\nimport a", DropImports({1: A})),
        ("del (a, b)", DropDeletes({0: A})),
        ("del a, b,", DropDeletes({0: frozenset("b")})),
        ("del a; x", DropDeletes({0: A})),
        ("del a  # c", DropDeletes({0: A})),
        ("if x:\n    from m import *", ExpandStar(0, ["a"])),
        ("from m import\\\n *", ExpandStar(0, ["a"])),
        ("x: (int)", QuoteAnnotations(0)),
        ("x: f'{y}'", QuoteAnnotations(0)),
        ("x", WrapInTry(["except E: pass"])),
    ],
)
def test_other_edits_that_are_not_certain_are_left(source: str, edit: CellEdit) -> None:
    assert splice_edits(source, [edit]) is None


def test_edits_of_one_statement_meet() -> None:
    edits: list[CellEdit] = [RenameNames({0: Names(loads=LONG)}), WrapExpression(0, "show(", ")")]
    assert splice_edits("x.a(x);", edits) == "show(a_much_longer_name.a(a_much_longer_name))"


def test_edits_in_one_place_are_left() -> None:
    edits: list[CellEdit] = [
        RenameNames({0: Names(loads=LONG)}),
        ReplaceCalls("x.show".__eq__, "gcf()"),
    ]
    assert splice_edits("x.show()", edits) is None


NOTEBOOK_WIDE = {name for names in NAMES.values() for name in names}


@given(notebooks())
def test_whatever_is_spliced_libcst_makes_too(written: Written) -> None:
    for source in written.cells:
        words = sorted(NOTEBOOK_WIDE & set(re.findall(r"\w+", source)))
        names = Names(
            loads={word: f"{word}_load" for word in words},
            stores={word: f"{word}_store" for word in words},
            late={word: f"{word}_late" for word in words},
        )
        for index in range(len(ast.parse(source).body)):
            edits = [RenameNames({index: names})]
            spliced = splice_edits(source, edits)
            if spliced is not None:
                assert spliced == edit_module(source, edits)
