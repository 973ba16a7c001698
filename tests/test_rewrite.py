"""Edits to one cell: what must not change first, then before and after, then properties."""

from __future__ import annotations

import ast
import contextlib
import dis
import re
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtools.convert.rewrite import (
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
    assign_expression,
    bound_names,
    drop_deletes,
    drop_imports,
    edit_cell,
    expand_star,
    quote_annotations,
    rename_names,
    replace_calls,
    wrap_expression,
    wrap_in_try,
)

py312 = pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")


def everywhere(source: str, mapping: Mapping[str, str]) -> dict[int, Names]:
    """The same renames for all statements and all roles."""
    names = Names(mapping, mapping, mapping)
    try:
        count = len(ast.parse(source).body)
    except (SyntaxError, ValueError):  # ValueError: 3.12.1 on a nested "{x=}"
        count = 1  # syntax of a newer Python: such cases are one statement
    return dict.fromkeys(range(count), names)


def rename_x(source: str) -> str:
    return rename_names(source, everywhere(source, {"x": "x_1"}))


UNTOUCHED = {
    "parameter": "def f(x, /, *, y=1): return x",
    "star parameters": "def f(*x): return x\ndef g(**x): return x",
    "lambda parameter": "f = lambda x, *y: x",
    "local": "def f():\n    print(x)\n    x = 1",
    "local by for": "def f():\n    for x in y: print(x)",
    "local by import": "def f():\n    import x\n    return x.y",
    "local by dotted import": "def f():\n    import x.y\n    return x.y",
    "local by with": "def f():\n    with a as (b, x): return x",
    "local by except": "def f():\n    try: a\n    except E as x: print(x)",
    "local by walrus": "def f():\n    if (x := 1): return x",
    "local by walrus in a comprehension": "def f():\n    [x := i for i in y]\n    return x",
    "local by match": "def f():\n    match y:\n        case [x, *_]: return x",
    "local by def": "def f():\n    def x(): return x\n    return x",
    "local by class": "def f():\n    class x: pass\n    return x",
    "local by delete": "def f():\n    del x",
    "local by annotation": "def f():\n    x: int\n    return x",
    "local by augmented assignment": "def f():\n    x += 1",
    "local of the function around": "def f():\n    x = 1\n    def g(): return lambda: x",
    "nonlocal": "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2",
    "comprehension target": "[x for x in y]; {x for x in y}; {x: 1 for x in y}; (x for x in y)",
    "second comprehension target": "[x for a in b for x, c in a if x]",
    "comprehension in a method of its class": "class A:\n    def f(self): return [x for x in self]",
    "class-body name": "class A:\n    x = 1\n    y = x",
    "class-body name read first": "class A:\n    y = x\n    x = 1",
    "method name": "class A:\n    def x(self): ...\n    z = x",
    "keyword argument": "f(x=1); d(a, x=y)",
    "class keyword": "class A(B, x=1): ...",
    "attribute": "a.x; a.x.b = 1; del a.x",
    "string": "'x'; f'x {y}'; b'x'\n'''x'''",
    "comment": "y = 1  # x",
    "module path": "import a.x as b; from x import y; from x.x import z as b; from .x import w",
    "imported under another name": "from m import x as y; import x as z",
    "match keyword": "match a:\n    case C(x=1): ...",
    "match attribute": "match a:\n    case b.x: ...",
    "private name of a class": "class A:\n    def f(self): return __x",
    "longer names": "xx = x1 = _x = 1",
    "blank margins": "\f\n\nif y: z\n\n   \n \f\n",
    "no line at the end": "if y:\n    z\n    ",
    "continued into nothing": "y \\\n\n",
    "carriage returns": "y\r\nif z:\r\n\ty\r\n",
    "separators that end no line": "'\x0b\x1c\x85\u2028'\ny",
    "layout": "y=[1 ,2,\n\t 0x_FF , 1_0.e3 ]  # c\n\n\n  \nz  =  \\\n  'a'  \"b\" ;\n",
}


@pytest.mark.parametrize("source", UNTOUCHED.values(), ids=UNTOUCHED)
def test_rename_leaves_alone(source: str) -> None:
    assert rename_x(source) == source


