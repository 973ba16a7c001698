"""What `read_statements` and `compose` say about names, as a ladder of tables.

A row is a cell, what it reads and binds, and all else that it does; what a row does not name
it must not do. Builtins are left out of `reads`, `late` and `values`.
"""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest
from anything import run_anyhow
from behaviour import FOLDER, read_cases, to_ipynb
from hypothesis import given, settings
from hypothesis import strategies as st
from scopes_of_libcst import (
    augmented_names,
    handler_names,
    local_names,
    names_by_libcst,
    names_by_symtable,
    names_deleted_in_blocks,
    pattern_names,
    walrus_names,
)
from statements import ALL, BRANCHES, FLOW, PROGRAMS, cells
from strategies import Written, notebooks

from nbtools.analysis.facts import BUILTINS, Code, Facts, Import, SourceError, compose
from nbtools.analysis.statements import read_statements
from nbtools.convert.log import Log
from nbtools.convert.scripts import read_scripts
from nbtools.formats.ipynb import read_notebook

CASES = read_cases()
QUIET = tuple(
    "late writes_late deletes guarded strings mutates asked annotated unsure misread".split()
)
SEQUENCES = ("stars", "runs", "futures")


def row(code: str, reads: str = "", binds: str = "", **others: Any) -> Any:
    return pytest.param(code, reads, binds, others, id=code)


def facts_of(code: str) -> Facts:
    return compose(statement.facts for statement in read_statements(code))


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def testee(code: str, reads: str, binds: str, others: dict[str, Any]) -> None:
    """Compare all that a cell does with what is expected; `maybe` is bound on some path only."""
    facts, others = facts_of(code), dict(others)
    assert words(reads) == facts.reads - BUILTINS
    assert words(binds) == facts.binds
    assert facts.binds - words(others.pop("maybe", "")) == facts.always
    for name in QUIET:
        assert (name, words(others.pop(name, ""))) == (name, getattr(facts, name) - BUILTINS)
    for name in SEQUENCES:
        assert (name, tuple(others.pop(name, "").split())) == (name, getattr(facts, name))
    assert others.pop("open", False) == facts.open
    assert others.pop("awaits", False) == facts.awaits
    assert others == {}


testee.__test__ = False  # type: ignore[attr-defined]

STATEMENTS = [
    row(""),
    row("pass"),
    row("a", "a"),
    row("a.b.c[d:e](f, *g, h=i, **j)", "a d e f g i j"),
    row("x = 1", "", "x"),
    row("x = y = a", "a", "x y"),
    row("x, (y, *z), [w] = a", "a", "x y z w"),
    row("x = x + 1", "x", "x"),
    row("x.a = x.b[c] = d", "x c d", "", mutates="x"),
    row("x[a], y = b", "x a b", "y", mutates="x"),
    row("x += a", "x a", "x"),
    row("x.a += b", "x b", "", mutates="x"),
    row("x[a] -= b", "x a b", "", mutates="x"),
    row("x: a", "a", "", annotated="x"),
    row("x: a = b", "a b", "x"),
    row("x.y: a", "x a"),
    row("x.y: a = b", "x a b", "", mutates="x"),
    row("del x", "x", "", deletes="x"),
    row("del x, (y, z)", "x y z", "", deletes="x y z"),
    row("del x.a, y[b]", "x y b", "", mutates="x y"),
    row("assert a, b", "a b"),
    row("raise a from b", "a b"),
    row("global x"),
    row("f'{a!r:>{b}}' 'c'", "a b"),
    row("a if b else c", "a b c"),
    row("a < b < c and not d or e", "a b c d e"),
    row("{a: b, **c}, {d}, [*e]", "a b c d e"),
    row("await a", "a", "", awaits=True),
    row("print(len(a), __name__)", "a"),
    row("x = a; y = x", "a", "x y"),
]

