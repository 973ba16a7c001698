"""NB101: a name that no cell defines."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding
from nbtools.rules.program import Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.unbound import find_unbound


def check(program: Program) -> Iterator[Finding]:
    """Report names that are read, now or by a call, and bound nowhere."""
    for each in program.once(find_unbound):
        if each.kind != "nowhere":
            continue
        cell = program.cells[each.position]
        span = cell.name_span(each.name, each.statement)
        where = f" in `{each.function}()`" if each.function else ""
        message = f"`{each.name}` is used{where} but no cell defines it"
        yield RULE.finding(message, span, symbol=each.name)


RULE = Rule(
    code="NB101",
    name="undefined-name",
    severity="error",
    default="on",
    kinds=frozenset({"jupyter", "reactive"}),
    summary="`{name}` is used but no cell defines it",
    why=(
        "The cell that defined the name was deleted or changed after it had run: the kernel still "
        "knows the name, a fresh one does not. The notebook stops here with a NameError."
    ),
    instead="Define the name in a cell above its first use, or correct its spelling.",
    measured=(
        "61 of 63 flagged cells in the runs of 736 unseen notebooks are NameErrors, 2 are in a "
        "branch or a function that was not reached; with NB102 to NB104 it found 47 of 48 "
        "notebooks that stop with a NameError, and reported 1 of 349 that run, which is mended "
        "(SymPy's `init_session()`); 83 findings in 774 public notebooks"
    ),
    valid=(
        Example(("x = 1", "print(x)")),
        Example(("def f():\n    return never_called",), note="Nothing calls `f`."),
        Example(("def f():\n    return lambda: never_called\ng = f()",)),
        Example(("class C:\n    def m(self):\n        return never_called\nC()",)),
        Example(("def f():\n    yield never_gone_over\ng = f()",)),
        Example(("try:\n    unicode\nexcept NameError:\n    unicode = str", "unicode(1)")),
        Example(("import sys\nif sys.version_info < (3, 0):\n    str = unicode",)),
        Example(("%time y = 2", "y"), note="`%time` binds names."),
        Example(("%%time\nimport math", "math.pi")),
        Example(("%pylab inline", "plot(arange(3)); pylab.plot(numpy.arange(3))")),
        Example(("if 'x' not in globals():\n    x = 1", "x")),
        Example(("with open('f') as f:\n    x = f.read()\n    y = x\n    del x",)),
        Example(
            ("for i in range(3):\n    if i:\n        print(last)\n    last = i",),
            note="Another turn may have bound it.",
        ),
        Example(("2 + 2", "_ + Out[1]"), note="IPython's history is NB106's."),
        Example(("display(get_ipython())",)),
        Example(("from somewhere_unknown import *", "thing"), note="See NB105."),
        Example(("import sympy\nsympy.init_session()", "x + symbols('a')")),
        Example(("_x = 1", "print(_x)"), kind="reactive", note="See NB206."),
        Example(("import marimo as mo", "mo.md(str(x))", "x = 1"), kind="reactive"),
    ),
    invalid=(
        Example(("x = 1", "print(x + y)"), found=("2:1:11",)),
        Example(("total = 1\nprint(totl)",), found=("1:2:7",)),
        Example(("for i in range(3):\n    print(last)\n    last = i",), found=("1:2:11",)),
        Example(("def f():\n    return missing\nf()",), found=("1:2:12",)),
        Example(("def f(x):\n    return Missing(x, lambda: x)\nf(1)",), found=("1:2:12",)),
        Example(
            ("class C:\n    def __init__(self):\n        self.x = missing\nC()",),
            found=("1:3:18",),
        ),
        Example(("%%md A title", "print(a, b)\nprint(a)"), found=("2:1:7", "2:1:10")),
        Example(("%time y = f(1)",), found=("1:1:11",)),
        Example(
            ("%load circle.py", "Circle()"),
            found=("2:1:1",),
            note="`%load` writes code into the cell; it does not run it.",
        ),
        Example(("print(__file__)",), found=("1:1:7",), note="A kernel has no `__file__`."),
        Example(("print(x)", "y = 1"), found=("1:1:7",), kind="reactive"),
    ),
    check=check,
)