RENAMED = {
    "load": ("y = x", "y = x_1"),
    "store": ("x = 1", "x_1 = 1"),
    "layout": ("x=[ x ,\n  x]  # x\n", "x_1=[ x_1 ,\n  x_1]  # x\n"),
    "two on a line": ("x = 1; y = x ;x", "x_1 = 1; y = x_1 ;x_1"),
    "brackets": ("((x)) = (x)", "((x_1)) = (x_1)"),
    "unpacking": ("a, (x, *b), [*x] = x", "a, (x_1, *b), [*x_1] = x_1"),
    "attribute and item": ("x.x[x].x = x.x", "x_1.x[x_1].x = x_1.x"),
    "augmented": ("x += x", "x_1 += x_1"),
    "augmented item": ("x[x] += 1", "x_1[x_1] += 1"),
    "annotated": ("x: x = x", "x_1: x_1 = x_1"),
    "only annotated": ("x: int", "x_1: int"),
    "for": (
        "for x in x:\n    x\nelse:\n    x",
        "for x_1 in x_1:\n    x_1\nelse:\n    x_1",
    ),
    "async": ("async for x in await x: ...", "async for x_1 in await x_1: ..."),
    "with": ("with x as x, a as (x, b): x", "with x_1 as x_1, a as (x_1, b): x_1"),
    "except": (
        "try: ...\nexcept x as x:\n    print(x, [x for _ in x])",
        "try: ...\nexcept x_1 as x_1:\n    print(x_1, [x_1 for _ in x_1])",
    ),
    "except star": (
        "try: ...\nexcept* x as x: x",
        "try: ...\nexcept* x_1 as x_1: x_1",
    ),
    "delete": ("del x, (x), x[0], a.x", "del x_1, (x_1), x_1[0], a.x"),
    "walrus": ("(x := x)", "(x_1 := x_1)"),
    "walrus in a comprehension": (
        "[x := i for i in y if (x := i)]",
        "[x_1 := i for i in y if (x_1 := i)]",
    ),
    "first iterable": ("[x for x in x]", "[x for x in x_1]"),
    "first iterable of the inner one": (
        "[[x for x in x] for a in b]",
        "[[x for x in x_1] for a in b]",
    ),
    "comprehension": (
        "{x: a for a in x if x for b in x}",
        "{x_1: a for a in x_1 if x_1 for b in x_1}",
    ),
    "generator": ("sum(x * i for i in x)", "sum(x_1 * i for i in x_1)"),
    "keyword's value": ("dict(x=x, **x)", "dict(x=x_1, **x_1)"),
    "free in a function": ("def f(): return x", "def f(): return x_1"),
    "free two deep": ("def f():\n def g(): return x", "def f():\n def g(): return x_1"),
    "parameter's default": ("def f(x=x): return x", "def f(x=x_1): return x"),
    "parameter's annotation": ("def f(x: x) -> x: return x", "def f(x: x_1) -> x_1: return x"),
    "decorator": ("@x.y(x=x)\ndef f(x): ...", "@x_1.y(x=x_1)\ndef f(x): ..."),
    "lambda": ("lambda y=x: (y, x)", "lambda y=x_1: (y, x_1)"),
    "lambda parameter's default": ("lambda x=x: x", "lambda x=x_1: x"),
    "def": ("def x(): return x", "def x_1(): return x_1"),
    "class": (
        "class x(x, m=x):\n    y = x\n    def f(self): return x",
        "class x_1(x_1, m=x_1):\n    y = x_1\n    def f(self): return x_1",
    ),
    "method skips the class": (
        "class A:\n    x = 1\n    def f(self, y=x): return x",
        "class A:\n    x = 1\n    def f(self, y=x): return x_1",
    ),
    "class-body annotation in a function that binds the name": (
        "def f(x):\n    class A:\n        y = x\n        x: int",
        "def f(x):\n    class A:\n        y = x_1\n        x: int",
    ),
    "class-body annotation binds nothing": (
        "class A:\n    x: x\n    y: x = x",
        "class A:\n    x: x_1\n    y: x_1 = x_1",
    ),
    "class-body annotation after its value": (
        "class A(x):\n    x: x = x",
        "class A(x_1):\n    x: x = x",
    ),
    "comprehension skips the class": (
        "class A:\n    x = 1\n    y = [x for i in x]",
        "class A:\n    x = 1\n    y = [x_1 for i in x]",
    ),
    "inner class skips the class": (
        "class A:\n    x = 1\n    class B:\n        y = x",
        "class A:\n    x = 1\n    class B:\n        y = x_1",
    ),
    "global in a function": (
        "def f():\n    global y, x\n    x = x + 1\n    del x\n    def g(): return x",
        "def f():\n    global y, x_1\n    x_1 = x_1 + 1\n    del x_1\n    def g(): return x_1",
    ),
    "global below a local": (
        "def f(x):\n    def g():\n        global x\n        def h(): return x\n        x = 1",
        "def f(x):\n    def g():\n        global x_1\n        def h(): return x_1\n        x_1 = 1",
    ),
    "global in a class": (
        "class A:\n    global x\n    x = x",
        "class A:\n    global x_1\n    x_1 = x_1",
    ),
    "global at module scope": ("global x\nx = 1", "global x_1\nx_1 = 1"),
    "global import": (
        "def f():\n    global x\n    import x\n    from m import x",
        "def f():\n    global x_1\n    import x as x_1\n    from m import x as x_1",
    ),
    "import": ("import a, x", "import a, x as x_1"),
    "import as": ("import m.n  as  x", "import m.n  as  x_1"),
    "from import": ("from x import (x, # c\n  y)", "from x import (x as x_1, # c\n  y)"),
    "from import as": ("from m import y as x", "from m import y as x_1"),
    "import as its own name": (
        "from m import x_1 as x; import x_1 as x",
        "from m import x_1; import x_1",
    ),
    "dotted import as": ("import x.y as x", "import x.y as x_1"),
    "match": (
        "match x:\n    case [x, *x] | {'k': x, **x} | C(x, x=x) | (int() as x) if x: x",
        "match x_1:\n    case [x_1, *x_1] | {'k': x_1, **x_1} "
        "| C(x_1, x=x_1) | (int() as x_1) if x_1: x_1",
    ),
    "match class and value": (
        "match a:\n    case x(): ...\n    case x.y: ...",
        "match a:\n    case x_1(): ...\n    case x_1.y: ...",
    ),
    "f-string": ("f'{x} {x!r:>{x}} x {{x}}'", "f'{x_1} {x_1!r:>{x_1}} x {{x}}'"),
    "f-string, joined": ("'x' f'{x}'", "'x' f'{x_1}'"),
    "f-string, shown": ("f'{x=}'", "f'x={x_1!r}'"),
    "f-string, shown with spaces": ("f'{ x  = }'", "f' x  = {x_1!r}'"),
    "f-string, shown with format": ("f'{x=:.2f} {x=!s:>9}'", "f'x={x_1:.2f} x={x_1!s:>9}'"),
    "f-string, shown with empty format": ("f'{x=:}'", "f'x={x_1:}'"),
    "f-string, shown expression": ("f'{x.x+y = }'", "f'x.x+y = {x_1.x+y!r}'"),
    "f-string, shown braces": ("f'{ {x: 1}=}'", "f' {{x: 1}}={ {x_1: 1}!r}'"),
    "f-string, shown quotes": ("f'{x[\"a\"]=}'", 'f\'x["a"]={x_1["a"]!r}\''),
    "f-string, shown lines": ("f'''{x\n=}'''", "f'''x\n={x_1!r}'''"),
    "f-string, shown raw": ("rf'{x=}'", "rf'x={x_1!r}'"),
    "f-string, other shown": ("f'{y=} {x} {y=:{x}}'", "f'{y=} {x_1} {y=:{x_1}}'"),
    "f-string, shown in a format": ("f'{y:{x=}}'", "f'{y:x={x_1!r}}'"),
    "private name of its class": (
        "class A:\n    def f(self): return _A__x, __x",
        "class A:\n    def f(self): return x_2, x_2",
    ),
    "normalised": ("ﬁ = ｘ", "ﬁ = x_1"),  # noqa: RUF001 - Python reads x
    "type alias": ("type x[T: x] = list[x, T]", "type x_1[T: x_1] = list[x_1, T]"),
    "type parameter": (
        "def f[x](a: x, b=x) -> x: return x",
        "def f[x](a: x, b=x_1) -> x: return x",
    ),
    "type parameter of a class": (
        "class A[x](x):\n    a: x\n    def f(self): return x",
        "class A[x](x):\n    a: x\n    def f(self): return x",
    ),
    "template string": ("t'{x} {x=}'", "t'{x_1} x={x_1!r}'"),
}


