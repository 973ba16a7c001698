"""Which version of each name every block reads, and what code looks up when it is called."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from strategies import Written, notebooks

from nbtools.analysis.facts import BUILTINS
from nbtools.analysis.statements import read_statements
from nbtools.analysis.versions import Block, LateRead, Versions, atoms_of, trace_versions


def trace(*cells: str) -> Versions:
    """The versions of a notebook whose cells are its blocks."""
    atoms = (atoms_of(number, read_statements(cell)) for number, cell in enumerate(cells))
    return trace_versions([Block.of(each) for each in atoms])


@dataclass(frozen=True, slots=True)
class Case:
    """`reads` is one text a block: `x0` is the version of `x` that block 0 makes, `x!` none."""

    cells: tuple[str, ...]
    reads: tuple[str, ...]


def show_reads(versions: Versions) -> tuple[str, ...]:
    shown = []
    for reads, unbound in zip(versions.reads, versions.unbound, strict=True):
        words = [f"{name}{versions.versions[number].block}" for name, number in reads.items()]
        words += [f"{name}!" for name in unbound - BUILTINS]
        shown.append(" ".join(sorted(words)))
    return tuple(shown)


READS: dict[str, Case] = {
    "one version": Case(("x = 1", "x", "x"), ("", "x0", "x0")),
    "two versions": Case(("x = 1", "x", "x = 2", "x"), ("", "x0", "", "x2")),
    "a chain": Case(("x = 1", "x = x + 1", "x"), ("", "x0", "x1")),
    "augmented": Case(("x = 1", "x += 1", "x"), ("", "x0", "x1")),
    "within a block": Case(("x = 1\nx", "x = 2\nx\nx = 3", "x"), ("", "", "x1")),
    "before it is bound again": Case(("x = 1", "x\nx = 2", "x"), ("", "x0", "x1")),
    "bound on some path": Case(("x = 1", "if a:\n    x = 2", "x"), ("", "a!", "x1")),
    "bound nowhere": Case(("x", "y = x"), ("x!", "x!")),
    "deleted": Case(("x = 1", "del x", "x"), ("", "x0", "x!")),
    "deleted and bound again": Case(("x = 1", "del x\nx = 2", "x"), ("", "x0", "x1")),
    "repaired: bound by a later cell only": Case(("x", "x = 1", "x = 2"), ("x1", "", "")),
    "not repaired: its own cell binds it later": Case(("x\nx = 1", "x = 2"), ("x!", "")),
    "not repaired: the error is caught": Case(
        ("try:\n    x\nexcept NameError:\n    pass", "x = 1"), ("x!", "")
    ),
    "not repaired: a builtin": Case(("max(1)", "max = 1"), ("", "")),
    "a builtin shadowed before": Case(("max = 1", "max"), ("", "max0")),
    "imports": Case(("import a.b", "a.b", "import a.c", "a.c"), ("", "a0", "", "a2")),
    "bound by a function's global": Case(
        ("def f():\n    global x\n    x = 1", "f()", "x"), ("", "f0", "x0")
    ),
    "a string": Case(("x = 1", "x = 2", "eval('x')"), ("", "", "x1")),
}


@pytest.mark.parametrize("case", READS.values(), ids=READS)
def test_reads(case: Case) -> None:
    assert show_reads(trace(*case.cells)) == case.reads


# ---------------------------------------------------------------- late reads


def show_late(versions: Versions, late: LateRead) -> str:
    """`f0.x: x0 x2` and `unbound` or `held`, if they hold."""
    blocks = sorted(versions.versions[number].block for number in late.versions)
    words = [f"{late.name}{block}" for block in blocks]
    words += ["unbound"] * late.unbound + ["held"] * late.held
    return " ".join([f"{late.definition}{late.block}.{late.name}:", *words])


F = "def f(): return x"
LATE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bound before": (("x = 1", F, "f()"), ("f1.x: x0",)),
    "bound after": ((F, "x = 1", "f()"), ("f0.x: x1",)),
    "bound by the caller": ((F, "x = 1\nf()"), ("f0.x: x1",)),
    "bound behind the call": ((F, "x = 1", "f()", "x = 2"), ("f0.x: x1",)),
    "called under two versions": ((F, "x = 1", "f()", "x = 2\nf()"), ("f0.x: x1 x3",)),
    "called never, bound before": (("x = 1", F, "x = 2"), ("f1.x: x0",)),
    "called never, bound after": ((F, "x = 1", "x = 2"), ("f0.x: x1",)),
    "bound nowhere": ((F, "f()"), ("f0.x: unbound",)),
    "called too early": ((F, "f()", "x = 1", "f()"), ("f0.x: x2 unbound",)),
    "in a method that nobody calls": (
        (F, "class K:\n    def m(self):\n        return f()", "K()", "x = 1"),
        ("K1.f: f0", "f0.x: x3"),
    ),
    "called too early, and by a method before": (
        (F, "class K:\n    def m(self):\n        return f()", "K(), f()", "x = 1"),
        ("K1.f: f0", "f0.x: unbound"),
    ),
    "under each value of a loop": (("x = 0", F, "for x in a: f()"), ("f1.x: x2",)),
    "on both sides of a change": (
        ("x = 0", F, "if a:\n    f()\n    x = 1\n    f()"),
        ("f1.x: x0 x2",),
    ),
    "handed on": (("x = 1", F, "g(f)", "x = 2"), ("f1.x: x0",)),
    "an alias": ((F, "g = f", "x = 1", "g()"), ("f0.x: x2 held",)),
    "in a list": ((F, "fs = [f]", "x = 1", "fs[0]()"), ("f0.x: x2 held",)),
    "registered": (("fs = []", F, "fs.append(f)", "x = 1", "fs"), ("f1.x: x3 held",)),
    "in a partial": ((F, "g = partial(f)", "x = 1", "g()"), ("f0.x: x2 held",)),
    "a call's result is a value": ((F, "x = 1", "g = f()", "x = 2", "g"), ("f0.x: x1",)),
    "a generator goes on": (
        ("def f():\n    yield x", "x = 1", "g = f()", "x = 2", "next(g)"),
        ("f0.x: x1 x3 held",),
    ),
    "a lambda": (("f = lambda: x", "x = 1", "f()"), ("f0.x: x1",)),
    "a lazy generator expression": (
        ("g = (x for _ in a)", "x = 1", "list(g)"),
        ("g0.x: x1",),
    ),
    "a class": (
        ("class C:\n    def m(self): return x", "c = C()", "x = 1", "c.m()"),
        ("C0.x: x2 held",),  # `C()` calls none of its methods
    ),
    "a class derived": (
        ("class C:\n    def m(self): return x", "class D(C): pass", "x = 1", "D().m()"),
        ("C0.x: x2 held",),
    ),
    "functions that call each other": (
        ("def f(): return g()", "def g(): return x", "x = 1", "f()"),
        ("f0.g: g1", "g1.x: x2"),
    ),
    "defined on some path": (
        (F, "if a:\n    def f(): return y", "x = y = 1", "f()"),
        ("f0.x: x2 held", "f1.y: y2"),
    ),
    "recursion": (("def f(): return f()", "f()"), ("f0.f: f0",)),
    "defined again": (
        (F, "x = 1", "f()", "def f(): return y", "y = 1", "f()"),
        ("f0.x: x1", "f3.y: y4"),
    ),
    "by a string": (("def f(): return eval('x')", "x = 1", "f()"), ("f0.x: x1",)),
}


@pytest.mark.parametrize(("cells", "expected"), LATE.values(), ids=LATE)
def test_late_reads(cells: tuple[str, ...], expected: tuple[str, ...]) -> None:
    versions = trace(*cells)
    late = [show_late(versions, each) for each in versions.late if each.name not in BUILTINS]
    assert tuple(sorted(late)) == expected


# ---------------------------------------------------------------- versions


def test_what_a_version_may_have_been_made_from() -> None:
    versions = trace("x = 1", "x = 2", "x += 1", "if a:\n    x = 3", "def f():\n    global x")
    previous = [v.previous for v in versions.versions if v.name == "x"]
    assert previous == [None, None, 1, 2, 3]


def test_the_last_version_is_the_one_the_notebook_ends_with() -> None:
    versions = trace("x = 1\ny = 1", "x = 2", "del y")
    assert {name: versions.versions[number].block for name, number in versions.last.items()} == {
        "x": 1
    }


def test_statements_on_one_line_are_one_atom() -> None:
    atoms = atoms_of(3, read_statements("a; b\nc\nd = (\n1); e\nf"))
    assert [[s.line for s in atom.statements] for atom in atoms] == [[1, 1], [2], [3, 4], [5]]
    assert [atom.compound for atom in atoms] == [True, False, True, False]
    assert {atom.cell for atom in atoms} == {3}


@given(notebooks())
@settings(max_examples=60)
def test_versions_are_consistent(notebook: Written) -> None:
    versions = trace(*notebook.cells)
    for index, own in enumerate(versions.own):
        assert all(versions.versions[number].block == index for number in own.values())
    for index, reads in enumerate(versions.reads):
        for name, number in reads.items():
            assert versions.versions[number].name == name
            assert versions.versions[number].block != index
    for number, version in enumerate(versions.versions):
        assert versions.own[version.block][version.name] == number
        if version.previous is not None:
            assert versions.versions[version.previous].name == version.name
            assert version.previous < number


@given(notebooks())
@settings(max_examples=60)
def test_a_block_reads_what_the_last_block_above_bound(notebook: Written) -> None:
    """What is drawn runs: so nothing is read unbound, and nothing has to be repaired."""
    versions = trace(*notebook.cells)
    for index, reads in enumerate(versions.reads):
        assert versions.unbound[index] <= BUILTINS | {"K"} | versions.own[index].keys()
        for name, number in reads.items():
            binders = [block for block in range(index) if name in versions.own[block]]
            assert versions.versions[number].block == binders[-1]
