"""Which version keeps the author's name, and what the others are called."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from plans import plan
from strategies import Written, notebooks

from nbtools.convert.names import is_private
from nbtools.convert.rewrite import bound_names


def names_of(*cells: str, pinned: tuple[str, ...] = ()) -> str:
    """`x0=x x2=x_1`: the name of each version, by its block."""
    found = plan(cells, pinned)
    pairs = zip(found.versions.versions, found.naming.names, strict=True)
    return " ".join(f"{version.name}{version.block}={name}" for version, name in pairs)


PRIVATE = ("_", "__", "___", "_x", "__x", "_x_", "_1")
PUBLIC = ("x", "x_", "__x__", "__name__", "a_b")


@pytest.mark.parametrize("name", PRIVATE)
def test_private(name: str) -> None:
    assert is_private(name)


@pytest.mark.parametrize("name", PUBLIC)
def test_public(name: str) -> None:
    assert not is_private(name)


F = "def f(): pass"
NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "one version": (("x = 1", "x"), "x0=x"),
    "one version that nobody reads": (("x = 1",), "x0=x"),
    "the first that is read elsewhere keeps the name": (
        ("x = 1", "x = 2", "print(x)"),
        "x0=_x x1=x",
    ),
    "two that are read": (("x = 1", "print(x)", "x = 2", "print(x)"), "x0=x x2=x_1"),
    "three that are read": (
        ("x = 1", "print(x)", "x = 2", "print(x)", "x = 3", "print(x)"),
        "x0=x x2=x_1 x4=x_2",
    ),
    "none is read": (("x = 1", "x = 2"), "x0=x x1=_x"),
    "a chain": (("x = 1", "x = x + 1", "print(x)"), "x0=x x1=x_1"),
    "read when called": (("x = 1", "def f(): return x", "f()", "x = 2"), "x0=x f1=f x3=_x"),
    "a function keeps its name": ((F, "f = 1", "f = 2"), "f0=f f1=_f f2=_f"),
    "of two functions the first": ((F, "f()", F, "f()"), "f0=f f2=f_1"),
    "a class keeps its name": (("class C: pass", "C = 1"), "C0=C C1=_C"),
    "a function that is not read is not private": ((F, "f()", F), "f0=f f2=f_1"),
    "what a string names": (("x = 1", "print(x)", "x = 2", "eval('x')"), "x0=x_1 x2=x"),
    "import a.b": (("import a", "print(a)", "import a.b", "print(a)"), "a0=a_1 a2=a"),
    "bound by a function": (
        ("x = 1", "print(x)", "def f():\n    global x\n    x = 2", "f()", "print(x)"),
        "x0=x_1 f2=f x2=x",
    ),
    "a builtin that is read before": (("print(max(1, 2))", "max = 3", "print(max)"), "max1=max_1"),
    "a builtin that is not": (("max = 3", "print(max)"), "max0=max"),
    "unbound where it is read": (
        ("try:\n    x\nexcept NameError:\n    pass", "x = 1", "print(x)"),
        "x1=x_1",
    ),
    "a fresh name avoids every other": (
        ("x_1 = x_2 = 0", "x = 1", "print(x)", "x = 2", "print(x)"),
        "x_10=x_1 x_20=x_2 x1=x x3=x_3",
    ),
    "words in strings and attributes, too": (
        ("a.x_1 = 'x_2'", "x = 1", "print(x)", "x = 2", "print(x)"),
        "x1=x x3=x_3",
    ),
    "private: read elsewhere": (("_x = 1", "print(_x)"), "_x0=x_"),
    "private: not read elsewhere": (("_x = 1\nprint(_x)", "_x = 2"), "_x0=_x _x1=_x"),
    "private: two that are read": (
        ("_x = 1", "print(_x)", "_x = 2", "print(_x)"),
        "_x0=x_ _x2=x_2",
    ),
    "private: only an underscore": (("_ = 1", "print(_)"), "_0=last_"),
    "private: its public name is taken": (("_x = x_ = 1", "print(_x)"), "_x0=x_2 x_0=x_"),
    "no `_x` where the cell has one": (("x = _x = 1", "x = 2", "print(x)"), "_x0=_x x0=x_1 x1=x"),
    "no `_x` where any name may be looked up": (
        ("x = 1", "exec(a)\nx = 2"),
        "x0=x x1=x_1",
    ),
    "dunder": (
        ("__all__ = 1", "__all__ = 2", "print(__all__)"),
        "__all__0=__all___1 __all__1=__all__",
    ),
}


@pytest.mark.parametrize(("cells", "expected"), NAMES.values(), ids=NAMES)
def test_names(cells: tuple[str, ...], expected: str) -> None:
    assert names_of(*cells) == expected


def test_parameters_keep_their_name() -> None:
    cells = ("x = 1", "x = 2", "print(x)")
    assert names_of(*cells) == "x0=_x x1=x"
    found = plan(cells, pinned=("x",))
    assert set(found.naming.names) == {"x"}
    assert [len(block.atoms) for block in found.blocks] == [2, 1]


@given(notebooks())
@settings(max_examples=80)
def test_new_names_are_new(notebook: Written) -> None:
    """Public ones are no word of the notebook; `_x` is no word of the cells that it is in."""
    found = plan(notebook.cells)
    words = frozenset[str]().union(*map(bound_names, notebook.cells))
    new: dict[str, set[str]] = {}
    for version, name in zip(found.versions.versions, found.naming.names, strict=True):
        block = found.blocks[version.block]
        if name == version.name:
            continue
        assert name.isidentifier()
        if is_private(name):
            assert name not in block.facts.loads | block.facts.binds | block.facts.late
        else:
            assert name not in words
            new.setdefault(name, set()).add(version.name)
    assert all(len(old) == 1 for old in new.values())


@given(notebooks())
@settings(max_examples=80)
def test_what_other_blocks_read_is_public(notebook: Written) -> None:
    found = plan(notebook.cells)
    for reads in found.versions.reads:
        assert not any(is_private(found.naming.names[number]) for number in reads.values())


def test_what_a_string_in_a_function_names_keeps_its_name() -> None:
    cells = ("t = 1", "print(t)", "t = 2", "def f(): return eval('t')", "print(f())")
    assert names_of(*cells) == "t0=t_1 t2=t f3=f"
