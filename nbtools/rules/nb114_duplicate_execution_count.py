"""NB114: two cells with one execution count."""

from __future__ import annotations

from collections.abc import Iterator

from nbtools.rules.finding import Finding, Related
from nbtools.rules.program import CodeCell, Program
from nbtools.rules.rule import Example, Rule
from nbtools.rules.saved_counts import read_counts


def check(program: Program) -> Iterator[Finding]:
    """Report, once a notebook, the first cell whose count another cell has too."""
    seen: dict[int, CodeCell] = {}
    again = []
    for cell, count in program.once(read_counts):
        if count in seen:
            again.append((cell, count))
        seen.setdefault(count, cell)
    if again:
        cell, count = again[0]
        first = seen[count]
        more = f" ({len(again)} counts like this)" if len(again) > 1 else ""
        message = (
            f"saved outputs come from more than one session: "
            f"cell {first.index + 1} ran as [{count}] too{more}"
        )
        yield RULE.finding(message, cell.whole, related=(Related(first.whole, "the same count"),))


RULE = Rule(
    code="NB114",
    name="duplicate-execution-count",
    severity="warning",
    default="on",
    kinds=frozenset({"jupyter"}),
    summary="saved outputs come from more than one session: two cells ran as [{count}]",
    why=(
        "A kernel counts on with every cell, so two equal counts are of two kernels, or one cell "
        "is a copy: the outputs do not belong together."
    ),
    instead="Restart the kernel, run all cells, and save.",
    valid=(
        Example(("x = 1", "x"), counts=(1, 2)),
        Example(("x = 1", "", "# x"), counts=(1, 1, 1), note="Those show nothing."),
    ),
    invalid=(Example(("x = 1", "x", "x"), counts=(1, 2, 1), found=("3:1:1",)),),
    check=check,
    measured="11 of 11 findings right; 11 findings in 774 public notebooks",
)