IMPORTS = [
    row("import a", "", "a"),
    row("import a.b.c", "", "a"),
    row("import a.b as c, d", "", "c d"),
    row("from a import b, c as d", "", "b d"),
    row("from . import a\nfrom ..b import c", "", "a c"),
    row("from a import *", stars="a"),
    row("from .a import *\nfrom . import *", stars=".a ."),
    row("from __future__ import annotations, division", futures="annotations division"),
    row("try:\n    import a\nexcept ImportError:\n    a = None", "", "a"),
]

CONTROL_FLOW = [
    row("if a:\n    x = b\nelse:\n    x = c", "a b c", "x"),
    row("if a:\n    x = 1", "a", "x", maybe="x"),
    row("if a:\n    x = 1\nelif b:\n    x = 2\nelse:\n    y = 3", "a b", "x y", maybe="x y"),
    row("if a:\n    x = 1\nelse:\n    raise b", "a b", "x"),
    row("if a:\n    x = 1\nx", "a x", "x", maybe="x"),
    row("if a:\n    x = 1\n    x\nelse:\n    x", "a x", "x", maybe="x", unsure="x"),
    row("if (x := a):\n    x", "a", "x"),
    row("a and (x := b)", "a b", "x", maybe="x"),
    row("(x := a) and x", "a", "x"),
    row("(x := a) if b else (x := c)", "a b c", "x", maybe="x"),
    row("for i in a:\n    b(i)", "a b", "i", maybe="i"),
    row("for i in a:\n    x = i\nx", "a x", "i x", maybe="i x"),
    row("for i in i:\n    pass", "i", "i", maybe="i"),
    row("for i in []:\n    pass", "", "i", maybe="i"),
    row("for x.y in a:\n    pass", "x a", "", mutates="x"),
    row("for i in [1]:\n    x = i", "", "i x"),
    row("for i in range(3):\n    x = i", "", "i x"),
    row("for i in range(0):\n    x = i", "", "i x", maybe="i x"),
    row("for i in range(a):\n    x = i", "a", "i x", maybe="i x"),
    row("for i in 'ab':\n    x = i", "", "i x"),
    row("for i in (1, 2):\n    if i:\n        continue\n    x = 1", "", "i x", maybe="x"),
    row("for i in (1, 2):\n    if i:\n        break\n    x = 1", "", "i x", maybe="x"),
    row("for i in (1, 2):\n    x = 1\n    if i:\n        break\n    y = 1", "", "i x y", maybe="y"),
    row("for i in a:\n    break\nelse:\n    x = 1", "a", "i x", maybe="i x"),
    row("for i in a:\n    b\nelse:\n    x = 1", "a b", "i x", maybe="i"),
    row("async for i in a:\n    pass", "a", "i", maybe="i", awaits=True),
    row("while a:\n    x = a", "a", "x", maybe="x"),
    row("while (x := a):\n    pass", "a", "x"),
    row("while True:\n    x = 1\n    break", "", "x"),
    row("while True:\n    if a:\n        break\n    x = 1", "a", "x", maybe="x"),
    row("for i in [1]:\n    break\n    x = a", "a", "i x", maybe="x"),
    row("while a:\n    break\nelse:\n    x = 1", "a", "x", maybe="x"),
    row("while a:\n    while True:\n        break\nelse:\n    x = 1", "a", "x"),
    row("while 1:\n    try: x = a(); break\n    except ValueError: continue", "a", "x"),
    row("try:\n    raise a\nexcept b:\n    pass\nelse:\n    x = c", "a b c", "x", maybe="x"),
    row("for _ in a:\n    if b:\n        x\n    x = 1", "a b x", "_ x", maybe="_ x", unsure="x"),
    row("for _ in a:\n    x\n    x = 1", "a x", "_ x", maybe="_ x"),
    row(
        "for _ in a:\n    if b:\n        continue\n    x\n    x = 1",
        "a b x",
        "_ x",
        maybe="_ x",
        unsure="x",
    ),
    row("for _ in a:\n    if b:\n        x", "a b x", "_", maybe="_"),
    row("x = Late(lambda: y)", "Late y", "x", late="y", unsure="y"),
    row("x = Late(y, lambda: y)", "Late y", "x", late="y"),
    row(
        "def f():\n    for i in a:\n        if i:\n            x\n        x = i",
        "",
        "f",
        late="a",
        misread="x",
    ),
    row("def f(x):\n    x\n    x = 1", "", "f"),
    row("def f():\n    x = x + 1", "", "f", misread="x"),
    row("def f():\n    x += 1", "", "f"),
    row("def f():\n    x = 1\n    x\n    x = 2", "", "f"),
    row("x: x = 1", "", "x"),
    row("x = now(lambda: y)", "now y", "x", late="y"),
    row("try:\n    x = a\nexcept b:\n    y = x", "a b x", "x y", maybe="x y", unsure="x"),
    row("try:\n    x = a\nexcept b:\n    x = 1\nelse:\n    y = x", "a b", "x y", maybe="y"),
    row("try:\n    x = a\nexcept b:\n    raise", "a b", "x"),
    row("try:\n    raise a\n    x = 1\nexcept b:\n    pass", "a b", "x", maybe="x"),
    row("try:\n    x = a\nfinally:\n    y = 1", "a", "x y"),
    row("try:\n    a\nexcept b as e:\n    x = e", "a b", "x", maybe="x"),
    row("try:\n    a\nexcept b as e:\n    pass\ne", "a b e"),
    row("with a as x, x.b() as (y, z):\n    w = x", "a", "w x y z"),
    row("with a:\n    x = 1", "a", "x"),
    row("with suppress(a):\n    x = b()\nx", "suppress a b x", "x", maybe="x"),
    row("with c.suppress(a) as x:\n    y = 1", "c a", "x y", maybe="y"),
    row("async with a as x:\n    pass", "a", "x", awaits=True),
    row("match a:\n    case [x, *y]:\n        z = x", "a", "x y z", maybe="x y z"),
    row("match a:\n    case {'k': x, **y}:\n        pass", "a", "x y", maybe="x y"),
    row("match a:\n    case B(k=x) as y:\n        pass", "a B", "x y", maybe="x y"),
    row("match a:\n    case b.C | 1:\n        x = 1\n    case _:\n        x = 2", "a b", "x"),
    row("match a:\n    case 1:\n        x = 1\n    case x:\n        pass", "a", "x"),
    row("match a:\n    case _ if b:\n        x = 1", "a b", "x", maybe="x"),
    row("x = 1\ndel x\nx", "x", "x", deletes="x", maybe="x"),
    row("x = 1\ndel x\nx = 2\nx", "", "x", deletes="x"),
    row("if a:\n    del x", "a x", "x", maybe="x"),
]

