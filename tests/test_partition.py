"""Which cells are parted, repeated and merged, and what holds of every partition."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from plans import plan, show_block
from strategies import Written, notebooks

from nbtools.analysis.graph import components, running_order
from nbtools.analysis.statements import read_statements
from nbtools.analysis.versions import Block, atoms_of
from nbtools.convert.names import is_private
from nbtools.convert.partition import Partition, Repair, dependencies, resolve_late

F = "def f(): return x"


@dataclass(frozen=True, slots=True)
class Case:
    """The cells, the blocks they become, and for each repair its kind and cells."""

    cells: tuple[str, ...]
    blocks: tuple[str, ...] = ()  # none: the cells as they are
    repairs: tuple[str, ...] = ()


def show_repair(repair: Repair) -> str:
    return " ".join([repair.kind, *map(str, repair.cells)])


CASES: dict[str, Case] = {
    "no cell": Case(()),
    "nothing to do": Case(("x = 1", "y = x", "print(y)")),
    "redefinition": Case(("x = 1", "print(x)", "x = 2", "print(x)")),
    "a function defined below what it reads": Case(("x = 1", F, "f()")),
    "a function defined above what it reads": Case((F, "x = 1", "print(f())")),
    "split: the caller binds what its function reads": Case(
        (F, "x = 1\nprint(f())"), (F, "x = 1", "print(f())"), ("split 1",)
    ),
    "split: put together again where it does no harm": Case(
        ("print(1)\n" + F + "\nprint(2)", "y = 1\nx = 2\nprint(f())\nprint(y)"),
        ("print(1) / " + F + " / print(2)", "y = 1 / x = 2", "print(f()) / print(y)"),
        ("split 1",),
    ),
    "split: effects around a definition stay in order": Case(
        ("print(1)\n" + F + "\nprint(2)", "x = y()\nprint(f())"),
        ("print(1)", F, "print(2)", "x = y()", "print(f())"),
        ("split 0", "split 1"),
    ),
    "split: the cell of the definition": Case(
        ("a = 1\ndef f(): return b", "b = a", "print(f())"),
        ("a = 1", "def f(): return b", "b = a", "print(f())"),
        ("split 0",),
    ),
    "copy: a global changes between two calls": Case(
        ("x = 1", F, "print(f())", "x = 2", "print(f())"),
        ("x = 1", F, "print(f())", "x = 2", F + "*", "print(f())"),
        ("copy 1 3",),
    ),
    "split: what the function reads is bound below an effect": Case(
        ("print(1)\n" + F, "print(2)\nx = 2", "f()"),
        ("print(1)", F, "print(2) / x = 2", "f()"),
        ("split 0",),
    ),
    "copy: in front of what uses it where the global changes": Case(
        ("x = 1", F, "print(f())", "x = 2\nprint(f())"),
        ("x = 1", F, "print(f())", F + "* / x = 2 / print(f())"),
        ("copy 1 3",),
    ),
    "copy: a lambda": Case(
        ("x = 1", "f = lambda: x", "print(f())", "x = 2", "print(f())"),
        ("x = 1", "f = lambda: x", "print(f())", "x = 2", "f = lambda: x*", "print(f())"),
        ("copy 1 3",),
    ),
    "merge: something else holds the function": Case(
        ("x = 1", F, "g = f", "print(g())", "x = 2", "print(g())"),
        ("x = 1 / " + F + " / g = f / print(g()) / x = 2", "print(g())"),
        ("merge 0 1 2 3 4",),
    ),
    "merge: the default would be computed again": Case(
        ("x = 1", "def f(a=h()): return x", "print(f())", "x = 2", "print(f())"),
        ("x = 1 / def f(a=h()): return x / print(f()) / x = 2", "print(f())"),
        ("merge 0 1 2 3",),
    ),
    "merge: mutual recursion": Case(
        ("def f(): return g()", "print(1)", "def g(): return f()", "print(f())"),
        ("print(1)", "def f(): return g() / def g(): return f()", "print(f())"),
        ("merge 0 2",),
    ),
    "merge: names in strings cannot be renamed": Case(
        ("x = 1", "eval('x')", "x = 2", "eval('x')"),
        ("x = 1 / eval('x') / x = 2", "eval('x')"),
        ("merge 0 1 2",),
    ),
    "merge: a function assigns the global": Case(
        ("n = 0", "def f():\n    global n\n    n += 1", "f()", "n = 5", "f()", "print(n)"),
        ("n = 0 / def f():\n    global n\n    n += 1 / f() / n = 5", "f()", "print(n)"),
        ("merge 0 1 2 3",),
    ),
    "a function assigns the global, and nobody else after it": Case(
        ("n = 0", "def f():\n    global n\n    n += 1", "f()", "print(n)", "f()", "print(n)"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_partition(case: Case) -> None:
    found = plan(case.cells)
    assert tuple(show_block(block, case.cells) for block in found.blocks) == (
        case.blocks or case.cells
    )
    assert tuple(map(show_repair, found.repairs)) == case.repairs


def test_what_rebinds_one_name_stays_in_order() -> None:
    """`import a.b` cannot be renamed; the calm cell between two of them reads the first."""
    cells = ("import a.b", "def f(): return a", "import a.c", "f()", "import a.d")
    found = plan(cells)
    order = [atom.cell for block in found.blocks for atom in block.atoms]
    assert [cell for cell in order if cell in (0, 2, 4)] == [0, 2, 4]


def test_a_function_is_repeated_no_more_than_some_times() -> None:
    cells = ["x = 0", F]
    for number in range(1, 8):
        cells += ["print(f())", f"x = {number}"]
    found = plan([*cells, "print(f())"])
    assert sum(1 for block in found.blocks for atom in block.atoms if atom.copy) <= 4
    assert "merge" in {repair.kind for repair in found.repairs}


def test_a_long_function_is_not_repeated() -> None:
    body = "\n    pass" * 60
    cells = ("x = 1", f"def f():{body}\n    return x", "print(f())", "x = 2", "print(f())")
    assert [repair.kind for repair in plan(cells).repairs] == ["merge"]


def test_repairs_say_why() -> None:
    (repair,) = plan(("x = 1", F, "print(f())", "x = 2", "print(f())")).repairs
    assert repair.names == ("f", "x")
    assert repair.reason == "`f` looks `x` up when it is called, and it changes"


# ---------------------------------------------------------------- whatever is drawn


def public_definitions(found: Partition) -> Counter[str]:
    names = found.naming.names
    return Counter(
        name
        for own in found.versions.own
        for name in {names[number] for number in own.values()}
        if not is_private(name)
    )


def has_effects(block: Block) -> bool:
    """Whether it matters when a block runs; nobody sees when a function is defined."""
    statements = [statement for atom in block.atoms for statement in atom.statements]
    return any(each.kind != "function" and not each.facts.calm for each in statements)


LATE_PRIVATE = Written(
    ("x = 0\ny = 0\ndef f(a, x=x * 2 - 1):\n    return a + _t - x", "_t = x * 2 - 1"), False
)


@given(notebooks())
@example(LATE_PRIVATE)
@settings(max_examples=80)
def test_the_graph_has_no_cycle_and_keeps_the_order_of_effects(notebook: Written) -> None:
    found = plan(notebook.cells)
    parents = dependencies(found.versions, found.naming.readers, found.naming.names)
    assert [each for each in components(parents) if len(each) > 1] == []
    firm = [i for i in running_order(parents) if has_effects(found.blocks[i])]
    assert firm == sorted(firm)


def test_a_function_that_is_looked_at_but_not_called() -> None:
    cells = (F + "\nprint(callable(f))", "print(1)\nx = 2")
    found = plan(cells)
    order = running_order(dependencies(found.versions, found.naming.readers, found.naming.names))
    firm = [i for i in order if not found.blocks[i].facts.calm]
    assert firm == sorted(firm)


@given(notebooks())
@settings(max_examples=80)
def test_no_statement_is_lost_and_effects_stay_in_order(notebook: Written) -> None:
    found = plan(notebook.cells)
    atoms = [atom for block in found.blocks for atom in block.atoms]
    kept = [(a.cell, a.statements[0].index) for a in atoms if not a.copy]
    cells = enumerate(map(read_statements, notebook.cells))
    given_atoms = [atom for number, cell in cells for atom in atoms_of(number, cell)]
    assert sorted(kept) == [(a.cell, a.statements[0].index) for a in given_atoms]
    firm = [(a.cell, a.statements[0].index) for a in atoms if not a.facts.calm]
    assert firm == sorted(firm)


@given(notebooks())
@settings(max_examples=80)
def test_every_public_name_has_one_definition(notebook: Written) -> None:
    found = plan(notebook.cells)
    assert [name for name, count in public_definitions(found).items() if count > 1] == []
    assert found.naming.clashes == ()


@given(notebooks())
@settings(max_examples=80)
def test_code_sees_one_version_of_each_global(notebook: Written) -> None:
    found = plan(notebook.cells)
    for late in found.versions.late:
        assert not late.versions or resolve_late(found.versions, late) is not None


@given(notebooks())
@settings(max_examples=20)
def test_the_same_cells_give_the_same_plan(notebook: Written) -> None:
    assert plan(notebook.cells) == plan(notebook.cells)