@pytest.mark.parametrize(("before", "after"), RENAMED.values(), ids=RENAMED)
def test_rename(before: str, after: str) -> None:
    mapping = {"x": "x_1", "_A__x": "x_2"}
    assert rename_names(before, everywhere(before, mapping)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = x", "s = l"),
        ("x += x", "s += l"),
        ("del x", "del l"),
        ("f = lambda a=x: x", "f = lambda a=l: t"),
        ("@x\ndef x(a: x = x) -> x: return x", "@l\ndef s(a: l = l) -> l: return t"),
        (
            "class x(x):\n    y = x\n    def f(self, a=x): x",
            "class s(l):\n    y = l\n    def f(self, a=l): t",
        ),
        ("[x for a in x if (x := a)]", "[l for a in l if (s := a)]"),
        ("g = (x for a in x)", "g = (l for a in l)"),
        ("lambda: [x for a in x]", "lambda: [t for a in t]"),
        ("def f():\n    class A(x):\n        y = x", "def f():\n    class A(t):\n        y = t"),
        (
            "def f():\n    global x\n    x = x\n    del x",
            "def f():\n    global t\n    t = t\n    del t",
        ),
        ("class A:\n    global x\n    x = x", "class A:\n    global s\n    s = l"),
        ("try: x\nexcept x as x: x", "try: l\nexcept l as s: s"),
        ("try: x\nexcept E as x: lambda: x", "try: l\nexcept E as s: lambda: t"),
        ("try: x\nexcept E as y: x", "try: l\nexcept E as y: l"),
        ("import x", "import x as s"),
        ("match x:\n    case x if x: x", "match l:\n    case s if l: l"),
        ("type x = x", "type s = t"),
    ],
)
def test_roles_are_told_apart(before: str, after: str) -> None:
    names = Names(loads={"x": "l"}, stores={"x": "s"}, late={"x": "t"})
    assert rename_names(before, {0: names}) == after