LATER = [
    row("def f(): pass", "", "f"),
    row("def f(a, b, /, c, *d, e, **g): return a, b, c, d, e, g, h", "", "f", late="h"),
    row("def f(a=b, *, c=d): pass", "b d", "f"),
    row("def f(a: b, *c: d) -> e: pass", "b d e", "f"),
    row("@a.b(c)\ndef f(): d", "a c", "f", late="d"),
    row("def f():\n    x = a\n    return x", "", "f", late="a"),
    row("def f():\n    return x\n    x = 1", "", "f", misread="x"),
    row("def f():\n    for i in a: i\n    with b as j: j\n    import k; k", "", "f", late="a b"),
    row("def f():\n    try: pass\n    except a as e: e", "", "f", late="a"),
    row("def f():\n    global x\n    x = a", "", "f", late="a x", writes_late="x"),
    row("def f():\n    global x\n    return x", "", "f", late="x", writes_late="x"),
    row("def f():\n    del x", "", "f"),
    row("def f():\n    x = 1\n    def g(): return x, a\n    return g", "", "f", late="a"),
    row("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = a", "", "f", late="a"),
    row("def f():\n    return [x for x in a if x in b]", "", "f", late="a b"),
    row("def f():\n    return [(y := x) for x in a], y", "", "f", late="a"),
    row("def f(): return lambda x: x + a", "", "f", late="a"),
    row(
        "def f():\n    class C:\n        k = a\n        def m(self): return k", "", "f", late="a k"
    ),
    row(
        "def f():\n    class C:\n        k = 1\n        z = k, [k for _ in a]", "", "f", late="a k"
    ),
    row("def f():\n    match a:\n        case [x, *y]: x, y, b", "", "f", late="a b"),
    row("def f(): return f()", "", "f", late="f"),
    row("async def f(): return await a", "", "f", late="a"),
    row("f = lambda a, b=c: a + b + d", "c", "f", late="d"),
    row("x = [lambda: a, lambda: b]", "", "x", late="a b"),
    row("g = (x + a for x in b if c)", "b", "g", late="a c"),
    row("sum(x + a for x in b)", "a b"),
    row("sorted(a, key=lambda x: x + b)", "a b", "", late="b"),
    row("f = [x + a for x in b]", "a b", "f"),
    row("class C: pass", "", "C"),
    row("@a\nclass C(b, metaclass=c): pass", "a b c", "C"),
    row("class C:\n    x = a\n    y = x", "a", "C"),
    row("class C:\n    x = 1\n    def m(self): return x, a", "", "C", late="a x"),
    row("class C:\n    def m(self, x=a): pass", "a", "C"),
    row("class C:\n    x: a\n    y: b = c", "a b c", "C"),
    row("class C:\n    x = {}\n    x[a] = b\n    x.update(c)", "a b c", "C"),
    row("class C:\n    x = 1\n    class D:\n        y = x", "x", "C"),
    row("class C:\n    x = [1]\n    y = [z for z in x]", "", "C"),
    row("class C:\n    x = 1\n    y = [x for _ in a]", "a x", "C"),
    row("class C:\n    x = x", "x", "C", strings="x"),
    row("class C:\n    x += 1", "x", "C", strings="x"),
    row("class C:\n    for x in x: pass", "x", "C", strings="x"),
    row("class C:\n    y = x\n    def x(self): pass", "x", "C", strings="x"),
]

