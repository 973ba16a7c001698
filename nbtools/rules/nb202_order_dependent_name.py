"""NB202: a cell that reads another value of a name if the cells run in another order."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.definitions import cross_reads, number_cells, resolution, shared_definitions
from nbtools.rules.finding import Finding, Fix, Related
from nbtools.rules.program import Program
from nbtools.rules.renaming import tell_apart
from nbtools.rules.rule import Example, Rule


def check(program: Program) -> Iterator[Finding]:
    """Report each such name once, where a cell first reads it from another."""
    shared = program.once(shared_definitions)
    reads = program.once(cross_reads)
    for name in shared.keys() & reads.keys():
        read, definers = reads[name][0], shared[name]
        others = [p for p in definers if p not in (read.definer, read.reader)]
        if not others:
            others = [p for p in definers if p != read.definer]
        cell = program.cells[read.reader]
        span = cell.name_span(name)
        source = program.cells[read.definer]
        own = others == [read.reader]
        again = "this cell defines it" if own else _defines(program, others)
        message = (
            f"`{name}` is that of cell {source.index + 1} here, but {again} too: which one is read "
            f"depends on the order of the runs; `nbtools convert` {resolution(program, name)}"
        )
        places = [source, *(program.cells[p] for p in others[:3] if p != read.reader)]
        related = tuple(
            Related(each.name_span(name, store=True), f"`{name}` is defined here")
            for each in places
        )
        yield RULE.finding(message, span, symbol=name, related=related)


def _defines(program: Program, positions: list[int]) -> str:
    if len(positions) == 1:
        return f"cell {number_cells(program, positions)} defines it"
    return f"cells {number_cells(program, positions)} define it"


def mend(program: Program, finding: Finding) -> Fix | None:
    """Rename the values as `nbtools convert` does, where no cell is parted or merged for it."""
    return tell_apart(program, finding.symbol)


RULE = Rule(
    code="NB202",
    name="order-dependent-name",
    severity="warning",
    default="reactive",
    kinds=frozenset({"jupyter"}),
    summary="`{name}` is that of cell {cell} here, but cell {other} defines it too",
    why=(
        "Which value the cell reads depends on which of the others ran last. Going back to a cell "
        "and running it again gives results that a run from the top does not give: this is what "
        "hidden state is made of."
    ),
    instead="Give each value a name of its own.",
    fix="unsafe",
    measured="24 of 24 sampled findings right; 1,729 findings in 774 public notebooks",
    valid=(
        Example(("x = 1", "x + 1")),
        Example(("x = 1\nx", "x = 2\nx"), note="Each cell reads its own."),
    ),
    invalid=(
        Example(("x = 1", "x + 1", "x = 2"), found=("2:1:1",), fixed=("x = 1", "x + 1", "_x = 2")),
        Example(
            ("df = load()", "df = df.dropna()", "df.plot()"),
            found=("2:1:6",),
            fixed=("df = load()", "df_1 = df.dropna()", "df_1.plot()"),
        ),
        Example(("n = 1", "def f():\n    return n", "f()", "n = 2", "f()"), found=("2:2:12",)),
    ),
    check=check,
    mend=mend,
)