def test_global_of_a_function_follows_stores_where_late_has_no_word() -> None:
    before = "def f():\n    global x\n    x = x\n    def g(): return x"
    after = "def f():\n    global s\n    s = s\n    def g(): return s"
    assert rename_names(before, {0: Names(stores={"x": "s"})}) == after
    assert rename_names(before, {0: Names(loads={"x": "l"})}) == before


def test_late_reads_do_not_follow_stores() -> None:
    source = "def f(): return x, lambda: x"
    assert rename_names(source, {0: Names(loads={"x": "l"}, stores={"x": "s"})}) == source


def test_statements_are_counted_as_ast_counts_them() -> None:
    source = "x; x\n\n# c\nif x: x; x\nx ;x;\n@x\ndef f(): ...\nx"
    to = {index: Names({"x": f"x{index}"}) for index in range(7)}
    after = "x0; x1\n\n# c\nif x2: x2; x2\nx3 ;x4;\n@x5\ndef f(): ...\nx6"
    assert rename_names(source, to) == after
    assert rename_names(source, {1: to[1]}) == source.replace("x; x\n", "x; x1\n", 1)


def only(*names: str) -> dict[int, frozenset[str]]:
    return {0: frozenset(names)}


DROPPED_IMPORTS = {
    "whole": ("import a  # c\nx = 1", {0: "a"}, "x = 1"),
    "all there is": ("import a", {0: "a"}, ""),
    "all but a comment": ("# c\nimport a", {0: "a"}, "# c"),
    "one of two": ("import a, b  # c", {0: "a"}, "import b  # c"),
    "last of two": ("import a , b", {0: "b"}, "import a"),
    "both": ("from m import a, b\nx", {0: "a b"}, "x"),
    "by its bound name": ("import a.b, a as c, d.e as f", {0: "a f"}, "import a as c"),
    "brackets": ("from m import (a,\n    b,\n    c,\n)", {0: "a c"}, "from m import (b,\n)"),
    "brackets with comments": (
        "from m import (a, # a\n    b)",
        {0: "b"},
        "from m import (a, # a\n    )",
    ),
    "comment above stays": ("y\n# c\nimport a\nx", {1: "a"}, "y\n# c\nx"),
    "comment above the last stays": ("y\n# c\nimport a\n", {1: "a"}, "y\n# c\n"),
    "blank lines of the first go": ("import a\n\n\nx", {0: "a"}, "x"),
    "blank lines of the last go": ("x\n\nimport a", {1: "a"}, "x"),
    "blank lines below a comment stay": ("# c\nimport a\n\nx", {0: "a"}, "# c\n\nx"),
    "between": ("x\n\nimport a\n\ny", {1: "a"}, "x\n\n\ny"),
    "first on a line": ("import a; x  # c", {0: "a"}, "x  # c"),
    "last on a line": ("x; import a  # c", {1: "a"}, "x  # c"),
    "last on a line with ;": ("x; import a;", {1: "a"}, "x;"),
    "all on a line": ("import a; import b  # c\nx", {0: "a", 1: "b"}, "x"),
    "before a block": ("import a\n# c\nif x: ...", {0: "a"}, "# c\nif x: ..."),
    "nothing": ("import a", {0: ""}, "import a"),
    "other name": ("import a", {0: "b"}, "import a"),
}


@pytest.mark.parametrize(
    ("before", "drops", "after"), DROPPED_IMPORTS.values(), ids=DROPPED_IMPORTS
)
def test_drop_imports(before: str, drops: dict[int, str], after: str) -> None:
    named = {index: frozenset(names.split()) for index, names in drops.items()}
    assert drop_imports(before, named) == after