COMPREHENSIONS = [
    row("[x for x in a]", "a"),
    row("[x for x in x]", "x"),
    row("{x: y for x, y in a if x if b}", "a b"),
    row("{y for x in a for y in x}", "a"),
    row("[y for x in a for y in y]", "a y"),
    row("[[x for x in y] for y in a]", "a"),
    row("[x for x in a], x", "a x"),
    row("[a for x.y in b]", "a b x"),
    row("[(y := x) for x in a]", "a", "y", maybe="y"),
    row("[y for x in a if (y := x)], y", "a y", "y", maybe="y", unsure="y"),
    row("[x async for x in a]", "a"),
]

STRINGS = [
    row("a.query('v > @b and w in @c.d')", "a b c", strings="b c"),
    row("a.query(f'v > @b and w == {c}')", "a b c", strings="b"),
    row("a.query(expr='v > @b')", "a b", strings="b"),
    row("a.query(b)", "a b"),
    row("a.eval('x = y + @b')", "a b", strings="b"),
    row("pd.eval('a + b')", "pd a b", strings="a b"),
    row("eval('a + b')", "a b", strings="a b"),
    row("eval('a + b', globals())", "a b", strings="a b"),
    row("eval('a', {})"),
    row("eval(a)", "a", open=True),
    row("eval('a b')", open=True),
    row("exec('x = a')", "a", "x", strings="a x"),
    row("exec(a, b)", "a b"),
    row("exec(a)", "a", open=True),
    row("globals()['a']", "a", strings="a"),
    row("globals()['x'] = a", "a", "x", strings="x"),
    row("vars().get('a', b)", "a b", strings="a"),
    row("globals()[a]", "a", open=True),
    row("globals().get(a)", "a", open=True),
    row("globals().update(a)", "a", open=True),
    row("f(globals())", "f", open=True),
    row("vars(a)", "a"),
    row("sys.modules['m']", "sys", open=True),
    row("'{a} {b.c} {d[0]} {0} {}'.format(1, 2, **globals())", "a b d", strings="a b d"),
    row("'{a}'.format_map(vars())", "a", strings="a"),
    row("'{a}'.format(a=b)", "b"),
    row("a.format(**globals())", "a", open=True),
    row("'%(a)s' % globals()", "a", strings="a"),
    row("'%(a)s' % b", "b"),
    row("'a' in globals()", asked="a"),
    row("'a' not in dir()", asked="a"),
    row("'a' in b", "b"),
    row("globals().update(runpy.run_path('a.py'))", "runpy", runs="a.py"),
    row("def f(d, x): return d.query('v > @a and w < @x')", "", "f", late="a", strings="a"),
    row("def f(x): return eval('x + a')", "", "f", late="a", strings="a"),
    row("def f(): return globals()['a']", "", "f", late="a", strings="a"),
    row("def f(x): return '{x}'.format(**locals())", "", "f"),
]