@pytest.mark.parametrize(
    ("before", "drops", "after"),
    [
        ("del a", "a", "# del a"),
        ("del a  # c\nx", "a", "# del a  # c\nx"),
        ("del(a,  b);", "a b", "# del(a,  b)"),
        ("del a, b", "a", "del b"),
        ("del(a,b)", "b", "del a"),
        ("del a, b , c", "c", "del a, b"),
        ("del (a, b, c)", "b", "del (a, c)"),
        ("del [a, (b, c)], d", "a b", "del c, d"),
        ("del a, b[a]", "a", "del b[a]"),
        ("del (a,\n  b)\nx", "a b", "# del (a, b)\nx"),
        ("del a; x  # c", "a", "x  # del a  # c"),
        ("# c\n\ndel a\n\nx", "a", "# c\n\n# del a\n\nx"),
    ],
)
def test_drop_deletes(before: str, drops: str, after: str) -> None:
    assert drop_deletes(before, only(*drops.split())) == after


@pytest.mark.parametrize(
    ("before", "index", "after"),
    [
        ("x", 0, "f(x)"),
        ("x  # c", 0, "f(x)  # c"),
        ("x;  # c", 0, "f(x)  # c"),
        ("x ; \n", 0, "f(x) \n"),
        ("a; x; b", 1, "a; f(x); b"),
        ("a\n\n# c\nx.y( 1,\n    2 )  # d\n", 1, "a\n\n# c\nf(x.y( 1,\n    2 ))  # d\n"),
        ("(x)", 0, "f((x))"),
        ("a, b", 0, "f((a, b))"),
        ("*a, b", 0, "f((*a, b))"),
        ("()", 0, "f(())"),
        ("'''a\n b'''", 0, "f('''a\n b''')"),
        ("await x", 0, "f(await x)"),
        ("x + \\\n  1", 0, "f(x + \\\n  1)"),
    ],
)
def test_wrap_expression(before: str, index: int, after: str) -> None:
    assert wrap_expression(before, index, "f(", ")") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x  # c", "n = x  # c"),
        ("x;", "n = x"),
        ("(x\n  .y())", "n = (x\n  .y())"),
        ("f(1,\n  2)\ny", "n = f(1,\n  2)\ny"),
        ("a, *b", "n = a, *b"),
        ("a == b", "n = a == b"),
    ],
)
def test_assign_expression(before: str, after: str) -> None:
    assert assign_expression(before, 0, "n") == after


HANDLER = ["except E:", "    raise"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x", "    x"),
        ("# a\nx  # b\n\n# c", "    # a\n    x  # b\n\n    # c"),
        ("x = '''\na\n'''\ny", "    x = '''\na\n'''\n    y"),
        ("f'''\n{x}'''", "    f'''\n{x}'''"),
        ("x = [1,\n  2]", "    x = [1,\n      2]"),
        ("if x:\n  y\n\n  z\n\nelse: w", "    if x:\n      y\n\n      z\n\n    else: w"),
        ("if x:\n\ty", "    if x:\n    \ty"),
        ("", "    pass"),
        ("# a", "    # a\n    pass"),
    ],
)
def test_wrap_in_try(before: str, after: str) -> None:
    wrapped = wrap_in_try(before, HANDLER)
    assert wrapped == f"try:\n{after}\nexcept E:\n    raise"
    compile(wrapped, "cell", "exec")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a: A, *b: B, c: C = 1, **d: D) -> E: ...",
         'def f(a: "A", *b: "B", c: "C" = 1, **d: "D") -> "E": ...'),
        ("def f(a: 'A', b: A['b'], c: A[\"c\"]): ...",
         "def f(a: 'A', b: \"A['b']\", c: 'A[\"c\"]'): ..."),
        ("def f(a: A[\n  B]): ...", 'def f(a: """A[\n  B]"""): ...'),
        ("def f():\n    x: A = 1\n    def g(a: A): ...",
         'def f():\n    x: A = 1\n    def g(a: "A"): ...'),
        ("class C:\n    x: A = 1\n    def f(self, a: A): y: B",
         'class C:\n    x: "A" = 1\n    def f(self, a: "A"): y: B'),
        ("def f(a: A['x'][\"y\"]): ...", "def f(a: 'A[\\'x\\'][\"y\"]'): ..."),
        ("x: A", 'x: "A"'),
    ],
)  # fmt: skip
def test_quote_annotations(before: str, after: str) -> None:
    assert quote_annotations(before, 0) == after


def test_expand_star() -> None:
    assert expand_star("x; from .m import *  # c", 1, ["a", "b"]) == "x; from .m import a, b  # c"
    assert expand_star("if y:\n  from m import *", 0, ["a"]) == "if y:\n  from m import a"
    names = [f"name_{number:02}" for number in range(9)]
    lines = "".join(f"    {name},\n" for name in names)
    assert expand_star("from m import *; x", 0, names) == f"from m import (\n{lines}); x"


def test_expanded_names_follow_a_rename() -> None:
    edits: list[CellEdit] = [
        ExpandStar(0, ["a", "b"]),
        RenameNames({0: Names(stores={"b": "b_1"})}),
    ]
    assert edit_cell("from m import *", edits) == "from m import a, b as b_1"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("plt.show()", "NEW()"),
        ("plt.show( block = True ) ;  # c", "NEW() ;  # c"),
        ("x; plt.show(); plt.show()", "x; NEW(); NEW()"),
        ("for a in b:\n    plt.show()\nelse: plt.show()", "for a in b:\n    NEW()\nelse: NEW()"),
        (
            "class A:\n  def f(self):\n    if x: y; plt.show()",
            "class A:\n  def f(self):\n    if x: y; NEW()",
        ),
        ("plt . show()", "NEW()"),
        ("x = plt.show(); plt.show; plt.show()()", "x = NEW(); plt.show; NEW()()"),
        (
            "f(plt.show()); a.plt.show(); plt.show().b()",
            "f(NEW()); a.plt.show(); NEW().b()",
        ),
        ("match a:\n    case 1: plt.show()", "match a:\n    case 1: NEW()"),
    ],
)
def test_replace_calls(before: str, after: str) -> None:
    assert replace_calls(before, lambda called: called == "plt.show", "NEW()") == after


def test_bound_names_are_all_words() -> None:
    source = "import a.b as c\nf(d=g.h, *ﬁ)  # later: i_1\nfor _ in 'j > @k': pass\ndef L(m): ..."
    expected = {*"abcdfghjkLm", "_", "fi", "later", "i_1"}
    assert bound_names(source) == expected


def test_edits_speak_of_the_original_source_in_any_order() -> None:
    source = "import a, b; x = 1\nplt.show()\ndel x, y\nx, a;  # end"
    edits: list[CellEdit] = [
        WrapExpression(4, "x(", ")"),
        RenameNames(everywhere(source, {"x": "x_1", "a": "a_1", "plt": "p"})),
        DropDeletes({3: frozenset("y")}),
        ReplaceCalls(lambda called: called == "plt.show", "plt.x()"),
        WrapInTry(HANDLER),
        DropImports({0: frozenset("b")}),
    ]
    after = (
        "try:\n    import a as a_1; x_1 = 1\n    plt.x()\n    del x_1\n"
        "    x((x_1, a_1))  # end\nexcept E:\n    raise"
    )
    assert edit_cell(source, edits) == after
    assert edit_cell(source, edits[::-1]) == after


def test_what_is_dropped_need_not_be_renamed() -> None:
    edits: list[CellEdit] = [
        RenameNames({0: Names(stores={"a": "a_1"}), 1: Names({"b": "b_1"})}),
        DropImports({0: frozenset("a")}),
        DropDeletes({1: frozenset("b")}),
    ]
    assert edit_cell("import a.b\ndel b", edits) == "# del b"


def test_annotations_are_quoted_under_their_new_names() -> None:
    source = "def f(a: A): ...\nf"
    edits: list[CellEdit] = [
        QuoteAnnotations(0),
        RenameNames({0: Names({"A": "B"})}),
        AssignExpression(1, "A"),
    ]
    assert edit_cell(source, edits) == 'def f(a: "B"): ...\nA = f'


@pytest.mark.parametrize(
    ("source", "edit"),
    [
        ("x =", RenameNames({0: Names({"x": "y"})})),
        ("x", RenameNames({1: Names({"x": "y"})})),
        ("x", RenameNames({-1: Names({"x": "y"})})),
        ("import x.y", RenameNames({0: Names(stores={"x": "y"})})),
        ("rf'{x[\"\\a\"]=}'", RenameNames({0: Names({"x": "y"})})),
        ("x = 1", WrapExpression(0, "f(", ")")),
        ("if x: y", AssignExpression(0, "y")),
        ("x", WrapExpression(0, "f(", "")),
        ("x", WrapExpression(0, "# ", "")),
        ("x", WrapExpression(0, "a; f(", ")")),
        ("x", AssignExpression(0, "a b")),
        ("x", DropImports({0: frozenset("x")})),
        ("from m import *", DropImports({0: frozenset("x")})),
        ("x", DropDeletes({0: frozenset("x")})),
        ("from m import a", ExpandStar(0, ["a"])),
        ("from m import *", ExpandStar(0, [])),
        ("x", ReplaceCalls(lambda _: True, "if x: y")),
        ("x", WrapInTry(["raise"])),
        ("x", WrapInTry([])),
    ],
)  # fmt: skip
def test_wrong_edits_are_value_errors(source: str, edit: CellEdit) -> None:
    with pytest.raises(ValueError, match=r"."):
        edit_cell(source, [edit])