GUARDS = [
    row("try:\n    a\nexcept NameError:\n    x = 1", "a", "x", guarded="a", maybe="x"),
    row("try:\n    a\nexcept:\n    pass", "a", guarded="a"),
    row("try:\n    a\nexcept (KeyError, Exception):\n    b", "a b", guarded="a"),
    row("try:\n    a\nexcept KeyError:\n    pass", "a"),
]


TABLE = STATEMENTS + IMPORTS + CONTROL_FLOW + LATER + COMPREHENSIONS + STRINGS + GUARDS


@pytest.mark.parametrize(("code", "reads", "binds", "others"), TABLE)
def test_names(code: str, reads: str, binds: str, others: dict[str, Any]) -> None:
    testee(code, reads, binds, others)


# ---------------------------------------------------------------- calm

CALM = (
    "import a",
    "from a import b",
    "x = 1",
    "x = -1, [2, {3: 'a'}], 1 + 2",
    "x = lambda: a()",
    "pass",
    "def f(): print(1)",
    "def f(a=b, *, c=d.e): pass",
    "@a.b\ndef f(): pass",
    "class C: pass",
    "class C(a.B):\n    'a docstring'\n    x = 1\n    y: int\n    def m(self): a()",
)
NOT_CALM = (
    "'a value that may be shown'",
    "x = a",
    "x = a()",
    "x = {**a}",
    "x.y = 1",
    "x += 1",
    "a",
    "a()",
    "del a",
    "def f(a=b()): pass",
    "@a()\ndef f(): pass",
    "class C(a()): pass",
    "class C:\n    x = a()",
    "class C:\n    print(1)",
    "if a: x = 1",
    "for i in []: pass",
)


@pytest.mark.parametrize("code", CALM)
def test_what_only_binds_is_calm(code: str) -> None:
    assert facts_of(code).calm


@pytest.mark.parametrize("code", NOT_CALM)
def test_what_reads_or_does_something_is_not_calm(code: str) -> None:
    assert not facts_of(code).calm


# ---------------------------------------------------------------- what code holds

HOLDS = (
    ("x = f", "x: f"),
    ("x = f.a", "x: f"),
    ("x, y = f, g", "x: f g; y: f g"),
    ("x = [f, {'a': g}]", "x: f g"),
    ("x = f if a else g", "x: a f g"),
    ("x = f()", "x: f"),  # what a call returns is left to `escapes`
    ("x = C()", "x: C"),
    ("x = C(f)", "x: C f"),
    ("x = f.bind(g)", "x: f"),
    ("x = f.g(h)", ""),
    ("x = partial(f, a)", "x: partial f a"),
    ("x = functools.partial(f)", "x: f"),
    ("x = a(b)(c)", "x: a c"),
    ("x = f + g", ""),
    ("x = [f for f in fs]", "x: fs"),
    ("x = [f, *[g for g in gs if g in hs]]", "x: f gs"),
    ("x.append(f)", "x: f"),
    ("x.look(f)", ""),
    ("x['a'] = f", "x: f"),
    ("x.a.b = f", "x: f"),
    ("for x in fs: pass", "x: fs"),
    ("with f as x: pass", "x: f"),
    ("class C(B): pass", "C: B"),
    ("@a\ndef f(): pass", "f: a"),
    ("class C:\n    x = f\n    y = []\n    y.append(f)", ""),
    ("x = f\nx = g", "x: f g"),
)


@pytest.mark.parametrize(("code", "expected"), HOLDS)
def test_names_whose_code_a_value_may_hold(code: str, expected: str) -> None:
    pairs = [pair.split(":") for pair in expected.split(";") if pair]
    held = {name: names - BUILTINS for name, names in facts_of(code).holds.items()}
    found = {name: names for name, names in held.items() if names}
    assert {name.strip(): words(names) for name, names in pairs} == found


CODE = (
    ("def f(): a(b)", "f", Code(words("a b"), values=words("b"), calls=("a",), plain=True)),
    ("def f(x=1): return x", "f", Code(plain=True)),
    ("def f(x=a): pass", "f", Code()),
    ("@a\ndef f(): pass", "f", Code()),
    ("def f():\n    global x\n    x = 1", "f", Code(words("x"), words("x"), plain=True)),
    (
        "def f(): return lambda: a",
        "f",
        Code(words("a"), values=words("a"), delayed=words("a"), escapes=True, plain=True),
    ),
    (
        "def f():\n    yield a",
        "f",
        Code(words("a"), values=words("a"), delayed=words("a"), escapes=True, plain=True),
    ),
    (
        "def f(): return A(b, lambda: c)",
        "f",
        Code(
            words("A b c"),
            values=words("b c"),
            calls=("A",),
            delayed=words("c"),
            escapes=True,
            plain=True,
        ),
    ),
    (
        "def f():\n    def g(): a\n    return g",
        "f",
        Code(words("a"), values=words("a"), delayed=words("a"), escapes=True, plain=True),
    ),
    ("f = lambda: a.b()", "f", Code(words("a"), values=words("a"), calls=("a.b",))),
    ("f, g = lambda: a, lambda: b", "g", Code(words("a b"), values=words("a b"))),
    (
        "class C:\n    def m(self): return a",
        "C",
        Code(words("a"), values=words("a"), delayed=words("a"), escapes=True, plain=True),
    ),
    (
        "class C:\n    def __init__(self): b\n    def m(self): return a",
        "C",
        Code(words("a b"), values=words("a b"), delayed=words("a"), escapes=True),
    ),
    ("x.f = lambda: a", "x", Code(words("a"), values=words("a"))),
    ("x.append(lambda: a)", "x", Code(words("a"), values=words("a"))),
    ("x = map(lambda v: a, b)", "x", Code(words("a"), values=words("a"))),
    ("x = list(b, key=lambda v: a)", "x", None),
)


@pytest.mark.parametrize(("code", "name", "expected"), CODE)
def test_code_that_a_name_holds(code: str, name: str, expected: Code | None) -> None:
    assert expected == facts_of(code).code.get(name)


def test_calls_are_dotted_names_of_the_notebook() -> None:
    found = facts_of("a.b(c(1))\n[x.f(d()) for x in e]\ndef f(): g()\nh[0]()")
    assert found.calls == ("a.b", "c", "d")


def test_values_are_the_names_that_are_not_only_called() -> None:
    found = facts_of("f(g, h.x)\nk()\ndef m(): n(o)\n[v for v in p]")
    assert words("g h o p") == found.values


def test_what_is_surely_bound_when_a_name_is_looked_up() -> None:
    found = facts_of("x = 1\nfor y in xs:\n    f()\n    z = 2\nf()")
    assert words("x") == found.bound_before["f"]  # the loop may be empty
    assert words("x") == found.bound_before["xs"]


def test_imports_say_what_a_name_stands_for() -> None:
    found = facts_of("import a.b, c.d as e\nfrom .f import g as h").imports
    expected = (Import("a", "a.b", dotted=True), Import("e", "c.d"), Import("h", ".f", "g"))
    assert expected == found


# ---------------------------------------------------------------- statements

KINDS = (
    ("f()", "expression"),
    ("x = 1", "assign"),
    ("x: int", "assign"),
    ("x += 1", "assign"),
    ("import a", "import"),
    ("from a import *", "import"),
    ("@a\ndef f(): pass", "function"),
    ("async def f(): pass", "function"),
    ("class C: pass", "class"),
    ("del x", "delete"),
    ("if a: pass", "other"),
    ("pass", "other"),
)