@pytest.mark.parametrize("terms", [3_000, 30_000])
def test_what_is_too_deep_is_a_value_error_or_right(terms: int) -> None:
    """How deep an expression may be depends on the version of Python."""
    with contextlib.suppress(ValueError):
        edited = edit_cell("x = " + "+".join("x" * terms), [RenameNames({0: Names({"x": "y"})})])
        assert edited == "x = " + "+".join("y" * terms)


def test_deep_sums_are_renamed() -> None:
    source = "x = " + "+".join("x" * 400)
    assert rename_x(source) == source.replace("x", "x_1")


@pytest.mark.parametrize("source", ["x = (", "%magic", "x"])
def test_no_edit_gives_the_same_text_without_a_parse(source: str) -> None:
    nothing: list[CellEdit] = [
        RenameNames({0: Names(), 9: Names()}),
        DropImports({0: frozenset()}),
        DropDeletes({}),
    ]
    assert edit_cell(source, []) == source
    assert edit_cell(source, nothing) == source


def test_libcst_is_imported_by_the_first_edit_that_needs_it() -> None:
    code = (
        "import sys; from nbtools.convert.rewrite import *; assign_expression('x', 0, 'y')\n"
        "assert 'libcst' not in sys.modules; wrap_in_try('x', ['except E: pass'])\n"
        "assert 'libcst' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- properties -----------------------------------------------------------------------

NAMES = st.sampled_from(["x", "y", "f"])


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2, inside: str = "module") -> list[str]:
    """A few statements, as lines; every third one holds further statements."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        lines += draw(statements(depth, inside))
    return lines


@st.composite
def expressions(draw: st.DrawFn) -> str:
    a, b = draw(NAMES), draw(NAMES)
    return draw(
        st.sampled_from(
            [
                a,
                "1",
                f"({a}, {b})",
                f"dict({a}={b})",
                f"[{a} for {a} in range(3)]",
                f"[({a}, {b}) for {a} in range(2) for {b} in [{a}]]",
                f"sum({a} if {b} else 0 for _ in range(2))",
                f"(lambda {a}=2: ({a}, {b}))",
                f"(lambda: {a})",
                f"f'{{{a}}} {{{b}=}} {a}'",
                f"{a}()",
                f"({a} and {b})",
                f"[i for i in range(2) if [{a} for {b} in range(2)]]",
                f"hasattr({a}, '{b}')",
            ]
        )
    )


@st.composite
def statements(draw: st.DrawFn, depth: int, inside: str) -> list[str]:
    a, b, value = draw(NAMES), draw(NAMES), draw(expressions())
    simple = [
        [f"{a} = {value}"],
        [f"{a} = {b} = 3"],
        [f"{a} += 1"],
        [f"{a}: {b}"],
        [f"{a}: {b} = {value}"],
        [value],
        [f"import math as {a}"],
        [f"from math import pi as {a}; {b} = 1.5"],
        [f"for {a} in range(2): {b} = {value}"],
        [f"try: {b} = {value}", f"except TypeError as {a}: y = str({a})"],
        [f"if ({a} := 4): {b} = {value}"],
        [f"match {value}:", f"    case {a}: {b} = 2"],
    ]
    if inside != "class":
        simple.append([f"[{a} := i for i in range(2)]"])
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(simple))
    kind = draw(st.sampled_from(["function", "class"]))
    body = ["    " + line for line in draw(blocks(depth - 1, kind))]
    if kind == "class":
        return [f"class {a}:", *body]
    declared = draw(st.sampled_from(["", "", "global x", "global y, f"]))
    arguments = "" if declared else draw(st.sampled_from(["", f"{b}=5", f"*{b}"]))
    top = [f"    {declared}"] if declared else []
    return [f"def {a}({arguments}):", *top, *body, f"    return {b}"]


def parses(source: str) -> bool:
    try:
        compile(source, "cell", "exec")
    except SyntaxError:
        return False
    return True


programs = blocks().map("\n".join).filter(parses)  # some declare a name global too late
FRESH = {"x": "x_1", "y": "fresh", "f": "f_1"}


@given(programs)
def test_an_empty_rename_is_the_identity(source: str) -> None:
    assert rename_names(source, everywhere(source, {"unused": "z"})) == source


@given(programs.filter(lambda source: "=}" not in source))
def test_a_rename_and_its_reverse_are_the_identity(source: str) -> None:
    there = rename_names(source, everywhere(source, FRESH))
    back = {new: old for old, new in FRESH.items()}
    assert rename_names(there, everywhere(there, back)) == source


@settings(deadline=None)
@given(programs.filter(lambda source: not reads_through_class(compile(source, "cell", "exec"))))
def test_a_consistent_rename_computes_the_same(source: str) -> None:
    renamed = rename_names(source, everywhere(source, FRESH))
    before, after = run(source), run(renamed)
    assert {FRESH.get(name, name): value for name, value in before.items()} == after


def reads_through_class(code: types.CodeType, in_class: bool = False) -> bool:
    """Tell whether a class body reads a name it also binds: it may find the global's value.

    Such a read is left alone (`class-body name read first` above), so that a planner must
    not rename the name then.
    """
    names: dict[str, set[object]] = {"LOAD_NAME": set(), "STORE_NAME": set(), "DELETE_NAME": set()}
    for i in dis.get_instructions(code):
        names.get(i.opname, set()).add(i.argval)
    both = names["LOAD_NAME"] & (names["STORE_NAME"] | names["DELETE_NAME"])
    return (in_class and bool(both)) or any(
        reads_through_class(constant, "__module__" in constant.co_names)
        for constant in code.co_consts
        if isinstance(constant, types.CodeType)
    )


def run(source: str) -> dict[str, object]:
    """What a program leaves, in comparable form, and what stopped it."""
    namespace: dict[str, object] = {"__name__": "cell"}
    stopped = ""
    try:
        exec(compile(source, "cell", "exec"), namespace)
    except Exception as error:  # any kind: both programs must stop alike
        stopped = type(error).__name__
    values = {name: comparable(value) for name, value in namespace.items() if name[:2] != "__"}
    return {**values, " stopped": stopped}


def comparable(value: object) -> object:
    """A value without names of functions and classes, which a rename changes, and addresses."""
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return restore(value) if "0x" not in value else "text with an address"
    return restore(type(value).__name__)


# --- an independent check of scopes: the compiler's -----------------------------------


def name_operations(
    code: types.CodeType, mapping: Mapping[str, str], in_class: bool = False
) -> list[tuple[str, str]]:
    """All instructions, with the names that the compiler looks up in the module mapped."""
    found: list[tuple[str, str]] = []
    instructions = [
        i for i in dis.get_instructions(code) if i.opname not in ("CACHE", "EXTENDED_ARG")
    ]
    local = {
        i.argval for i in instructions if in_class and i.opname in ("STORE_NAME", "DELETE_NAME")
    }
    for i in instructions:
        argument = i.argval
        if isinstance(argument, types.CodeType) or i.opcode in (*dis.hasjrel, *dis.hasjabs):
            argument = None
        elif i.opname.endswith(("_NAME", "_GLOBAL")) and not i.opname.startswith("IMPORT"):
            argument = argument if argument in local else mapping.get(argument, argument)
        found.append((i.opname, repr(argument)))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += name_operations(constant, mapping, "__module__" in constant.co_names)
    return found


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="other instructions; one version will do")
@settings(deadline=None, max_examples=200)
@given(programs)
def test_scopes_are_those_of_the_compiler(source: str) -> None:
    check_scopes(source)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="other instructions; one version will do")
@pytest.mark.parametrize("source", [*UNTOUCHED.values(), *(pair[0] for pair in RENAMED.values())])
def test_scopes_of_the_tables_are_those_of_the_compiler(source: str) -> None:
    if not parses(source):
        pytest.skip("newer syntax")
    check_scopes(source)


def check_scopes(source: str) -> None:
    mapping = {**FRESH, "_A__x": "x_2"}
    renamed = rename_names(source, everywhere(source, mapping))
    expected = name_operations(compile(source, "cell", "exec"), mapping)
    found = name_operations(compile(renamed, "cell", "exec"), {})
    # the names of functions and classes are constants as well
    assert without_names(expected) == without_names(found)


def without_names(operations: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (operation, restore(argument) if operation == "LOAD_CONST" else argument)
        for operation, argument in operations
    ]


def restore(constant: str) -> str:
    for old, new in FRESH.items():
        constant = re.sub(rf"\b{new}\b", old, constant)
    return constant