@pytest.mark.parametrize(("code", "kind"), KINDS)
def test_kinds(code: str, kind: str) -> None:
    (statement,) = read_statements(code)
    assert kind == statement.kind


def test_where_statements_stand() -> None:
    source = "\n# text\n@a(\n  1)\ndef f():\n    pass; pass\nx = (\n)  ;  y = 1\n"
    places = [(s.index, s.line, s.end_line, s.column) for s in read_statements(source)]
    assert places == [(0, 3, 6, 0), (1, 7, 8, 0), (2, 8, 8, 6)]


def test_what_else_a_statement_is() -> None:
    source = "x += 1\na.b\na[0]\nif a: pass\nwith a: pass\ndef f(): pass"
    statements = read_statements(source)
    assert [s.index for s in statements if s.augmented] == [0]
    assert [s.index for s in statements if s.bare_name] == [1]
    assert [s.index for s in statements if not s.simple] == [3, 4]


@pytest.mark.parametrize(("code", "line"), [("x = 1\nx =", 2), ("(" * 5000, 1), ("x = '\0'", 1)])
def test_what_is_not_python_has_a_line(code: str, line: int) -> None:
    with pytest.raises(SourceError) as caught:
        read_statements(code)
    assert line == caught.value.line
    assert "\n" not in caught.value.reason


# ---------------------------------------------------------------- runs of statements


def test_later_statements_read_what_earlier_ones_bind() -> None:
    found = compose([facts_of("x = a"), facts_of("x, y"), facts_of("y = 1")])
    assert words("a y") == found.reads
    assert words("a x y") == found.loads
    assert words("x y") == found.always


def test_nothing_has_no_facts() -> None:
    assert Facts() == compose([])


@given(cells(FLOW, most=4))
def test_composing_is_associative_but_for_deletions(code: str) -> None:
    parts = [statement.facts for statement in read_statements(code)]
    if any(part.deletes for part in parts):
        return
    assert compose(parts) == compose([compose(parts[:2]), compose(parts[2:])])


@given(cells(ALL))
def test_facts_are_consistent(code: str) -> None:
    facts = facts_of(code)
    assert facts.reads <= facts.loads
    assert facts.always <= facts.binds
    assert facts.guarded <= facts.reads
    assert facts.unsure <= facts.reads
    assert facts.writes_late <= facts.late
    assert facts.loads == facts.bound_before.keys()
    assert {bound.bound for bound in facts.imports} <= facts.binds


# ---------------------------------------------------------------- against Python

CHOICES = st.lists(st.integers(0, 1), max_size=12)


STRAIGHT = (ast.With, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Delete, ast.Import)
SKIPPING = (ast.BoolOp, ast.IfExp, ast.Compare, ast.Lambda, ast.comprehension)


def runs_straight(code: str) -> bool:
    """Whether it is one statement of which no part may be left out: what is read, is looked up."""
    nodes = list(ast.walk(ast.parse(code)))
    statements = [node for node in nodes if isinstance(node, ast.stmt)]
    left_out = any(isinstance(node, SKIPPING) for node in nodes)
    straight = all(isinstance(node, STRAIGHT) for node in statements)
    return straight and not left_out and len(ast.parse(code).body) == 1


@given(cells(BRANCHES, most=2) | cells(FLOW), st.lists(CHOICES, min_size=4, max_size=8))
@settings(max_examples=300)
def test_whatever_way_a_cell_takes_its_facts_hold(code: str, runs: list[list[int]]) -> None:
    """Deletions are left out of `always`: `for x in xs: del x` is taken to bind `x`."""
    facts = facts_of(code)
    gone = names_deleted_in_blocks(ast.parse(code))
    for choices in runs:
        namespace, ended = run_anyhow(code, FLOW["name"], choices)
        assert namespace.missed - gone <= facts.reads
        if runs_straight(code):
            assert namespace.found.isdisjoint(facts.reads - facts.unsure - BUILTINS)
        assert namespace.keys() & namespace.names <= facts.binds
        if ended and not facts.deletes:
            assert facts.always - gone <= namespace.keys()


# ---------------------------------------------------------------- against slower analysers

# They know no flow, only scopes: so what is compared is which global names a cell looks up at
# all, now or later, and which it binds on some path. Where they and the facts differ by
# definition, the names in question are left out; the tables above have a row for each kind.
# Apart from what the helpers of `scopes_of_libcst` explain, these are:
# - names in strings that are code, `globals()` around them, and the names of a class body that
#   read through to the global (`class C: x = x`), which facts count among them: `facts.strings`
# - what functions declare `global` counts as bound and read by them: `facts.writes_late`

NAMESPACES = frozenset({"globals", "locals", "vars", "dir"})


def assert_as_libcst(*cells: str) -> None:
    """Compare cells at once, as one text: libcst takes milliseconds for the smallest."""
    code = "\n".join(cells)
    tree, facts, found = ast.parse(code), facts_of(code), names_by_libcst(code)
    apart = facts.strings | handler_names(tree) | walrus_names(tree) | pattern_names(tree)
    apart |= facts.writes_late
    kept = facts.binds | facts.annotated
    binds = apart | names_deleted_in_blocks(tree)
    assert found.binds - binds - set(facts.futures) == kept - binds
    apart |= augmented_names(tree) | NAMESPACES
    apart = apart.union(*map(local_names, cells))
    assert found.reads - apart == (facts.loads | facts.late) - apart


def names_in_comprehensions(tree: ast.AST) -> set[str]:
    kinds = (ast.ListComp, ast.SetComp, ast.DictComp)
    inlined = (node for node in ast.walk(tree) if isinstance(node, kinds))
    return {n.id for node in inlined for n in ast.walk(node) if isinstance(n, ast.Name)}


def assert_as_symtable(code: str) -> None:
    tree, facts, found = ast.parse(code), facts_of(code), names_by_symtable(code)
    apart = facts.strings | handler_names(tree) | names_deleted_in_blocks(tree)
    binds = facts.binds | facts.writes_late | facts.annotated | facts.deletes
    if sys.version_info >= (3, 12):  # PEP 709: inlined, their names are the table's, or in none
        apart |= names_in_comprehensions(tree)
    assert found.binds - apart - set(facts.futures) == binds - apart
    apart |= augmented_names(tree) | facts.writes_late | facts.deletes | NAMESPACES
    apart |= later_targets(tree)
    assert found.reads - apart == (facts.loads | facts.late) - apart


def later_targets(tree: ast.AST) -> set[str]:
    """Names of the second `for` of a comprehension on: `[y for x in a for y in y]`.

    For Python they are unbound in what stands before; facts find the notebook's, as the table of
    names above says.
    """
    targets = (
        generator.target
        for node in ast.walk(tree)
        for generator in getattr(node, "generators", ())[1:]
    )
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


@given(cells(PROGRAMS))
@settings(max_examples=100)
def test_generated_statements_are_as_in_libcst(code: str) -> None:
    assert_as_libcst(code)


@given(cells(ALL))
@settings(max_examples=300)
def test_generated_statements_are_as_in_the_symbol_table(code: str) -> None:
    assert_as_symtable(code)


@given(notebooks())
@settings(max_examples=25)
def test_generated_notebooks_are_as_in_libcst(notebook: Written) -> None:
    assert_as_libcst(*notebook.cells)


def plain_cells(data: bytes) -> list[str]:
    """The code cells of a notebook, IPython's syntax set aside."""
    return [script.source for script in read_scripts(read_notebook(data), Log())]


@pytest.mark.parametrize("theme", sorted({case.theme for case in CASES}))
def test_fixtures_are_as_in_libcst_and_the_symbol_table(theme: str) -> None:
    for case in CASES:
        if case.theme == theme:
            cells = plain_cells(to_ipynb(case)) if not case.expected("refused") else []
            assert_as_libcst(*cells)
            for code in cells:
                assert_as_symtable(code)


def test_the_realistic_notebook_is_as_in_libcst() -> None:
    (path,) = (FOLDER.parent / "weather_station").glob("*.ipynb")
    assert_as_libcst(*plain_cells(path.read_bytes()))
